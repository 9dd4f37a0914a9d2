// How an image is started in qemu's virt machine with no kernel before it: cpu 0 begins at its entry, the others are off
// until PSCI, which qemu itself is, turns them on.

import { isCpu } from "../../devicetree/check/check.ts";
import { treeFromBlob } from "../../devicetree/from/blob.ts";
import { allMemoryOf, isMemoryName } from "../../devicetree/memory.ts";
import { stringsOf, textOf } from "../../devicetree/strings.ts";
import { child, type Node, property } from "../../devicetree/tree.ts";
import { hex } from "../../failure.ts";
import { formatRanges, mergeRanges, sizeOfRanges } from "../../range.ts";
import type { ByteString } from "../../sys/engine.ts";
import type { QemuMachine, QemuShape } from "../arch.ts";

const MEMORY = 0x4000_0000n;

/** With no kernel of its own to start, virt puts a tree at the start of memory (hw/arm/boot.c). */
const OWN_TREE = { start: MEMORY, end: MEMORY + 0x10_0000n, name: "qemu's own device tree" };

/** Models of virt's that a tree tells of by what its cpus are compatible with: `arm,cortex-a72`. */
const MODELS = /^arm,(cortex-a(?:35|53|55|57|72|76|710)|neoverse-(?:n1|n2|v1))$/;

export const arm64: QemuMachine = {
  program: "qemu-system-aarch64",
  memoryStart: MEMORY,
  describe(told, place) {
    return told === undefined ? shapeOf(undefined, place) : shapeOf(treeFromBlob(told, place, isAsked).root, place);
  },
};

/** The children of the root that are looked at here. */
function isAsked(name: ByteString): boolean {
  return ["chosen", "cpus", "psci"].includes(name) || isMemoryName(name) || name.startsWith("intc");
}

function shapeOf(root: Node | undefined, place: string): QemuShape {
  const memory = root === undefined ? [] : mergeRanges(allMemoryOf(root));
  const cpus = (root && child(root, "cpus")?.children.filter(isCpu)) ?? [];
  return {
    machine: ["virt", ...(root === undefined ? [] : moreWords(root))],
    cpu: modelOf(cpus[0]),
    smp: [String(cpus.length || 1)],
    memory,
    memorySize: sizeOfRanges(memory),
    memoryWords: [],
    taken: [OWN_TREE],
    unchecked: root === undefined ? [] : listUnchecked(root),
    find() {
      const fact = root && (refuseUefi(root) ?? refuseMemory(root));
      return fact === undefined ? undefined : { place, fact };
    },
    start: (_image, entry) => ({ files: [], words: ["-device", `loader,addr=${hex(entry)},cpu-num=0`] }),
  };
}

/** Which of virt's forms the tree tells of: its interrupt controller, and whether there is EL2, below which PSCI is. */
function moreWords(root: Node): string[] {
  const compatible = root.children.flatMap((node) => (node.name.startsWith("intc") ? namesOf(node) : []));
  const method = textOf(property(child(root, "psci"), "method") ?? new Uint8Array(0));
  return [
    ...(compatible.includes("arm,gic-v3") ? ["gic-version=3"] : []),
    ...(method === "smc" ? ["virtualization=on"] : []),
  ];
}

function refuseUefi(root: Node): string | undefined {
  if (property(child(root, "chosen"), "linux,uefi-system-table") === undefined) return undefined;
  return "it leads to the tables of UEFI (linux,uefi-system-table): there is no firmware here that made them";
}

function refuseMemory(root: Node): string | undefined {
  const memory = mergeRanges(allMemoryOf(root));
  if (memory.length === 1 && memory[0]?.start === MEMORY) return undefined;
  const has = memory.length === 0 ? "no memory" : `memory at ${formatRanges(memory)}`;
  return `it tells of ${has}, and that of qemu's virt is one range from ${hex(MEMORY)} on`;
}

function modelOf(cpu: Node | undefined): string {
  if (cpu === undefined) return "max";
  return namesOf(cpu).flatMap((name) => MODELS.exec(name)?.[1] ?? [])[0] ?? "max";
}

function listUnchecked(root: Node): string[] {
  const names = namesOf(root);
  if (names.includes("linux,dummy-virt")) return [];
  return [
    `whether qemu's virt has the devices that the tree tells of is not checked: it is of ${names[0] ?? "no name"}`,
  ];
}

function namesOf(node: Node): ByteString[] {
  return stringsOf(property(node, "compatible") ?? new Uint8Array(0));
}
