// Firmware's passwords, which are in properties whose names begin with security-.

import type { Notice } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { below } from "./names.ts";
import type { Node, Property } from "./tree.ts";
import { visit } from "./walk.ts";

export const SECRET = "security-";

/** What is said of each that is emptied. */
export const LEFT_EMPTY = "left empty (--secrets copies it)";

/** Whether a property holds one. */
export function isSecret({ name, value }: Property): boolean {
  return name.startsWith(SECRET) && value.length > 0;
}

export function hasSecrets(root: Node): boolean {
  let found = false;
  visit(root, {
    enter({ properties }) {
      found ||= properties.some(isSecret);
    },
  });
  return found;
}

/** Where two trees have different ones, or one of them has none. */
export function differingSecrets(before: Node, after: Node): ByteString[] {
  const [old, now] = [secretsOf(before), secretsOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])].filter((path) => !isSame(old.get(path), now.get(path)));
}

function secretsOf(root: Node): Map<ByteString, Uint8Array> {
  const found = new Map<ByteString, Uint8Array>();
  visit(root, {
    enter({ properties }, path) {
      for (const property of properties) if (isSecret(property)) found.set(below(path, property.name), property.value);
    },
  });
  return found;
}

function isSame(a: Uint8Array = NONE, b: Uint8Array = NONE): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

const NONE = new Uint8Array(0);

/** Empties them all, and says of which. */
export function emptySecrets(root: Node, notice: Notice): void {
  const found: { readonly path: ByteString; readonly node: Node; readonly index: number; readonly name: ByteString }[] =
    [];
  visit(root, {
    enter(node, path) {
      let index = 0;
      for (const property of node.properties) {
        if (isSecret(property)) found.push({ path, node, index, name: property.name });
        index++;
      }
    },
  });
  for (const { path, node, index, name } of found) {
    node.properties[index] = { name, value: NONE };
    notice(below(path, name), LEFT_EMPTY);
  }
}
