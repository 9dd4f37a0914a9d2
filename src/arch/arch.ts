// What a machine is to this program: all that differs from one to another, apart from the kernel interface (sys/abi.ts).
// It is in six parts, each with a table of its own, so that a command loads only the part that it needs.

import type { DeviceTree, Node } from "../devicetree/tree.ts";
import type { Notice } from "../failure.ts";
import type { Check, Finding, NextUse } from "../kexec/check.ts";
import type { Copying } from "../kexec/copying.ts";
import type { FactSource, MachineFacts } from "../kexec/facts.ts";
import type { FileRules } from "../kexec/file-checks.ts";
import type { KexecImage } from "../kexec/image.ts";
import type { Target } from "../kexec/stub.ts";
import type { MemoryRange, NamedRange } from "../range.ts";
import type { ByteString, Machine } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";

/** A row of archs.ts. */
export interface Arch extends Target {
  /** As folders, messages and `v2wrap --machine` spell it. */
  readonly name: string;
  /** What uname says on such machines. */
  readonly machines: readonly Machine[];
}

/** A row of load-rules.ts: what loading has to know. */
export interface LoadRules {
  /** What can be known to be wrong with an image here, besides what holds everywhere. */
  readonly checks: readonly Check[];
  readonly facts: FactSource;
  /** What the kernel that is entered will use besides its segments, by the numbers that those checks go by. */
  listUses(image: KexecImage): NextUse[];
  /** What kernels kexec_file_load(2) takes. */
  readonly files: FileRules;
  /** Lines on what those checks cannot know of this image, though it may matter. */
  listUnchecked?(image: KexecImage): string[];
  /** Lines on what a crash kernel will not have. */
  listLacking(image: KexecImage, facts: MachineFacts): string[];
  /** What has to be stored in a crash kernel that begins with these bytes, so that it stays where it is loaded. */
  findStayWords?(head: Uint8Array): readonly StayWord[];
  /**
   * Where the running kernel does not survive all of its own copying.
   * @throws Failure for what cannot be known
   */
  readonly findCopying?: (system: System) => Copying;
}

/** A 32-bit word to be stored in a kernel. */
export interface StayWord {
  /** Bytes from the kernel's start. */
  readonly offset: bigint;
  readonly value: bigint;
  /** The kernel's own byte order. */
  readonly endian: "big" | "little";
}

/** A row of hand-overs.ts, of machines that need one: what a device tree has to be changed in for the next kernel. */
export interface TreeHandOver {
  /** Names of properties whose nodes the reader marks with MARK.arch, for `recognize`. */
  readonly names: readonly ByteString[];
  /** Whether a tree is this machine's, by what only such a tree has. */
  recognize(root: Node): boolean;
  /** Whether firmware tells by the reserve map alone of memory that it keeps, such as where cpus wait for their start. */
  readonly needsReserveMap?: boolean;
  /**
   * Drops what the running kernel was told for itself alone, sets seeds, reserves memory that hardware goes on using.
   * @param isOwn whether the tree is of the machine that this runs on
   */
  apply?(system: System, tree: DeviceTree, isOwn: () => boolean, notice: Notice): void;
  /** Whether `apply` sets fresh seeds. */
  readonly setsSeeds?: boolean;
  /** Confines a crash kernel to this memory. What is absent sets linux,usable-memory in the memory nodes. */
  confine?(tree: DeviceTree, usable: MemoryRange): void;
  /** Says where the ELF core header is. What is absent has it on the command line, and in the reserve map. */
  tellCoreHeader?(tree: DeviceTree, header: MemoryRange): void;
  /**
   * Looks at what is only handed on if the next kernel's command line asks for it. That is known after the edits.
   * @returns what drops it then, unless an edit has set it
   */
  dropUnasked?(tree: DeviceTree): () => void;
}

/** A row of core-rules.ts: what the ELF core header of a crashed kernel's memory has to know. */
export interface CoreRules {
  /** The virtual address of physical address 0 where the kernel maps all RAM, if /proc/kcore does not tell. */
  linear(memory: readonly MemoryRange[]): bigint;
  /** Whether all kernels have it there. */
  readonly isLinearFixed: boolean;
  /** What the crash kernel writes over before anybody reads it. */
  readonly overwritten?: OverwrittenMemory;
  /** Of kexec_load(2): lets the running kernel mend the header when memory or cpus come. Absent: no kernel does. */
  readonly hotplugFlag?: number;
  /** Whether firmware alone may read what a node of /reserved-memory by this name tells of, though it has no no-map. */
  isFirmware?(name: ByteString): boolean;
  /** Where the running kernel's memory ends, if it was told to leave some. */
  limit?(system: System): bigint | undefined;
}

export interface OverwrittenMemory extends MemoryRange {
  /** What is there. */
  readonly what: string;
  /** Whether it stays as it is while the kernel runs, so that a copy of today is as good as one of the last moment. */
  readonly isConstant: boolean;
}

/** A row of qemu-machines.ts: the machine of qemu's on which an image is started with no kernel before it. */
export interface QemuMachine {
  /** The emulator. */
  readonly program: string;
  /** Where its memory begins. */
  readonly memoryStart: bigint;
  /**
   * The machine as the next kernel is told of it.
   * @param told a device tree blob, or boot_params; undefined: nothing of ours, and it is the emulator's usual one
   * @param place what messages call it
   * @throws Failure for what cannot be read, and for a machine that qemu cannot start so
   */
  describe(told: Uint8Array | undefined, place: string): QemuShape;
  /**
   * Says in a tree what firmware would have said. What it says already stays.
   * @returns the options of fs2dt that do the same
   */
  adjust?(tree: DeviceTree): readonly ByteString[];
}

export interface QemuShape {
  /** Words of qemu's -M, its -cpu, and words of -smp, the number of cpus first. */
  readonly machine: readonly string[];
  readonly cpu: string;
  readonly smp: readonly string[];
  /** All RAM; empty where nothing tells. */
  readonly memory: readonly MemoryRange[];
  /** Bytes of it for -m, where more is than is told to the kernel; 0n where nothing tells. Then further words. */
  readonly memorySize: bigint;
  readonly memoryWords: readonly string[];
  /** What in it qemu, or firmware, has before the image is entered, by names. */
  readonly taken: readonly NamedRange[];
  /** All that a cpu reaches without its MMU. */
  readonly rma?: MemoryRange | undefined;
  /** More that is not checked, and why: lines for people. */
  readonly unchecked: readonly string[];
  /** What of an image this machine cannot start, or the next kernel would die of here, besides what holds everywhere. */
  find(image: KexecImage): Finding | undefined;
  /**
   * What starts the image.
   * @throws Failure where that has no room beside it
   */
  start(image: KexecImage, entry: bigint): QemuStart;
}

export interface QemuStart {
  readonly files: readonly QemuFile[];
  /** Further arguments of qemu's. */
  readonly words: readonly string[];
}

export interface QemuFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The physical address that it is put at, or the option of qemu's that takes it. */
  readonly at: bigint | "bios" | "kernel";
}
