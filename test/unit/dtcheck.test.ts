// Each check of the table has a tree that breaks it alone; trees of real machines have no error.

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { treeChecks as checks } from "../../src/arch/tree-checks.ts";
import { u64Value } from "../../src/devicetree/cells.ts";
import type { Check, Prerequisite } from "../../src/devicetree/check/check.ts";
import { findingsIn, findingText, runChecks } from "../../src/devicetree/check/checks.ts";
import { stringValue } from "../../src/devicetree/strings.ts";
import { surveyOf } from "../../src/devicetree/survey.ts";
import { type DeviceTree, type Node, removeProperty, setProperty } from "../../src/devicetree/tree.ts";
import { blobOf, deviceTrees } from "../support/device-trees.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { cells } from "../support/tree.ts";

const folder = temporaryFolder();

type Values = Readonly<Record<string, Uint8Array>>;

function node(name: string, values: Values, ...children: Node[]): Node {
  return { name, properties: Object.entries(values).map(([name, value]) => ({ name, value })), children };
}

const text = (...strings: readonly string[]): Uint8Array => stringValue(strings.join("\0"));

/** A small ppc64 machine that no check finds anything in. */
function soundTree(): DeviceTree {
  return {
    address: undefined,
    bootCpu: 8,
    reservations: [
      { start: 0x2000000n, end: 0x2100000n },
      { start: 0x3000000n, end: 0x3001000n },
    ],
    root: node(
      "",
      { "#address-cells": cells(2), "#size-cells": cells(2), compatible: text("IBM,pSeries"), model: text("test") },
      node("aliases", { serial0: text("/bus@f0000000/serial@10") }),
      node("chosen", {
        bootargs: text("console=hvc0"),
        "linux,initrd-end": u64Value(0x2100000n),
        "linux,initrd-start": u64Value(0x2000000n),
        "stdout-path": text("serial0:115200"),
      }),
      node(
        "cpus",
        { "#address-cells": cells(1), "#size-cells": cells(0) },
        node("PowerPC,POWER9@0", {
          device_type: text("cpu"),
          "ibm,ppc-interrupt-server#s": cells(0, 1),
          reg: cells(0),
        }),
        node("PowerPC,POWER9@8", {
          device_type: text("cpu"),
          "ibm,ppc-interrupt-server#s": cells(8, 9),
          reg: cells(8),
        }),
      ),
      node("memory@0", { device_type: text("memory"), reg: cells(0, 0, 0, 0x10000000) }),
      node("rtas", {
        "linux,rtas-base": cells(0x3000000),
        "linux,rtas-entry": cells(0x3000100),
        "rtas-size": cells(0x1000),
      }),
      node(
        "bus@f0000000",
        {
          "#address-cells": cells(1),
          "#size-cells": cells(1),
          "interrupt-parent": cells(1),
          ranges: cells(0, 0, 0xf0000000, 0x10000),
          compatible: text("simple-bus"),
        },
        node("pic@0", {
          "#interrupt-cells": cells(2),
          "interrupt-controller": new Uint8Array(0),
          phandle: cells(1),
          reg: cells(0, 0x10),
        }),
        node("serial@10", {
          interrupts: cells(4, 1),
          "linux,phandle": cells(2),
          phandle: cells(2),
          reg: cells(0x10, 8),
          status: text("okay"),
        }),
      ),
    ),
  };
}

/** By its path, names whole. */
function at({ root }: DeviceTree, path: string): Node {
  return path
    .split("/")
    .filter((name) => name !== "")
    .reduce((found, name) => present(found.children.find((each) => each.name === name)), root);
}

function set(path: string, name: string, value: Uint8Array): (tree: DeviceTree) => void {
  return (tree) => setProperty(at(tree, path), name, value);
}

function remove(path: string, ...names: readonly string[]): (tree: DeviceTree) => void {
  return (tree) => {
    for (const name of names) removeProperty(at(tree, path), name);
  };
}

function reserve(start: bigint, end: bigint): (tree: DeviceTree) => void {
  return (tree) => {
    tree.reservations = [...tree.reservations, { start, end }];
  };
}

function bootFrom(cpu: number): (tree: DeviceTree) => void {
  return (tree) => {
    tree.bootCpu = cpu;
  };
}

