// Checks of each node and each property by itself: names, lengths, phandles, cells.
// DTS is the Devicetree Specification 0.4; files are Linux's.

import { hex } from "../../failure.ts";
import type { ByteString } from "../../sys/engine.ts";
import { cellIn, childCells, isWholeEntries, MAX_CELLS, wordsOf } from "../cells.ts";
import { interruptParent, isEndless } from "../interrupts.ts";
import { TEXT_PROPERTIES } from "../kinds.ts";
import { baseName, below } from "../names.ts";
import { PHANDLES, phandleOf } from "../references.ts";
import { textOf } from "../strings.ts";
import type { Survey } from "../survey.ts";
import { child, MAX_DEPTH, type Node, property } from "../tree.ts";
import { type Check, eachProperty, findRepeated, isCpu, isLoneCpu, OF_A_MACHINE } from "./check.ts";

export const formChecks: readonly Check[] = [
  {
    name: "overlay",
    severity: "error",
    reason: "an overlay is laid over the tree of a machine: no kernel boots with it alone",
    source: "Documentation/devicetree/overlay-notes.rst",
    at: "/",
    look({ node }, tell) {
      if (node.children.some((each) => child(each, "__overlay__") !== undefined)) tell("/", "an overlay, not a tree");
    },
  },
  {
    name: "duplicate-node",
    severity: "error",
    reason: "two children of one name: a path finds the first alone",
    source: "DTS 2.2.1",
    look({ node, path }, tell) {
      for (const name of findRepeated(node.children.map((each) => each.name)))
        tell(below(path, name), "is there twice");
    },
  },
  {
    name: "duplicate-property",
    severity: "error",
    reason: "two properties of one name: readers differ in which they take",
    source: "DTS 2.2.4",
    look({ node, path }, tell) {
      for (const name of findRepeated(node.properties.map((each) => each.name)))
        tell(below(path, name), "is there twice");
    },
  },
  {
    name: "name-clash",
    severity: "warning",
    reason: "a property and a child of one name: Linux shows one of them as NAME#1",
    source: "fs/proc, drivers/of/kobj.c safe_name",
    look({ node, path }, tell) {
      const names = new Set(node.properties.map((each) => each.name));
      for (const { name } of node.children) if (names.has(name)) tell(below(path, name), "is a property and a node");
    },
  },
  {
    name: "node-name",
    severity: "warning",
    reason: "a node's name has a character that none should have",
    source: "DTS 2.2.1, table 2.1",
    look({ node, path, parent }, tell) {
      if (parent !== undefined && !/^[A-Za-z0-9,._+-]+(@[A-Za-z0-9,._+-]+)?$/.test(node.name))
        tell(path, "is not a valid node name");
    },
  },
  {
    name: "property-name",
    severity: "warning",
    reason: "a property's name has a character that none should have",
    source: "DTS 2.2.4.1, table 2.2",
    look: eachProperty((name, _, place, tell) => {
      if (!/^[A-Za-z0-9,._+?#-]+$/.test(name)) tell(place, "is not a valid property name");
    }),
  },
  {
    name: "depth",
    severity: "error",
    reason: `Linux reads nodes down to ${MAX_DEPTH} levels`,
    source: "drivers/of/fdt.c FDT_MAX_DEPTH",
    look({ path }, tell) {
      if (path.split("/").length - 1 > MAX_DEPTH) tell(path, `deeper than ${MAX_DEPTH} nodes`);
    },
  },
  {
    name: "strings",
    severity: "error",
    reason: "a kernel does not take a string that lacks its NUL",
    source: "DTS 2.2.4.2; drivers/of/property.c of_property_read_string",
    look: eachProperty((name, value, place, tell) => {
      if (TEXT_PROPERTIES.has(name) && value.length > 0 && value.at(-1) !== 0) tell(place, "does not end with NUL");
    }),
  },
  {
    name: "name-property",
    severity: "warning",
    reason: "a name that is not what the node is called",
    source: "DTS 2.3.11",
    needs: [{ check: "strings", at: "itself", property: "name" }],
    look({ node, path, parent }, tell) {
      const name = property(node, "name");
      if (name !== undefined && parent !== undefined && textOf(name) !== baseName(node.name))
        tell(below(path, "name"), `is not ${baseName(node.name)}`);
    },
  },
  {
    name: "phandle",
    severity: "error",
    reason: "a phandle is one cell, neither 0 nor 0xffffffff",
    source: "DTS 2.3.3; drivers/of/fdt.c populate_properties",
    look({ node, path }, tell) {
      for (const name of PHANDLES) {
        const value = property(node, name);
        if (value !== undefined && value.length !== 4) tell(below(path, name), `${value.length} bytes, not 4`);
        const phandle = cellIn(node, name);
        if (phandle === 0 || phandle === 0xffffffff) tell(below(path, name), `${hex(phandle)} is not a valid phandle`);
      }
      const [now, old, ibm] = PHANDLES.map((name) => cellIn(node, name));
      // Where firmware says its own, that alone counts, and PowerVM's differs from what Open Firmware calls the node.
      if (now !== undefined && old !== undefined && ibm === undefined && now !== old)
        tell(path, `phandle ${hex(now)}, linux,phandle ${hex(old)}`);
    },
  },
  {
    name: "phandle-unique",
    severity: "error",
    reason: "two nodes of one phandle: a reference finds either",
    source: "DTS 2.3.3",
    needs: [{ check: "phandle", at: "itself" }],
    look({ node, path }, tell, { byPhandle }) {
      const phandle = phandleOf(node);
      if (phandle === undefined) return;
      const first = byPhandle.get(phandle)?.path;
      if (first !== undefined && first !== path) tell(path, `phandle ${hex(phandle)} is that of ${first}`);
    },
  },
  {
    name: "cells",
    severity: "error",
    reason: `#address-cells and #size-cells are one cell, at most ${MAX_CELLS}, and cpus have addresses`,
    source: "DTS 2.3.5, 3.8; include/linux/of_address.h",
    look({ node, path }, tell) {
      for (const name of ["#address-cells", "#size-cells"]) {
        const value = property(node, name);
        if (value !== undefined && value.length !== 4) tell(below(path, name), `${value.length} bytes, not 4`);
        const count = cellIn(node, name) ?? 0;
        if (count > MAX_CELLS) tell(below(path, name), `${count} cells`);
      }
      if (path === "/cpus" && cellIn(node, "#address-cells") === 0 && !isLoneCpu(node.children.filter(isCpu)))
        tell("/cpus/#address-cells", "0 cells: a cpu's number has no room in its reg");
    },
  },
  {
    name: "reg",
    severity: "warning",
    reason: "a reg is whole entries of the parent's address and size cells",
    source: "DTS 2.3.6",
    needs: [OF_A_MACHINE, { check: "cells", at: "parent" }],
    look({ node, path, parent }, tell) {
      const reg = property(node, "reg");
      if (reg === undefined || parent === undefined || isPlainNumber(node, "reg")) return;
      const { address, size } = childCells(parent.node);
      if (!isWholeEntries(reg, address + size))
        tell(below(path, "reg"), `${reg.length} bytes are not entries of ${address} + ${size} cells`);
    },
  },
  {
    name: "ranges",
    severity: "warning",
    reason: "ranges are empty, or whole entries of child address, parent address and size",
    source: "DTS 2.3.8, 2.3.9",
    needs: [OF_A_MACHINE, { check: "cells", at: "itself" }, { check: "cells", at: "parent" }],
    look({ node, path, parent }, tell) {
      for (const name of ["ranges", "dma-ranges"]) {
        const value = property(node, name);
        if (value === undefined || value.length === 0 || parent === undefined) continue;
        const { address, size } = childCells(node);
        const above = childCells(parent.node).address;
        if (!isWholeEntries(value, address + above + size))
          tell(below(path, name), `${value.length} bytes are not entries of ${address} + ${above} + ${size} cells`);
      }
    },
  },
  {
    name: "unit-address",
    severity: "warning",
    reason: "a node has a unit address if, and only if, it has a reg or ranges",
    source: "DTS 2.2.1.1",
    needs: [OF_A_MACHINE],
    look({ node, path, parent }, tell) {
      if (parent === undefined) return;
      const hasAddress = node.name.includes("@");
      const hasReg = property(node, "reg") !== undefined;
      if (hasReg && !hasAddress) tell(path, "a reg, but no unit address");
      if (!hasReg && hasAddress && !property(node, "ranges")?.length) tell(path, "a unit address, but no reg");
    },
  },
  {
    name: "interrupt-parent",
    severity: "warning",
    reason: "an interrupt-parent is the phandle of a node that is there",
    source: "DTS 2.4.1",
    needs: [OF_A_MACHINE],
    look({ node, path }, tell, { byPhandle }) {
      const value = property(node, "interrupt-parent");
      if (value === undefined) return;
      const phandle = cellIn(node, "interrupt-parent");
      if (phandle === undefined) tell(below(path, "interrupt-parent"), `${value.length} bytes, not 4`);
      else if (!byPhandle.has(phandle))
        tell(below(path, "interrupt-parent"), `no node has the phandle ${hex(phandle)}`);
    },
  },
  {
    name: "interrupts",
    severity: "warning",
    reason: "interrupts are whole entries of #interrupt-cells, of the node that takes them",
    source: "DTS 2.4.1; drivers/of/irq.c of_irq_find_parent",
    needs: [OF_A_MACHINE],
    look(position, tell, survey) {
      const value = property(position.node, "interrupts");
      if (value !== undefined && value.length > 0 && !isPlainNumber(position.node, "interrupts")) {
        const parent = interruptParent(survey, position);
        const cells = (parent && cellIn(parent.node, INTERRUPT_CELLS)) ?? 0;
        if (cells > 0 && !isWholeEntries(value, cells))
          tell(below(position.path, "interrupts"), `${value.length} bytes are not entries of ${cells} cells`);
      }
      const fault = faultInExtended(survey, property(position.node, EXTENDED));
      if (fault !== undefined) tell(below(position.path, EXTENDED), fault);
    },
  },
  {
    name: "interrupt-circle",
    severity: "error",
    reason: "Linux follows interrupt-parents until one has #interrupt-cells, and so a circle without one for ever",
    source: "drivers/of/irq.c of_irq_find_parent",
    look(position, tell, survey) {
      if (property(position.node, "interrupts") !== undefined && isEndless(survey, position))
        tell(below(position.path, "interrupts"), "nobody takes them: the interrupt-parents go in a circle");
    },
  },
  {
    name: "status",
    severity: "warning",
    reason: "a status that no reader knows",
    source: "DTS 2.3.4",
    needs: [{ check: "strings", at: "itself", property: "status" }],
    look: eachProperty((name, value, place, tell) => {
      if (name === "status" && !/^(ok|okay|disabled|reserved|fail(-.*)?)$/.test(textOf(value)))
        tell(place, "is none of okay disabled reserved fail");
    }),
  },
];

/**
 * By what a node of OPAL's is, the property that Linux reads there as a plain number: a size, the bit of an event
 * (drivers/mtd/devices/powernv_flash.c, drivers/char/ipmi/ipmi_powernv.c).
 */
const PLAIN_NUMBERS: ReadonlyMap<ByteString, ByteString> = new Map([
  ["ibm,opal-flash", "reg"],
  ["ibm,opal-ipmi", "interrupts"],
]);

function isPlainNumber(node: Node, name: ByteString): boolean {
  const compatible = property(node, "compatible");
  return compatible !== undefined && PLAIN_NUMBERS.get(textOf(compatible)) === name;
}

const INTERRUPT_CELLS = "#interrupt-cells";
const EXTENDED = "interrupts-extended";

/** What is wrong with interrupts that each name who takes them, first the phandle, then its cells. */
function faultInExtended({ byPhandle }: Survey, value: Uint8Array | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value.length % 4 !== 0) return `${value.length} bytes are not whole cells`;
  const words = wordsOf(value);
  for (let at = 0; at < words.length; ) {
    const phandle = words[at++] ?? 0;
    // An entry that is left empty.
    if (phandle === 0) continue;
    const parent = byPhandle.get(phandle);
    if (parent === undefined) return `no node has the phandle ${hex(phandle)}`;
    const cells = cellIn(parent.node, INTERRUPT_CELLS);
    if (cells === undefined) return `${parent.path} has no ${INTERRUPT_CELLS}`;
    at += cells;
    if (at > words.length) return `${value.length} bytes end within an entry for ${parent.path}`;
  }
  return undefined;
}
