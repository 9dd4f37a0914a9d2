// What the bytes of a property mean. Nothing in a tree says it: it is known by the property's name, or guessed.
// By name: Devicetree Specification 0.4, chapters 2 and 3. Otherwise as dtc guesses (treesource.c guess_value_type).

import type { ByteString } from "../sys/engine.ts";

export type Kind = "empty" | "strings" | "cells" | "bytes";

const CELLS: ReadonlySet<ByteString> = new Set([
  "clock-frequency",
  "dma-ranges",
  "ibm,phandle",
  "interrupt-map",
  "interrupt-map-mask",
  "interrupt-parent",
  "interrupts",
  "interrupts-extended",
  "linux,initrd-end",
  "linux,initrd-start",
  "linux,phandle",
  "linux,usable-memory",
  "msi-parent",
  "phandle",
  "ranges",
  "reg",
  "timebase-frequency",
  "virtual-reg",
]);

/** Properties that are text in every node. */
export const TEXT_PROPERTIES: ReadonlySet<ByteString> = new Set([
  "bootargs",
  "compatible",
  "device_type",
  "linux,stdout-path",
  "model",
  "name",
  "status",
  "stdout-path",
]);

/** What the property is shown as. `bytes` where its value cannot be what its name says. */
export function kindOf(name: ByteString, value: Uint8Array): Kind {
  if (value.length === 0) return "empty";
  const couldBeCells = value.length % 4 === 0;
  if (couldBeCells && (CELLS.has(name) || /^#.*-cells$/.test(name))) return "cells";
  if (isText(value) && (TEXT_PROPERTIES.has(name) || looksLikeStrings(value))) return "strings";
  return couldBeCells ? "cells" : "bytes";
}

/** Ends with NUL, and is printable or one of the seven characters that C has an escape for, or NUL. */
function isText(value: Uint8Array): boolean {
  if (value[value.length - 1] !== 0) return false;
  return value.every((byte) => byte === 0 || (byte >= 7 && byte <= 13) || (byte >= 0x20 && byte < 0x7f));
}

/** Not more NULs than other bytes: four zero bytes are a cell. */
function looksLikeStrings(value: Uint8Array): boolean {
  let nuls = 0;
  for (const byte of value) if (byte === 0) nuls++;
  return nuls <= value.length - nuls;
}
