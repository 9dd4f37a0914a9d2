// Blobs of every version, byte by byte.

import { describe, expect, test } from "bun:test";
import { MAX_BLOB, type Version, versions } from "../../src/devicetree/format.ts";
import { stringValue } from "../../src/devicetree/strings.ts";
import { type BlobRequest, blob } from "../../src/devicetree/to/blob.ts";
import type { Node, Property } from "../../src/devicetree/tree.ts";
import { type ReadNode, readBlob } from "../support/blob-reader.ts";
import { present } from "../support/present.ts";
import { cells } from "../support/tree.ts";

function node(name: string, properties: readonly Property[], children: Node[] = []): Node {
  return { name, properties: [...properties], children };
}

const usual = { address: 0x8000n, reservations: [], bootCpu: 0, padding: 0, maxSize: MAX_BLOB } as const;

function flattened(root: Node, version: Version, more: Partial<BlobRequest> = {}): Buffer {
  return Buffer.from(blob(root, { ...usual, version, ...more }));
}

/** Values of every length from 0 to 24, so that each of them is met at each alignment. */
const lengths = Array.from({ length: 25 }, (_, length) => ({
  name: `p${length}`,
  value: new Uint8Array(length).fill(0xee),
}));

const tree = node(
  "",
  [{ name: "compatible", value: stringValue("IBM,pSeries") }],
  [
    node("a@1", lengths, [
      node("b", [
        { name: "name", value: stringValue("b") },
        { name: "p1", value: cells(1) },
      ]),
    ]),
    node("c@2,3", [], [node("d@", []), node("e", [{ name: "name", value: stringValue("other") }])]),
  ],
);

describe("the header of version", () => {
  const expected: Readonly<Record<Version, { header: number; compatible: number }>> = {
    1: { header: 32, compatible: 1 },
    2: { header: 32, compatible: 2 },
    3: { header: 40, compatible: 2 },
    16: { header: 40, compatible: 16 },
    17: { header: 40, compatible: 16 },
  };

  test.each([...versions])("%d says what the blob is, and to whom", (version) => {
    const bytes = flattened(tree, version);
    const read = readBlob(bytes);
    expect(read).toMatchObject({
      version,
      compatible: expected[version].compatible,
      bootCpu: 0,
      reserveMapAt: expected[version].header,
    });
    expect(bytes.length % 8).toBe(0);
    expect(read.reserved).toEqual([{ start: 0x8000n, size: BigInt(bytes.length) }]);
  });
});

describe("the structure of version", () => {
  function shape(root: ReadNode): unknown {
    return [
      root.name,
      root.properties.map(({ name, value }) => [name, value.toString("latin1")]),
      root.children.map(shape),
    ];
  }

  function meant(root: Node, withNames: boolean): unknown {
    const own = root.properties
      .filter(({ name, value }) => withNames || name !== "name" || value.length !== root.name.length + 1)
      .map(({ name, value }) => [name, Buffer.from(value).toString("latin1")]);
    const added = withNames && !root.properties.some(({ name }) => name === "name");
    return [
      root.name,
      [...own, ...(added ? [["name", `${root.name.split("@")[0]}\0`]] : [])],
      root.children.map((each) => meant(each, withNames)),
    ];
  }

  // readBlob checks the full paths themselves.
  test.each([1, 2, 3] as const)(
    "%d has every property, and each node's name as one, added where it was missing",
    (version) => {
      expect(shape(readBlob(flattened(tree, version)).root)).toEqual(meant(tree, true));
    },
  );

  test.each([16, 17] as const)("%d has every property but names that are those of their nodes", (version) => {
    expect(shape(readBlob(flattened(tree, version)).root)).toEqual(meant(tree, false));
  });

  test.each([1, 2, 3] as const)("%d aligns values of 8 bytes and more to 8", (version) => {
    const { properties } = present(readBlob(flattened(tree, version)).root.children[0]);
    expect(properties.filter(({ value }) => value.length >= 8).map(({ at }) => at % 8)).toEqual(Array(17).fill(0));
    // Were all of them aligned, the sizes below 8 would prove nothing.
    expect(properties.some(({ value, at }) => value.length < 8 && at % 8 === 4)).toBe(true);
  });

  test.each([16, 17] as const)("%d leaves no gap before a value", (version) => {
    const { properties } = present(readBlob(flattened(tree, version)).root.children[0]);
    for (const [index, { at }] of properties.slice(1).entries()) {
      const before = present(properties[index]);
      expect(at).toBe(before.at + Math.ceil(before.value.length / 4) * 4 + 12);
    }
  });
});

describe("the strings", () => {
  test("hold each name once", () => {
    const bytes = flattened(tree, 17);
    const strings = bytes
      .toString("latin1", readBlob(bytes).stringsAt)
      .split("\0")
      .filter((name) => name !== "");
    expect(strings).toEqual(["compatible", ...lengths.map(({ name }) => name), "name"]);
  });

  test("hold names of any bytes", () => {
    const name = Array.from({ length: 255 }, (_, code) => String.fromCharCode(code + 1)).join("");
    const { properties } = readBlob(flattened(node("", [{ name, value: cells(1) }], [node("\xff\xfe", [])]), 17)).root;
    expect(present(properties[0]).name).toBe(name);
  });
});

describe("the size of a blob", () => {
  test("may be what is allowed, and not one byte more", () => {
    const { length } = flattened(tree, 17);
    expect(flattened(tree, 17, { maxSize: length }).length).toBe(length);
    expect(() => flattened(tree, 17, { maxSize: length - 1 })).toThrow(
      `blob: ${length} bytes are more than ${length - 1}`,
    );
  });

  test("is never above 2^31 - 1, which is found before a byte of it is made", () => {
    const value = new Uint8Array(16 * 1024 * 1024);
    const root = node(
      "",
      Array.from({ length: 128 }, (_, index) => ({ name: `p${index}`, value })),
    );
    expect(() => flattened(root, 17)).toThrow(/^blob: 21474[0-9]{5} bytes are more than 2147483647$/);
  });
});

test("a tree of 20,000 nodes one inside the other is no matter of stack", () => {
  const root = node("", []);
  for (let at = root, depth = 0; depth < 20_000; depth++) {
    const inner = node("n", []);
    at.children.push(inner);
    at = inner;
  }
  expect(flattened(root, 17).length).toBeGreaterThan(20_000 * 12);
});
