// What can be wrong with a tree, as a table: each check has a name, a reason and where that is written. An error is what a
// kernel fails by or misreads; a warning is what is against the specification and seldom meant. No check ever throws.
// DTS is the Devicetree Specification 0.4; files are Linux's.

import { Failure, hex, shown } from "../../failure.ts";
import { contains, joined, overlap, shownRange, type MemoryRange } from "../../range.ts";
import type { ByteString } from "../../sys/engine.ts";
import { TEXT_PROPERTIES, wordsOf } from "../kinds.ts";
import { isMemory } from "../memory.ts";
import { below, MAX_NAME } from "../names.ts";
import { findNode, textOf } from "../references.ts";
import { initrdOf, reservationsOfNode } from "../reservations.ts";
import { addressCells, cellIn, interruptParent, sizeCells, surveyOf, type Survey, type Surveyed } from "../survey.ts";
import { baseName, cellsAt, MAX_DEPTH, property, type DeviceTree, type Node } from "../tree.ts";

export interface Finding {
  readonly check: Check;
  readonly place: ByteString;
  readonly fact: string;
}

type Tell = (place: ByteString, fact: string) => void;

export interface Check {
  readonly name: string;
  readonly severity: "error" | "warning";
  readonly reason: string;
  /** Where it is written. */
  readonly source: string;
  readonly find: (survey: Survey, tell: Tell) => void;
}

/** A check that looks at each node by itself. */
function eachNode(look: (surveyed: Surveyed, tell: Tell, survey: Survey) => void): Check["find"] {
  return (survey, tell) => survey.nodes.forEach((surveyed) => look(surveyed, tell, survey));
}

/** The same for each property. */
function eachProperty(look: (name: ByteString, value: Uint8Array, place: ByteString, tell: Tell) => void): Check["find"] {
  return eachNode(({ node, path }, tell) => {
    for (const { name, value } of node.properties) look(name, value, below(path, name), tell);
  });
}