function add(path: string, ...nodes: readonly Node[]): (tree: DeviceTree) => void {
  return (tree) => void at(tree, path).children.push(...nodes);
}

/** Memory in blocks of 16 MiB. */
function blocks(name: string, list: Uint8Array): Node {
  return node("ibm,dynamic-reconfiguration-memory", { "ibm,lmb-size": cells(0, 0x1000000), [name]: list });
}

const BUS = "/bus@f0000000";
const SERIAL = `${BUS}/serial@10`;
const CPU = "/cpus/PowerPC,POWER9@8";

/** What breaks each check, alone, and what is said then. */
const broken: Readonly<Record<string, readonly (readonly [breaks: (tree: DeviceTree) => void, line: string])[]>> = {
  overlay: [[add("/", node("fragment@0", {}, node("__overlay__", {}))), "/: error: an overlay, not a tree [overlay]"]],
  "duplicate-node": [
    [add("/", node("twice", {}), node("twice", {})), "/twice: error: is there twice [duplicate-node]"],
  ],
  "duplicate-property": [
    [
      (tree) => void at(tree, SERIAL).properties.push({ name: "status", value: text("okay") }),
      `${SERIAL}/status: error: is there twice [duplicate-property]`,
    ],
  ],
  "name-clash": [[add(SERIAL, node("status", {})), `${SERIAL}/status: warning: is a property and a node [name-clash]`]],
  "node-name": [
    [add("/", node("a b", {})), "/a b: warning: is not a valid node name [node-name]"],
    [add(BUS, node("a@1@2", { reg: cells(1, 1) })), `${BUS}/a@1@2: warning: is not a valid node name [node-name]`],
  ],
  "property-name": [[set("/", "a b", cells(1)), "/a b: warning: is not a valid property name [property-name]"]],
  "name-property": [[set(SERIAL, "name", text("parallel")), `${SERIAL}/name: warning: is not serial [name-property]`]],
  depth: [
    [
      (tree) => {
        let parent = tree.root;
        for (let depth = 1; depth <= 65; depth++) {
          const inner = node("d", {});
          parent.children.push(inner);
          parent = inner;
        }
      },
      `${"/d".repeat(65)}: error: deeper than 64 nodes [depth]`,
    ],
  ],
  strings: [[set("/", "model", Uint8Array.of(0x61)), "/model: error: does not end with NUL [strings]"]],
  phandle: [
    [set(SERIAL, "phandle", cells(2, 2)), `${SERIAL}/phandle: error: 8 bytes, not 4 [phandle]`],
    [set("/rtas", "phandle", cells(0)), "/rtas/phandle: error: 0x0 is not a valid phandle [phandle]"],
    [set("/rtas", "phandle", cells(0xffffffff)), "/rtas/phandle: error: 0xffffffff is not a valid phandle [phandle]"],
    [
      set("/rtas", "ibm,phandle", cells(0xffffffff)),
      "/rtas/ibm,phandle: error: 0xffffffff is not a valid phandle [phandle]",
    ],
    [set(SERIAL, "linux,phandle", cells(3)), `${SERIAL}: error: phandle 0x2, linux,phandle 0x3 [phandle]`],
  ],
  "phandle-unique": [
    [set("/rtas", "ibm,phandle", cells(2)), `${SERIAL}: error: phandle 0x2 is that of /rtas [phandle-unique]`],
    [set("/rtas", "phandle", cells(2)), `${SERIAL}: error: phandle 0x2 is that of /rtas [phandle-unique]`],
  ],
  cells: [
    [set("/rtas", "#address-cells", cells(5)), "/rtas/#address-cells: error: 5 cells [cells]"],
    [set("/rtas", "#size-cells", Uint8Array.of(1)), "/rtas/#size-cells: error: 1 bytes, not 4 [cells]"],
    [
      set("/cpus", "#address-cells", cells(0)),
      "/cpus/#address-cells: error: 0 cells: a cpu's number has no room in its reg [cells]",
    ],
  ],
  reg: [
    [set(SERIAL, "reg", cells(0x10)), `${SERIAL}/reg: warning: 4 bytes are not entries of 1 + 1 cells [reg]`],
    [set(SERIAL, "reg", new Uint8Array(0)), `${SERIAL}/reg: warning: 0 bytes are not entries of 1 + 1 cells [reg]`],
  ],
  ranges: [
    [
      set(BUS, "ranges", cells(0, 0, 0xf0000000)),
      `${BUS}/ranges: warning: 12 bytes are not entries of 1 + 2 + 1 cells [ranges]`,
    ],
  ],
  "unit-address": [
    [
      add(BUS, node("timer", { reg: cells(0x20, 1) })),
      `${BUS}/timer: warning: a reg, but no unit address [unit-address]`,
    ],
    [add(BUS, node("timer@20", {})), `${BUS}/timer@20: warning: a unit address, but no reg [unit-address]`],
  ],
  "interrupt-parent": [
    [
      set("/rtas", "interrupt-parent", cells(9)),
      "/rtas/interrupt-parent: warning: no node has the phandle 0x9 [interrupt-parent]",
    ],
    [
      set("/rtas", "interrupt-parent", cells(1, 1)),
      "/rtas/interrupt-parent: warning: 8 bytes, not 4 [interrupt-parent]",
    ],
  ],
  interrupts: [
    [
      set(SERIAL, "interrupts", cells(4)),
      `${SERIAL}/interrupts: warning: 4 bytes are not entries of 2 cells [interrupts]`,
    ],
  ],
  "interrupt-circle": [
    [
      (tree) => {
        set(SERIAL, "interrupt-parent", cells(0x71))(tree);
        add("/", node("a", { phandle: cells(0x71), "interrupt-parent": cells(0x72) }))(tree);
        add("/", node("b", { phandle: cells(0x72), "interrupt-parent": cells(0x71) }))(tree);
      },
      `${SERIAL}/interrupts: error: nobody takes them: the interrupt-parents go in a circle [interrupt-circle]`,
    ],
  ],
  status: [
    [set(SERIAL, "status", text("on")), `${SERIAL}/status: warning: is none of okay disabled reserved fail [status]`],
  ],
  root: [[remove("/", "model"), "/: warning: no model [root]"]],
  aliases: [
    [set("/aliases", "serial1", text("")), "/aliases/serial1: warning: names no node [aliases]"],
    [set("/aliases", "serial1", text("/nothing")), "/aliases/serial1: warning: names no node [aliases]"],
    [
      set("/aliases", "Serial_1", text(SERIAL)),
      "/aliases/Serial_1: warning: not lower case letters, digits and dashes alone [aliases]",
    ],
  ],
  bootargs: [
    [
      set("/chosen", "bootargs", text(`${"quiet ".repeat(341)}yroot=/dev/sda1`)),
      `/chosen/bootargs: warning: 2061 bytes, of which Linux takes 2047: it is cut off after " quiet quiet quiet y" [bootargs]`,
    ],
  ],
  "stdout-path": [
    [set("/chosen", "stdout-path", text("serial7")), "/chosen/stdout-path: warning: names no node [stdout-path]"],
  ],
  initrd: [
    [remove("/chosen", "linux,initrd-end"), "/chosen: error: no linux,initrd-end [initrd]"],
    [
      set("/chosen", "linux,initrd-end", cells(0x1000)),
      "/chosen: error: the initrd's end 0x1000 is not above its start 0x2000000 [initrd]",
    ],
    [
      set("/chosen", "linux,initrd-start", Uint8Array.of(1)),
      "/chosen/linux,initrd-start: error: 1 bytes are neither one cell nor two [initrd]",
    ],
  ],
  "initrd-memory": [
    [
      set("/chosen", "linux,initrd-end", u64Value(0x10000001n)),
      "/chosen: error: the initrd 0x2000000-0x10000001 is not in memory [initrd-memory]",
    ],
  ],
  memory: [
    [
      (tree) => {
        tree.root.children = tree.root.children.filter(({ name }) => name !== "memory@0");
      },
      "/: error: no memory node [memory]",
    ],
  ],
  "memory-overlap": [
    [
      add("/", node("memory@8000000", { device_type: text("memory"), reg: cells(0, 0x8000000, 0, 0x10000000) })),
      "/: warning: 0x0-0x10000000 and 0x8000000-0x18000000 overlap [memory-overlap]",
    ],
  ],
  cpus: [
    [set(CPU, "reg", cells(0)), `${CPU}: error: another cpu has the reg 0x0 too [cpus]`],
    [
      set(CPU, "ibm,ppc-interrupt-server#s", new Uint8Array(0)),
      `${CPU}/ibm,ppc-interrupt-server#s: error: 0 bytes are not whole cells [cpus]`,
    ],
    [
      (tree) => {
        for (const path of ["/cpus/PowerPC,POWER9@0", CPU]) removeProperty(at(tree, path), "device_type");
      },
      "/cpus: error: no node of the device_type cpu [cpus]",
    ],
  ],
  "boot-cpu": [[bootFrom(3), "/cpus: warning: no cpu 0x3, which is to boot [boot-cpu]"]],
  pairs: [
    [set("/rtas", "linux,tce-base", u64Value(0n)), "/rtas: error: linux,tce-base without linux,tce-size [pairs]"],
  ],
  rtas: [
    [
      set("/rtas", "linux,rtas-entry", cells(0x3001000)),
      "/rtas: error: the entry 0x3001000 is not in 0x3000000-0x3001000 [rtas]",
    ],
  ],
  "reserve-overlap": [
    [
      reserve(0x3000800n, 0x3002000n),
      "the reserve map: warning: 0x3000000-0x3001000 and 0x3000800-0x3002000 overlap [reserve-overlap]",
    ],
  ],
  "reserve-memory": [
    [
      reserve(0x20000000n, 0x20000001n),
      "the reserve map: warning: 0x20000000-0x20000001 is not in memory [reserve-memory]",
    ],
  ],
};

