// A tree larger than any real one, held against dtc and libfdt.

import { beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { type ReadNode, readBlob } from "../support/blob-reader.ts";
import { dumpedReservations, gottenBytes, sortedSource } from "../support/dtc.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { buildRunners, runWith, x64 } from "../support/run.ts";
import { largeTree, makeTree, type Tree } from "../support/tree.ts";

const NODES = 5_000;
const PROPERTIES = 60_000;

const tree = largeTree(2005, NODES, PROPERTIES);
const folder = temporaryFolder({ lasts: "file" });
let expected: string;
beforeAll(async () => {
  await buildRunners();
  makeTree(folder.in("tree"), tree);
  expected = sortedSource("fs", folder.in("tree"));
}, 600_000);

describe(`a tree of ${NODES} nodes and ${PROPERTIES} properties`, () => {
  test.each([2, 3, 16, 17])(
    "is the same for dtc as its blob of version %d, which libfdt reads too",
    (version) => {
      const { code, err, out } = runWith(x64, [
        "fs2dt",
        "-v",
        "-b",
        "0x5000100",
        "-V",
        String(version),
        folder.in("tree"),
      ]);
      expect({ code, err }).toEqual({
        code: 0,
        err: [
          `fs2dt: ${NODES} nodes, ${PROPERTIES} properties, ${out.length} bytes, version ${version}`,
          `fs2dt: reserves 0x5000100-0x${(0x5000100 + out.length).toString(16)}`,
          "",
        ].join("\n"),
      });
      const path = folder.in(`blob${version}`);
      writeFileSync(path, out);
      // Not toBe: it would print six megabytes.
      expect(sortedSource("dtb", path) === expected).toBe(true);
      expect(dumpedReservations(path)).toEqual([[0x5000100n, BigInt(out.length)]]);

      const { root } = readBlob(out);
      const counted = counts(root);
      expect(counted.nodes).toBe(NODES);
      const { path: node, property, value } = deepest(tree);
      expect(gottenBytes(path, node, property).equals(Buffer.from(value))).toBe(true);
    },
    60_000,
  );
});

function counts(node: ReadNode): { nodes: number } {
  return { nodes: node.children.reduce((sum, child) => sum + counts(child).nodes, 1) };
}

/** A property with a value, as deep as the first child of each node leads. */
function deepest(entries: Tree, path = ""): { path: string; property: string; value: Uint8Array } {
  const child = entries.find(([, content]) => Array.isArray(content));
  if (child !== undefined) return deepest(child[1] as Tree, `${path}/${child[0]}`);
  const [property, value] = present(
    entries.find(([name, content]) => name !== "name" && content instanceof Uint8Array && content.length > 0),
  );
  return { path, property, value: value as Uint8Array };
}
