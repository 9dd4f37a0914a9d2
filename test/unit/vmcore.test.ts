// vmcore over dumps of pretended machines: what is shown to people, and to programs.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { CoreFile } from "../../src/dump/core.ts";
import { readCpus } from "../../src/dump/registers.ts";
import { EM_PPC } from "../../src/sys/abi.ts";
import { coreBytes } from "../support/core-file.ts";
import { crashedCore, type LogRecord } from "../support/crashed-kernel.ts";
import { type FakeRun, runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder();

function vmcore(bytes: Uint8Array, ...options: string[]): FakeRun {
  const path = folder.in("vmcore");
  writeFileSync(path, bytes);
  return runInside({}, "vmcore", ...options, path);
}

/** A struct elf_prstatus whose registers are 0x1000, 0x1001 and so on. */
function status(count: number, pid: number, little: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(112 + 8 * count + 8));
  view.setUint32(32, pid, little);
  for (let index = 0; index < count; index++) view.setBigUint64(112 + 8 * index, BigInt(0x1000 + index), little);
  return new Uint8Array(view.buffer);
}

/** The same of 32 bits, in big endian. */
function narrowStatus(count: number, pid: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(72 + 4 * count + 4));
  view.setUint32(24, pid);
  for (let index = 0; index < count; index++) view.setUint32(72 + 4 * index, 0x1000 + index);
  return new Uint8Array(view.buffer);
}

const records: readonly LogRecord[] = [
  { time: 0n, text: "Linux version 6.1.0" },
  { time: 7_000_000_000n, text: "sysrq: Trigger a crash" },
  { time: 7_100_000_000n, text: "Kernel panic - not syncing: sysrq triggered crash" },
  { time: 7_200_000_000n, text: "CPU: 1 PID: 77 Comm: sh Kdump: loaded Not tainted 6.1.0-test #1" },
];

function dump(
  machine: number,
  little: boolean,
  registers: number,
  changed: readonly LogRecord[] = records,
): Uint8Array {
  const notes = [0, 77].map((pid) => ({ name: "CORE", type: 1, contents: status(registers, pid, little) }));
  const loads = [{ physical: 0x4000_0000n, bytes: new Uint8Array(0), size: 0x2000_0000n }];
  return crashedCore({ form: "ring", little, machine, records: changed, notes, loads });
}

describe("shown are the machine, its kernel, the panic, the time and the cpus of", () => {
  test.each<[string, number, boolean, number, [number, string], [number, string]]>([
    ["ppc64", 21, false, 48, [32, "nip"], [36, "lr"]],
    ["ppc64le", 21, true, 48, [1, "r1"], [38, "cr"]],
    ["arm64", 183, true, 34, [31, "sp"], [32, "pc"]],
    ["x86_64", 62, true, 27, [0, "r15"], [16, "rip"]],
    ["riscv64", 243, true, 32, [0, "pc"], [2, "sp"]],
  ])("%s", (...[name, machine, little, registers, first, second]) => {
    const { code, out, err } = vmcore(dump(machine, little, registers));
    expect([code, err]).toEqual([0, ""]);
    const lines = out.toString("latin1").split("\n");
    expect(lines.slice(0, 9)).toEqual([
      `machine  ${name}`,
      "kernel   6.1.0-test",
      "crashed  2024-11-27 09:33:20 UTC",
      "panic    [    7.100000] Kernel panic - not syncing: sysrq triggered crash",
      "panicked cpu 1, process 77 (sh), as the log says",
      "memory   512 MiB",
      "image    not known",
      "cpus     2",
      "cpu 0, process 0",
    ]);
    expect(lines).toContain("cpu 1, process 77, which panicked");
    for (const [at, register] of [first, second]) {
      const value = (0x1000 + at).toString(16).padStart(16, "0");
      expect(lines.filter((line) => new RegExp(`(^| )${register} ${value}( |$)`).test(line)).length).toBe(2);
    }
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  });
});

test("the notes of a machine of 32 bits have longs of four bytes", () => {
  const notes = () => [{ name: "CORE", type: 1, contents: narrowStatus(48, 1234) }];
  const [cpu, ...others] = readCpus({ machine: EM_PPC, littleEndian: false, notes } as unknown as CoreFile);
  expect(others).toEqual([]);
  expect(cpu?.pid).toBe(1234);
  const [first, nip, last] = [0, 32, -5].map((at) => cpu?.registers.at(at));
  expect([first, nip, last]).toEqual([
    ["r0", 0x1000n],
    ["nip", 0x1020n],
    ["mq", 0x1027n],
  ]);
});

test("the registers of x86_64 are those of struct user_regs_struct, in its order", () => {
  const { cpus } = JSON.parse(vmcore(dump(62, true, 27), "--json").out.toString());
  const names =
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs";
  expect(Object.keys(cpus[0].registers).join(" ")).toBe(names);
});