function lines(tree: DeviceTree): string[] {
  return findingsIn(tree, new Set(), checks).map((finding) => `${finding.place}: ${findingText(finding)}`);
}

test("a sound tree has nothing to find", () => {
  expect(lines(soundTree())).toEqual([]);
});

describe("a sound partition, most of whose memory is in blocks, has nothing to find", () => {
  const partition = (name: string, list: Uint8Array): DeviceTree => {
    const tree = soundTree();
    tree.root.children.push(blocks(name, list));
    setProperty(at(tree, "/chosen"), "linux,initrd-start", u64Value(0x11000000n));
    setProperty(at(tree, "/chosen"), "linux,initrd-end", u64Value(0x12fff000n));
    tree.reservations = [{ start: 0x11000000n, end: 0x12fff000n }];
    return tree;
  };
  const lists = {
    // 16 blocks in the memory node, one that the partition does not have, 2 that it has.
    "ibm,dynamic-memory-v2": cells(3, 16, 0, 0, 0, 0, 0x80, 1, 0, 0x10000000, 16, 0, 0, 2, 0, 0x11000000, 17, 0, 8),
    "ibm,dynamic-memory": cells(2, 0, 0x11000000, 17, 0, 0, 8, 0, 0x12000000, 18, 0, 0, 8),
  };

  const errors = (tree: DeviceTree): string[] => lines(tree).filter((line) => line.includes(": error: "));

  test.each(Object.entries(lists))("listed in %s", (name, list) => {
    expect(errors(partition(name, list))).toEqual([]);
  });

  test.each(Object.entries(lists))(
    "listed in %s; what lies in a block that it does not have is not in memory",
    (name, list) => {
      const tree = partition(name, list);
      setProperty(at(tree, "/chosen"), "linux,initrd-start", u64Value(0x10fff000n));
      expect(errors(tree)).toEqual([
        "/chosen: error: the initrd 0x10fff000-0x12fff000 is not in memory [initrd-memory]",
      ]);
    },
  );
});

