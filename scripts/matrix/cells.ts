// The table of machines: which kernels, cpus and firmware are booted, and in which ways each of them gets to its next kernel.

import type { Target } from "../machines/machines.ts";

/**
 * How a kernel gets to the next one: by fs2dt or zeropage and loadem; as a crash kernel, whose dump is examined; started in
 * qemu with no kernel before it; in a chain of three, by `kexec -l`; in one by `kexec -s`.
 */
export const WAYS = ["loadem", "crash", "direct", "chain", "file"] as const;

export type Way = (typeof WAYS)[number];

export interface Row {
  readonly target: Target;
  /** Further options of `npm run boot`. */
  readonly options: string;
  readonly ways: readonly Way[];
}

export interface Cell {
  readonly row: Row;
  readonly way: Way;
}

const POWER = ["POWER8", "POWER9", "POWER10"];
const CPUS = [1, 4, 8];

function row(target: Target, options: string, ...ways: Way[]): Row {
  return { target, options, ways };
}

const ppc64: readonly Row[] = [
  ...POWER.flatMap((cpu) => CPUS.map((smp) => row("ppc64", `--cpu ${cpu} --smp ${smp}`, "loadem"))),
  ...POWER.map((cpu) => row("ppc64", `--cpu ${cpu}`, "crash", "direct")),
  ...[1, 4].map((smp) => row("ppc64", `--smp ${smp}`, "chain")),
  row("ppc64", "--kernel small-ppc64-4k", "loadem", "direct"),
  row("ppc64", "--kernel small-ppc64-4k --next-kernel small-ppc64", "loadem"),
  ...POWER.map((cpu) => row("ppc64", `--cpu ${cpu} --next-kernel small-ppc64le`, "loadem")),
  // SLOF in place of VOF.
  row("ppc64", "--machine x-vof=off", "loadem"),
  // Memory that came later, in blocks of a partition.
  row("ppc64", "--memory 512,maxmem=4G,slots=4", "loadem", "crash"),
  row("ppc64", "--memory 8192", "loadem"),
  row("ppc64", "--cpu POWER8 --nodes 2 --memory 1024", "loadem", "crash"),
  // The executable of 32 bits under a kernel of 64.
  ...[1, 4].map((smp) => row("ppc64", `--program ppc --smp ${smp}`, "loadem")),
];

const ppc64le: readonly Row[] = [
  ...POWER.flatMap((cpu) => CPUS.map((smp) => row("ppc64le", `--small --cpu ${cpu} --smp ${smp}`, "loadem"))),
  ...POWER.map((cpu) => row("ppc64le", `--cpu ${cpu}`, "loadem", "crash", "direct")),
  row("ppc64le", "--small", "chain"),
  row("ppc64le", "--smp 4", "chain"),
  row("ppc64le", "--kernel small-ppc64le-4k", "loadem", "direct"),
  ...POWER.map((cpu) => row("ppc64le", `--small --cpu ${cpu} --next-kernel small-ppc64`, "loadem")),
  ...["stable-ppc64le", "newest-ppc64le"].map((name) => row("ppc64le", `--kernel ${name}`, "loadem", "crash")),
  row("ppc64le", "--memory 1024,maxmem=8G,slots=8", "loadem", "crash"),
  row("ppc64le", "--memory 16384", "loadem"),
  row("ppc64le", "--nodes 4 --memory 8192", "loadem", "crash"),
  // Without a hypervisor: OPAL.
  ...["powernv8", "powernv9", "powernv10"].map((board) => row("ppc64le", `--machine ${board}`, "loadem")),
];

const ppc: readonly Row[] = [row("ppc", "--smp 1", "loadem"), row("ppc", "--smp 4", "loadem")];

const arm64: readonly Row[] = [
  ...[1, 4].map((smp) => row("arm64-small", `--smp ${smp}`, "loadem", "crash", "direct", "chain")),
  row("arm64-small", "--uefi", "loadem"),
  ...["oldest-arm64", "newest-arm64"].map((name) => row("arm64-small", `--kernel ${name}`, "loadem")),
  row("arm64", "--smp 4", "loadem"),
];

const riscv64: readonly Row[] = [1, 4].map((smp) =>
  row("riscv64", `--smp ${smp}`, "loadem", "crash", "direct", "chain"),
);

const x64: readonly Row[] = [
  ...[1, 4].map((smp) => row("x64-small", `--smp ${smp}`, "loadem", "crash", "direct", "chain", "file")),
  row("x64-small", "--uefi", "loadem"),
  ...["oldest-x64", "newest-x64"].map((name) => row("x64-small", `--kernel ${name}`, "loadem")),
  row("x64", "--smp 4", "loadem"),
];

export const rows: readonly Row[] = [...ppc64, ...ppc64le, ...ppc, ...arm64, ...riscv64, ...x64];

export const cells: readonly Cell[] = rows.flatMap((row) => row.ways.map((way) => ({ row, way })));

/** What `npm run boot` is called with, without `--target`; names are unlike each other. */
export function titleOf({ target, options }: Row): string {
  return `${target} ${options}`;
}

export function nameOf({ row, way }: Cell): string {
  return `${titleOf(row)}: ${way}`;
}

/** Part `index` of `count`, from 1 on: cells by turns, so that all parts take about as long. */
export function shardOf(all: readonly Cell[], index: number, count: number): Cell[] {
  return all.filter((_, number) => number % count === index - 1);
}