test("the memory has a picture", () => {
  const lines = vmcore(dump(21, true, 48))
    .out.toString("latin1")
    .split("\n");
  expect(lines.slice(-6)).toEqual([
    expect.stringMatching(/^ *0x1000000 \S+ +RAM, /),
    expect.stringMatching(/ no RAM, /),
    expect.stringMatching(/^0x40000000 \S+ +RAM, 512 MiB$/),
    expect.stringMatching(/^ +\S+$/),
    "0x60000000",
    "",
  ]);
});

test("programs get JSON", () => {
  const { out, code } = vmcore(dump(183, true, 34), "--json");
  const { cpus, memory, ...rest } = JSON.parse(out.toString());
  expect(rest).toEqual({
    machine: "arm64",
    release: "6.1.0-test",
    time: 1732700000,
    panic: "[    7.100000] Kernel panic - not syncing: sysrq triggered crash",
    panicked: { cpu: 1, pid: 77, command: "sh", note: 1 },
    image: null,
    missing: "0x0",
  });
  expect([code, cpus.length, cpus[1].pid, cpus[1].registers.pc]).toEqual([0, 2, 77, "0x1020"]);
  expect(memory.at(-1)).toEqual({ start: "0x40000000", end: "0x60000000" });
});

test("without a panic the first line of an oops tells why", () => {
  const oops = [
    { time: 1n, text: "BUG: kernel NULL pointer dereference, address: 0" },
    { time: 2n, text: "Oops: 0002 [#1] SMP" },
  ];
  const lines = vmcore(dump(62, true, 27, oops)).out.toString("latin1");
  expect(lines).toContain("\npanic    [    0.000000] BUG: kernel NULL pointer dereference, address: 0\n");
});

describe("the cpu that panicked is told by", () => {
  const later = { time: 9n, text: "CPU: 0 PID: 5 Comm: later Tainted: G        W          6.1.0-test #1" };
  const place = (text: string) => ({ time: 8n, text: `${text} 6.1.0-test #1` });
  const sysrq = { time: 7n, text: "sysrq: Trigger a crash" };
  const panic = { time: 7n, text: "Kernel panic - not syncing: sysrq triggered crash" };
  const warning = { time: 1n, text: "CPU: 0 PID: 1 Comm: swapper/0 Not tainted 6.1.0-test #1" };
  const fatal = { time: 9n, text: "Kernel panic - not syncing: Fatal exception" };

  test.each<[string, readonly LogRecord[], unknown]>([
    [
      "the first line behind the panic's",
      [warning, panic, place("CPU: 1 PID: 77 Comm: a b Not tainted"), later],
      { cpu: 1, pid: 77, command: "a b", note: 1 },
    ],
    [
      "a line with a user, as since Linux 6.12",
      [panic, place("CPU: 1 UID: 1000 PID: 77 Comm: sh Kdump: loaded Tainted: G")],
      { cpu: 1, pid: 77, command: "sh", note: 1 },
    ],
    [
      "the last line behind an oops, where no panic tells",
      [warning, sysrq, later, place("CPU: 1 PID: 77 Comm: sh Not tainted"), fatal],
      { cpu: 1, pid: 77, command: "sh", note: 1 },
    ],
    [
      "its process, where its number is not that of a note",
      [panic, place("CPU: 6 PID: 77 Comm: sh Not tainted")],
      { cpu: 6, pid: 77, command: "sh", note: 1 },
    ],
    [
      "the log alone, where no note is of it",
      [panic, place("CPU: 6 PID: 78 Comm: sh Not tainted")],
      { cpu: 6, pid: 78, command: "sh", note: null },
    ],
    [
      "who wrote of the panic, where no line tells",
      [
        { ...sysrq, caller: 5 },
        { ...panic, caller: 77 },
      ],
      { cpu: null, pid: 77, command: null, note: 1 },
    ],
    [
      "who wrote of the oops, where there is no panic either",
      [{ ...sysrq, caller: 77 }],
      { cpu: null, pid: 77, command: null, note: 1 },
    ],
    [
      "the cpu that sent for the others, where there is no oops either",
      [{ time: 9n, text: "Sending IPI to other CPUs", caller: 0x8000_0001 }],
      { cpu: 1, pid: null, command: null, note: null },
    ],
    ["nothing before a panic or an oops", [warning], null],
  ])("%s", (_, changed, expected) => {
    expect(JSON.parse(vmcore(dump(62, true, 27, changed), "--json").out.toString()).panicked).toEqual(expected);
  });

  test("nothing, where no line tells and the kernel is older than records that have their writer", () => {
    const bytes = crashedCore({ form: "printk_log", little: true, records: [panic] });
    expect(JSON.parse(vmcore(bytes, "--json").out.toString()).panicked).toBe(null);
  });

  test("its number with a doubt, where two cpus had no process", () => {
    const notes = [0, 0].map((pid) => ({ name: "CORE", type: 1, contents: status(27, pid, true) }));
    const idle = [panic, place("CPU: 1 PID: 0 Comm: swapper/1 Not tainted")];
    const bytes = crashedCore({ form: "ring", little: true, records: idle, notes });
    expect(JSON.parse(vmcore(bytes, "--json").out.toString()).panicked).toMatchObject({ cpu: 1, note: null });
    const text = vmcore(bytes).out.toString("latin1");
    expect(text).toContain("cpu 0, process 0\n");
    expect(text).toContain("cpu 1, process 0, which panicked unless a cpu was off\n");
  });
});