test("a list of blocks that ends early is one error", () => {
  const tree = soundTree();
  tree.root.children.push(blocks("ibm,dynamic-memory-v2", cells(1, 2, 0)));
  setProperty(at(tree, "/chosen"), "linux,initrd-end", u64Value(0x20000000n));
  expect(lines(tree).filter((line) => line.includes(": error: "))).toEqual([
    "/ibm,dynamic-reconfiguration-memory/ibm,dynamic-memory-v2: error: 12 bytes do not hold 1 entries of 24 [memory]",
  ]);
});

test("more ranges of memory than are read are an error, in each list that another command would refuse for them", () => {
  const [most, more, one] = [32_768, 32_769, 1].map((count) => new Uint8Array(16 * count));
  const isMany = (place: string) => `${place}: error: 32769 ranges are more than 32768 [memory]`;
  const errors = (change: (tree: DeviceTree) => void) => {
    const tree = soundTree();
    change(tree);
    return lines(tree).filter((line) => line.includes(": error: "));
  };
  const counts = { "#address-cells": cells(2), "#size-cells": cells(2) };
  const reserved = node("reserved-memory", { ...counts, ranges: cells() }, node("a@0", { reg: present(more) }));
  for (const name of ["reg", "linux,usable-memory"])
    expect(errors(set("/memory@0", name, present(more)))).toEqual([isMany(`/memory@0/${name}`)]);
  expect(errors(set("/", "reserved-ranges", present(more)))).toEqual([isMany("/reserved-ranges")]);
  expect(errors(add("/", reserved))).toEqual([isMany("/reserved-memory/a@0/reg")]);
  const second = node("memory@1000000000", { device_type: text("memory"), reg: present(one) });
  const both = (tree: DeviceTree) => {
    set("/memory@0", "reg", present(most))(tree);
    add("/", second)(tree);
  };
  expect(errors(both)).toEqual([isMany("/memory@1000000000/reg")]);
  expect(errors(set("/memory@0", "linux,usable-memory", new Uint8Array(12)))).toEqual([
    "/memory@0/linux,usable-memory: error: 12 bytes are not entries of 4 cells [memory]",
  ]);
});

