// What a person would write in an afternoon, measured beside fs2dt: a directory as a blob on standard output.
// No edits, no reservations, no checks; it makes every mistake that fs2dt's tests are about.

import { readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const structure: Buffer[] = [];
const names = new Map<string, number>();
let namesSize = 0;

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function pad(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

function offsetOf(name: string): number {
  const known = names.get(name);
  if (known !== undefined) return known;
  names.set(name, namesSize);
  namesSize += name.length + 1;
  return namesSize - name.length - 1;
}

function node(path: string, name: string): void {
  structure.push(word(1), pad(Buffer.from(`${name}\0`)));
  const entries = readdirSync(path, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.isDirectory() || entry.name === "name") continue;
    const value = readFileSync(join(path, entry.name));
    structure.push(word(3), word(value.length), word(offsetOf(entry.name)), pad(value));
  }
  for (const entry of entries) if (entry.isDirectory()) node(join(path, entry.name), entry.name);
  structure.push(word(2));
}

node(process.argv[2] ?? ".", "");
const tree = Buffer.concat([...structure, word(9)]);
const strings = Buffer.from([...names.keys()].map((name) => `${name}\0`).join(""));
const at = 40 + 16;
const total = at + tree.length + strings.length;
const header = [0xd00dfeed, total, at, at + tree.length, 40, 17, 16, 0, strings.length, tree.length];
const blob = Buffer.concat([...header.map(word), Buffer.alloc(16), tree, strings]);
for (let written = 0; written < blob.length; ) written += writeSync(1, blob, written);
