// Where a ppc kernel and its tree may lie.

import { NO_END, rangeOfSize, roundUp } from "../../range.ts";
import { LARGE_BSS, type PlaceChoice, type PlacementRules } from "../placement.ts";

/** What a 32-bit kernel maps of memory for good, where its initrd has to be; LOWMEM_SIZE, unless configured otherwise. */
const LOWMEM = { start: 0n, end: 0x3000_0000n };

const rules: PlacementRules = {
  page: 0x1000n,
  needsOf({ length, memsz }, { kernelBlock }) {
    const isBssUnknown = memsz === BigInt(length);
    return {
      size: memsz,
      roomySize: isBssUnknown ? memsz + LARGE_BSS : undefined,
      alignment: kernelBlock ?? 0x1000n,
      order: ["kernel", "argument", "initrd"],
      rules: [{ within: LOWMEM, fact: "a 32-bit kernel maps no more than 768 MiB" }],
      choice: kernelBlock === undefined ? undefined : inOneBlock(kernelBlock),
    };
  },
};

export function ppc(): PlacementRules {
  return rules;
}

/** The kernel begins a block, and its tree is in the same one. */
function inOneBlock(size: bigint): PlaceChoice {
  return {
    *list(free, _sizes, lowest) {
      for (const range of free) {
        for (let start = roundUp(range.start, size); start < range.end; start += size) {
          if (lowest({ start, end: NO_END }) === undefined) return;
          yield [{ of: ["kernel", "argument"], within: rangeOfSize(start, size), fact: "" }];
        }
      }
    },
    fact: "an e500's kernel has its tree in the block that it begins",
  };
}
