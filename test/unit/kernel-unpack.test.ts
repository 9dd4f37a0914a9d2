// What is compressed: the right bytes, or an error in words, whatever was done to it. Here under Bun.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../src/failure.ts";
import { unpackPiece } from "../../src/kernels/unpack.ts";
import { findUnpackedSize } from "../../src/kernels/unpacked-size.ts";
import { System } from "../../src/sys/system.ts";
import type { Packing } from "../../src/sys/unpack.ts";
import { type FakeWorld, fakeEngine } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";

const folder = temporaryFolder({ lasts: "file" });

/** Other people's tools take their time on a busy machine. */
setDefaultTimeout(60_000);

/** Text that packs like code, and runs of bytes that do not. */
const content = Buffer.from(
  Array.from({ length: 20_000 }, (_, at) => `${at * 7919} ${at % 97}\n`).join("") + "\0".repeat(5000),
);

function tool(command: readonly string[], stdin: Uint8Array = content): Uint8Array<ArrayBuffer> {
  const { stdout, success, stderr } = Bun.spawnSync([...command], { stdin });
  if (!success) throw new Error(stderr.toString());
  return new Uint8Array(stdout);
}

const gz = tool(["gzip", "-9", "-c"]);
const zst = tool(["zstd", "-q", "-c"]);

function unpacked(bytes: Uint8Array, method: Packing, world: FakeWorld = {}): Buffer {
  const system = new System(fakeEngine(world));
  const piece = unpackPiece(system, { kind: "bytes", name: "FILE", bytes }, method);
  if (piece?.kind !== "bytes") throw new Error("not unpacked");
  return Buffer.from(piece.bytes);
}

