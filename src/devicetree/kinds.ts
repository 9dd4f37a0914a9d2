// What the bytes of a property mean. Nothing in a tree says it: it is known by the property's name, or guessed.
// By name: Devicetree Specification 0.4, chapters 2 and 3; dt-schema's types (property-units.yaml and its core schemas).

import type { ByteString } from "../sys/engine.ts";
import { isOfPhandles } from "./phandles.ts";

export type Kind = "empty" | "strings" | "cells" | "bytes";

/** Properties that are text in every node, as the specification has them. */
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

/** Others that are text, and are found empty. */
const MORE_TEXT: ReadonlySet<ByteString> = new Set([
  "enable-method",
  "ibm,loc-code",
  "label",
  "linux,default-trigger",
  "system-id",
]);

const TEXT_NAME = /-names?$/;

/** A number and texts behind it (LoPAR). */
const COUNTED_TEXTS: ReadonlySet<ByteString> = new Set(["ibm,drc-names", "ibm,drc-types"]);

const CELLS: ReadonlySet<ByteString> = new Set([
  "assigned-addresses",
  "assigned-clock-rates",
  "bus-range",
  "cell-index",
  "current-speed",
  "dcr-reg",
  "dma-ranges",
  "hysteresis",
  "ibm,chip-id",
  "ibm,dma-window",
  "ibm,drc-indexes",
  "ibm,my-dma-window",
  "ibm,my-drc-index",
  "ibm,phandle",
  "ibm,pir",
  "ibm,ppc-interrupt-server#s",
  "interrupt-map-mask",
  "interrupt-ranges",
  "interrupts",
  "kaslr-seed",
  "linux,code",
  "linux,crashkernel-base",
  "linux,drconf-usable-memory",
  "linux,elfcorehdr",
  "linux,ima-kexec-buffer",
  "linux,initrd-end",
  "linux,initrd-start",
  "linux,memory-limit",
  "linux,phandle",
  "linux,rtas-base",
  "linux,rtas-entry",
  "linux,tce-base",
  "linux,uefi-mmap-start",
  "linux,uefi-system-table",
  "linux,usable-memory",
  "linux,usable-memory-range",
  "max-speed",
  "opal-base-address",
  "opal-entry-address",
  "phandle",
  "ranges",
  "reg",
  "reg-io-width",
  "reserved-ranges",
  "temperature",
  "virtual-reg",
]);

/** Counts, quantities, and units of measure. */
const NUMBER_NAME = new RegExp(
  [
    "^#",
    "^ibm,(?:associativity|dynamic-memory)",
    "-sets$",
    "-(?:cells|count|delay|frequency|load|mask|offset|shift|size|voltage|width)$",
    "-(?:bits|bp|db|mm|percent|[kM]?[Bb]ps|[kM]?hz|k?pascal|kelvin|(?:milli)?celsius|ohms|sec|[mnpu]s)$",
    "-(?:micro|milli|nano|pico|femto)(?:volt|watt|amp|farads)(?:-hours)?$",
    "^opp-micro(?:volt|amp|watt)",
    "^mode-",
  ].join("|"),
);

/** Lists of numbers below 256, such as addresses of network cards. */
const BYTES: ReadonlySet<ByteString> = new Set([
  "edid",
  "local-mac-address",
  "mac-address",
  "node-guid",
  "rng-seed",
  "sas-addr",
]);
const BYTES_NAME = /^(?:ceva,p[01]|qcom,ports)-/;

/** Nodes all of whose properties are texts: paths, under names that people have made up. */
const TABLES_OF_PATHS: ReadonlySet<ByteString> = new Set(["aliases", "__fixups__", "__symbols__"]);

/**
 * What the property is shown as. One that is known by its name is of one kind whatever its value, and `bytes` where the
 * value cannot be of that kind.
 * @param node the name of the node that has it
 */
export function kindOf(name: ByteString, value: Uint8Array, node: ByteString = ""): Kind {
  if (value.length === 0) return "empty";
  const couldBeCells = value.length % 4 === 0;
  switch (TABLES_OF_PATHS.has(node) ? "strings" : kindByName(name)) {
    case "strings":
      return endsWithNul(value) ? "strings" : "bytes";
    case "cells":
      return couldBeCells ? "cells" : "bytes";
    case "bytes":
      return "bytes";
    case undefined:
      if (looksLikeText(value, couldBeCells)) return "strings";
      return couldBeCells ? "cells" : "bytes";
  }
}

/** What every property of that name is shown as; undefined where nobody knows. */
export function kindByName(name: ByteString): Exclude<Kind, "empty"> | undefined {
  if (COUNTED_TEXTS.has(name)) return "bytes";
  if (TEXT_PROPERTIES.has(name) || MORE_TEXT.has(name) || TEXT_NAME.test(name)) return "strings";
  if (CELLS.has(name) || NUMBER_NAME.test(name) || isOfPhandles(name)) return "cells";
  return BYTES.has(name) || BYTES_NAME.test(name) ? "bytes" : undefined;
}

function endsWithNul(value: Uint8Array): boolean {
  return value[value.length - 1] === 0;
}

/**
 * Printable texts, each with its NUL, the first of them not empty. Not more NULs than other bytes, as dtc has it
 * (treesource.c guess_value_type); where the value could be cells, no empty text at all, as fdtget has it (util.c
 * util_is_printable_string): <0x73240000> is a number.
 */
function looksLikeText(value: Uint8Array, couldBeCells: boolean): boolean {
  if (value[0] === 0 || !endsWithNul(value)) return false;
  let nuls = 0;
  for (let index = 0; index < value.length; index++) {
    const byte = value[index] ?? 0;
    if (byte === 0) {
      nuls++;
      if (couldBeCells && value[index - 1] === 0) return false;
    } else if (byte < 0x20 || byte >= 0x7f) return false;
  }
  return nuls <= value.length - nuls;
}
