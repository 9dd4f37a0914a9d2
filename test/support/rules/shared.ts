// Rules that are broken alike on several machines.

import type { AddedFile } from "../../../initramfs/image.ts";
import { builtInStub } from "../../../src/arch/stubs.ts";
import { hex } from "../../../src/failure.ts";
import { STUB_SIZE } from "../../../src/kexec/stub.ts";
import { type Broken, type End, file, type Places, tell } from "./broken.ts";

/** What differs. */
export interface Machine {
  /** Of its stub. */
  readonly name: string;
  /** e_machine. */
  readonly number: number;
  readonly chain: number;
  readonly places: Places;
  /** Free memory. */
  readonly free: number;
  readonly handsOver: "tree" | "zero page";
  /** Another machine, of which there is a stub too: how it is entered. */
  readonly other: { readonly name: "ppc64" | "arm64"; readonly number: number; readonly chain: string };
  /** How it ends without a tree or zero page, and without an initrd. */
  readonly withoutTree: End;
  readonly noInit: End;
}

/** What sharedRules() want in the first initramfs. */
export function sharedFiles({ other: { name } }: Machine): AddedFile[] {
  return [file(`stub.${name}`, builtInStub("-w", name))];
}

/** What treeRules() want there. */
export function treeFiles({ name }: Machine, initrd: Uint8Array): AddedFile[] {
  const stub = builtInStub("-w", name);
  return [file("stub.start", stub.subarray(0, 2)), file("stub.rest", stub.subarray(2)), halfOf(initrd)];
}

/** On every machine. */
export function sharedRules(machine: Machine): Broken[] {
  const { number, chain, places, free, handsOver, other, withoutTree, noInit } = machine;
  const what = handsOver === "tree" ? "device tree blob" : "zero page";
  const after = `${hex(places.stub + STUB_SIZE)}, after the ${hex(STUB_SIZE)} bytes of the stub`;
  return [
    {
      rule: "entry",
      how: "none",
      words: ({ usual }) => ({ stub: usual.stub.replace(" -e", "") }),
      refusal: /: entry: none is set/,
      end: "silence",
    },
    {
      rule: "entry",
      how: "at the end of a segment",
      words: ({ usual }) => ({ stub: usual.stub.replace(" -e", ""), others: `-a ${hex(free)} -f /page -e` }),
      refusal: new RegExp(`: entry ${hex(free + 0x1_0000)}: lies in no segment$`),
      end: "silence",
    },
    {
      rule: "stub-machine",
      how: `${other.name}'s`,
      words: ({ usual }) => ({
        stub: usual.stub.replace("-w", `-f /stub.${other.name}`),
        kernel: usual.kernel.replace(`-c ${hex(chain)}`, other.chain),
      }),
      refusal: new RegExp(`: the ${other.name} stub is entered, but this machine is ${number}, not ${other.number}$`),
      end: "silence",
    },
    {
      rule: "stub-order",
      how: `the ${handsOver} before the stub`,
      words: () => ({ stub: `-a ${hex(places.stub)} -s -e -w` }),
      refusal: /lies behind what it hands over/,
      end: "silence",
    },
    {
      rule: "stub-entry",
      how: "the kernel is entered",
      words: ({ usual }) => ({ stub: usual.stub.replace(" -e", ""), kernel: usual.kernel.replace(" -c", " -e -c") }),
      refusal: /is entered itself, not by the stub/,
      end: withoutTree,
    },
    {
      rule: handsOver === "tree" ? "tree" : "zero-page",
      how: "in a segment of its own",
      words: ({ usual }) => ({ stub: usual.stub.replace(" -s", ""), others: `-a ${hex(free)} -s` }),
      refusal: new RegExp(`: no ${what} at ${after}`),
      end: withoutTree,
    },
    {
      rule: "stub-kernel",
      how: "not told",
      words: ({ usual }) => ({ kernel: usual.kernel.replace(`-c ${hex(chain)} `, "") }),
      refusal: /: the stub does not know its kernel/,
      end: "silence",
    },
    missingInitrd(handsOver, noInit),
  ];
}

export function missingInitrd(handsOver: "tree" | "zero page", end: End): Broken {
  return {
    rule: handsOver === "tree" ? "initrd" : "zero-page",
    how: "an initrd in no segment",
    words: () => ({ initrd: "" }),
    refusal: new RegExp(`: the ${handsOver} tells of an initrd at .*, which no segment holds`),
    end,
  };
}

/** Where instructions have four bytes, and kernels get a tree. */
export function treeRules({ places, noInit }: Machine): Broken[] {
  return [
    {
      rule: "entry-alignment",
      how: "two bytes behind the stub's first",
      words: () => ({ stub: `-a ${hex(places.stub)} -f /stub.start -e -f /stub.rest -s` }),
      refusal: new RegExp(`: entry ${hex(places.stub + 2)}: is not a multiple of 4$`),
      end: "silence",
    },
    halfInitrd(noInit),
  ];
}

/** With a file that halfOf() makes. */
export function halfInitrd(end: End): Broken {
  return {
    rule: "initrd",
    how: "half of it loaded",
    words: ({ usual }) => ({ initrd: usual.initrd.replace("/initrd", "/initrd.half") }),
    refusal: /: the tree tells of an initrd at .*, of which .* is not loaded/,
    end,
  };
}

export function halfOf(initrd: Uint8Array): AddedFile {
  return file("initrd.half", initrd.subarray(0, initrd.length / 2));
}

/** A kernel that is still packed: the first of it are enough. */
export function packedKernel(kernel: Uint8Array): AddedFile {
  return file("kernel.gz", Bun.gzipSync(Buffer.from(kernel.subarray(0, 0x10_0000))));
}

/** An initrd in memory that mem= takes away. @param high free memory beyond the first 256 MiB */
export function initrdBeyondLimit(high: number): Pick<Broken, "how" | "words"> {
  return {
    how: "an initrd in memory that mem= takes away",
    words: ({ initrdSize }) => ({
      told: tell(high, initrdSize),
      append: "mem=256M",
      initrd: `-a ${hex(high)} -f /initrd`,
    }),
  };
}