describe("is broken alone:", () => {
  // The table itself is gone over: a check without a tree here fails.
  for (const { name, severity, reason, source } of checks) {
    test(`${name} (${severity})`, () => {
      expect([reason, source].every((said) => said.length > 5)).toBe(true);
      expect(broken[name] ?? []).not.toEqual([]);
      for (const [breaks, line] of present(broken[name])) {
        const tree = soundTree();
        breaks(tree);
        expect(lines(tree)).toEqual([line]);
        expect(findingsIn(tree, new Set([name]), checks)).toEqual([]);
      }
    });
  }

  test("and there is no tree for a check that is not in the table", () => {
    expect(Object.keys(broken).sort()).toEqual(checks.map(({ name }) => name).sort());
  });
});

describe("a check whose prerequisite has failed", () => {
  const nine = (path: string) => {
    const tree = soundTree();
    setProperty(at(tree, path), "#address-cells", cells(9));
    return lines(tree);
  };

  test("is silent: a wrong number of cells is one error, not one more for every child", () => {
    expect(nine(BUS)).toEqual([`${BUS}/#address-cells: error: 9 cells [cells]`]);
    expect(nine("/cpus")).toEqual(["/cpus/#address-cells: error: 9 cells [cells]"]);
    expect(nine("/")).toEqual(["/#address-cells: error: 9 cells [cells]"]);
  });

  test("is made all the same at every other node", () => {
    const tree = soundTree();
    setProperty(at(tree, BUS), "#address-cells", cells(9));
    setProperty(at(tree, CPU), "reg", new Uint8Array(2));
    expect(lines(tree)).toEqual([
      `${BUS}/#address-cells: error: 9 cells [cells]`,
      `${CPU}/reg: warning: 2 bytes are not entries of 1 + 0 cells [reg]`,
      `${CPU}: error: a reg of 2 bytes, not of 1 cells [cpus]`,
    ]);
  });

  test("is silent about the property that is at fault, not about its neighbours", () => {
    const unended = (property: string) => {
      const tree = soundTree();
      setProperty(at(tree, BUS), "status", Buffer.from("sleepy\0"));
      setProperty(at(tree, BUS), property, Buffer.from("sleepy"));
      return lines(tree);
    };
    expect(unended("status")).toEqual([`${BUS}/status: error: does not end with NUL [strings]`]);
    expect(unended("model")).toEqual([
      `${BUS}/model: error: does not end with NUL [strings]`,
      `${BUS}/status: warning: is none of okay disabled reserved fail [status]`,
    ]);
  });

  /** By check, what it would tell of too, if it did not need another one. */
  const overlay = add("/", node("fragment@0", {}, node("__overlay__", {})));
  const silenced: Readonly<Record<string, readonly ((tree: DeviceTree) => void)[]>> = {
    "name-property": [set(SERIAL, "name", Buffer.from("uart"))],
    "phandle-unique": [set(SERIAL, "linux,phandle", cells(1))],
    "unit-address": [overlay, add(BUS, node("timer@20", {}))],
    "interrupt-parent": [overlay, set("/rtas", "interrupt-parent", cells(0xffffffff))],
    interrupts: [overlay, set(SERIAL, "interrupts", cells(4))],
    root: [overlay, remove("/", "model")],
    reg: [set(BUS, "#address-cells", cells(9))],
    ranges: [set(BUS, "#address-cells", cells(9))],
    status: [set(SERIAL, "status", Buffer.from("sleepy"))],
    "stdout-path": [set("/chosen", "stdout-path", Buffer.from("nowhere"))],
    memory: [set("/", "#address-cells", cells(9))],
    "initrd-memory": [
      set("/memory@0", "reg", cells(0, 0, 0, 0x10000000, 0)),
      set("/chosen", "linux,initrd-start", cells(0x20000000)),
      set("/chosen", "linux,initrd-end", cells(0x20100000)),
    ],
    "memory-overlap": [set("/memory@0", "reg", cells(0, 0, 0, 0x10000000, 0, 0, 0, 0x1000, 0))],
    cpus: [set("/cpus", "#address-cells", cells(9))],
    "boot-cpu": [set(CPU, "reg", new Uint8Array(2)), bootFrom(3)],
    "reserve-memory": [set("/memory@0", "reg", cells(0, 0, 0, 0x10000000, 0)), reserve(0x20000000n, 0x20001000n)],
  };

  test("is one that has a tree for it below", () => {
    const dependent = checks.filter(({ needs }) => needs !== undefined).map(({ name }) => name);
    expect(dependent.sort()).toEqual(Object.keys(silenced).sort());
  });

  test.each(Object.keys(silenced))("is silent: %s, which would not be without that", (name) => {
    const tree = soundTree();
    for (const breaks of present(silenced[name])) breaks(tree);
    const told = (table: readonly Check[]) =>
      runChecks(table, surveyOf(tree)).filter(({ check }) => check.name === name);
    expect(told(checks)).toEqual([]);
    expect(told(checks.map((each) => (each.name === name ? { ...each, needs: [] } : each)))).not.toEqual([]);
  });

  test("is silent when the other one is not told of", () => {
    const tree = soundTree();
    setProperty(at(tree, BUS), "#address-cells", cells(9));
    expect(findingsIn(tree, new Set(["cells"]), checks)).toEqual([]);
  });

  test("counts as failed itself, for those that need it", () => {
    const looked: string[] = [];
    const check = (name: string, fails: boolean, ...needs: Prerequisite[]): Check => ({
      name,
      severity: "warning",
      reason: "",
      source: "",
      needs,
      look({ path }, tell) {
        looked.push(`${name} ${path}`);
        if (fails && path === "/a") tell(path, "fails");
      },
    });
    const tree = { ...soundTree(), root: node("", {}, node("a", {}, node("b", {})), node("c", {})) };
    const table = [
      check("first", true),
      check("second", false, { check: "first", at: "itself" }),
      check("third", false, { check: "second", at: "parent" }),
      check("fourth", false, { check: "first", at: "/a" }),
    ];
    expect(runChecks(table, surveyOf(tree)).map((finding) => finding.check.name)).toEqual(["first"]);
    expect(looked.filter((each) => !each.startsWith("first"))).toEqual([
      "second /",
      "second /a/b",
      "second /c",
      "third /",
      "third /a",
      "third /c",
    ]);
  });

  test("needs one that stands before it in the table", () => {
    for (const [index, { needs = [] }] of checks.entries()) {
      const before = checks.slice(0, index).map(({ name }) => name);
      for (const { check } of needs) expect(before).toContain(check);
    }
  });
});

