// The cpus of a machine that crashed, with their registers: notes of struct elf_prstatus (linux/elfcore.h), whose pr_reg is
// each machine's own (elf_gregset_t of arch/MACHINE/include/asm/elf.h).

import { viewOf } from "../elf.ts";
import type { CoreFile } from "./core.ts";

const NT_PRSTATUS = 1;

/** A struct elf_prstatus, by the bytes of a long: where the process and the registers are. */
const LAYOUTS = { 4: { pid: 24, registers: 72 }, 8: { pid: 32, registers: 112 } } as const;

export interface Cpu {
  /** The process that it ran; 0 for none. */
  readonly pid: number;
  /** By their names, in the kernel's order. */
  readonly registers: readonly (readonly [name: string, value: bigint])[];
}

function numbered(name: string, count: number): string {
  return Array.from({ length: count }, (_, index) => `${name}${index}`).join(" ");
}

const POWER = (ninth: string) => `${numbered("r", 32)} nip msr orig_r3 ctr lr xer cr ${ninth} trap dar dsisr result`;

/** By e_machine: what it is called, little endian and big, its registers in order, and the bytes of a long. */
const MACHINES: ReadonlyMap<number, readonly [little: string, big: string, registers: string, long?: 4]> = new Map<
  number,
  readonly [string, string, string, 4?]
>([
  [20, ["ppcle", "ppc", POWER("mq"), 4]],
  [21, ["ppc64le", "ppc64", POWER("softe")]],
  [
    62,
    [
      "x86_64",
      "x86_64",
      "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs",
    ],
  ],
  [183, ["arm64", "arm64_be", `${numbered("x", 31)} sp pc pstate`]],
  [
    243,
    [
      "riscv64",
      "riscv64_be",
      "pc ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6",
    ],
  ],
]);

/** As uname -m calls it, where it is one of those. */
export function nameMachine({ machine, littleEndian }: CoreFile): string {
  return MACHINES.get(machine)?.[littleEndian ? 0 : 1] ?? `machine ${machine}`;
}

/**
 * The cpus in the order of their notes, which is that of their numbers; those that were off have none.
 * @throws Failure where the notes cannot be read
 */
export function readCpus(core: CoreFile): Cpu[] {
  const [, , names = "", long = 8] = MACHINES.get(core.machine) ?? [];
  const { pid, registers } = LAYOUTS[long];
  const cpus: Cpu[] = [];
  for (const { name, type, contents } of core.notes()) {
    if (name !== "CORE" || type !== NT_PRSTATUS || contents.length < registers) continue;
    const view = viewOf(contents);
    const there = names === "" ? [] : names.split(" ").slice(0, Math.floor((contents.length - registers) / long));
    const read = (at: number) =>
      long === 4 ? BigInt(view.getUint32(at, core.littleEndian)) : view.getBigUint64(at, core.littleEndian);
    cpus.push({
      pid: view.getUint32(pid, core.littleEndian),
      registers: there.map((name, index) => [name, read(registers + long * index)]),
    });
  }
  return cpus;
}
