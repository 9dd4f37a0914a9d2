// What scripts have to know about a machine. Each machine has a file in this folder that says it.

import type { MachineFacts } from "../../src/kexec/facts.ts";
import type { Machine as Uname } from "../../src/sys/abi.ts";
import type { ReadKernelImage } from "../kernel-image.ts";

/** Programs that compile for a machine, and how our C is compiled there. */
export interface Toolchain {
  /** Comes before "gcc", "ld" and the other tools' names. */
  readonly prefix: string;
  /** Debian's package of the cross compiler. On the machine itself the package gcc has programs of the same names. */
  readonly compiler: string;
  /** Debian's package of glibc for what it makes, where the machine is another one. */
  readonly libc: string;
  /** Node's name of the machine; undefined where Bun does not run, and so no script. */
  readonly native: NodeJS.Architecture | undefined;
  /** The program of qemu-user that runs the machine's programs on another one. */
  readonly emulator: string;
  /** musl's name of the machine. */
  readonly musl: string;
  /** The machine as src/sys/abi.ts calls it, which is what uname says there: the small engine tells it the program. */
  readonly uname: Uname;
  /** Flags that fix the calling convention: the same for every object that ends up in one executable. */
  readonly abi: readonly string[];
  /** Flags that the compiler needs there to make the code small. */
  readonly compact: readonly string[];
  /**
   * Flags for quickjs.c in place of those that make it fast, where a call of a script's would take so much stack that there is no
   * room for 2,000 levels of them.
   */
  readonly interpreter?: readonly string[];
  /** Whether its executables can be loaded at any address (static PIE): where its linker packs relocations. */
  readonly pie: boolean;
  /** More folders of musl's src/ than every machine needs. */
  readonly muslFolders?: readonly string[];
  /** The compiler's own library, linked where its code calls it: for arithmetic that the machine does not have. */
  readonly libgcc?: string;
}

/** A kernel that Debian builds. */
export interface StockKernel {
  /** Debian's name of the machine. */
  readonly architecture: string;
  /** Debian's name of the kernel, after the version. */
  readonly flavour: string;
  /** Groups of suites. The first group that the mirror has is taken, all its suites together. */
  readonly suites: readonly (readonly string[])[];
}

/** A small kernel that is built here. */
export interface SmallKernel {
  /** The small target whose toolchain compiles it. */
  readonly target: string;
  /** Linux' name of the machine, as in arch/. */
  readonly linux: string;
  /** Names of files in scripts/kernels, without .config. */
  readonly fragments: readonly string[];
}

/** The virtual machine that guests run in. */
export interface GuestMachine {
  /** Debian's package of the emulator, and its program. */
  readonly emulator: { readonly package: string; readonly program: string };
  /** Firmware, which has a package of its own, and the file in it; undefined where qemu starts kernels without. */
  readonly firmware: undefined | { readonly package: string; readonly file: string };
  /** The words of -M. */
  readonly words: readonly string[];
  /** A cpu model, unless another is asked for. */
  readonly cpu: string;
  /** Other machines of the emulator, by the names that --machine gives them. Their firmware is in the same package. */
  readonly boards?: Readonly<Record<string, Board>>;
  /** Lines of help: the cpu models, and further words of -M. */
  readonly models: string;
  readonly options?: string;
  /** The kernel's name of the serial port. */
  readonly console: string;
  /** Added to every kernel's command line. */
  readonly append?: string;
  /** Added to the command line of the kernel that qemu starts. */
  readonly appendFirst?: string;
  /** Whether --uefi starts the guest by this firmware. Elsewhere qemu loads it unasked. */
  readonly uefi: boolean;
  /** Whether all its cpus have one thread of the host: they never run at the same time. */
  readonly oneThread?: true;
  /** Whether qemu can give it an NMI. */
  readonly nmi: boolean;
  /** What differs where the next kernel is started with no kernel before it. */
  readonly direct: DirectBoot;
  /** What gdb has to be told to debug it, as its commands. */
  readonly gdb: readonly string[];
}

export interface DirectBoot {
  /** Words of -M with which qemu has the device tree to be dumped. */
  dump(cpu: string): readonly string[];
  /** Options of fs2dt that say what firmware would have said. @param memory bytes */
  edits(cpu: string, memory: bigint): readonly string[];
}

