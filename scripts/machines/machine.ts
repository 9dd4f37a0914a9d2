// What scripts have to know about a machine; one file beside this one says it of each.

/** Programs that compile for a machine, and how our C is compiled there. */
export interface Toolchain {
  /** In front of "gcc", "ld" and the other tools' names. */
  readonly prefix: string;
  /** Debian's package of the cross compiler. On the machine itself the package gcc has the same names. */
  readonly compiler: string;
  /** Node's name of the machine itself; undefined where no Bun runs, and so no script. */
  readonly native: NodeJS.Architecture | undefined;
  /** qemu-user's program that runs there compiled programs here. */
  readonly emulator: string;
  /** musl's name of the machine. */
  readonly musl: string;
  /** Flags that fix the calling convention: the same for every object that ends up in one executable. */
  readonly abi: readonly string[];
  /** Flags that the compiler needs there to make the code small. */
  readonly compact: readonly string[];
  /** The compiler's own library, linked where its code calls it: for arithmetic that the machine does not have. */
  readonly libgcc?: string;
}

/** A kernel that Debian builds. */
export interface StockKernel {
  /** Debian's name of the machine. */
  readonly architecture: string;
  /** Debian's name of the kernel, after the version. */
  readonly flavour: string;
  /** Suites that are taken together; the further ones where the mirror does not have those before. */
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

/** A virtual machine of qemu's. */
export interface GuestMachine {
  /** Debian's package of the emulator, and its program. */
  readonly emulator: { readonly package: string; readonly program: string };
  /** Firmware that comes in a package of its own, and the file that is wanted of it. */
  readonly firmware: { readonly package: string; readonly file: string };
  /** The words of -M. */
  readonly words: readonly string[];
}

/** What is assembled and compiled out of stub/MACHINE. */
export interface Stubs {
  /** The source of the stub that kexecbox embeds; its bytes lie beside it, `.hex` in place of `.S`. */
  readonly embedded: string;
  /** Flags of the assembler. */
  readonly assembler: readonly string[];
  /** Flags of the compiler for the test payload, payload.c. */
  readonly payload: readonly string[];
}

/** An executable on the small engine. */
export interface SmallExecutable {
  readonly tools: Toolchain;
}

/** An executable on Bun, which carries Debian's glibc. */
export interface BunExecutable {
  /** As people type it; also Node's name of the machine. */
  readonly target: string;
  /** npm's package of Bun itself. */
  readonly package: string;
  /** Debian's name of the machine, and of the folder that its libraries are in. */
  readonly architecture: string;
  readonly triplet: string;
  /** glibc's ld.so. */
  readonly loader: string;
  /** Flags of the compiler for src/sys/gather, which has to run at any address. */
  readonly gather: readonly string[];
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
  /** By the names that people type. */
  readonly stockKernels: Readonly<Record<string, StockKernel>>;
  readonly smallKernels: Readonly<Record<string, SmallKernel>>;
  readonly small: Readonly<Record<string, SmallExecutable>>;
  /** undefined where Bun has no port. */
  readonly bun: BunExecutable | undefined;
}

export const BOOKWORM = ["bookworm", "bookworm-security"] as const;

/** Suites of the oldest kernels. One that is no longer supported leaves the mirrors some day. */
export const OLDEST = [["bullseye"], BOOKWORM] as const;
export const NEWEST = [["trixie-backports"], ["sid"]] as const;
