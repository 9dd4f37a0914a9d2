// The stubs that are built in, one for each kind of machine: 256 bytes between two kernels, with what the next kernel
// expects on entry right behind them.

import arm64 from "../../stub/arm64/wrap.hex" with { type: "text" };
import x86 from "../../stub/x86_64/wrap.hex" with { type: "text" };
import { usage } from "../failure.ts";
import { EM_AARCH64, EM_PPC64, EM_X86_64 } from "../sys/abi.ts";
import type { ByteString, Machine } from "../sys/engine.ts";
import { bytesOfWords, KERNEL_ADDRESS, STUB_SIZE, v2wrapBytes, WAIT_WORD } from "./ppc64/stub.ts";

export interface Stub {
  readonly name: "ppc64" | "arm64" | "x86_64";
  /** Those it runs on. */
  readonly machines: readonly Machine[];
  /** e_machine of those. */
  readonly elfMachine: number;
  /** Of the kernel's address in it. */
  readonly endian: "big" | "little";
  /** The offset that -c takes for the word of the kernel's address. */
  readonly chain: number;
  /** What has to stand behind it. */
  readonly before: "device tree blob" | "zero page";
  /** Bytes from its start that are the same in every copy: what it is recognized by. */
  readonly codeSize: number;
  /** A fresh copy of its 256 bytes. */
  bytes(): Uint8Array;
}

export const stubs: readonly Stub[] = [
  {
    name: "ppc64",
    machines: ["ppc64", "ppc64le"],
    elfMachine: EM_PPC64,
    endian: "big",
    chain: STUB_SIZE,
    before: "device tree blob",
    codeSize: WAIT_WORD,
    bytes: v2wrapBytes,
  },
  {
    name: "arm64",
    machines: ["aarch64"],
    elfMachine: EM_AARCH64,
    endian: "little",
    chain: KERNEL_ADDRESS,
    before: "device tree blob",
    codeSize: KERNEL_ADDRESS,
    bytes: () => bytesOfWords(arm64),
  },
  {
    name: "x86_64",
    machines: ["x86_64"],
    elfMachine: EM_X86_64,
    endian: "little",
    chain: KERNEL_ADDRESS,
    before: "zero page",
    codeSize: KERNEL_ADDRESS,
    bytes: () => bytesOfWords(x86),
  },
];

/** What v2wrap writes and -w appends: the stub of that name, or of the running machine. */
export function builtInStub(place: string, wanted: Machine | ByteString): Uint8Array {
  const stub = stubs.find(({ name, machines }) => name === wanted || machines.some((machine) => machine === wanted));
  if (stub !== undefined) return stub.bytes();
  throw usage(place, `no stub for ${wanted} is built in, only for ${stubs.map(({ name }) => name).join(" ")}`);
}

/** The stub of ours that `bytes` begin with: the same code, byte for byte. What follows it is not looked at. */
export function stubIn(bytes: Uint8Array): Stub | undefined {
  if (bytes.length < STUB_SIZE) return undefined;
  return stubs.find((stub) => {
    const ours = stub.bytes();
    return bytes.subarray(0, stub.codeSize).every((byte, at) => byte === ours[at]);
  });
}

/** The address in its last doubleword: the kernel it will enter. 0 until somebody has written it. */
export function kernelAddressIn({ endian }: Stub, bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return view.getBigUint64(KERNEL_ADDRESS, endian === "little");
}
