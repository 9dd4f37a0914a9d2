// Blobs as the source of fs2dt: read as they are, or refused.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { treeFromBlob } from "../../src/devicetree/from/blob.ts";
import { Failure } from "../../src/failure.ts";
import { meaning } from "../support/device-trees.ts";
import { type FakeRun, runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { arm64Image, elf, packedForms, portableExecutable, uImage } from "../support/forms.ts";
import { present } from "../support/present.ts";
import { cells, largeTree, makeTree, type Tree } from "../support/tree.ts";
import { blobOfStructure, blobOfWords } from "../support/words.ts";

const folder = temporaryFolder();

const SMALL: Tree = [
  ["compatible", "a,b\0c\0"],
  ["empty", ""],
  [
    "chosen",
    [
      ["bootargs", "quiet\0"],
      ["linux,initrd-start", cells(0x5000)],
      ["linux,initrd-end", cells(0x6000)],
    ],
  ],
  [
    "memory@0",
    [
      ["reg", cells(0, 0x1000)],
      ["odd", "xyz"],
      ["\xff", "\xfe"],
    ],
  ],
];

function flattened(tree: Tree, version = "17"): Buffer {
  makeTree(folder.in("tree"), tree);
  const { code, err, out } = runInside({}, "fs2dt", "-b", "0x8000", "-V", version, folder.in("tree"));
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out;
}

function fromFile(blob: Uint8Array, ...options: string[]): FakeRun {
  writeFileSync(folder.in("blob"), blob);
  return runInside({}, "fs2dt", "-b", "0x8000", ...options, folder.in("blob"));
}

/** The one line that refuses it. */
function refusal(blob: Uint8Array): string {
  try {
    treeFromBlob(blob, "blob");
  } catch (error) {
    if (error instanceof Failure) return `${error.place}: ${error.fact}`;
    throw error;
  }
  throw new Error("accepted");
}

describe("a blob", () => {
  test.each([
    ["small", SMALL],
    ["large", largeTree(1, 40, 400)],
  ] as const)("of ours is made into the same bytes again: %s", (_, tree) => {
    const blob = flattened(tree);
    const { code, err, out } = fromFile(blob);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.equals(blob)).toBe(true);
  });

  test("of version 16 is read as one of version 17 is", () => {
    makeTree(folder.in("tree"), SMALL);
    const [old, now] = ["16", "17"].map(
      (version) => runInside({}, "fs2dt", "-b", "0x8000", "-V", version, folder.in("tree")).out,
    );
    expect(fromFile(present(old)).out.equals(present(now))).toBe(true);
  });

  test("with bytes behind its end is read up to that", () => {
    const blob = flattened(SMALL);
    expect(fromFile(Buffer.concat([blob, Buffer.alloc(100, 0xff)])).out.equals(blob)).toBe(true);
  });
});

describe("a blob of which some children of the root are wanted", () => {
  const tree: Tree = [["compatible", "a\0"], ...largeTree(3, 60, 500).filter(([, content]) => Array.isArray(content))];

  test.each(["1", "2", "3", "16", "17"])("gives these whole, and no other, in version %s", (version) => {
    const blob = flattened(tree, version);
    const all = treeFromBlob(blob, "blob");
    expect(all.root.children.length).toBeGreaterThan(3);
    for (const { name } of all.root.children) {
      const some = treeFromBlob(blob, "blob", (each) => each === name);
      const root = { ...all.root, children: all.root.children.filter((each) => each.name === name) };
      expect(meaning(some)).toBe(meaning({ ...all, root }));
    }
    expect(meaning(treeFromBlob(blob, "blob", () => false))).toBe(
      meaning({ ...all, root: { ...all.root, children: [] } }),
    );
  });

  test("is refused where what is passed over is cut off, or is no structure", () => {
    const blob = flattened(tree);
    const place = blob.readUInt32BE(8);
    const size = blob.readUInt32BE(36);
    const passed = (bytes: Uint8Array): string => {
      try {
        treeFromBlob(bytes, "blob", () => false);
        return "taken";
      } catch (error) {
        if (error instanceof Failure) return error.fact.replace(/^at 0x[0-9a-f]+: ([a-z-]+): .*$/, "$1");
        throw error;
      }
    };
    const says = new Set<string>();
    for (let at = place; at < place + size; at += 4) {
      for (const value of [0, 1, 3, 9, 0x7ffffffc, 0xffffffff]) {
        const broken = Buffer.from(blob);
        broken.writeUInt32BE(value, at);
        says.add(passed(broken));
      }
      const short = Buffer.from(blob);
      short.writeUInt32BE(at - place, 36);
      says.add(passed(short));
    }
    expect([...says].sort()).toEqual([
      "bad-node-name",
      "bad-property-length",
      "bad-property-name",
      "bad-token",
      "second-root",
      "structure-ends",
      "taken",
    ]);
  });

  test("takes a million words that say nothing for too many, and no longer than that", () => {
    const nops = new Uint32Array(1_000_000).fill(0x0400_0000);
    const blob = blobOfStructure(Buffer.concat([cells(1, 0, 1, 0x78000000), Buffer.from(nops.buffer), cells(2, 2, 9)]));
    expect(() => treeFromBlob(blob, "blob", () => false)).toThrow("too-many");
  });
});