describe("a healthy tree hears nothing of", () => {
  const overlaid = (...children: Node[]): DeviceTree => ({
    ...soundTree(),
    bootCpu: 0,
    reservations: [],
    root: node("", {}, node("fragment@0", { target: cells(0xffffffff) }, node("__overlay__", {}, ...children))),
  });
  const cpus = (tree: DeviceTree, values: Values, ...nodes: Node[]): string[] => {
    tree.bootCpu = 0;
    tree.root.children = tree.root.children.map((each) =>
      each.name === "cpus" ? node("cpus", values, ...nodes) : each,
    );
    return lines(tree);
  };

  test("long names, which Linux and dtc take", () => {
    const tree = soundTree();
    set(CPU, "ibm,processor-radix-AP-encodings", cells(0xc))(tree);
    set(CPU, "n".repeat(200), cells(1))(tree);
    add("/", node("n".repeat(100), {}))(tree);
    expect(lines(tree)).toEqual([]);
  });

  test("a command line that firmware does not give, nor a /chosen", () => {
    const tree = soundTree();
    remove("/chosen", "bootargs")(tree);
    expect(lines(tree)).toEqual([]);
    tree.root.children = tree.root.children.filter(({ name }) => name !== "chosen");
    expect(lines(tree)).toEqual([]);
  });

  test("what an overlay leaves to the tree that it is laid over", () => {
    const tree = overlaid(
      node("port@0", { "interrupt-parent": cells(0xffffffff), interrupts: cells(1), status: text("okay") }),
      node("i2c", {}, node("rtc@51", { reg: cells(0x51) })),
    );
    expect(lines(tree)).toEqual(["/: error: an overlay, not a tree [overlay]"]);
  });

  test("cpus that Linux knows by their name alone", () => {
    const counts = { "#address-cells": cells(1), "#size-cells": cells(0) };
    expect(cpus(soundTree(), counts, node("cpu@0", { reg: cells(0) }), node("cpu@1", { reg: cells(1) }))).toEqual([]);
    expect(cpus(soundTree(), counts, node("POWER9@0", { reg: cells(0) }))).toEqual([
      "/cpus: error: no node of the device_type cpu [cpus]",
    ]);
  });

  test("a lone cpu without a number", () => {
    for (const counts of [{}, { "#address-cells": cells(0), "#size-cells": cells(0) }])
      expect(cpus(soundTree(), counts, node("cpu", { device_type: text("cpu") }))).toEqual([]);
    expect(cpus(soundTree(), {}, node("PowerPC,G4", { device_type: text("cpu") }))).toEqual([
      "/cpus/PowerPC,G4: error: a reg of 0 bytes, not of 2 cells [cpus]",
    ]);
    const two = [node("cpu", {}), node("cpu@1", {})];
    expect(cpus(soundTree(), { "#address-cells": cells(0) }, ...two)).toContain(
      "/cpus/#address-cells: error: 0 cells: a cpu's number has no room in its reg [cells]",
    );
  });

  test("the bit of an event in the interrupts of OPAL's IPMI, which no controller counts", () => {
    const ipmi = (compatible: string) => {
      const tree = soundTree();
      add(
        "/",
        node(
          "ibm,opal",
          { "interrupt-parent": cells(1) },
          node("ipmi", { compatible: text(compatible), interrupts: cells(1) }),
        ),
      )(tree);
      return lines(tree);
    };
    expect(ipmi("ibm,opal-ipmi")).toEqual([]);
    expect(ipmi("ipmi-bt")).toEqual([
      "/ibm,opal/ipmi/interrupts: warning: 4 bytes are not entries of 2 cells [interrupts]",
    ]);
  });

  test("the size in the reg of OPAL's flash, for which its parent has no cells", () => {
    const flash = (compatible: string) => {
      const tree = soundTree();
      const cells0 = { "#address-cells": cells(0), "#size-cells": cells(0) };
      const values = { compatible: text(compatible), reg: u64Value(0x4000000n) };
      add("/", node("ibm,opal", cells0, node("flash@0", values)))(tree);
      return lines(tree);
    };
    expect(flash("ibm,opal-flash")).toEqual([]);
    expect(flash("jedec,spi-nor")).toEqual([
      "/ibm,opal/flash@0/reg: warning: 8 bytes are not entries of 0 + 0 cells [reg]",
    ]);
  });

  test("a cpu that says its own number twice", () => {
    const tree = soundTree();
    set(CPU, "reg", cells(8, 8))(tree);
    expect(lines(tree)).toEqual([]);
  });

  test("a reservation at an end of memory, which firmware keeps for itself, and of one where memory is to be told of yet", () => {
    const tree = soundTree();
    reserve(0x10000000n, 0x10010000n)(tree);
    expect(lines(tree)).toEqual([]);
    set("/memory@0", "reg", cells(0, 0x1000, 0, 0xffff000))(tree);
    reserve(0n, 0x1000n)(tree);
    expect(lines(tree)).toEqual([]);
    set("/memory@0", "reg", cells(0, 0, 0, 0))(tree);
    expect(lines(tree).filter((line) => line.includes("reserve"))).toEqual([]);
  });
});

