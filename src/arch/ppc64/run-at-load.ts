// Whether a ppc64 kernel copies itself down to address 0. Linux: arch/powerpc/kernel/head_64.S, __run_at_load.

import { wordAt } from "../../kexec/check.ts";
import type { StayWord } from "../arch.ts";

/** The word of a relocatable kernel that will, as either endianness has it: "run0". */
const RUN_AT_ZERO = [0x72756e30, 0x306e7572];
const RUN_AT_LOAD_OFFSET = 0x5c;

/** @param bytes the kernel's first */
export function copiesItselfDown(bytes: Uint8Array): boolean {
  const word = wordAt(bytes, RUN_AT_LOAD_OFFSET);
  return word !== undefined && RUN_AT_ZERO.includes(word);
}

/** 1 is no order to copy itself down. */
export function findStayWords(head: Uint8Array): StayWord[] {
  if (!copiesItselfDown(head)) return [];
  const endian = wordAt(head, RUN_AT_LOAD_OFFSET) === RUN_AT_ZERO[0] ? "big" : "little";
  return [{ offset: BigInt(RUN_AT_LOAD_OFFSET), value: 1n, endian }];
}

/** More zeros behind a kernel's bytes than any page size rounds up to: they tell of its bss. */
export const LARGEST_PAGE = 0x10000n;
