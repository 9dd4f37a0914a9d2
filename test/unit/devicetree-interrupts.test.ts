// Who takes interrupts: which node's cells they are counted in, and which controller they reach.

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { interruptParent } from "../../src/devicetree/interrupts.ts";
import { surveyOf } from "../../src/devicetree/survey.ts";
import type { DeviceTree, Node } from "../../src/devicetree/tree.ts";
import { blobOf } from "../support/device-trees.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { cells } from "../support/tree.ts";

const folder = temporaryFolder();
const NOTHING = new Uint8Array(0);

type Values = Readonly<Record<string, Uint8Array>>;

function node(name: string, values: Values, ...children: Node[]): Node {
  return { name, properties: Object.entries(values).map(([name, value]) => ({ name, value })), children };
}

function treeOf(values: Values, ...children: Node[]): DeviceTree {
  return { root: node("", values, ...children), reservations: [], address: undefined, bootCpu: 0 };
}

/** A controller of that phandle and so many cells. */
function controller(name: string, phandle: number, count: number, values: Values = {}, ...children: Node[]): Node {
  const own = { phandle: cells(phandle), "#interrupt-cells": cells(count), "interrupt-controller": NOTHING };
  return node(name, { ...own, ...values }, ...children);
}

/** By path, what dtdump -a says of the node's interrupts. */
function annotated(tree: DeviceTree, ...paths: readonly string[]): (string | undefined)[] {
  writeFileSync(folder.in("blob"), blobOf(tree));
  return paths.map((path) => {
    const { code, out, err } = runInside({}, "dtdump", "-a", folder.in("blob"), path);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    return /^\tinterrupts(?:-extended)? = .*;(?: \/\* (.*) \*\/)?$/m.exec(out.toString())?.[1];
  });
}

function found(tree: DeviceTree): string[] {
  writeFileSync(folder.in("blob"), blobOf(tree));
  const lines = runInside({}, "dtcheck", folder.in("blob")).out.toString().split("\n");
  return lines.filter((line) => line.includes("[interrupts]"));
}

/** A gic with 3 cells, whose interrupts a pmic raises that is a controller with 2 itself. */
const board = (rtc: Values): DeviceTree =>
  treeOf(
    { "interrupt-parent": cells(1) },
    controller("gic", 1, 3),
    node(
      "i2c",
      { interrupts: cells(0, 9, 4) },
      controller("pmic", 2, 2, { "interrupt-parent": cells(1), interrupts: cells(0, 7, 4) }, node("rtc", rtc)),
    ),
  );

test("an ancestor with #interrupt-cells takes interrupts before its own interrupt-parent is asked", () => {
  const tree = board({ interrupts: cells(6, 1) });
  expect(annotated(tree, "/i2c", "/i2c/pmic", "/i2c/pmic/rtc")).toEqual(["to /gic", "to /gic", "to /i2c/pmic"]);
  expect(found(tree)).toEqual([]);
  expect(found(board({ interrupts: cells(6, 1, 0) }))).toEqual([
    "/i2c/pmic/rtc/interrupts: warning: 12 bytes are not entries of 2 cells [interrupts]",
  ]);
});

test("a node's own interrupt-parent goes before its ancestors", () => {
  const tree = board({ interrupts: cells(0, 6, 1), "interrupt-parent": cells(1) });
  expect(annotated(tree, "/i2c/pmic/rtc")).toEqual(["to /gic"]);
  expect(found(tree)).toEqual([]);
});

test("an interrupt-parent without #interrupt-cells leads on to its own, or to its parent", () => {
  const device = { interrupts: cells(5), "interrupt-parent": cells(3) };
  const leads = (bank: Values) =>
    treeOf(
      { "interrupt-parent": cells(1) },
      controller("gic", 1, 3),
      controller("pic", 4, 1, {}, node("bank", { phandle: cells(3), ...bank })),
      node("device", device),
    );
  expect(annotated(leads({}), "/device")).toEqual(["to /pic"]);
  expect(found(leads({}))).toEqual([]);
  expect(found(leads({ "interrupt-parent": cells(1) }))).toEqual([
    "/device/interrupts: warning: 4 bytes are not entries of 3 cells [interrupts]",
  ]);
});

test("a phandle that no node has is nobody's, and is told of by itself", () => {
  const tree = treeOf(
    {},
    controller("pic", 1, 2, {}, node("device", { interrupts: cells(5), "interrupt-parent": cells(9) })),
  );
  expect(annotated(tree, "/pic/device")).toEqual([undefined]);
  expect(found(tree)).toEqual([]);
});

