// vmcore over dumps of pretended machines: what is shown to people, and to programs.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
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

const records: readonly LogRecord[] = [
  { time: 0n, text: "Linux version 6.1.0" },
  { time: 7_000_000_000n, text: "sysrq: Trigger a crash" },
  { time: 7_100_000_000n, text: "Kernel panic - not syncing: sysrq triggered crash" },
  { time: 7_200_000_000n, text: "CPU: 1 PID: 77 Comm: sh" },
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
    expect(lines.slice(0, 7)).toEqual([
      `machine  ${name}`,
      "kernel   6.1.0-test",
      "crashed  2024-11-27 09:33:20 UTC",
      "panic    [    7.100000] Kernel panic - not syncing: sysrq triggered crash",
      "memory   512 MiB",
      "cpus     2",
      "cpu 0, process 0",
    ]);
    expect(lines).toContain("cpu 1, process 77");
    for (const [at, register] of [first, second]) {
      const value = (0x1000 + at).toString(16).padStart(16, "0");
      expect(lines.filter((line) => new RegExp(`(^| )${register} ${value}( |$)`).test(line)).length).toBe(2);
    }
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  });
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

test("what a dump does not tell is not known, and said where it is wanting", () => {
  const bytes = coreBytes({ little: true, machine: 99, loads: [] });
  const { code, out, err } = vmcore(bytes);
  expect([code, out.toString()]).toEqual([
    0,
    "machine  machine 99\nkernel   not known\ncrashed  not known\npanic    not known\nmemory   0 B\ncpus     0\n",
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
