// Trees of qemu's machines, as far as an image for qemu asks them.

import { cells, type Tree } from "./tree.ts";

type Properties = readonly (readonly [string, string | Uint8Array])[];

function machine(compatible: string, start: number, size: number, nodes: Tree): Tree {
  return [
    ["#address-cells", cells(2)],
    ["#size-cells", cells(2)],
    ["compatible", `${compatible}\0`],
    [
      `memory@${start.toString(16)}`,
      [
        ["device_type", "memory\0"],
        ["reg", cells(0, start, 0, size)],
      ],
    ],
    ...nodes,
  ];
}

/** @param asked for by the kernel that it was read in: ibm,architecture-vec-5 */
export function pseriesTree(size: number, asked: Uint8Array, rtas: Properties, nodes: Tree): Tree {
  return machine("qemu,pseries", 0, size, [
    ["chosen", [["ibm,architecture-vec-5", asked]]],
    ["rtas", [["rtas-size", cells(0x85c)], ...rtas]],
    ...nodes,
  ]);
}

/** As qemu dumps it, before OpenSBI has said what it keeps. */
export function riscvTree(nodes: Tree): Tree {
  return machine("riscv-virtio", 0x8000_0000, 0x2000_0000, [["chosen", []], ...nodes]);
}

export function virtTree(nodes: Tree): Tree {
  return machine("linux,dummy-virt", 0x4000_0000, 0x2000_0000, [
    ["chosen", []],
    ["psci", [["method", "hvc\0"]]],
    ...nodes,
  ]);
}
