// What machines of memory have, as one run of bytes that any engine can read: parts, each behind its length.

import type { Machine } from "../../src/sys/engine.ts";
import type { Files } from "./machine.ts";
import { bytesOf, textOf } from "./target.ts";

/** Contents by machine and path, `ppc64 /proc/cmdline`; of every machine `* initrd`. */
export type Belongings = ReadonlyMap<string, Uint8Array>;

const made = new WeakMap<Belongings, Map<Machine, Files>>();

export function filesOf(belongings: Belongings, machine: Machine): Files {
  const known = made.get(belongings) ?? new Map<Machine, Files>();
  made.set(belongings, known);
  const present = known.get(machine);
  if (present !== undefined) return present;
  const own = [...belongings].flatMap(([name, bytes]): [string, Uint8Array][] => {
    const [whose = "", path = ""] = name.split(" ");
    return whose === "*" || whose === machine ? [[path, bytes]] : [];
  });
  const files = new Map(own);
  known.set(machine, files);
  return files;
}

export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + 4 + part.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return bytes;
}

export function splitParts(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint32(at);
    parts.push(bytes.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return parts;
}

export function packBelongings(belongings: Belongings): Uint8Array {
  return joinParts([...belongings].flatMap(([name, bytes]) => [bytesOf(name), bytes]));
}

export function unpackBelongings(bytes: Uint8Array): Belongings {
  const parts = splitParts(bytes);
  return new Map(
    parts.flatMap((part, index) => (index % 2 === 0 ? [[textOf(part), parts[index + 1] ?? part] as const] : [])),
  );
}
