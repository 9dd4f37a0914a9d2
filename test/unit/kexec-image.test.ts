// How words are laid into an image, also those of a machine whose words have 4 bytes.

import { describe, expect, test } from "bun:test";
import { closeSync, openSync, truncateSync, writeSync } from "node:fs";
import { archs } from "../../src/arch/archs.ts";
import { loadRules } from "../../src/arch/load-rules.ts";
import { addressOf, assemble, bytesOf, type KexecImage, MOST_BYTES } from "../../src/kexec/image.ts";
import { openPiece } from "../../src/kexec/piece.ts";
import { Plan } from "../../src/kexec/plan.ts";
import { readKernelAddress, STUB_SIZE, type Stub, type Target } from "../../src/kexec/stub.ts";
import { abis } from "../../src/sys/abi.ts";
import { System } from "../../src/sys/system.ts";
import { FakeEngine } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";

const folder = temporaryFolder();

/** A machine that nobody has yet: big endian, words of 4 bytes. */
const narrowStub: Stub = {
  endian: "big",
  word: 4,
  chain: STUB_SIZE,
  codeSize: STUB_SIZE - 4,
  bytes: () => new Uint8Array(STUB_SIZE).fill(0x60, 0, STUB_SIZE - 4),
};
const narrow: Target = { name: "narrow", elfMachine: 20, argument: "device tree blob", stub: narrowStub };

/** `bytes`, then a segment at `kernel` that is chained to byte `offset` of them. */
function chain(bytes: Uint8Array, offset: bigint, kernel: bigint, endian?: "little"): KexecImage {
  const plan = new Plan();
  const first = plan.open(0x1000n, "first");
  first.append({ kind: "bytes", name: "code", bytes });
  plan.open(kernel, "second").zeros = 0x1000n;
  plan.entry = 0x1000n;
  plan.patches.push({ label: "-c", segment: first, kind: "chain", offset, value: kernel, endian });
  const system = new System(new FakeEngine({ machine: "ppc" }));
  return assemble(system, plan, [...archs, narrow]);
}

describe("where words have 4 bytes", () => {
  test("a chained big endian word ends at its offset, a little endian one begins there", () => {
    const big = chain(new Uint8Array(8), 8n, 0x12345678n);
    expect([...(big.segments[0]?.bytes ?? [])]).toEqual([0, 0, 0, 0, 0x12, 0x34, 0x56, 0x78]);
    const little = chain(new Uint8Array(8), 0n, 0x12345678n, "little");
    expect([...(little.segments[0]?.bytes ?? [])]).toEqual([0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0]);
  });

  test("the stub's kernel is its last word, and nothing else in it is stored into", () => {
    const { handed } = chain(narrowStub.bytes(), 0x100n, 0x400000n);
    expect(handed?.target).toBe(narrow);
    expect(readKernelAddress(narrowStub, handed?.segment.bytes ?? new Uint8Array(0))).toBe(0x400000n);
    expect(() => chain(narrowStub.bytes(), 0xfcn, 0x400000n)).toThrow("is the stub's code");
  });

  test("an address that does not fit is refused, not cut off", () => {
    expect(() => chain(new Uint8Array(8), 8n, 0x1_0000_0000n)).toThrow(
      "-c: 0x100000000 does not fit into the big endian word [0x4, 0x8)",
    );
  });
});

describe("where the running kernel hands the tree over itself", () => {
  const bare: Target = {
    name: "bare",
    elfMachine: abis.ppc64.elfMachine,
    argument: "device tree blob",
    stub: undefined,
  };
  const blob = Buffer.concat([Buffer.from("d00dfeed", "hex"), Buffer.alloc(36)]);

  /** Segments of these bytes, a page each. */
  function handed(arch: bigint, ...segments: readonly Uint8Array[]): KexecImage["handed"] {
    const plan = new Plan();
    plan.arch = arch;
    for (const [index, bytes] of segments.entries()) {
      plan.open(BigInt(index + 1) * 0x1000n, `${index}`).append({ kind: "bytes", name: `${index}`, bytes });
    }
    return assemble(new System(new FakeEngine({ machine: "ppc64" })), plan, [bare]).handed;
  }

  test("it is the first segment that begins with a blob, whatever is entered", () => {
    const inside = Buffer.concat([Buffer.alloc(0x100), blob]);
    const found = present(handed(0n, Buffer.alloc(8), inside, blob, blob));
    expect([found.segment.start, addressOf(found), bytesOf(found)]).toEqual([0x3000n, 0x3000n, found.segment.bytes]);
    expect(handed(0n, Buffer.alloc(8), inside)).toBeUndefined();
  });

  test("only for a kernel of that machine", () => {
    expect(handed(21n, blob)).toBeDefined();
    expect(handed(62n, blob)).toBeUndefined();
  });
});

