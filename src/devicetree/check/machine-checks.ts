// Checks of what a kernel has to find in a tree: its memory, cpus, command line and initrd, and what is taken already.
// DTS is the Devicetree Specification 0.4; files are Linux's.

import { hex } from "../../failure.ts";
import { contains, formatRange, type MemoryRange, mergeRanges, overlap } from "../../range.ts";
import type { ByteString } from "../../sys/engine.ts";
import { cellIn, cellsAt, wordsOf } from "../cells.ts";
import { isMemory } from "../memory.ts";
import { below } from "../names.ts";
import { findNode } from "../references.ts";
import { initrdOf, reservationsOfNode } from "../reservations.ts";
import { textOf } from "../strings.ts";
import { addressCells, sizeCells } from "../survey.ts";
import { type Node, property } from "../tree.ts";
import { type Check, failureOf, type Tell } from "./check.ts";

export const machineChecks: readonly Check[] = [
  {
    name: "root",
    severity: "warning",
    reason: "the root says what machine it is, and the cells of its children",
    source: "DTS 3.2",
    find({ tree: { root } }, tell) {
      for (const name of ["#address-cells", "#size-cells", "compatible", "model"]) {
        if (property(root, name) === undefined) tell("/", `no ${name}`);
      }
    },
  },
  {
    name: "aliases",
    severity: "warning",
    reason: "an alias is the path of a node that is there",
    source: "DTS 3.3",
    find({ byPath, tree }, tell) {
      for (const { name, value } of byPath.get("/aliases")?.node.properties ?? []) {
        if (name === "name" || name.endsWith("phandle")) continue;
        if (!isReference(tree.root, textOf(value))) tell(below("/aliases", name), "names no node");
        if (!/^[a-z0-9-]+$/.test(name))
          tell(below("/aliases", name), "not lower case letters, digits and dashes alone");
      }
    },
  },
  {
    name: "chosen",
    severity: "warning",
    reason: "without /chosen/bootargs a kernel has no command line but its own",
    source: "DTS 3.6; drivers/of/fdt.c early_init_dt_scan_chosen",
    find({ byPath }, tell) {
      const chosen = byPath.get("/chosen");
      if (chosen === undefined) tell("/", "no /chosen");
      else if (property(chosen.node, "bootargs") === undefined) tell("/chosen", "no bootargs");
    },
  },
  {
    name: "stdout-path",
    severity: "warning",
    reason: "the console is a node that is there, by its path or an alias",
    source: "DTS 3.6",
    find({ byPath, tree }, tell) {
      const chosen = byPath.get("/chosen")?.node;
      for (const name of ["stdout-path", "linux,stdout-path"]) {
        const value = property(chosen, name);
        if (value !== undefined && !isReference(tree.root, textOf(value).split(":")[0]!))
          tell(below("/chosen", name), "names no node");
      }
    },
  },
  {
    name: "initrd",
    severity: "error",
    reason: "an initrd has a start and an end behind it, in one cell or two each",
    source: "drivers/of/fdt.c early_init_dt_check_for_initrd",
    find({ byPath }, tell) {
      const chosen = byPath.get("/chosen")?.node;
      const names = ["linux,initrd-start", "linux,initrd-end"] as const;
      const values = names.map((name) => property(chosen, name));
      if (values.every((value) => value === undefined)) return;
      names.forEach((name, index) => {
        const value = values[index];
        if (value === undefined) tell("/chosen", `no ${name}`);
        else if (value.length !== 4 && value.length !== 8)
          tell(below("/chosen", name), `${value.length} bytes are neither one cell nor two`);
      });
      const [start, end] = values.map((value) =>
        value?.length === 4 || value?.length === 8 ? cellsAt(value, 0, value.length / 4) : undefined,
      );
      if (start !== undefined && end !== undefined && end <= start)
        tell("/chosen", `the initrd's end ${hex(end)} is not above its start ${hex(start)}`);
    },
  },
  {
    name: "initrd-memory",
    severity: "error",
    reason: "the initrd lies in memory",
    source: "DTS 3.4",
    find({ tree, memory }, tell) {
      const initrd = initrdOf(tree.root);
      if (initrd !== undefined && memory.length > 0 && !isWithin(initrd, memory))
        tell("/chosen", `the initrd ${formatRange(initrd)} is not in memory`);
    },
  },
  {
    name: "memory",
    severity: "error",
    reason: "a kernel learns of its memory from the root's memory nodes alone",
    source: "DTS 3.4; drivers/of/fdt.c early_init_dt_scan_memory",
    find({ nodes, tree: { root } }, tell) {
      if (isToldByEfi(root)) return;
      const cells = addressCells(root) + sizeCells(root);
      const memory = nodes.filter(({ node, parent }) => parent?.node === root && isMemory(node));
      if (memory.length === 0) tell("/", "no memory node");
      for (const { node, path } of memory) {
        const reg = property(node, "reg");
        if (reg === undefined) tell(path, "no reg");
        else if (reg.length === 0 || reg.length % (4 * cells) !== 0)
          tell(below(path, "reg"), `${reg.length} bytes are not entries of ${cells} cells`);
      }
    },
  },
  {
    name: "memory-overlap",
    severity: "warning",
    reason: "memory is listed once",
    source: "DTS 3.4",
    find: ({ memory }, tell) => tellOverlaps(memory, "/", tell),
  },
  {
    name: "cpus",
    severity: "error",
    reason: "a kernel finds its cpus in /cpus, each with a reg of its own for each thread",
    source: "DTS 3.8; arch/powerpc/kernel/prom.c",
    find({ byPath, tree: { root } }, tell) {
      const cpus = byPath.get("/cpus")?.node;
      if (cpus === undefined) return isToldByEfi(root) ? undefined : tell("/", "no /cpus");
      const each = cpus.children.filter((node) => textOf(property(node, "device_type") ?? NONE) === "cpu");
      if (each.length === 0) tell("/cpus", "no node of the device_type cpu");
      const cells = addressCells(cpus);
      const seen = new Set<bigint>();
      for (const node of each) {
        const reg = property(node, "reg") ?? NONE;
        // One id for each thread.
        if (reg.length === 0 || reg.length % (4 * cells) !== 0)
          tell(below("/cpus", node.name), `a reg of ${reg.length} bytes, not of ${cells} cells`);
        for (let at = 0; at + 4 * cells <= reg.length && cells > 0; at += 4 * cells) {
          const id = cellsAt(reg, at, cells)!;
          if (seen.has(id)) tell(below("/cpus", node.name), `another cpu has the reg ${hex(id)} too`);
          seen.add(id);
        }
      }
      for (const { name, properties } of each) {
        const servers = properties.find((candidate) => candidate.name === SERVERS)?.value;
        if (servers !== undefined && (servers.length === 0 || servers.length % 4 !== 0)) {
          tell(below(below("/cpus", name), SERVERS), `${servers.length} bytes are not whole cells`);
        }
      }
    },
  },
  {
    name: "boot-cpu",
    severity: "warning",
    reason: "the cpu that boots is one of those in /cpus",
    source: "DTS 5.2; arch/powerpc/kernel/prom.c",
    find({ byPath, tree }, tell) {
      const cpus = byPath.get("/cpus")?.node;
      if (cpus === undefined || tree.bootCpu === 0) return;
      const ids = cpus.children.flatMap((node) => [
        ...wordsOf(property(node, SERVERS) ?? NONE),
        ...wordsOf(property(node, "reg") ?? NONE),
      ]);
      if (!ids.includes(tree.bootCpu)) tell("/cpus", `no cpu ${hex(tree.bootCpu)}, which is to boot`);
    },
  },
  {
    name: "pairs",
    severity: "error",
    reason: "what firmware keeps is told as a pair of properties: start, and size or end",
    source: "arch/powerpc/kernel/prom_init.c; skiboot doc/device-tree/ibm,opal.rst",
    find({ nodes }, tell) {
      for (const { node, path } of nodes) {
        if (path === "/chosen") continue;
        const failure = failureOf(() => reservationsOfNode(node, path));
        if (failure !== undefined) tell(failure.place, failure.fact);
      }
    },
  },
  {
    name: "rtas",
    severity: "error",
    reason: "RTAS is entered within its memory",
    source: "arch/powerpc/kernel/rtas.c rtas_initialize",
    find({ byPath }, tell) {
      const rtas = byPath.get("/rtas")?.node;
      const [base, size, entry] = ["linux,rtas-base", "rtas-size", "linux,rtas-entry"].map(
        (name) => rtas && cellIn(rtas, name),
      );
      if (base === undefined || size === undefined || entry === undefined) return;
      if (entry < base || entry >= base + size)
        tell("/rtas", `the entry ${hex(entry)} is not in ${hex(base)}-${hex(base + size)}`);
    },
  },
  {
    name: "reserve-overlap",
    severity: "warning",
    reason: "memory is reserved once",
    source: "DTS 5.3",
    find: ({ tree }, tell) => tellOverlaps(tree.reservations, "the reserve map", tell),
  },
  {
    name: "reserve-memory",
    severity: "warning",
    reason: "what is reserved is memory",
    source: "DTS 5.3",
    find({ tree, memory }, tell) {
      for (const range of memory.length === 0 ? [] : tree.reservations) {
        if (!memory.some((each) => overlap(each, range)))
          tell("the reserve map", `${formatRange(range)} is not in memory`);
      }
    },
  },
];

const NONE = new Uint8Array(0);

/** Of a ppc64 cpu, the ids of its threads (LoPAR). */
const SERVERS = "ibm,ppc-interrupt-server#s";

/** A machine that hands its kernel EFI's memory map, and ACPI in place of the tree. */
function isToldByEfi(root: Node): boolean {
  return (
    property(
      root.children.find(({ name }) => name === "chosen"),
      "linux,uefi-system-table",
    ) !== undefined
  );
}

function isReference(root: Node, reference: ByteString): boolean {
  return reference !== "" && failureOf(() => findNode(root, reference)) === undefined;
}

function isWithin(range: MemoryRange, ranges: readonly MemoryRange[]): boolean {
  return mergeRanges(ranges).some((each) => contains(each, range));
}

function tellOverlaps(ranges: readonly MemoryRange[], place: string, tell: Tell): void {
  const sorted = [...ranges].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  sorted.slice(1).forEach((range, index) => {
    const before = sorted[index]!;
    if (overlap(before, range)) tell(place, `${formatRange(before)} and ${formatRange(range)} overlap`);
  });
}