/** A machine of the emulator that takes the place of the usual one. */
export interface Board {
  /** The words of -M, of which the first is its name. */
  readonly words: readonly string[];
  /** A cpu model, unless another is asked for. */
  readonly cpu: string;
  /** MiB, unless it is asked for more or less. */
  readonly memory: number;
  /** What it does not have by itself, as qemu's arguments. */
  readonly devices: readonly string[];
  /** A bus for a PCI device, and what it is made of. */
  readonly pci: { readonly bus: string; readonly devices: readonly string[] };
  findRoom(load: Load): Room;
}

/** What is assembled and compiled out of stub/MACHINE. */
export interface Stubs {
  /** The sources of what kexecbox embeds, the stub first where there is one; their bytes lie beside them, `.hex` in place of `.S`. */
  readonly embedded: readonly string[];
  /** Flags of the assembler. */
  readonly assembler: readonly string[];
  /** Flags of the compiler for the test payload, payload.c. */
  readonly payload: readonly string[];
}

/** What a boot with an executable takes by default. */
export interface BootDefaults {
  /** Names of kernels; the second is what --small asks for. */
  readonly kernel: string;
  readonly smallKernel: string;
  /** MiB of a guest with each of them. */
  readonly memory: number;
  readonly smallMemory: number;
}

/** A guest, in bytes, and how it starts. */
export interface Load {
  readonly uefi: boolean;
  /** All that the guest has. */
  readonly memory: bigint;
  /** What the first kernel takes. */
  readonly first: bigint;
  /** All files of the first kernel's initramfs. */
  readonly carried: bigint;
}

/** What a guest's own loadem will find of its memory, as far as it is known before it starts, and then some. */
export type Room = Pick<MachineFacts, "memory" | "taken" | "kernelEnd" | "kernelBlock" | "rma">;

/** An executable on the small engine. */
export interface SmallExecutable extends BootDefaults {
  /** The byte order of its programs and kernels. A machine has at most one target of each. */
  readonly endian: "big" | "little";
  readonly tools: Toolchain;
}

/** An executable on Bun, which carries Debian's glibc. */
export interface BunExecutable extends BootDefaults {
  /** As people type it; also Node's name of the machine. */
  readonly target: string;
  /** npm's package of Bun itself. */
  readonly package: string;
  /** Debian's name of the machine, and of the folder that its libraries are in. */
  readonly architecture: string;
  readonly triplet: string;
  /** glibc's ld.so. */
  readonly loader: string;
  /** Flags of the compiler for code that Bun maps, which has to run at any address (src/sys/gather, src/sys/guard). */
  readonly native: readonly string[];
}

/** Everything about one machine. Its name is that of its folders in src/arch and stub. */
export interface Machine {
  readonly name: string;
  /** e_machine of its ELF files. */
  readonly elfMachine: number;
  /** The largest page that a kernel may have. Bytes. */
  readonly largestPage: number;
  /** Compiles its stubs. */
  readonly tools: Toolchain;
  readonly stubs: Stubs;
  readonly guest: GuestMachine;
  /** Reads what qemu starts, and what kexec starts. */
  readonly firstImage: ReadKernelImage;
  readonly nextImage: ReadKernelImage;
  findRoom(load: Load): Room;
  /** By the names that people type. */
  readonly stockKernels: Readonly<Record<string, StockKernel>>;
  readonly smallKernels: Readonly<Record<string, SmallKernel>>;
  readonly small: Readonly<Record<string, SmallExecutable>>;
  /** undefined where Bun has no port. */
  readonly bun: BunExecutable | undefined;
  /** Executables for other machines that run here too: by their targets, the kernel that has them run. */
  readonly foreign?: Readonly<Record<string, string>>;
}

/** Where nothing is to be said: the tree is as firmware leaves it, or there is none. */
export const AS_IT_IS: DirectBoot = { dump: () => [], edits: () => [] };

export const MIB = 0x100000n;

/** Bun's executable is in both initramfs images, and the second image is in the first: a quarter of a gigabyte. */
export const BUN_MEMORY = { memory: 1024, smallMemory: 1024 } as const;

/** The suites of the kernels that are called stock: Debian 12. */
export const BOOKWORM = ["bookworm", "bookworm-security"] as const;

/** Suites of the oldest kernels. One that is no longer supported leaves the mirrors some day. */
export const OLDEST = [["bullseye"], BOOKWORM] as const;
/** Debian 13. The backports of its kernels stay on mirrors that have lost the newest one of a rarer machine. */
export const STABLE = [["trixie", "trixie-security"], ["bookworm-backports"]] as const;
export const NEWEST = [["trixie-backports"], ["sid"]] as const;