describe("the crashed kernel's memory", () => {
  const ram = { physical: 0x4000_0000n, address: 0xffff_8880_4000_0000n, bytes: new Uint8Array(0), size: 0x2000_0000n };
  const piece = (at: bigint, size: bigint) => ({
    ...{ physical: 0x4200_0000n + at, address: 0xffff_ffff_8100_0000n + at, bytes: new Uint8Array(0), size },
  });
  const show = (changed: Partial<Parameters<typeof crashedCore>[0]>, ...options: string[]) =>
    vmcore(crashedCore({ form: "ring", little: true, records, ...changed }), ...options).out.toString("latin1");
  const stext = "SYMBOL(_stext)=ffffffff81000000";

  test("is what is mapped beside all RAM, in one piece or several, and is in the picture", () => {
    const loads = [ram, piece(0n, 0x10_0000n), piece(0x20_0000n, 0x20_0000n)];
    const text = show({ loads, info: [stext] });
    expect(text).toContain("\nimage    0x42000000-0x42400000\n");
    const lines = text.split("\n");
    const at = lines.findIndex((line) => line.endsWith("the crashed kernel, 4 MiB"));
    expect(lines[at - 1]).toMatch(/^0x40000000 \S+ +RAM, 32 MiB$/);
    expect(lines[at]).toMatch(/^0x42000000 kkkk +the/);
    expect(lines[at + 1]).toMatch(/^0x42400000 \S+ +RAM, 476 MiB$/);
    expect(JSON.parse(show({ loads, info: [stext] }, "--json")).image).toEqual({
      start: "0x42000000",
      end: "0x42400000",
    });
  });

  test("begins where VMCOREINFO says, and ends nobody knows where, without a program header of its own", () => {
    const info = ["SYMBOL(_stext)=c000000000020000"];
    const ppc64 = { machine: 21, linear: 0xc000_0000_0100_0000n, info };
    expect(show(ppc64)).toContain("\nimage    from 0x20000 on; the dump does not tell its end\n");
    expect(JSON.parse(show(ppc64, "--json")).image).toEqual({ start: "0x20000", end: null });
  });

  test("is not known where a piece of it lies beyond a hole", () => {
    const loads = [ram, piece(0n, 0x10_0000n), piece(0x4000_0000n, 0x10_0000n)];
    expect(show({ loads, info: [stext] })).toContain("\nimage    not known\n");
  });
});

test("people are told of a process or a cpu alone, where that is all that is told", () => {
  const panicked = (caller: number) =>
    vmcore(dump(62, true, 27, [{ time: 1n, text: "Kernel panic - not syncing: x", caller }]))
      .out.toString("latin1")
      .match(/^panicked .*$/m)?.[0];
  expect([panicked(77), panicked(0x8000_0001)]).toEqual([
    "panicked process 77, as the log says",
    "panicked cpu 1, as the log says",
  ]);
});

test("what a dump does not tell is not known, and said where it is wanting", () => {
  const bytes = coreBytes({ little: true, machine: 99, loads: [] });
  const { code, out, err } = vmcore(bytes);
  expect([code, out.toString()]).toEqual([
    0,
    [
      ...["machine  machine 99", "kernel   not known", "crashed  not known", "panic    not known"],
      ...["panicked not known", "memory   0 B", "image    not known", "cpus     0", ""],
    ].join("\n"),
  ]);
  expect(err).toEndWith("has no note VMCOREINFO: of its kernel nothing is known\n");
});

test("what was cut off is told", () => {
  const bytes = dump(62, true, 27);
  expect(vmcore(bytes.subarray(0, bytes.length - 0x400)).out.toString("latin1")).toContain(
    ", of which 1 KiB were cut off\n",
  );
});

test.each([
  [0, "1970-01-01 00:00:00"],
  [951_782_400, "2000-02-29 00:00:00"],
  [4_107_542_400, "2100-03-01 00:00:00"],
  [1_798_761_599, "2026-12-31 23:59:59"],
])("second %d is a date", (second, date) => {
  const info = [{ name: "VMCOREINFO", type: 0, contents: Buffer.from(`CRASHTIME=${second}`) }];
  expect(vmcore(coreBytes({ little: true, machine: 62, loads: [], notes: [info] })).out.toString()).toContain(
    `\ncrashed  ${date} UTC\n`,
  );
});
