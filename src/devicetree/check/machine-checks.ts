// Checks of what a kernel has to find in a tree: its memory, cpus, command line and initrd, and what is taken already.
// DTS is the Devicetree Specification 0.4; files are Linux's.

import { hex, type Notice } from "../../failure.ts";
import { contains, formatRange, type MemoryRange, mergeRanges, overlap, touchesOne } from "../../range.ts";
import type { ByteString } from "../../sys/engine.ts";
import { cellIn, childCells, entriesIn, isWholeEntries, numberIn, wordsOf } from "../cells.ts";
import { dynamicRanges } from "../drmem.ts";
import { reservedMemory } from "../kept-memory.ts";
import { isMemory, refuseMuchMemory, USABLE_MEMORY } from "../memory.ts";
import { below } from "../names.ts";
import { findNode } from "../references.ts";
import { initrdOf, reservationsOfNode } from "../reservations.ts";
import { textOf } from "../strings.ts";
import { child, type Node, property } from "../tree.ts";
import { type Check, failureOf, isCpu, isLoneCpu, OF_A_MACHINE } from "./check.ts";

/** What names the console in /chosen, today and in older trees. */
const CONSOLES = ["stdout-path", "linux,stdout-path"];

export const machineChecks: readonly Check[] = [
  {
    name: "root",
    severity: "warning",
    reason: "the root says what machine it is, and the cells of its children",
    source: "DTS 3.2",
    needs: [OF_A_MACHINE],
    at: "/",
    look({ node }, tell) {
      for (const name of ["#address-cells", "#size-cells", "compatible", "model"]) {
        if (property(node, name) === undefined) tell("/", `no ${name}`);
      }
    },
  },
  {
    name: "aliases",
    severity: "warning",
    reason: "an alias is the path of a node that is there",
    source: "DTS 3.3",
    at: "/aliases",
    look({ node }, tell, { tree }) {
      for (const { name, value } of node.properties) {
        if (name === "name" || name.endsWith("phandle")) continue;
        if (!isReference(tree.root, textOf(value))) tell(below("/aliases", name), "names no node");
        if (!/^[a-z0-9-]+$/.test(name))
          tell(below("/aliases", name), "not lower case letters, digits and dashes alone");
      }
    },
  },
  {
    name: "stdout-path",
    severity: "warning",
    reason: "the console is a node that is there, by its path or an alias",
    source: "DTS 3.6",
    needs: CONSOLES.map((property) => ({ check: "strings", at: "itself", property })),
    at: "/chosen",
    look({ node }, tell, { tree }) {
      for (const name of CONSOLES) {
        const value = property(node, name);
        if (value !== undefined && !isReference(tree.root, textOf(value).replace(/:.*/s, "")))
          tell(below("/chosen", name), "names no node");
      }
    },
  },
  {
    name: "initrd",
    severity: "error",
    reason: "an initrd has a start and an end after it, in one cell or two each",
    source: "drivers/of/fdt.c early_init_dt_check_for_initrd",
    at: "/chosen",
    look({ node }, tell) {
      const names = ["linux,initrd-start", "linux,initrd-end"];
      if (names.every((name) => property(node, name) === undefined)) return;
      const [start, end] = names.map((name) => {
        if (property(node, name) === undefined) tell("/chosen", `no ${name}`);
        return numberIn(node, name, (fact) => tell(below("/chosen", name), fact));
      });
      if (start !== undefined && end !== undefined && end <= start)
        tell("/chosen", `the initrd's end ${hex(end)} is not above its start ${hex(start)}`);
    },
  },
  {
    name: "memory",
    severity: "error",
    reason: "a kernel learns of its memory from the root's memory nodes, and from the blocks of a partition",
    source: "DTS 3.4; drivers/of/fdt.c early_init_dt_scan_memory; arch/powerpc/mm/drmem.c",
    needs: [OF_A_MACHINE, { check: "cells", at: "itself" }],
    at: "/",
    look({ node: root }, tell) {
      const tellFailure = (work: () => unknown) => {
        const failure = failureOf(work);
        if (failure !== undefined) tell(failure.place, failure.fact);
      };
      tellFailure(() => reservedMemory(root));
      if (isToldByEfi(root)) return;
      const { address, size } = childCells(root);
      const misfit = (value: Uint8Array) => `${value.length} bytes are not entries of ${address + size} cells`;
      const memory = root.children.filter((node) => isMemory(node));
      if (memory.length === 0) tell("/", "no memory node");
      for (const node of memory) {
        const path = below("/", node.name);
        const reg = property(node, "reg");
        if (reg === undefined) tell(path, "no reg");
        else if (!isWholeEntries(reg, address + size)) tell(below(path, "reg"), misfit(reg));
        const usable = property(node, USABLE_MEMORY) ?? NONE;
        if (usable.length > 0 && !isWholeEntries(usable, address + size))
          tell(below(path, USABLE_MEMORY), misfit(usable));
      }
      tellFailure(() => refuseMuchMemory(memory, { address, size }));
      tellFailure(() => dynamicRanges(root, { address, size }));
    },
  },
  {
    name: "initrd-memory",
    severity: "error",
    reason: "the initrd lies in memory",
    source: "DTS 3.4",
    needs: [{ check: "memory", at: "/" }],
    at: "/chosen",
    look(_, tell, { tree, memory }) {
      const initrd = initrdOf(tree.root);
      if (initrd !== undefined && memory.length > 0 && !isWithin(initrd, memory))
        tell("/chosen", `the initrd ${formatRange(initrd)} is not in memory`);
    },
  },
  {
    name: "memory-overlap",
    severity: "warning",
    reason: "memory is listed once",
    source: "DTS 3.4",
    needs: [{ check: "memory", at: "itself" }],
    at: "/",
    look: (_, tell, { memory }) => tellOverlaps(memory, "/", tell),
  },
  {
    name: "cpus",
    severity: "error",
    reason: "a kernel finds its cpus in /cpus, each with a reg of its own for each thread",
    source: "DTS 3.8; arch/powerpc/kernel/prom.c; drivers/of/cpu.c of_get_next_cpu_node",
    needs: [OF_A_MACHINE, { check: "cells", at: "/cpus" }],
    at: "/",
    look({ node: root }, tell) {
      const cpus = child(root, "cpus");
      if (cpus === undefined) return isToldByEfi(root) ? undefined : tell("/", "no /cpus");
      const each = cpus.children.filter(isCpu);
      if (each.length === 0) tell("/cpus", "no node of the device_type cpu");
      if (isLoneCpu(each)) return;
      const { address } = childCells(cpus);
      const seen = new Map<bigint, Node>();
      for (const node of each) {
        const path = below("/cpus", node.name);
        const reg = property(node, "reg") ?? NONE;
        if (!isWholeEntries(reg, address)) tell(path, `a reg of ${reg.length} bytes, not of ${address} cells`);
        // One id for each thread.
        for (const id of entriesIn(reg, address, (take) => take(address))) {
          const first = seen.get(id) ?? node;
          if (first !== node) tell(path, `another cpu has the reg ${hex(id)} too`);
          seen.set(id, first);
        }
      }
      for (const node of each) {
        const servers = property(node, SERVERS);
        if (servers !== undefined && !isWholeEntries(servers, 1))
          tell(below(below("/cpus", node.name), SERVERS), `${servers.length} bytes are not whole cells`);
      }
    },
  },
  {
    name: "boot-cpu",
    severity: "warning",
    reason: "the cpu that boots is one of those in /cpus",
    source: "DTS 5.2; arch/powerpc/kernel/prom.c",
    needs: [{ check: "cpus", at: "/" }],
    at: "/cpus",
    look({ node: cpus }, tell, { tree }) {
      if (tree.bootCpu === 0) return;
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
    reason: "memory that firmware keeps is a pair of properties: start, and size or end",
    source: "arch/powerpc/kernel/prom_init.c; skiboot doc/device-tree/ibm,opal.rst",
    look({ node, path }, tell) {
      if (path === "/chosen") return;
      const failure = failureOf(() => reservationsOfNode(node, path));
      if (failure !== undefined) tell(failure.place, failure.fact);
    },
  },
  {
    name: "rtas",
    severity: "error",
    reason: "RTAS is entered within its memory",
    source: "arch/powerpc/kernel/rtas.c rtas_initialize",
    at: "/rtas",
    look({ node }, tell) {
      const [base, size, entry] = ["linux,rtas-base", "rtas-size", "linux,rtas-entry"].map((name) =>
        cellIn(node, name),
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
    at: "/",
    look: (_, tell, { tree }) => tellOverlaps(tree.reservations, "the reserve map", tell),
  },
  {
    name: "reserve-memory",
    severity: "warning",
    reason: "what is reserved is memory, or what firmware took off an end of it",
    source: "DTS 5.3",
    needs: [{ check: "memory", at: "itself" }],
    at: "/",
    look(_, tell, { tree, memory }) {
      const sorted = mergeRanges(memory);
      for (const range of memory.length === 0 ? [] : tree.reservations) {
        if (!touchesOne(range, sorted)) tell("the reserve map", `${formatRange(range)} is not in memory`);
      }
    },
  },
];

const NONE = new Uint8Array(0);

/** Of a ppc64 cpu, the ids of its threads (LoPAR). */
const SERVERS = "ibm,ppc-interrupt-server#s";

/** A machine that hands its kernel EFI's memory map, and ACPI in place of the tree. */
function isToldByEfi(root: Node): boolean {
  return property(child(root, "chosen"), "linux,uefi-system-table") !== undefined;
}

function isReference(root: Node, reference: ByteString): boolean {
  return reference !== "" && failureOf(() => findNode(root, reference)) === undefined;
}

function isWithin(range: MemoryRange, ranges: readonly MemoryRange[]): boolean {
  return mergeRanges(ranges).some((each) => contains(each, range));
}

function tellOverlaps(ranges: readonly MemoryRange[], place: string, tell: Notice): void {
  let before: MemoryRange | undefined;
  for (const range of [...ranges].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))) {
    if (before !== undefined && overlap(before, range))
      tell(place, `${formatRange(before)} and ${formatRange(range)} overlap`);
    before = range;
  }
}
