// Where every field of a small, sound blob lies, so that tests can break one at a time.
// Written from the Devicetree Specification and booting-without-of.txt, and from nothing in src/.

import { present } from "./present.ts";

export type Field =
  | "magic"
  | "totalsize"
  | "off_dt_struct"
  | "off_dt_strings"
  | "off_mem_rsvmap"
  | "version"
  | "last_comp_version"
  | "boot_cpuid_phys"
  | "size_dt_strings"
  | "size_dt_struct"
  | "reserve-address"
  | "reserve-size"
  | "reserve-end"
  | "begin-node"
  | "end-node"
  | "property"
  | "end"
  | "length"
  | "name-offset";

export interface Tour {
  readonly version: number;
  /** Bytes of the header. */
  readonly header: number;
  readonly structure: number;
  readonly strings: number;
  /** Where each of them is, in the blob's order; of 8 bytes in the reserve map, of 4 elsewhere. */
  readonly fields: readonly { readonly field: Field; readonly at: number }[];
  /** Node names with their NUL, values, and property names with theirs. */
  readonly nodeNames: readonly Extent[];
  readonly values: readonly Extent[];
  readonly propertyNames: readonly Extent[];
}

export interface Extent {
  readonly start: number;
  readonly end: number;
}

const HEADER: readonly Field[] = [
  "magic",
  "totalsize",
  "off_dt_struct",
  "off_dt_strings",
  "off_mem_rsvmap",
  "version",
  "last_comp_version",
  "boot_cpuid_phys",
  "size_dt_strings",
  "size_dt_struct",
];

export function tourOf(blob: Buffer): Tour {
  const word = (at: number): number => blob.readUInt32BE(at);
  const version = word(20);
  const count = version >= 17 ? 10 : version >= 3 ? 9 : version === 2 ? 8 : 7;
  const fields: { field: Field; at: number }[] = HEADER.slice(0, count).map((field, index) => ({
    field,
    at: 4 * index,
  }));
  const [structure, strings] = [word(8), word(12)];
  for (let at = word(16); ; at += 16) {
    if (blob.readBigUInt64BE(at + 8) === 0n) {
      fields.push({ field: "reserve-end", at });
      break;
    }
    fields.push({ field: "reserve-address", at }, { field: "reserve-size", at: at + 8 });
  }
  const [nodeNames, values, propertyNames]: [Extent[], Extent[], Extent[]] = [[], [], []];
  const text = (start: number): Extent => ({ start, end: blob.indexOf(0, start) + 1 });
  const aligned = (at: number, to: number): number => Math.ceil(at / to) * to;
  for (let at = structure; ; ) {
    const token = word(at);
    if (token === 1) {
      fields.push({ field: "begin-node", at });
      nodeNames.push(text(at + 4));
      at = aligned(present(nodeNames.at(-1)).end, 4);
    } else if (token === 3) {
      fields.push({ field: "property", at }, { field: "length", at: at + 4 }, { field: "name-offset", at: at + 8 });
      const length = word(at + 4);
      const start = version < 16 && length >= 8 ? structure + aligned(at + 12 - structure, 8) : at + 12;
      values.push({ start, end: start + length });
      propertyNames.push(text(strings + word(at + 8)));
      at = aligned(start + length, 4);
    } else {
      fields.push({ field: token === 2 ? "end-node" : "end", at });
      if (token !== 2)
        return { version, header: 4 * count, structure, strings, fields, nodeNames, values, propertyNames };
      at += 4;
    }
  }
}
