// What placing the next kernel has to know of a machine: the rules of where each piece may lie, in a form that can be told.

import type { MachineFacts } from "../kexec/facts.ts";
import type { MemoryRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import type { KernelNeeds } from "./x86_64/setup-header.ts";

/** More than most kernels' bss has, for one of which nothing tells. Bytes. */
export const LARGE_BSS = 0x100_0000n;

/** What is placed: the kernel, the stub with the tree or zero page behind it, the initrd. */
export type PieceName = "kernel" | "argument" | "initrd";

/** What of a kernel says where it may lie. */
export interface KernelShape {
  /** Bytes of it that are loaded. */
  readonly length: number;
  /** Bytes of memory from its start on, as far as that is known; not less than `length`. */
  readonly memsz: bigint;
  /** Its first 64 KiB, or all. */
  readonly head: Uint8Array;
  /** Of a bzImage. */
  readonly setup: KernelNeeds | undefined;
}

export interface PlaceRule {
  /** The pieces that it holds for; all unless said. */
  readonly of?: readonly PieceName[];
  /** Where all of such a piece has to lie. */
  readonly within?: MemoryRange;
  /** What no piece may share memory with. Only of a rule for all pieces. */
  readonly without?: readonly MemoryRange[];
  /** In words, to be read after "no room for ... bytes: ". */
  readonly fact: string;
  /** It is better so, and no more: given up where it leaves no room. */
  readonly isWish?: boolean;
}

/** What one kernel needs on one machine. */
export interface PlaceNeeds {
  /** Bytes that the kernel uses from its start on before it looks around. */
  readonly size: bigint;
  /** The same with what it may use besides, where it does not say: taken where there is room. */
  readonly roomySize?: bigint | undefined;
  /** The kernel's address is a multiple of this, or `offset` bytes above one. Positive. */
  readonly alignment: bigint;
  readonly offset?: bigint;
  /** The first gets the lowest address that it can have, and so on. */
  readonly order: readonly PieceName[];
  /** Wishes are given up in their order. */
  readonly rules: readonly PlaceRule[];
  /** For what depends on where another piece lies. */
  readonly choice?: PlaceChoice | undefined;
}

/** Bytes of every piece, in whole pages; 0 of one that there is not. */
export type Sizes = Readonly<Record<PieceName, bigint>>;

/** More rules, of which there are several sets: one of them has to hold. */
export interface PlaceChoice {
  /**
   * @param free where pieces may lie, sorted and joined
   * @param lowest the lowest address for the kernel, all of it within a range
   */
  list(
    free: readonly MemoryRange[],
    sizes: Sizes,
    lowest: (within: MemoryRange) => bigint | undefined,
  ): Iterable<readonly PlaceRule[]>;
  readonly fact: string;
}

/** A row of placements.ts. */
export interface PlacementRules {
  /** What every segment's address and size are multiples of, if the running kernel's pages are smaller. */
  readonly page: bigint;
  /**
   * @param crash whether it is entered when the running kernel panics
   * @throws Failure for a kernel of which this machine does not know where it may lie
   */
  needsOf(kernel: KernelShape, facts: MachineFacts, crash: boolean): PlaceNeeds;
  /**
   * What the next kernel's command line adds to these, where that is certain.
   * @param memory sorted and joined
   */
  rulesOfLine?(memory: readonly MemoryRange[], line: ByteString): readonly PlaceRule[];
}
