// Names as text: whatever bytes they have, written so that they can be read back out of a path or a line.

import type { ByteString } from "../sys/engine.ts";

/** Of a node without its unit address, and of a property. Devicetree Specification 0.4, 2.2.1 and 2.2.4. */
export const MAX_NAME = 31;

/** The name without its unit address. */
export function baseName(name: ByteString): ByteString {
  const at = name.indexOf("@");
  return at < 0 ? name : name.slice(0, at);
}

/** What a name is written with as it is; all else becomes \xHH. Devicetree Specification 0.4, tables 2.1 and 2.2. */
const PLAIN = /[^A-Za-z0-9,._+*#?@-]/g;

export function escapeName(name: ByteString): string {
  return name.replace(PLAIN, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** The inverse; also of names in which only some bytes are escaped. */
export function unescapeName(text: string): ByteString {
  return text.replace(/\\x([0-9a-fA-F]{2})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
}

/** `path` as visit() gives it, escaped name by name. */
export function escapePath(path: ByteString): string {
  return path.split("/").map(escapeName).join("/");
}

/** The path of what lies in the node at `path`. */
export function below(path: ByteString, name: ByteString): ByteString {
  return path === "/" ? `/${name}` : `${path}/${name}`;
}
