// Trees kept as records say what the same trees say as objects.

import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import fc from "fast-check";
import { oddityRules, reportOddities } from "../../src/devicetree/check/oddities.ts";
import type { Version } from "../../src/devicetree/format.ts";
import { treeFromDirectory } from "../../src/devicetree/from/directory.ts";
import { bitsOf, MARK, NO_MARKS, visitMarked } from "../../src/devicetree/marks.ts";
import type { RecordNode } from "../../src/devicetree/records.ts";
import { reservationRules, reservationsOf } from "../../src/devicetree/reservations.ts";
import { blob } from "../../src/devicetree/to/blob.ts";
import {
  addChild,
  child,
  type Node,
  property,
  propertyCount,
  removeProperty,
  setProperty,
} from "../../src/devicetree/tree.ts";
import { visit } from "../../src/devicetree/walk.ts";
import { nextTreeMarks } from "../../src/recipes/next-tree.ts";
import { engine } from "../../src/sys/bun.ts";
import { System } from "../../src/sys/system.ts";
import { SEED } from "../support/arbitraries.ts";
import { readBlob, treeOf } from "../support/blob-reader.ts";
import { temporaryFolder } from "../support/folder.ts";
import { directories } from "../support/fs2dt-cases.ts";
import { present } from "../support/present.ts";
import { cells, fillTree, largeTree, type Tree } from "../support/tree.ts";

const folder = temporaryFolder();
const system = new System(engine);

/** With the marks of fs2dt unless others are given. */
function read(path: string, marks = nextTreeMarks): Node {
  return treeFromDirectory(system, path, { maxSize: 2 ** 31 - 1, strict: false, secrets: true, marks, notice() {} });
}

/** The same tree in objects that were never records. */
function plain({ name, properties, children }: Node): Node {
  return { name, properties: properties.map((each) => ({ ...each })), children: children.map(plain) };
}

function blobOf(root: Node, version: Version): Uint8Array {
  return blob(root, { version, address: 0n, reservations: [], maxSize: 2 ** 31 - 1, bootCpu: 0, padding: 0 });
}

/** What is done to a node of a tree, or only looked at in it. */
const DEEDS: Readonly<Record<string, (node: Node, name: string, size: number) => void>> = {
  "ask for properties": (node) => void node.properties.length,
  "ask for children": (node) => void node.children.length,
  "set one": (node, name, size) => setProperty(node, name, new Uint8Array(size)),
  "set a new one": (node, _, size) => setProperty(node, "a-new-one", cells(size)),
  "set its name": (node, _, size) => setProperty(node, "name", cells(size)),
  "set reg": (node) => setProperty(node, "reg", new Uint8Array(3)),
  "remove one": (node, name) => void removeProperty(node, name),
  "add a child": (node) => void (child(node, "made") ?? addChild(node, "made")),
  "drop the first child": (node) => {
    node.children = node.children.slice(1);
  },
  "drop the last child": (node) => {
    node.children = node.children.slice(0, -1);
  },
  "reverse the children": (node) => {
    node.children = [...node.children].reverse();
  },
};

/** Numbers count round and round what is there. */
const turns = fc.array(
  fc.record({
    does: fc.constantFrom(...Object.keys(DEEDS)),
    way: fc.array(fc.nat(999), { maxLength: 3, size: "max" }),
    property: fc.nat(999),
    size: fc.nat(8),
  }),
  { minLength: 1, maxLength: 5, size: "max" },
);

type Turns = typeof turns extends fc.Arbitrary<infer T> ? T : never;

function change(root: Node, turns: Turns): void {
  for (const { does, way, property, size } of turns) {
    const node = way.reduce((parent, number) => parent.children[number % parent.children.length] ?? parent, root);
    const name = node.properties[property % node.properties.length]?.name ?? "none";
    DEEDS[does]?.(node, name, size);
  }
}

/** The places and facts that are noticed, and the reservations or why there are none. */
function asked(root: Node): string[] {
  const told: string[] = [];
  reportOddities(root, (place, fact) => told.push(`${place}: ${fact}`));
  try {
    told.push(...reservationsOf(root).map(({ start, end }) => `${start}-${end}`));
  } catch (error) {
    told.push(String(error));
  }
  return told;
}

/** Without what takes long to write, and with few of what is many. */
function small(tree: Tree): Tree {
  return tree.slice(0, 40).flatMap(([name, content]) => {
    if (Array.isArray(content)) return [[name, small(content)] as const];
    return content.length > 5000 ? [] : [[name, content] as const];
  });
}

let turn = 0;

/** A directory of its own. */
function made(tree: Tree): string {
  const path = folder.in(`tree-${turn++}`);
  mkdirSync(path);
  fillTree(path, tree);
  return path;
}