test("a stub of 8-byte words keeps them on a machine of 4-byte words", () => {
  const ppc64 = archs.find(({ name }) => name === "ppc64");
  const { words } = chain(ppc64?.stub?.bytes() ?? new Uint8Array(0), 0x100n, 0x400000n);
  expect(words.map(({ at, size }) => [at, size])).toEqual([[0xf8, 8]]);
});

test("each machine has rules for loading, and one name", () => {
  const machines = archs.flatMap((arch) => arch.machines);
  expect(machines.toSorted()).toEqual(Object.keys(loadRules).toSorted() as typeof machines);
  expect(new Set(archs.map(({ name }) => name)).size).toBe(archs.length);
});

describe("what is larger than an array is several segments, each from where the one before it ends", () => {
  const GIB = 2 ** 30;
  const HEAD = 0x10;

  /** A file of three GiB behind a few bytes, with letters where the first segment ends, and zeros behind it. */
  function large(...pokes: readonly (readonly [offset: number, value: bigint])[]): KexecImage {
    const path = folder.in("large");
    const descriptor = openSync(path, "w");
    writeSync(descriptor, "abcdefgh", MOST_BYTES - HEAD - 4);
    truncateSync(path, 3 * GIB);
    closeSync(descriptor);
    const system = new System(new FakeEngine({ machine: "x86_64" }), abis.x86_64);
    const plan = new Plan();
    plan.round = 0x1000n;
    const segment = plan.open(0x1000n, "-a");
    segment.append({ kind: "bytes", name: "head", bytes: new Uint8Array(HEAD).fill(1) });
    segment.append(openPiece(system, "-f", path));
    segment.zeros = 0x2000n;
    for (const [offset, value] of pokes) {
      plan.patches.push({ label: "--poke", segment, kind: "poke", offset: BigInt(offset), value, endian: "big" });
    }
    return assemble(system, plan, archs);
  }

  function text(bytes: Uint8Array | undefined, start: number, end?: number): string {
    return Buffer.from(bytes?.subarray(start, end) ?? []).toString("latin1");
  }

  test("with all bytes, and the zeros behind the last", () => {
    const { segments } = large();
    const end = 0x1000n + BigInt(3 * GIB + HEAD + 0x2000);
    const middle = 0x1000n + BigInt(MOST_BYTES);
    expect(segments.map((each) => [each.start, each.end])).toEqual([
      [0x1000n, middle],
      [middle, (end + 0xfffn) & ~0xfffn],
    ]);
    expect(segments.map(({ bytes }) => bytes.length)).toEqual([MOST_BYTES, 3 * GIB + HEAD - MOST_BYTES]);
    expect(text(segments[0]?.bytes, 0, HEAD)).toBe("\x01".repeat(HEAD));
    expect(text(segments[0]?.bytes, MOST_BYTES - 4)).toBe("abcd");
    expect(text(segments[1]?.bytes, 0, 4)).toBe("efgh");
  });

  test("and each word in its own", () => {
    const { segments, words } = large([0, 1n], [MOST_BYTES - 4, 0x41424344n], [MOST_BYTES, 0x45464748n]);
    expect(words.map(({ segment, at }) => [segments.indexOf(segment), at])).toEqual([
      [0, 0],
      [0, MOST_BYTES - 4],
      [1, 0],
    ]);
    expect(text(segments[0]?.bytes, MOST_BYTES - 4) + text(segments[1]?.bytes, 0, 4)).toBe("ABCDEFGH");
    expect(() => large([4 * GIB, 1n])).toThrow(/--poke: the big endian word \[.*is not within/);
  });
});