export const checks: readonly Check[] = [
  {
    name: "duplicate-node", severity: "error", reason: "two children of one name: a path finds the first alone",
    source: "DTS 2.2.1",
    find: eachNode(({ node, path }, tell) => {
      for (const name of repeated(node.children.map((each) => each.name))) tell(below(path, name), "is there twice");
    }),
  },
  {
    name: "duplicate-property", severity: "error", reason: "two properties of one name: readers differ in which they take",
    source: "DTS 2.2.4",
    find: eachNode(({ node, path }, tell) => {
      for (const name of repeated(node.properties.map((each) => each.name))) tell(below(path, name), "is there twice");
    }),
  },
  {
    name: "name-clash", severity: "warning", reason: "a property and a child of one name: Linux shows one of them as NAME#1",
    source: "fs/proc, drivers/of/kobj.c safe_name",
    find: eachNode(({ node, path }, tell) => {
      const names = new Set(node.properties.map((each) => each.name));
      for (const { name } of node.children) if (names.has(name)) tell(below(path, name), "is a property and a node");
    }),
  },
  {
    name: "node-name", severity: "warning", reason: "a node's name has a character that none should have",
    source: "DTS 2.2.1, table 2.1",
    find: eachNode(({ node, path, parent }, tell) => {
      if (parent !== undefined && !/^[A-Za-z0-9,._+-]+(@[A-Za-z0-9,._+-]+)?$/.test(node.name)) tell(path, "is no name with a unit address");
    }),
  },
  {
    name: "property-name", severity: "warning", reason: "a property's name has a character that none should have",
    source: "DTS 2.2.4.1, table 2.2",
    find: eachProperty((name, _, place, tell) => {
      if (!/^[A-Za-z0-9,._+?#-]+$/.test(name)) tell(place, "is no name of a property");
    }),
  },
  {
    name: "name-length", severity: "warning", reason: `a name of more than ${MAX_NAME} characters`, source: "DTS 2.2.1, 2.2.4.1",
    find: eachNode(({ node, path }, tell) => {
      if (baseName(node.name).length > MAX_NAME) tell(path, `${baseName(node.name).length} characters`);
      for (const { name } of node.properties) if (name.length > MAX_NAME) tell(below(path, name), `${name.length} characters`);
    }),
  },
  {
    name: "name-property", severity: "warning", reason: "a name that is not what the node is called", source: "DTS 2.3.11",
    find: eachNode(({ node, path, parent }, tell) => {
      const name = property(node, "name");
      if (name !== undefined && parent !== undefined && textOf(name) !== baseName(node.name)) tell(below(path, "name"), `is not ${baseName(node.name)}`);
    }),
  },
  {
    name: "depth", severity: "error", reason: `Linux reads nodes down to ${MAX_DEPTH} levels`, source: "drivers/of/fdt.c FDT_MAX_DEPTH",
    find: eachNode(({ path }, tell) => {
      if (path.split("/").length - 1 > MAX_DEPTH) tell(path, `deeper than ${MAX_DEPTH} nodes`);
    }),
  },
  {
    name: "strings", severity: "error", reason: "a text without the NUL that ends it is no text to a kernel",
    source: "DTS 2.2.4.2; drivers/of/property.c of_property_read_string",
    find: eachProperty((name, value, place, tell) => {
      if (TEXT_PROPERTIES.has(name) && value.length > 0 && value.at(-1) !== 0) tell(place, "does not end with NUL");
    }),
  },
  {
    name: "phandle", severity: "error", reason: "a phandle is one cell, neither 0 nor 0xffffffff", source: "DTS 2.3.3; drivers/of/base.c",
    find: eachNode(({ node, path }, tell) => {
      for (const name of ["phandle", "linux,phandle"]) {
        const value = property(node, name);
        if (value !== undefined && value.length !== 4) tell(below(path, name), `${value.length} bytes, not 4`);
        const phandle = cellIn(node, name);
        if (phandle === 0 || phandle === 0xffffffff) tell(below(path, name), `${hex(phandle)} is no phandle`);
      }
      const [now, old] = [cellIn(node, "phandle"), cellIn(node, "linux,phandle")];
      if (now !== undefined && old !== undefined && now !== old) tell(path, `phandle ${hex(now)}, linux,phandle ${hex(old)}`);
    }),
  },
  {
    name: "phandle-unique", severity: "error", reason: "two nodes of one phandle: a reference finds either", source: "DTS 2.3.3",
    find: eachNode(({ node, path }, tell, { pathsOfPhandles }) => {
      const phandle = cellIn(node, "phandle") ?? cellIn(node, "linux,phandle");
      const first = phandle === undefined ? undefined : pathsOfPhandles.get(phandle);
      if (first !== undefined && first !== path) tell(path, `phandle ${hex(phandle!)} is that of ${first}`);
    }),
  },
  {
    name: "cells", severity: "error", reason: "#address-cells and #size-cells are one cell, at most 4", source: "DTS 2.3.5; include/linux/of_address.h",
    find: eachNode(({ node, path }, tell) => {
      for (const name of ["#address-cells", "#size-cells"]) {
        const value = property(node, name);
        if (value !== undefined && value.length !== 4) tell(below(path, name), `${value.length} bytes, not 4`);
        const count = cellIn(node, name) ?? 0;
        if (count > 4) tell(below(path, name), `${count} cells`);
      }
    }),
  },
  {
    name: "reg", severity: "warning", reason: "a reg is whole entries of the parent's address and size cells", source: "DTS 2.3.6",
    find: eachNode(({ node, path, parent }, tell) => {
      const reg = property(node, "reg");
      if (reg === undefined || parent === undefined) return;
      const [address, size] = [addressCells(parent.node), sizeCells(parent.node)];
      if (reg.length === 0 || reg.length % (4 * (address + size)) !== 0) {
        tell(below(path, "reg"), `${reg.length} bytes are not entries of ${address} + ${size} cells`);
      }
    }),
  },
  {
    name: "ranges", severity: "warning", reason: "ranges are empty, or whole entries of child address, parent address and size",
    source: "DTS 2.3.8, 2.3.9",
    find: eachNode(({ node, path, parent }, tell) => {
      for (const name of ["ranges", "dma-ranges"]) {
        const value = property(node, name);
        if (value === undefined || value.length === 0 || parent === undefined) continue;
        const cells = [addressCells(node), addressCells(parent.node), sizeCells(node)];
        if (value.length % (4 * cells.reduce((sum, count) => sum + count)) !== 0) {
          tell(below(path, name), `${value.length} bytes are not entries of ${cells.join(" + ")} cells`);
        }
      }
    }),
  },
  {
    name: "unit-address", severity: "warning", reason: "a node has a unit address if, and only if, it has a reg or ranges", source: "DTS 2.2.1.1",
    find: eachNode(({ node, path, parent }, tell) => {
      if (parent === undefined) return;
      const hasAddress = node.name.includes("@");
      const hasReg = property(node, "reg") !== undefined;
      if (hasReg && !hasAddress) tell(path, "a reg, but no unit address");
      if (!hasReg && hasAddress && !property(node, "ranges")?.length) tell(path, "a unit address, but no reg");
    }),
  },
  {
    name: "interrupt-parent", severity: "warning", reason: "an interrupt-parent is the phandle of a node that is there", source: "DTS 2.4.1",
    find: eachNode(({ node, path }, tell, { pathsOfPhandles }) => {
      const value = property(node, "interrupt-parent");
      if (value === undefined) return;
      const phandle = cellIn(node, "interrupt-parent");
      if (phandle === undefined) tell(below(path, "interrupt-parent"), `${value.length} bytes, not 4`);
      else if (!pathsOfPhandles.has(phandle)) tell(below(path, "interrupt-parent"), `no node has the phandle ${hex(phandle)}`);
    }),
  },
  {
    name: "interrupts", severity: "warning", reason: "interrupts are whole entries of their parent's #interrupt-cells", source: "DTS 2.4.1",
    find: eachNode((surveyed, tell, survey) => {
      const value = property(surveyed.node, "interrupts");
      if (value === undefined) return;
      const parent = interruptParent(survey, surveyed);
      const cells = parent === undefined ? undefined : cellIn(parent.node, "#interrupt-cells");
      if (cells === undefined || cells === 0 || value.length % (4 * cells) === 0) return;
      tell(below(surveyed.path, "interrupts"), `${value.length} bytes are not entries of ${cells} cells`);
    }),
  },
  {
    name: "status", severity: "warning", reason: "a status that no reader knows", source: "DTS 2.3.4",
    find: eachProperty((name, value, place, tell) => {
      if (name === "status" && !/^(ok|okay|disabled|reserved|fail(-.*)?)$/.test(textOf(value))) tell(place, "is none of okay disabled reserved fail");
    }),
  },
  {
    name: "root", severity: "warning", reason: "the root says what machine it is, and the cells of its children",
    source: "DTS 3.2",
    find({ tree: { root } }, tell) {
      for (const name of ["#address-cells", "#size-cells", "compatible", "model"]) {
        if (property(root, name) === undefined) tell("/", `no ${name}`);
      }
    },
  },
  {
    name: "aliases", severity: "warning", reason: "an alias is the path of a node that is there", source: "DTS 3.3",
    find({ byPath, tree }, tell) {
      for (const { name, value } of byPath.get("/aliases")?.node.properties ?? []) {
        if (name === "name" || name.endsWith("phandle")) continue;
        if (!isReference(tree.root, textOf(value))) tell(below("/aliases", name), "names no node");
        if (!/^[a-z0-9-]+$/.test(name)) tell(below("/aliases", name), "not lower case letters, digits and dashes alone");
      }
    },
  },
  {
    name: "chosen", severity: "warning", reason: "without /chosen/bootargs a kernel has no command line but its own",
    source: "DTS 3.6; drivers/of/fdt.c early_init_dt_scan_chosen",
    find({ byPath }, tell) {
      const chosen = byPath.get("/chosen");
      if (chosen === undefined) tell("/", "no /chosen");
      else if (property(chosen.node, "bootargs") === undefined) tell("/chosen", "no bootargs");
    },
  },
  {
    name: "stdout-path", severity: "warning", reason: "the console is a node that is there, by its path or an alias", source: "DTS 3.6",
    find({ byPath, tree }, tell) {
      const chosen = byPath.get("/chosen")?.node;
      for (const name of ["stdout-path", "linux,stdout-path"]) {
        const value = property(chosen, name);
        if (value !== undefined && !isReference(tree.root, textOf(value).split(":")[0]!)) tell(below("/chosen", name), "names no node");
      }
    },
  },
  {
    name: "initrd", severity: "error", reason: "an initrd has a start and an end behind it, in one cell or two each",
    source: "drivers/of/fdt.c early_init_dt_check_for_initrd",
    find({ byPath }, tell) {
      const chosen = byPath.get("/chosen")?.node;
      const names = ["linux,initrd-start", "linux,initrd-end"] as const;
      const values = names.map((name) => property(chosen, name));
      if (values.every((value) => value === undefined)) return;
      names.forEach((name, index) => {
        const value = values[index];
        if (value === undefined) tell("/chosen", `no ${name}`);
        else if (value.length !== 4 && value.length !== 8) tell(below("/chosen", name), `${value.length} bytes are neither one cell nor two`);
      });
      const [start, end] = values.map((value) => (value?.length === 4 || value?.length === 8 ? cellsAt(value, 0, value.length / 4) : undefined));
      if (start !== undefined && end !== undefined && end <= start) tell("/chosen", `the initrd's end ${hex(end)} is not above its start ${hex(start)}`);
    },
  },
  {
    name: "initrd-memory", severity: "error", reason: "the initrd lies in memory", source: "DTS 3.4",
    find({ tree, memory }, tell) {
      const initrd = initrdOf(tree.root);
      if (initrd !== undefined && memory.length > 0 && !isWithin(initrd, memory)) tell("/chosen", `the initrd ${shownRange(initrd)} is not in memory`);
    },
  },
  {
    name: "memory", severity: "error", reason: "a kernel learns of its memory from the root's memory nodes alone",
    source: "DTS 3.4; drivers/of/fdt.c early_init_dt_scan_memory",
    find({ nodes, tree: { root } }, tell) {
      if (isToldByEfi(root)) return;
      const cells = addressCells(root) + sizeCells(root);
      const memory = nodes.filter(({ node, parent }) => parent?.node === root && isMemory(node));
      if (memory.length === 0) tell("/", "no memory node");
      for (const { node, path } of memory) {
        const reg = property(node, "reg");
        if (reg === undefined) tell(path, "no reg");
        else if (reg.length === 0 || reg.length % (4 * cells) !== 0) tell(below(path, "reg"), `${reg.length} bytes are not entries of ${cells} cells`);
      }
    },
  },
  {
    name: "memory-overlap", severity: "warning", reason: "memory is listed once", source: "DTS 3.4",
    find: ({ memory }, tell) => tellOverlaps(memory, "/", tell),
  },
  {
    name: "cpus", severity: "error", reason: "a kernel finds its cpus in /cpus, each with a reg of its own for each thread", source: "DTS 3.8; arch/powerpc/kernel/prom.c",
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
        if (reg.length === 0 || reg.length % (4 * cells) !== 0) tell(below("/cpus", node.name), `a reg of ${reg.length} bytes, not of ${cells} cells`);
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
    name: "boot-cpu", severity: "warning", reason: "the cpu that boots is one of those in /cpus", source: "DTS 5.2; arch/powerpc/kernel/prom.c",
    find({ byPath, tree }, tell) {
      const cpus = byPath.get("/cpus")?.node;
      if (cpus === undefined || tree.bootCpu === 0) return;
      const ids = cpus.children.flatMap((node) => [...wordsOf(property(node, SERVERS) ?? NONE), ...wordsOf(property(node, "reg") ?? NONE)]);
      if (!ids.includes(tree.bootCpu)) tell("/cpus", `no cpu ${hex(tree.bootCpu)}, which is to boot`);
    },
  },
  {
    name: "pairs", severity: "error", reason: "what firmware keeps is told as a pair of properties: start, and size or end",
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
    name: "rtas", severity: "error", reason: "RTAS is entered within its memory", source: "arch/powerpc/kernel/rtas.c rtas_initialize",
    find({ byPath }, tell) {
      const rtas = byPath.get("/rtas")?.node;
      const [base, size, entry] = ["linux,rtas-base", "rtas-size", "linux,rtas-entry"].map((name) => rtas && cellIn(rtas, name));
      if (base === undefined || size === undefined || entry === undefined) return;
      if (entry < base || entry >= base + size) tell("/rtas", `the entry ${hex(entry)} is not in ${hex(base)}-${hex(base + size)}`);
    },
  },
  {
    name: "reserve-overlap", severity: "warning", reason: "memory is reserved once", source: "DTS 5.3",
    find: ({ tree }, tell) => tellOverlaps(tree.reservations, "the reserve map", tell),
  },
  {
    name: "reserve-memory", severity: "warning", reason: "what is reserved is memory", source: "DTS 5.3",
    find({ tree, memory }, tell) {
      for (const range of memory.length === 0 ? [] : tree.reservations) {
        if (!memory.some((each) => overlap(each, range))) tell("the reserve map", `${shownRange(range)} is not in memory`);
      }
    },
  },
];

const NONE = new Uint8Array(0);

/** Of a ppc64 cpu, the ids of its threads (LoPAR). */
const SERVERS = "ibm,ppc-interrupt-server#s";

/** A machine that hands its kernel EFI's memory map, and ACPI in place of the tree. */
function isToldByEfi(root: Node): boolean {
  return property(root.children.find(({ name }) => name === "chosen"), "linux,uefi-system-table") !== undefined;
}

function repeated<T>(items: readonly T[]): Set<T> {
  const seen = new Set<T>();
  const twice = new Set<T>();
  for (const item of items) (seen.has(item) ? twice : seen).add(item);
  return twice;
}

function isReference(root: Node, reference: ByteString): boolean {
  return reference !== "" && failureOf(() => findNode(root, reference)) === undefined;
}

function failureOf(work: () => unknown): Failure | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  return undefined;
}

function isWithin(range: MemoryRange, ranges: readonly MemoryRange[]): boolean {
  return joined(ranges).some((each) => contains(each, range));
}

function tellOverlaps(ranges: readonly MemoryRange[], place: string, tell: Tell): void {
  const sorted = [...ranges].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  sorted.slice(1).forEach((range, index) => {
    const before = sorted[index]!;
    if (overlap(before, range)) tell(place, `${shownRange(before)} and ${shownRange(range)} overlap`);
  });
}

/** What the checks find, but for those that are named in `skipped`. */
export function findingsIn(tree: DeviceTree, skipped: ReadonlySet<string> = new Set()): Finding[] {
  const survey = surveyOf(tree);
  const findings: Finding[] = [];
  for (const check of checks) {
    if (!skipped.has(check.name)) check.find(survey, (place, fact) => findings.push({ check, place, fact }));
  }
  return findings;
}

/** As a line says it behind the place: `error: is there twice [duplicate-node]`. */
export function findingText({ check, fact }: Finding): string {
  return `${check.severity}: ${shown(fact)} [${check.name}]`;
}

/** Tells of all findings, and throws if there is an error among them. */
export function refuseWhatFails(tree: DeviceTree, tell: Tell): void {
  const findings = findingsIn(tree);
  for (const finding of findings) tell(finding.place, findingText(finding));
  const errors = findings.filter(({ check }) => check.severity === "error").length;
  if (errors > 0) throw new Failure("--check", `${errors} error${errors === 1 ? "" : "s"}; nothing is written`);
}
