// Names as text: a name of any bytes, written so that it can be read back from a path or a line.

import type { ByteString } from "../sys/engine.ts";

/** The name without its unit address. */
export function baseName(name: ByteString): ByteString {
  const at = name.indexOf("@");
  return at < 0 ? name : name.slice(0, at);
}

/** All characters but those that names may have. They become \xHH. Devicetree Specification 0.4, tables 2.1 and 2.2. */
const UNUSUAL = /[^A-Za-z0-9,._+*#?@-]/g;

export function escapeName(name: ByteString): string {
  return name.replace(UNUSUAL, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** The inverse of escapeName(). Takes names in which only some bytes are escaped too. */
export function unescapeName(text: string): ByteString {
  return text.replace(/\\x([0-9a-fA-F]{2})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
}

/**
 * The text without any of these characters at its end. A pattern would look at each run of them, wherever it is, as often as
 * it is long.
 */
export function withoutEnd(text: ByteString, characters: string): ByteString {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** `path` as visit() gives it, escaped name by name. */
export function escapePath(path: ByteString): string {
  return path.split("/").map(escapeName).join("/");
}

/** The path of what lies in the node at `path`. */
export function below(path: ByteString, name: ByteString): ByteString {
  return path === "/" ? `/${name}` : `${path}/${name}`;
}