describe("a tree that was read and then changed in part", () => {
  test("is written as one of plain objects is", () => {
    fc.assert(
      fc.property(directories, turns, (tree, turns) => {
        const path = made(small(tree));
        const [kept, copied] = [read(path), plain(read(path))];
        change(kept, turns);
        change(copied, turns);
        for (const version of [17, 3] as const) {
          const written = (root: Node): Tree => treeOf(readBlob(Buffer.from(blobOf(root, version))).root);
          expect(written(kept)).toEqual(written(copied));
        }
      }),
      { numRuns: 20, seed: SEED },
    );
  });

  test("says of reservations and oddities what one of plain objects does", () => {
    const facts = new Set<string>();
    /** Wrong in one thing or another. */
    const odd = fc.record({
      reg: fc.nat(6),
      parent: fc.nat(5),
      base: fc.nat(20),
    });
    fc.assert(
      fc.property(directories, turns, odd, fc.boolean(), (tree, turns, { reg, parent, base }, isPair) => {
        const path = made([
          ...small(tree).filter(([name]) => !["odd", "rtas"].includes(name)),
          [
            "odd",
            [
              ["reg", "x".repeat(reg)],
              ["interrupt-parent", "y".repeat(parent)],
            ],
          ],
          ["rtas", [["linux,rtas-base", cells(base)], ...(isPair ? [["rtas-size", cells(1)] as const] : [])]],
        ]);
        const [kept, copied] = [read(path), plain(read(path))];
        for (const root of [kept, copied]) change(root, turns);
        expect(asked(kept)).toEqual(asked(copied));
        for (const fact of asked(kept)) facts.add(fact);
      }),
      { numRuns: 20, seed: SEED },
    );
    expect(facts.size).toBeGreaterThan(20);
  });

  test("knows the marks that it looked for", () => {
    expect(bitsOf(oddityRules)).toBe(MARK.oddity);
    expect(bitsOf({ names: reservationRules })).toBe(MARK.reservation);
    expect(bitsOf(NO_MARKS)).toBe(0);
  });

  test("says the same whatever the reader was told to mark", () => {
    const oddities = oddityRules.names.map(({ name }) => [name, "x"] as const);
    const path = made([
      ["n", oddities],
      ["rtas", [["linux,rtas-base", cells(1)]]],
    ]);
    const told = asked(read(path));
    expect(told).toHaveLength(3);
    const reservations = { names: reservationRules };
    for (const marks of [NO_MARKS, oddityRules, reservations]) expect(asked(read(path, marks))).toEqual(told);
  });

  test("is looked at only where it is marked", () => {
    const root = read(
      made([
        ["a", [["reg", cells(0)]]],
        ["b", [["reg", "x"]]],
        ["c", [["inner", [["rtas-size", cells(0)]]]]],
      ]),
    );
    const visited: string[] = [];
    for (const mark of [MARK.oddity, MARK.reservation]) visitMarked(root, mark, (_, place) => visited.push(place));
    expect(visited).toEqual(["/b", "/c/inner"]);
  });
});

describe("a tree that was read", () => {
  test("has every name that is not what its node is called, in every version, and those that are before 16", () => {
    const names = {
      "is@1": "is\0",
      "other@2": "else\0",
      "short@3": "shor\0",
      "long@4": "long4\0",
      "bare@5": "bare",
      is: "is\0",
    };
    const nodeOf = (name: string): Tree => [
      ["a", ""],
      ["name", name],
      ["z", ""],
    ];
    const root = read(made(Object.entries(names).map(([node, name]) => [node, nodeOf(name)])));
    for (const version of [1, 17] as const) {
      const { children } = readBlob(Buffer.from(blobOf(root, version))).root;
      for (const [node, name] of Object.entries(names)) {
        const { properties } = present(children.find((each) => each.name === node));
        const kept = version === 1 || name !== "is\0" ? [["name", name]] : [];
        expect(properties.map((each) => [each.name, each.value.toString()])).toEqual([["a", ""], ...kept, ["z", ""]]);
      }
    }
  });

  test("has the name of its node, where a file repeats it, before what sorts after it", () => {
    const others = [[], ["a"], ["z"], ["a", "b"], ["a", "z"], ["y", "z"], ["nam", "name\x01", "names"]];
    const root = read(
      made(
        others.map((names, index) => [
          `n@${index}`,
          [...names, "name"].map((each) => [each, each === "name" ? "n\0" : ""]),
        ]),
      ),
    );
    const listed = root.children.map(({ properties }) => properties.map(({ name }) => name));
    expect(listed).toEqual(others.map((names) => [...names, "name"].sort()));
  });

  test("tells its properties and how many they are without making objects of them", () => {
    const path = made(largeTree(11, 60, 700));
    const [kept, copied] = [read(path), plain(read(path))];
    visit(copied, {
      enter(node, place) {
        const same = nodeAtPath(kept, place);
        expect(propertyCount(same)).toBe(node.properties.length);
        for (const name of [...node.properties.map((each) => each.name), "nam", "none", "name", ""]) {
          expect<Uint8Array | undefined>(property(same, name)).toEqual(property(node, name));
        }
        expect((same as RecordNode).isKept).toBe(true);
      },
    });
  });
});

function nodeAtPath(root: Node, path: string): Node {
  return path
    .split("/")
    .filter((name) => name !== "")
    .reduce((node, name) => present(child(node, name)), root);
}
