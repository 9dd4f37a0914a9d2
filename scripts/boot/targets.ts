// The targets of a boot, as a table: which guest each runs in, its kernels, and where in its memory everything goes.

import type { FlatImage } from "../elf.ts";
import { arm64Image, asBzImage, bzImage, kernelImage } from "../kernels.ts";
import type { KernelName, MachineName } from "../machines/machines.ts";
import { buildPayload } from "../stubs.ts";

const MIB = 0x100000;

/** Physical addresses, in bytes. */
export interface Addresses {
  readonly stub: number;
  readonly tree: number;
  readonly kernel: number;
  readonly initrd: number;
}

/** What goes into the guest, in bytes, and how it starts. */
export interface Load {
  readonly uefi: boolean;
  /** The memory that either kernel takes. */
  readonly first: number;
  readonly next: number;
  /** The next kernel's initramfs. */
  readonly initrd: number;
  /** All files of the first kernel's initramfs. */
  readonly carried: number;
}

interface BootTarget {
  readonly machine: MachineName;
  /** A qemu cpu model. */
  readonly cpu: string;
  /** The kernel's name of the guest's serial port. */
  readonly console: string;
  /** A word more on both kernels' command lines. */
  readonly append?: string;
  readonly kernel: KernelName;
  /** The one that --small takes. */
  readonly smallKernel: KernelName;
  /** MiB of a guest with each of them. */
  readonly memory: number;
  readonly smallMemory: number;
  /** Where the guest's memory begins. */
  readonly memoryStart: number;
  /** Firmware for --uefi; undefined where there is none to choose. */
  readonly uefi: string | undefined;
  /** What -c says of the stub's word for its kernel. */
  readonly chain: number;
  /** What the next kernel is handed, and so which applet makes it. */
  readonly argument: "device tree blob" | "zero page";
  readonly image: (path: string) => Promise<FlatImage>;
  /** The test payload in a kernel's place; undefined where there is none. */
  readonly payload: (() => Promise<FlatImage>) | undefined;
  /** Where everything goes. */
  readonly addresses: (load: Load) => Addresses;
}

/**
 * As in the README of 2005, unless a kernel is so large that it needs the room: nothing may lie where either kernel
 * is, or where the next one copies itself to: from 0 up to its own size.
 */
function ppc64Addresses({ first, next }: Load): Addresses {
  const room = 16 * MIB;
  const stub = Math.max(0x5000000, align(Math.max(first, next), room));
  const kernel = stub + room;
  return { stub, tree: stub + 0x100, kernel, initrd: align(kernel + next, room) };
}

/**
 * Behind the first kernel, which qemu puts at 2 MiB, and behind what that takes for a GICv3's tables, all before
 * 128 MiB, where qemu puts the initrd and then its tree. Behind those two if it is too much. UEFI has them at the end
 * of memory.
 */
function arm64Addresses({ uefi, first, next, initrd, carried }: Load): Addresses {
  const room = 2 * MIB;
  const low = Math.max(ARM64_MEMORY + 94 * MIB, align(ARM64_MEMORY + room + first, room));
  const whole = room + align(next, room) + initrd;
  const stub = uefi || low + whole <= ARM64_INITRD ? low : align(ARM64_INITRD + carried, room) + 2 * room;
  const kernel = stub + room;
  return { stub, tree: stub + 0x100, kernel, initrd: align(kernel + next, room) };
}

/** The kernel where it was linked to be, the rest behind the memory that it uses before it looks around. */
function x64Addresses({ next }: Load): Addresses {
  const room = 2 * MIB;
  const kernel = 16 * MIB;
  const stub = align(kernel + next, room);
  return { stub, tree: stub + 0x100, kernel, initrd: stub + room };
}

async function whole(payload: Promise<Uint8Array>): Promise<FlatImage> {
  const bytes = await payload;
  return { bytes, memsz: bytes.length };
}

function align(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

const ARM64_MEMORY = 0x40000000;
const ARM64_INITRD = ARM64_MEMORY + 128 * MIB;

const ppc64 = {
  machine: "ppc64",
  cpu: "POWER9",
  console: "hvc0",
  memory: 1024,
  smallMemory: 512,
  memoryStart: 0,
  uefi: undefined,
  chain: 0x100,
  argument: "device tree blob",
  image: kernelImage,
  payload: () => whole(buildPayload("ppc64")),
  addresses: ppc64Addresses,
} as const;

const small = {
  ppc64: { ...ppc64, kernel: "small-ppc64", smallKernel: "small-ppc64", memory: 512 },
  ppc64le: { ...ppc64, kernel: "stock-ppc64le", smallKernel: "small-ppc64le" },
  "arm64-small": {
    machine: "arm64",
    cpu: "cortex-a72",
    console: "ttyAMA0",
    kernel: "stock-arm64",
    smallKernel: "stock-arm64",
    memory: 512,
    smallMemory: 512,
    memoryStart: ARM64_MEMORY,
    uefi: "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd",
    chain: 0xf8,
    argument: "device tree blob",
    image: arm64Image,
    payload: () => whole(buildPayload("arm64")),
    addresses: arm64Addresses,
  },
  "x64-small": {
    machine: "x86_64",
    cpu: "max",
    console: "ttyS0",
    // On a busy host an emulated timer's ticks come late, and the kernel would take it for broken and panic. One of its
    // tests of its own cryptography once went round for ever in the first kernel on qemu's AVX. Where it takes the TSC
    // for stable, Linux 7.3 patches its clock late, and one boot in six ran into that patch's int3.
    append: "no_timer_check cryptomgr.notests tsc=unstable",
    kernel: "stock-x64",
    smallKernel: "stock-x64",
    memory: 512,
    smallMemory: 512,
    memoryStart: 0,
    uefi: "/usr/share/ovmf/OVMF.fd",
    chain: 0xf8,
    argument: "zero page",
    image: bzImage,
    payload: async () => asBzImage("payload", await buildPayload("x86_64")),
    addresses: x64Addresses,
  },
} as const satisfies Record<string, BootTarget>;

/** Bun's executable lies in both initramfs, and the second in the first: a quarter of a gigabyte, packed and unpacked. */
const BUN_MEMORY = { memory: 1024, smallMemory: 1024 } as const;

export const targets = {
  ...small,
  arm64: { ...small["arm64-small"], ...BUN_MEMORY },
  x64: { ...small["x64-small"], ...BUN_MEMORY },
} as const satisfies Record<string, BootTarget>;

export type Target = keyof typeof targets;

export const targetNames = Object.keys(targets) as Target[];

export function bootTarget(name: Target): BootTarget {
  return targets[name];
}