test("ways in a circle end, and a long way is not gone again for each node on it", () => {
  const circle = surveyOf(
    treeOf(
      {},
      node("a", { phandle: cells(1), "interrupt-parent": cells(2) }),
      node("b", { phandle: cells(2), "interrupt-parent": cells(1) }),
    ),
  );
  expect(circle.nodes.map((each) => interruptParent(circle, each))).toEqual([undefined, undefined, undefined]);
  const count = 50_000;
  const chain = Array.from({ length: count }, (_, index) =>
    node(`n@${index}`, { phandle: cells(index + 2), "interrupt-parent": cells(index + 1) }),
  );
  const long = surveyOf(treeOf({}, controller("pic", 1, 2), ...chain));
  const start = performance.now();
  const takers = new Set(
    long.nodes
      .slice(2)
      .toReversed()
      .map((each) => interruptParent(long, each)?.path),
  );
  expect([...takers]).toEqual(["/pic"]);
  expect(performance.now() - start).toBeLessThan(5000);
});

/** A bus whose map sends its interrupts 0 and 1 of address 2 to the gic, and 2 to a pic. */
const mapped = (values: Values, ...children: Node[]): DeviceTree =>
  treeOf(
    { "#address-cells": cells(2) },
    controller("gic", 1, 3, { "#address-cells": cells(0) }),
    controller("pic", 2, 1, { "#address-cells": cells(1) }),
    node(
      "bus",
      {
        "#address-cells": cells(1),
        "#interrupt-cells": cells(1),
        "interrupt-map": Buffer.concat([
          cells(2, 0, 1, 0, 4, 4),
          cells(2, 1, 1, 0, 5, 4),
          cells(2, 2, 2, 0x40, 7),
          cells(3, 0, 9, 1),
        ]),
        ...values,
      },
      ...children,
    ),
  );

test("an interrupt that a map sends on is the controller's that it arrives at", () => {
  const tree = mapped(
    {},
    node("a@2", { reg: cells(2, 1), interrupts: cells(1) }),
    node("b@2", { reg: cells(2, 1), interrupts: cells(2) }),
    node("c@2", { reg: cells(2, 1), interrupts: cells(1, 2) }),
    node("d@4", { reg: cells(4, 1), interrupts: cells(1) }),
    node("e", { interrupts: cells(1) }),
  );
  expect(annotated(tree, "/bus/a@2", "/bus/b@2", "/bus/c@2", "/bus/d@4", "/bus/e")).toEqual([
    "to /gic through /bus",
    "to /pic through /bus",
    "to /bus",
    "to /bus",
    "to /bus",
  ]);
  expect(found(tree)).toEqual([]);
});

test("of an address and an interrupt, the map compares what its mask says", () => {
  const devices = [node("a@12", { reg: cells(0x12, 1), interrupts: cells(1) })];
  expect(annotated(mapped({}, ...devices), "/bus/a@12")).toEqual(["to /bus"]);
  const masked = mapped({ "interrupt-map-mask": cells(0xf, 3) }, ...devices);
  expect(annotated(masked, "/bus/a@12")).toEqual(["to /gic through /bus"]);
});

test("a bus that has #interrupt-cells, and neither takes nor maps interrupts, hands them on", () => {
  const tree = treeOf(
    { "interrupt-parent": cells(1) },
    controller("pic", 1, 2),
    node("bus", { "#interrupt-cells": cells(2) }, node("device", { interrupts: cells(5, 0) })),
  );
  expect(annotated(tree, "/bus/device")).toEqual(["to /pic through /bus"]);
});

test("maps that lead in a circle, or make no sense, lead nowhere", () => {
  const circle = { "#address-cells": cells(0), "interrupt-map": cells(1, 3, 1) };
  const cases: readonly Values[] = [
    { phandle: cells(3), ...circle },
    { "interrupt-map": cells(2, 1, 1, 0, 4) },
    { "interrupt-map": Uint8Array.of(1, 2, 3) },
    { "interrupt-map": NOTHING },
    { "#address-cells": cells(0xffffffff) },
    { "#interrupt-cells": cells(0xffffffff) },
  ];
  for (const values of cases) {
    const tree = mapped(values, node("a@2", { reg: cells(2, 1), interrupts: cells(1) }));
    expect(["to /bus", undefined]).toContain(present(annotated(tree, "/bus/a@2")).at(0));
  }
});

test("interrupts-extended name each who takes them, and are checked by its cells", () => {
  const extended = (...words: readonly number[]) =>
    treeOf(
      {},
      controller("gic", 1, 3),
      controller("pic", 2, 1),
      node("bank", { phandle: cells(3) }),
      node("device", { "interrupts-extended": cells(...words) }),
    );
  const sound = extended(1, 0, 7, 4, 0, 2, 5);
  expect(annotated(extended(1, 0, 7, 4, 2, 5), "/device")).toEqual(["/gic /pic"]);
  expect(found(sound)).toEqual([]);
  const place = "/device/interrupts-extended: warning:";
  expect(found(extended(1, 0, 7, 4, 9, 5))).toEqual([`${place} no node has the phandle 0x9 [interrupts]`]);
  expect(found(extended(3))).toEqual([`${place} /bank has no #interrupt-cells [interrupts]`]);
  expect(found(extended(2, 5, 1, 0))).toEqual([`${place} 16 bytes end within an entry for /gic [interrupts]`]);
});
