// How the rules for ppc are broken, and what becomes of an e500.

import { hex } from "../../../src/failure.ts";
import type { World } from "./broken.ts";
import { type Machine, sharedFiles, sharedRules, treeFiles, treeRules } from "./shared.ts";

/** It cannot be told from one that never had an initrd. */
const NO_INIT = /^Kernel panic - not syncing: No working init found\./;

const PLACES = { stub: 0x4f0_0000, kernel: 0x400_0000, initrd: 0x800_0000 };

/** Free, and not in the block that the kernel begins. */
const FREE = 0xa00_0000;

const machine: Machine = {
  name: "ppc",
  number: 20,
  chain: 0x100,
  places: PLACES,
  free: FREE,
  handsOver: "tree",
  other: { name: "arm64", number: 183, chain: "-c 0xf8 --endian=little" },
  withoutTree: "silence",
  noInit: NO_INIT,
};

const plain: World = {
  name: "on ppce500",
  choices: { target: "ppc", cpu: "e500v2" },
  isUnkept: true,
  places: PLACES,
  files: ({ initrd }) => [...sharedFiles(machine), ...treeFiles(machine, initrd)],
  broken: [
    ...sharedRules(machine),
    ...treeRules(machine),
    ...[0x600_0000, 0x401_0000].map((kernel) => ({
      rule: "kernel-block",
      how: `a kernel at ${hex(kernel)}`,
      words: ({ usual, addresses }: Parameters<World["broken"][number]["words"]>[0]) => ({
        kernel: usual.kernel.replace(hex(addresses.kernel), hex(kernel)),
      }),
      refusal: /: an e500's kernel has to begin at a multiple of 0x4000000$/,
      end: "silence" as const,
    })),
    {
      rule: "kernel-block",
      how: "a tree in another block than the kernel's",
      words: ({ usual, addresses }) => ({
        argument: FREE + 0x100,
        stub: usual.stub.replace(hex(addresses.stub), hex(FREE)),
      }),
      refusal: /: the device tree blob at 0xa000100 is not within 0x4000000-0x8000000, all that an e500's kernel maps/,
      end: "silence",
    },
  ],
};

export const worlds: readonly World[] = [plain];