test("one server more than the reg says is no fault: a cpu has as many ids as it has threads", () => {
  const tree = soundTree();
  setProperty(at(tree, CPU), "reg", cells(8, 9));
  expect(lines(tree)).toEqual([]);
});

test("no tree makes a check throw, or say what a terminal would act on", () => {
  fc.assert(
    fc.property(deviceTrees(), (tree) => {
      for (const finding of findingsIn(tree, new Set(), checks))
        expect(findingText(finding)).toMatch(/^(error|warning): [ -~]+ \[[a-z-]+\]$/);
    }),
    { numRuns: 3000 },
  );
}, 60_000);

describe("dtcheck", () => {
  function checked(tree: DeviceTree, ...options: readonly string[]): { code: number; out: string; err: string } {
    writeFileSync(folder.in("blob"), blobOf(tree));
    const { code, out, err } = runInside({}, "dtcheck", ...options, folder.in("blob"));
    return { code, out: out.toString("latin1"), err };
  }

  test("prints nothing for a sound tree, a line for a warning, and ends with 1 for an error", () => {
    const tree = soundTree();
    expect(checked(tree)).toEqual({ code: 0, out: "", err: "" });
    setProperty(at(tree, SERIAL), "st\x1btus", cells(1));
    expect(checked(tree)).toEqual({
      code: 0,
      out: `${SERIAL}/st\\x1btus: warning: is not a valid property name [property-name]\n`,
      err: "",
    });
    setProperty(at(tree, "/"), "model", Uint8Array.of(1));
    expect(checked(tree, "--skip", "property-name")).toEqual({
      code: 1,
      out: "/model: error: does not end with NUL [strings]\n",
      err: "",
    });
    expect(checked(tree, "--skip=property-name,strings")).toEqual({ code: 0, out: "", err: "" });
  });

  test("lists every check with its reason and source", () => {
    const { code, out } = runInside({}, "dtcheck", "--list");
    expect(code).toBe(0);
    expect(out.toString().trimEnd().split("\n")).toEqual(
      checks.map(({ name, severity, reason, source }) => `${name} (${severity}): ${reason}. ${source}`),
    );
  });

  test("refuses a check that there is not, and another number of trees than one", () => {
    expect(runInside({}, "dtcheck", "--skip", "nonesuch", "x")).toMatchObject({
      code: 2,
      err: "dtcheck: --skip: no check is called 'nonesuch'\n",
    });
    expect(runInside({}, "dtcheck").code).toBe(2);
    expect(runInside({}, "dtcheck", "a", "b").code).toBe(2);
    expect(runInside({}, "dtcheck", "--list", "a").code).toBe(2);
  });

  test.each(["dtedit", "fs2dt"])(
    "%s --check writes nothing where there is an error, and tells all that is found",
    (applet) => {
      const tree = soundTree();
      setProperty(at(tree, "/"), "model", Uint8Array.of(1));
      setProperty(at(tree, SERIAL), "status", text("on"));
      writeFileSync(folder.in("blob"), blobOf(tree));
      const words =
        applet === "dtedit" ? [folder.in("blob"), folder.in("out")] : ["-b", "0x8000000", folder.in("blob")];
      const { code, out, err } = runInside({}, applet, "--check", ...words);
      expect({ code, out: out.length, err }).toEqual({
        code: 1,
        out: 0,
        err: [
          "/model: error: does not end with NUL [strings]",
          `${SERIAL}/status: warning: is none of okay disabled reserved fail [status]`,
          "--check: 1 error; nothing is written",
          "",
        ]
          .map((line) => (line === "" ? "" : `${applet}: ${line}`))
          .join("\n"),
      });
      expect(() => readFileSync(folder.in("out"))).toThrow("ENOENT");
    },
  );
});

test("thousands of aliases that name no node do not cost a look at each child of the root", () => {
  const tree = soundTree();
  const many = Array.from({ length: 15_000 }, (_, index) => index);
  tree.root.children.push(...many.map((index) => node(`dev@${index.toString(16)}`, {})));
  at(tree, "/aliases").properties = many.map((index) => ({ name: `a${index}`, value: text(`/gone${index}`) }));
  expect(findingsIn(tree).filter(({ check }) => check.name === "aliases")).toHaveLength(many.length);
});