// Every field and every token: devicetree-from-blob-malformed.test.ts.
describe("what is no well-formed blob is refused in words:", () => {
  test("a file of something else", () => {
    expect(fromFile(Buffer.from("text")).err).toBe(
      `fs2dt: ${folder.in("blob")}: bad-magic: neither a directory nor a device tree blob\n`,
    );
  });

  test("a file whose form is known, with what it is, and what makes the blob of it if it is packed", () => {
    const told = (bytes: Uint8Array): string => fromFile(bytes).err.replace(folder.in("blob"), "FILE");
    const start = "fs2dt: FILE: bad-magic: neither a directory nor a device tree blob, but ";
    for (const [method, tool, bytes] of packedForms) {
      expect(told(bytes)).toBe(`${start}compressed with ${method}: ${tool} makes the blob of it\n`);
    }
    expect(told(arm64Image())).toBe(`${start}an Image for arm64\n`);
    expect(told(elf({ machine: 21 }))).toBe(`${start}an ELF file for ppc64\n`);
    expect(told(uImage(8, 0))).toBe(`${start}a uImage (U-Boot) of a device tree blob\n`);
    expect(told(portableExecutable(0x8664, [".linux"]))).toBe(`${start}a unified kernel image for x86_64\n`);
  });

  test.each([
    ["the magic", 0, 1, "blob: bad-magic: neither a directory nor a device tree blob"],
    ["the size", 4, 39, /^blob: at 0x4: bad-totalsize: 0x27 bytes are not even a header, which has 0x28$/],
    ["the structure's place", 8, 0x39, /^blob: at 0x8: bad-structure: 0x39 is not a multiple of 4$/],
    [
      "the structure's place beyond the end",
      8,
      0xfffff000,
      /^blob: at 0x8: bad-structure: 0xfffff000-.* is not within the blob$/,
    ],
    ["the strings' place", 12, 0xfffff000, /^blob: at 0xc: bad-strings: .* is not within the blob$/],
    ["the reserve map's place", 16, 44, "blob: at 0x10: bad-reserve-map: 0x2c is not a multiple of 8"],
    ["the reserve map's place beyond the end", 16, 0x10000, "blob: at 0x10: bad-reserve-map: it has no end"],
    [
      "the version",
      20,
      15,
      "blob: at 0x14: bad-version: version 15, for readers of 16 and later; known are 1 2 3 16 17",
    ],
    ["the size of the strings", 32, 0x10000, /^blob: at 0xc: bad-strings: .* is not within the blob$/],
    ["the size of the structure", 36, 8, /^blob: at 0x[0-9a-f]+: structure-ends: the structure block ends too early$/],
  ])("%s", (_, at, value, expected) => {
    const blob = flattened(SMALL);
    blob.writeUInt32BE(value, at);
    expect(refusal(blob)).toMatch(expected);
  });

  test("a property behind a child, a second root, and nodes deeper than Linux takes", () => {
    const child = [1, 0x78000000, 2];
    expect(refusal(blobOfWords(1, 0, ...child, 3, 0, 0, 2, 9))).toMatch(/: a property after a child node$/);
    expect(refusal(blobOfWords(1, 0, 2, 1, 0, 2, 9))).toMatch(/: a second root$/);
    const nested = (depth: number) =>
      blobOfWords(1, 0, ...Array.from({ length: depth }, () => [1, 0x78000000]).flat(), ...Array(depth + 1).fill(2), 9);
    expect(treeFromBlob(nested(64), "blob").root.children).toHaveLength(1);
    expect(refusal(nested(65))).toMatch(/: deeper than 64 nodes$/);
  });

  test("a token out of its place, a name or a value that does not end", () => {
    const blob = flattened(SMALL);
    const structure = blob.readUInt32BE(8);
    const changed = (words: readonly [offset: number, value: number][]) => {
      const broken = Buffer.from(blob);
      for (const [offset, value] of words) broken.writeUInt32BE(value, structure + offset);
      return refusal(broken).replace(/^blob: at 0x[0-9a-f]+: [a-z-]+: /, "");
    };
    // BEGIN_NODE, the root's empty name, PROP, its length, its name.
    expect(changed([[0, 3]])).toBe("token 0x3 is not expected here");
    expect(changed([[0, 9]])).toBe("token 0x9 is not expected here");
    expect(changed([[8, 2]])).toBe("token 0x6 is not expected here");
    expect(changed([[8, 7]])).toBe("token 0x7 is not expected here");
    expect(changed([[12, 0x10000]])).toBe("0x10000 bytes are not within the structure block");
    expect(changed([[16, 0x10000]])).toBe("a name at 0x10000 is not within the strings");
    expect(changed([[4, 0x2f000000]])).toBe("the root has a name");
    expect(refusal(blobOfWords(1, 0, 1, 0x612f6200, 2, 2, 9))).toMatch(/: bad-node-name: a slash in a node's name$/);
    expect(refusal(blobOfWords(1, 0, 1, 0, 2, 2, 9))).toMatch(/: bad-node-name: a node without a name$/);
  });
});
