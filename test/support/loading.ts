// A pretended ppc64 machine for loadem and kexec: its device tree and what its kernel says of itself, and a kexec_load(2)
// and a kexec_file_load(2) that keep what they were given instead of loading it.

import { fstatSync, readSync } from "node:fs";
import { join } from "node:path";
import { abis } from "../../src/sys/abi.ts";
import { engine as host } from "../../src/sys/bun.ts";
import type { Argument, Machine } from "../../src/sys/engine.ts";
import { errno } from "../../src/sys/errno.ts";
import { type FakeEngine, type FakeRun, type FakeWorld, runInside } from "./fake-engine.ts";
import { present } from "./present.ts";
import { cells } from "./tree.ts";

/** One struct kexec_segment, its bytes copied from where `buf` pointed at the moment of the call. */
export interface KernelSegment {
  readonly bytes: Buffer;
  readonly mem: bigint;
  readonly memsz: bigint;
}

/** One kexec_load(2). */
export interface Load {
  readonly entry: bigint;
  readonly flags: bigint;
  readonly segments: readonly KernelSegment[];
}

/** One kexec_file_load(2). */
export interface FileLoad {
  /** The file's path, or "" where it is none. */
  readonly kernel: string;
  /** What the kernel would read. */
  readonly initrd: Buffer | undefined;
  /** With its NUL. */
  readonly commandLine: string;
  readonly flags: number;
}

/** One segment of a kexec_load that was made, counted from 0. */
export function segmentOf(load: Load | undefined, index: number): KernelSegment {
  return present(load?.segments[index], `segment ${index}`);
}

export interface LoadRun extends FakeRun {
  readonly loads: readonly Load[];
  readonly fileLoads: readonly FileLoad[];
  /** Every call that could change something, in order. */
  readonly changes: readonly string[];
}

const CHANGING: ReadonlySet<string> = new Set([
  "kexec_load",
  "kexec_file_load",
  "reboot",
  "mount",
  "mkdirat",
  "symlinkat",
]);

export interface Pretended {
  readonly machine?: Machine;
  /** The same as the machine unless said. */
  readonly kernel?: Machine;
  readonly pageSize?: number;
  /** Contents by absolute path, over those of the usual machine; undefined: not there. */
  readonly files?: Readonly<Record<string, Uint8Array | string | undefined>>;
  readonly stdin?: Uint8Array;
  readonly terminals?: readonly number[];
  readonly on?: FakeWorld["on"];
  readonly guards?: FakeWorld["guards"];
  /** What kexec_load answers, from the first call on; 0 after the last. */
  readonly answers?: readonly number[];
  /** The same of kexec_file_load. */
  readonly fileAnswers?: readonly number[];
  /** The calls that this kernel does not have. */
  readonly lacks?: readonly ("kexec_load" | "kexec_file_load")[];
}

/** 2 GiB in two nodes, of which the first is the real mode area; two cpus of two threads each. */
const TREE: Readonly<Record<string, Uint8Array | string>> = {
  "#address-cells": cells(2),
  "#size-cells": cells(2),
  "memory@0/reg": cells(0, 0, 0, 0x4000_0000),
  "memory@0/device_type": "memory\0",
  "memory@40000000/reg": cells(0, 0x4000_0000, 0, 0x4000_0000),
  "memory@40000000/device_type": "memory\0",
  "cpus/PowerPC,POWER9@0/ibm,ppc-interrupt-server#s": cells(0, 1),
  "cpus/PowerPC,POWER9@8/ibm,ppc-interrupt-server#s": cells(8, 9),
  "chosen/linux,kernel-end": cells(0, 0x288_0000),
};

export const KERNEL_END = 0x288_0000;

/** What it has of /proc and /sys. */
export const USUAL: Readonly<Record<string, Uint8Array | string>> = {
  ...Object.fromEntries(Object.entries(TREE).map(([name, value]) => [`/proc/device-tree/${name}`, value])),
  "/proc/meminfo": "MemTotal:        2097152 kB\nMemFree:            1000 kB\n",
  "/proc/self/status": "Name:\tloadem\nCapEff:\t000001ffffffffff\n",
  "/proc/sys/kernel/kexec_load_disabled": "0\n",
  "/sys/kernel/kexec_loaded": "0\n",
};

/** What a machine without a device tree has, for tests about x86-64. */
export const WITHOUT_TREE: NonNullable<Pretended["files"]> = Object.fromEntries(
  Object.keys(TREE).map((name) => [`/proc/device-tree/${name}`, undefined]),
);

/** What loadem says, without where a segment could go instead. */
export function withoutPlace(text: string): string {
  return text.replace(/; free for it is 0x[0-9a-f]+ \(up to 0x[0-9a-f]+\)(, with (fs2dt|zeropage) -[bi] \S+)?$/m, "");
}

/** Runs `loadem ARGUMENT...` on the pretended machine, whose /proc and /sys are made in `folder`. */
export function loadem(folder: string, pretended: Pretended, ...args: readonly string[]): LoadRun {
  return runPretended(folder, pretended, "loadem", ...args);
}

