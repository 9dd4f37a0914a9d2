// A stub: the code of ours that stands between two kernels, its layout, and how it is recognized in a segment.

import { viewOf } from "../devicetree/cells.ts";

/** Bytes of every stub. What the next kernel expects on entry follows it (layouts: stub/MACHINE/README.md). */
export const STUB_SIZE = 0x100;

/** Offset of the address of the kernel to enter in a stub with words of 8 bytes: the last word, as in every stub. */
export const KERNEL_ADDRESS = STUB_SIZE - 8;

/** How many secondary cpus will come out of the old kernel, if that is known. */
export type Secondaries = number | "unknown";

/** The 32-bit word in a stub that says how many secondary cpus it waits for. */
export interface WaitWord {
  readonly offset: number;
  /** The most that it can count. */
  readonly most: number;
  encode(secondaries: Secondaries): number;
}

export interface Stub {
  /** Of the words in it. */
  readonly endian: "big" | "little";
  /** Bytes of the kernel's address, with which the stub ends. */
  readonly word: 4 | 8;
  /** The offset that -c takes for the word of the kernel's address. */
  readonly chain: number;
  /** Only where other cpus come to the stub, and it has to be told how many. */
  readonly wait?: WaitWord;
  /** Bytes from its start that are the same in every copy: what it is recognized by. */
  readonly codeSize: number;
  /** A fresh copy of its STUB_SIZE bytes: kernel address 0. */
  bytes(): Uint8Array;
}

/** What a machine's kernels are handed. */
export type ArgumentKind = "device tree blob" | "zero page";

/** A machine that is loaded for. */
export interface Target {
  readonly name: string;
  /** e_machine of its ELF files, which is also the kexec architecture. */
  readonly elfMachine: number;
  readonly argument: ArgumentKind;
  /** What hands it over, and lies before it; undefined where the running kernel does that itself. */
  readonly stub: Stub | undefined;
}

/** Bytes before what a kernel is handed, in its segment. */
export function offsetOfArgument({ stub }: Target): number {
  return stub === undefined ? 0 : STUB_SIZE;
}

/** The target whose stub `bytes` begin with: the same code, byte for byte. What follows it is not looked at. */
export function findTarget<T extends Target>(targets: readonly T[], bytes: Uint8Array): T | undefined {
  if (bytes.length < STUB_SIZE) return undefined;
  return targets.find(({ stub }) => {
    const code = stub?.bytes().subarray(0, stub.codeSize);
    return code?.every((byte, at) => byte === bytes[at]) === true;
  });
}

/** The address of the kernel that a stub will enter. 0 until somebody has written it. */
export function readKernelAddress({ endian, word }: Stub, bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = STUB_SIZE - word;
  return word === 8 ? view.getBigUint64(at, endian === "little") : BigInt(view.getUint32(at, endian === "little"));
}

/** Prebuilt bytes, which are kept as text: words of eight hexadecimal digits, each with a blank or a line's end behind it. */
export function parseWords(text: string): Uint8Array {
  const bytes = new Uint8Array(4 * Math.ceil(text.length / 9));
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length; at += 4) {
    const digit = (9 * at) / 4;
    view.setUint32(at, Number.parseInt(text.slice(digit, digit + 8), 16));
  }
  return bytes;
}

/** Fresh copies of such bytes. They are parsed once, when the first is asked for. */
export function copiesOf(text: string): () => Uint8Array {
  let parsed: Uint8Array | undefined;
  return () => {
    parsed ??= parseWords(text);
    return parsed.slice();
  };
}
