// What a powerpc kernel tells of itself in the tree, which the next one takes for an order.
// Linux: arch/powerpc/kexec/core.c (export_crashk_values), arch/powerpc/kernel/prom.c (early_init_dt_scan_chosen_ppc).

import { oneOrTwoCells } from "../../devicetree/cells.ts";
import { settleLists } from "../../devicetree/changing.ts";
import { textOf } from "../../devicetree/strings.ts";
import { child, type Node, type Property, property } from "../../devicetree/tree.ts";
import type { ByteString } from "../../sys/engine.ts";
import type { TreeHandOver } from "../arch.ts";

/**
 * What the running kernel wrote into /chosen, and for which parameter of its command line. The next one reads it before
 * its own command line, in its own byte order though it is big endian: it would set memory aside that nobody asked for.
 */
const PARAMETERS: ReadonlyMap<ByteString, string> = new Map([
  ["linux,crashkernel-base", "crashkernel="],
  ["linux,crashkernel-size", "crashkernel="],
  ["linux,memory-limit", "mem="],
]);

export const ppc64: TreeHandOver = {
  names: [],
  // A tree that says nothing of it is handed on as it was read: it need not be looked at any further.
  recognize(root) {
    const chosen = child(root, "chosen");
    return [...PARAMETERS.keys()].some((name) => saysSomething(property(chosen, name)));
  },
  dropUnasked({ root }) {
    // Kept is what an edit has set: that knows why.
    const written = new Map(writtenIn(child(root, "chosen")).map((each) => [each, each.value]));
    return () => {
      const chosen = child(root, "chosen");
      if (chosen === undefined) return;
      settleLists();
      const words = textOf(property(chosen, "bootargs") ?? new Uint8Array(0)).split(/\s+/);
      const isAsked = (name: ByteString) => words.some((word) => word.startsWith(PARAMETERS.get(name) ?? ""));
      chosen.properties = chosen.properties.filter((each) => written.get(each) !== each.value || isAsked(each.name));
    };
  },
};

function writtenIn(chosen: Node | undefined): Property[] {
  const properties = chosen?.properties ?? [];
  return properties.filter(({ name, value }) => PARAMETERS.has(name) && saysSomething(value));
}

/** A limit of 0 is none. */
function saysSomething(value: Uint8Array | undefined): boolean {
  return value !== undefined && oneOrTwoCells(value) !== 0n;
}