export function runPretended(folder: string, pretended: Pretended, ...args: readonly string[]): LoadRun {
  const { world, loads, fileLoads } = pretendedWorld(folder, pretended);
  const result = runInside(world, ...args);
  return { ...result, loads, fileLoads, changes: changesIn(result.engine) };
}

/** Every call that could change something, in order. */
export function changesIn(engine: FakeEngine): string[] {
  return engine.calls.filter(({ name, args }) => CHANGING.has(name) && !isQuestion(name, args)).map(({ name }) => name);
}

/** A kernel whose log has this text. */
export function log(text: string): NonNullable<Pretended["on"]> {
  return {
    syslog: ([action, bytes]) => {
      if (action === 10) return 4096;
      Buffer.from(text, "latin1").copy(bytes as Uint8Array);
      return text.length;
    },
  };
}

export interface PretendedWorld {
  readonly world: FakeWorld;
  /** They grow as the calls are made. */
  readonly loads: readonly Load[];
  readonly fileLoads: readonly FileLoad[];
}

/** The pretended machine for tests that run no command. */
export function pretendedWorld(folder: string, pretended: Pretended): PretendedWorld {
  const machine = pretended.machine ?? "ppc64";
  const answers = [...(pretended.answers ?? [])];
  const fileAnswers = [...(pretended.fileAnswers ?? [])];
  const loads: Load[] = [];
  const fileLoads: FileLoad[] = [];
  const lacks = (name: "kexec_load" | "kexec_file_load") => pretended.lacks?.includes(name) === true;
  const files = Object.fromEntries(
    Object.entries({ ...USUAL, ...pretended.files }).filter(
      (entry): entry is [string, Uint8Array | string] => entry[1] !== undefined,
    ),
  );
  const { stdin, terminals } = pretended;
  const world: FakeWorld = {
    machine,
    kernel: pretended.kernel ?? machine,
    pageSize: pretended.pageSize ?? 4096,
    root: join(folder, `machine-${Bun.randomUUIDv7()}`),
    files,
    ...(stdin === undefined ? {} : { stdin }),
    ...(terminals === undefined ? {} : { terminals }),
    guards: pretended.guards === true,
    on: {
      kexec_load: (call) => {
        if (lacks("kexec_load")) return -errno.ENOSYS;
        if (isQuestion("kexec_load", call)) return -errno.EINVAL;
        loads.push(asTheKernelSeesIt(machine, call));
        return answers.shift() ?? 0;
      },
      kexec_file_load: (args, { path }) => {
        if (lacks("kexec_file_load")) return -errno.ENOSYS;
        if (isQuestion("kexec_file_load", args)) return -errno.EINVAL;
        fileLoads.push(asTheKernelReadsIt(args, path));
        return fileAnswers.shift() ?? 0;
      },
      ...pretended.on,
    },
  };
  return { world, loads, fileLoads };
}

/** Whether the call only asks whether there is such a call: by flags that there are not, and by nothing else that is right. */
function isQuestion(name: string, args: readonly Argument[]): boolean {
  if (name === "kexec_load") return args[1] === 17 && args[2] === null && args[3] === 0x8000;
  return name === "kexec_file_load" && args[0] === -1 && args[1] === -1 && args[3] === null && args[4] === 0x8000;
}

function asTheKernelReadsIt([, initrd, size, line, flags]: readonly Argument[], kernel: string): FileLoad {
  const text = line instanceof Uint8Array ? Buffer.from(line).subarray(0, Number(size)).toString("latin1") : "";
  return { kernel, initrd: contentOf(Number(initrd)), commandLine: text, flags: Number(flags) };
}

/** From its first byte on, wherever the descriptor stands. */
function contentOf(descriptor: number): Buffer | undefined {
  if (descriptor < 0) return undefined;
  const bytes = Buffer.alloc(fstatSync(descriptor).size);
  readSync(descriptor, bytes, 0, bytes.length, 0);
  return bytes;
}

function asTheKernelSeesIt(machine: Machine, [entry, count, table, flags]: readonly Argument[]): Load {
  // A buffer that only a dead object held would be gone after this.
  Bun.gc(true);
  const littleEndian = abis[machine].endian === "little";
  const words =
    table instanceof Uint8Array ? new DataView(table.buffer, table.byteOffset, table.byteLength) : undefined;
  const segments = Array.from({ length: Number(count) }, (_, index): KernelSegment => {
    const [buf, bufsz, mem, memsz] = [0, 8, 16, 24].map((field) =>
      present(words).getBigUint64(32 * index + field, littleEndian),
    );
    const bytes = bufsz === 0n ? Buffer.alloc(0) : Buffer.from(host.memory(Number(buf), Number(bufsz)));
    return { bytes, mem: present(mem), memsz: present(memsz) };
  });
  return { entry: BigInt(entry as bigint), flags: BigInt(flags as bigint), segments };
}