/** The Failure's text. */
function refused(bytes: Uint8Array, method: Packing, world: FakeWorld = {}): string {
  try {
    unpacked(bytes, method, world);
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
  return "taken";
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

describe("the right bytes come of", () => {
  test.each([
    ["gzip -1 of a pipe", () => tool(["gzip", "-1", "-c"])],
    ["a gzip member without its name and one with all that its header may have", () => withHeader(gz)],
    [
      "several gzip members, of which the last is the smallest",
      () => joined(gz, tool(["gzip", "-c"], Buffer.from("x"))),
    ],
    ["a gzip member with zeros behind it, as tapes have them", () => joined(gz, new Uint8Array(1000))],
  ] as const)("%s", (_, make) => {
    const bytes = make();
    const wanted = tool(["gzip", "-dcq"], bytes);
    expect(unpacked(bytes, "gzip").equals(wanted)).toBe(true);
  });

  test.each([
    ["zstd -19", () => tool(["zstd", "-q", "-19", "-c"])],
    [
      "zstd of a pipe, which does not know the size, without a checksum",
      () => tool(["zstd", "-q", "--no-check", "-c"]),
    ],
    ["zstd with a window of its own", () => tool(["zstd", "-q", "-3", "--long=27", "-c"])],
    [
      "several frames of zstd, and one to be skipped",
      () => joined(zst, skippable(33), tool(["zstd", "-q"], Buffer.of(9))),
    ],
    ["what zstd can make no smaller", () => tool(["zstd", "-q"], crypto.getRandomValues(new Uint8Array(300_000)))],
  ] as const)("%s", (_, make) => {
    const bytes = make();
    expect(unpacked(bytes, "zstd").equals(tool(["zstd", "-q", "-d", "-c"], bytes))).toBe(true);
  });

  function skippable(length: number): Uint8Array {
    const frame = Buffer.alloc(8 + length, 0x11);
    frame.writeUInt32LE(0x184d2a57);
    frame.writeUInt32LE(length, 4);
    return frame;
  }

  /** RFC 1952: FTEXT, FHCRC, FEXTRA, FNAME, FCOMMENT. */
  function withHeader(bytes: Uint8Array): Uint8Array {
    const fields = Buffer.from("\x04\0abcdImage\0a comment\0", "latin1");
    const head = joined(Uint8Array.of(0x1f, 0x8b, 8, 0x1f, 1, 2, 3, 4, 0, 3), fields);
    const crc = Buffer.alloc(2);
    crc.writeUInt16LE(Bun.hash.crc32(head) & 0xffff);
    return joined(head, crc, bytes.subarray(10));
  }
});

describe("a file", () => {
  test("is read whole into memory that is given back, and is not touched after it got shorter", async () => {
    await Bun.write(folder.in("FILE"), gz);
    const engine = fakeEngine();
    const system = new System(engine);
    const { descriptor, status } = system.mustOpenFile(folder.in("FILE"));
    const piece = { kind: "file", name: "FILE", descriptor, status, offset: 0, length: gz.length } as const;
    const made = present(unpackPiece(system, piece, "gzip"));
    expect(made.kind === "bytes" && Buffer.from(made.bytes).equals(content)).toBe(true);
    const kept = engine.asked("mmap").length - engine.asked("munmap").length;
    expect(kept).toBe(1);
    await Bun.write(folder.in("FILE"), gz.subarray(0, 100));
    expect(() => unpackPiece(system, piece, "gzip")).toThrow("FILE: ended after 100 of");
  });

  test("that is changed meanwhile is refused", async () => {
    await Bun.write(folder.in("FILE"), gz);
    const system = new System(fakeEngine());
    const { descriptor, status } = system.mustOpenFile(folder.in("FILE"));
    const piece = { kind: "file", name: "FILE", descriptor, status, offset: 0, length: gz.length } as const;
    await Bun.write(folder.in("FILE"), joined(gz, gz));
    expect(() => unpackPiece(system, piece, "gzip")).toThrow("FILE: changed while it was read");
  });
});

describe("an error in words comes of", () => {
  test("what is cut off", () => {
    for (const length of [20, 1000, gz.length - 9, gz.length - 8, gz.length - 1]) {
      expect(refused(gz.subarray(0, length), "gzip")).toBe("FILE: compressed with gzip, and cut off");
    }
    for (const length of [8, 20, 1000, zst.length - 5, zst.length - 1]) {
      expect(refused(zst.subarray(0, length), "zstd")).toBe("FILE: compressed with zstd, and cut off");
    }
  });

  test("what other bytes follow", () => {
    const other = Buffer.from("other bytes than those");
    expect(refused(joined(gz, other), "gzip")).toBe("FILE: compressed with gzip, and other bytes follow");
    for (const more of [other, Uint8Array.of(1), Uint8Array.of(0, 0, 0, 5)]) {
      expect(refused(joined(zst, more), "zstd")).toBe("FILE: compressed with zstd, and other bytes follow");
    }
  });

  test("what is said to be compressed, and is not", () => {
    const other = Buffer.from("other bytes than those");
    for (const method of ["gzip", "zstd"] as const)
      expect(refused(other, method)).toBe(`FILE: compressed with ${method}, and corrupt`);
  });

  test("wrong checksums", () => {
    const last = (bytes: Uint8Array, at: number) => bytes.with(bytes.length - at, (bytes.at(-at) ?? 0) ^ 1);
    expect(refused(last(gz, 8), "gzip")).toBe("FILE: compressed with gzip, and corrupt");
    expect(refused(last(gz, 4), "gzip")).toBe("FILE: compressed with gzip, and corrupt");
    expect(refused(last(zst, 1), "zstd")).toBe("FILE: compressed with zstd, and corrupt");
  });

  test("nothing at all", () => {
    expect(refused(tool(["gzip", "-c"], new Uint8Array(0)), "gzip")).toBe(
      "FILE: compressed with gzip, and nothing is in it",
    );
    expect(refused(tool(["zstd", "-q"], new Uint8Array(0)), "zstd")).toBe(
      "FILE: compressed with zstd, and nothing is in it",
    );
  });

  test("more than there is memory for, said or not", () => {
    const zeros = new Uint8Array(16 * 1024 * 1024);
    const world = { root: folder.in("machine"), files: { "/proc/meminfo": "MemAvailable:       4096 kB\n" } };
    const fact = (method: string) =>
      `FILE: compressed with ${method}, to be more than 0x400000 bytes: more than there is memory for`;
    expect(refused(Bun.gzipSync(zeros), "gzip", world)).toBe(fact("gzip"));
    expect(refused(Bun.zstdCompressSync(zeros), "zstd", world)).toBe(fact("zstd"));
    expect(refused(tool(["zstd", "-q"], zeros), "zstd", world)).toBe(fact("zstd"));
    const half = zeros.subarray(0, 4 * 1024 * 1024);
    expect(unpacked(Bun.gzipSync(half), "gzip", world).length).toBe(half.length);
  });
});

test("whatever is done to it, it is the right bytes or refused", () => {
  const changes = fc.record({
    method: fc.constantFrom("gzip" as const, "zstd" as const),
    flips: fc.array(fc.tuple(fc.nat(200_000), fc.integer({ min: 1, max: 255 })), { maxLength: 3 }),
    cut: fc.option(fc.nat(200_000)),
  });
  let [right, wrong] = [0, 0];
  fc.assert(
    fc.property(changes, ({ method, flips, cut }) => {
      const bytes = (method === "gzip" ? gz : zst).slice();
      for (const [at, by] of flips) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ by;
      const spoilt = cut === null ? bytes : bytes.subarray(0, cut % bytes.length);
      try {
        expect(unpacked(spoilt, method).equals(content)).toBe(true);
        right++;
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        wrong++;
      }
    }),
    { seed: 1, numRuns: 300 },
  );
  expect(right).toBeGreaterThan(10);
  expect(wrong).toBeGreaterThan(150);
});

describe("how large it becomes", () => {
  const told = (method: Packing, bytes: Uint8Array) => findUnpackedSize(method, bytes);
  const known = { size: content.length, isSure: true };

  test("is what the formats say", () => {
    expect(told("gzip", gz)).toEqual({ ...known, isSure: false });
    expect(told("xz", tool(["xz", "-c"]))).toEqual({ ...known, isSure: false });
    expect(told("xz", tool(["xz", "-c", "--block-size=10000"]))).toEqual({ ...known, isSure: false });
    expect(told("zstd", Bun.zstdCompressSync(content))).toEqual(known);
    expect(told("lzma", tool(["xz", "--format=lzma", "-c"]))).toEqual({ size: expect.any(Number), isSure: false });
  });

  test("is bounded by its blocks where zstd does not say it", () => {
    const { size, isSure } = told("zstd", zst) as { size: number; isSure: boolean };
    expect(isSure).toBe(false);
    expect(size).toBeGreaterThanOrEqual(content.length);
    expect(size).toBeLessThan(4 * content.length + 131_072);
  });

  test("is no more than deflate can make, whatever stands at the end", () => {
    const spoilt = gz.slice(0, 1000);
    spoilt.fill(0xff, 996);
    expect(told("gzip", spoilt)).toEqual({ size: 6000, isSure: false });
  });
});
