// Nodes with more entries than a real one has: found, added and removed by an index, which has to say what a walk would.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { settleLists } from "../../src/devicetree/changing.ts";
import { addNode, deleteNode, reserve, unreserve } from "../../src/devicetree/edit/edits.ts";
import { compareKeys, sortKey } from "../../src/devicetree/order.ts";
import {
  addChild,
  child,
  type Node,
  property,
  removeChild,
  removeProperty,
  setProperty,
} from "../../src/devicetree/tree.ts";
import { present } from "../support/present.ts";

interface Step {
  readonly does: "set" | "remove" | "look";
  readonly name: string;
}

/** Names of which there are few more than make a list long, so that they are met again. */
const steps = fc.array(
  fc.record<Step>({
    does: fc.constantFrom("set", "set", "set", "remove", "look"),
    name: fc.nat(60).map((number) => `n@${number.toString(16)}`),
  }),
  { minLength: 100, maxLength: 300, size: "max" },
);

const empty = (): Node => ({ name: "", properties: [], children: [] });

function ascending(items: readonly { readonly name: string }[], key: (name: string) => number | string): boolean {
  return items.every(({ name }, index) => index === 0 || key(present(items[index - 1]).name) < key(name));
}

describe("in a node of any number of entries", () => {
  test("a property is what it was set to last, or not there, and stands where its name sorts", () => {
    fc.assert(
      fc.property(steps, (steps) => {
        const node = empty();
        const expected = new Map<string, number>();
        for (const [turn, { does, name }] of steps.entries()) {
          if (does === "set") {
            setProperty(node, name, Uint8Array.of(turn & 255));
            expected.set(name, turn & 255);
          } else if (does === "remove") {
            expect(removeProperty(node, name)).toBe(expected.delete(name));
          }
          expect(property(node, name)?.[0]).toBe(expected.get(name));
          expect(node.properties).toHaveLength(expected.size);
        }
        expect(ascending(node.properties, (name) => name)).toBe(true);
        expect(new Map(node.properties.map(({ name, value }) => [name, present(value[0])]))).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  test("a child is the one that was added, or not there, and stands where its unit address sorts", () => {
    fc.assert(
      fc.property(steps, (steps) => {
        const node = empty();
        const expected = new Map<string, Node>();
        for (const { does, name } of steps) {
          const present = expected.get(name);
          if (does === "set" && present === undefined) {
            expected.set(name, addChild(node, name));
          } else if (does === "remove" && present !== undefined) {
            removeChild(node, present);
            expected.delete(name);
          }
          expect<Node | undefined>(child(node, name)).toBe(expected.get(name));
          expect(node.children).toHaveLength(expected.size);
        }
        expect(ascending(node.children, (name) => parseInt(name.slice(2), 16))).toBe(true);
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  test.each([2, 50])("of two of one name the first is found, then the other: %d entries", (count) => {
    const node = empty();
    for (let index = 0; index < count; index++) node.children.push({ ...empty(), name: `n${index >> 1}` });
    const [first, second, ...others] = node.children;
    expect(child(node, "n0")).toBe(present(first));
    removeChild(node, present(first));
    expect(child(node, "n0")).toBe(present(second));
    removeChild(node, present(second));
    expect(child(node, "n0")).toBeUndefined();
    expect(node.children).toEqual(others);
    node.properties = ["a", "b", "a", ...Array.from({ length: count }, (_, index) => `p${index}`), "a"].map((name) => ({
      name,
      value: new Uint8Array(0),
    }));
    expect(removeProperty(node, "a")).toBe(true);
    expect(node.properties.map(({ name }) => name).slice(0, 2)).toEqual(["b", "p0"]);
    expect(property(node, "a")).toBeUndefined();
  });

  test("one that was added or taken away by other means is seen all the same", () => {
    const node = empty();
    for (let index = 0; index < 50; index++) setProperty(node, `p${index}`, Uint8Array.of(index));
    expect(property(node, "new")).toBeUndefined();
    node.properties.push({ name: "new", value: Uint8Array.of(7) });
    expect(property(node, "new")).toEqual(Uint8Array.of(7));
    node.properties = node.properties.filter(({ name }) => name !== "p3");
    expect(property(node, "p3")).toBeUndefined();
    expect(property(node, "p4")).toEqual(Uint8Array.of(4));
  });

  test("of a list that is too long to be moved for each change, the order is what it would have been", () => {
    const nameOf = (index: number) => `n@${index.toString(16)}`;
    const children = Array.from({ length: 1500 }, (_, index) => ({ ...empty(), name: nameOf(3 * index) }));
    const reservations = children.map((_, index) => ({ start: BigInt(16 * index), end: BigInt(16 * index + 8) }));
    const tree = { root: { ...empty(), children }, reservations, address: undefined, bootCpu: 0 };
    const names = new Set(children.map(({ name }) => name));
    const starts = reservations.map(({ start }) => start);
    for (let step = 0; step < 1200; step++) {
      const number = (step * 7919) % 4500;
      const name = nameOf(number);
      if (names.delete(name)) deleteNode(tree, `/${name}`);
      else {
        addNode(tree, "/", name);
        names.add(name);
      }
      const start = BigInt(16 * number);
      const entry = { start, end: start + 8n };
      const known = starts.indexOf(start);
      if (known >= 0) {
        unreserve(tree, entry);
        starts.splice(known, 1);
      } else {
        reserve(tree, [entry]);
        starts.push(start);
      }
    }
    settleLists();
    const sorted = [...names].map(sortKey).sort(compareKeys);
    expect(children.map(({ name }) => name)).toEqual(sorted.map(({ whole }) => whole));
    expect(reservations.map(({ start }) => start)).toEqual(starts);
  });
});
