// What a blob says of itself, which is read of blobs that nobody vouches for.

import { describe, expect, test } from "bun:test";
import { headOf } from "../../src/devicetree/format.ts";
import { present } from "../support/present.ts";

/** A blob of that totalsize, its reserve map at 40, in which as many entries say that they have 16 bytes. */
function blobWith(entries: number, totalSize = 40 + 16 * entries, behind = 0): Uint8Array {
  const view = new DataView(new ArrayBuffer(40 + 16 * entries + behind));
  for (const [at, word] of [0xd00dfeed, totalSize, 0, 0, 40, 17, 16].entries()) view.setUint32(4 * at, word);
  for (let at = 40; at + 16 <= view.byteLength; at += 16) view.setBigUint64(at + 8, 16n);
  return new Uint8Array(view.buffer);
}

const reservedIn = (bytes: Uint8Array): number => present(headOf(bytes)).reserved.length;

describe("of a reserve map without end", () => {
  test("what lies behind the blob is no part", () => {
    expect(reservedIn(blobWith(3))).toBe(3);
    expect(reservedIn(blobWith(3, undefined, 160))).toBe(3);
    expect(reservedIn(blobWith(3, 40 + 16 * 3 - 1))).toBe(2);
    expect(reservedIn(blobWith(3, 0))).toBe(0);
  });

  test("no more is read than anybody makes", () => {
    expect(reservedIn(blobWith(4096))).toBe(4096);
    expect(reservedIn(blobWith(2_000_000))).toBe(4096);
  });
});

test("a map that begins behind all bytes is none", () => {
  const bytes = blobWith(3);
  new DataView(bytes.buffer).setUint32(16, 0xfffffff0);
  expect(headOf(bytes)).toEqual({ size: bytes.length, version: 17, start: 0xfffffff0, reserved: [] });
});
