import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { oddityRules, reportOddities } from "../../src/devicetree/check/oddities.ts";
import type { Version } from "../../src/devicetree/format.ts";
import { treeFromDirectory } from "../../src/devicetree/from/directory.ts";
import { MARK, NO_MARKS, visitMarked } from "../../src/devicetree/marks.ts";
import { RecordNode } from "../../src/devicetree/records.ts";
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
import { readBlob, treeOf } from "../support/blob-reader.ts";
import { temporaryFolder } from "../support/folder.ts";
import { randomCase } from "../support/random-tree.ts";
import { cells, fillTree, largeTree, randomNumbers, type Tree } from "../support/tree.ts";

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

/** Changes, or only looks at, some nodes: the same for the same seed. */
function change(root: Node, seed: number): void {
  const random = randomNumbers(seed);
  for (let turn = 0; turn < 1 + (seed % 5); turn++) {
    let node = root;
    for (let depth = random(4); depth > 0 && node.children.length > 0; depth--) {
      node = node.children[random(node.children.length)]!;
    }
    const some = node.properties[random(node.properties.length || 1)]?.name ?? "none";
    [
      () => void node.properties.length,
      () => void node.children.length,
      () => setProperty(node, some, new Uint8Array(random(9))),
      () => setProperty(node, "a-new-one", cells(turn)),
      () => setProperty(node, "name", cells(turn)),
      () => setProperty(node, "reg", new Uint8Array(3)),
      () => removeProperty(node, some),
      () => child(node, "made") ?? addChild(node, "made"),
      () => (node.children = node.children.slice(1)),
      () => (node.children = node.children.slice(0, -1)),
      () => (node.children = [...node.children].reverse()),
    ][random(11)]!();
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

function made(name: string, tree: Tree): string {
  const path = folder.in(name);
  mkdirSync(path);
  fillTree(path, tree);
  return path;
}

describe("a tree that was read and then changed in part", () => {
  test("is written as one of plain objects is", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const path = made(`written-${seed}`, small(randomCase(seed).tree));
      const [kept, copied] = [read(path), plain(read(path))];
      change(kept, seed);
      change(copied, seed);
      for (const version of [17, 3] as const) {
        const [ofKept, ofCopied] = [kept, copied].map((root) => readBlob(Buffer.from(blobOf(root, version))));
        expect(treeOf(ofKept!.root)).toEqual(treeOf(ofCopied!.root));
      }
    }
  });

  test("says of reservations and oddities what one of plain objects does", () => {
    const facts = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const path = made(`asked-${seed}`, [
        ...small(randomCase(seed).tree).filter(([name]) => !["odd", "rtas"].includes(name)),
        [
          "odd",
          [
            ["reg", "x".repeat(seed % 7)],
            ["interrupt-parent", "y".repeat(seed % 6)],
            ["n".repeat(30 + (seed % 4)), ""],
          ],
        ],
        ["rtas", [["linux,rtas-base", cells(seed)], ...(seed % 3 === 0 ? [] : [["rtas-size", cells(1)] as const])]],
      ]);
      const [kept, copied] = [read(path), plain(read(path))];
      for (const root of [kept, copied]) change(root, seed);
      expect(asked(kept)).toEqual(asked(copied));
      asked(kept).forEach((fact) => facts.add(fact));
    }
    expect(facts.size).toBeGreaterThan(20);
  });

  test("says the same whatever the reader was told to mark", () => {
    const oddities = oddityRules.names.map(({ name }) => [name, "x"] as const);
    const path = made("marked", [
      ["n", oddities],
      ["rtas", [["linux,rtas-base", cells(1)]]],
    ]);
    const told = asked(read(path));
    expect(told).toHaveLength(3);
    const reservations = { ...NO_MARKS, names: reservationRules };
    for (const marks of [NO_MARKS, oddityRules, reservations]) expect(asked(read(path, marks))).toEqual(told);
  });

  test("is looked at only where it is marked", () => {
    const root = read(
      made("few", [
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
    const root = read(
      made(
        "named",
        Object.entries(names).map(([node, name]) => [node, nodeOf(name)]),
      ),
    );
    for (const version of [1, 17] as const) {
      const { children } = readBlob(Buffer.from(blobOf(root, version))).root;
      for (const [node, name] of Object.entries(names)) {
        const { properties } = children.find((each) => each.name === node)!;
        const kept = version === 1 || name !== "is\0" ? [["name", name]] : [];
        expect(properties.map((each) => [each.name, each.value.toString()])).toEqual([["a", ""], ...kept, ["z", ""]]);
      }
    }
  });

  test("tells its properties and how many they are without making objects of them", () => {
    const path = made("looked-at", largeTree(11, 60, 700));
    const [kept, copied] = [read(path), plain(read(path))];
    visit(copied, {
      enter(node, place) {
        const same = nodeAtPath(kept, place);
        expect(propertyCount(same)).toBe(node.properties.length);
        for (const name of [...node.properties.map((each) => each.name), "nam", "none", "name", ""]) {
          expect(property(same, name)).toEqual(property(node, name)!);
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
    .reduce((node, name) => child(node, name)!, root);
}
