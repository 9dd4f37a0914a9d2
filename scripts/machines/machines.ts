// The machines that scripts know, and the tables that follow from them.

import { arm64 } from "./arm64.ts";
import type { Machine, SmallKernel, SmallTargetOfMachine, StockKernel, Toolchain } from "./machine.ts";
import { ppc64 } from "./ppc64.ts";
import { x86_64 } from "./x86_64.ts";

/** A new machine is one file beside this one, and its name here. */
const known = [ppc64, arm64, x86_64] as const;

type Known = (typeof known)[number];
type KeyOfEach<T> = T extends unknown ? keyof T : never;

export type MachineName = Known["name"];
export type SmallTarget = KeyOfEach<Known["small"]>;
export type BunTarget = KeyOfEach<Known["bun"]>;
/** An executable that is built: on the small engine, or on Bun. */
export type Target = SmallTarget | BunTarget;
export type StockName = KeyOfEach<Known["stockKernels"]>;
export type SmallName = KeyOfEach<Known["smallKernels"]>;
export type KernelName = StockName | SmallName;

export const machines: readonly (Machine & { readonly name: MachineName })[] = known;

/** One table of what each machine has of a kind. No two machines have a name in common. */
function union<Name extends string, Row>(rowsOf: (machine: Known) => Readonly<Record<string, Row>>) {
  return Object.fromEntries(known.flatMap((machine) => Object.entries(rowsOf(machine)))) as Record<Name, Row>;
}

export const stockKernels = union<StockName, StockKernel>(({ stockKernels }) => stockKernels);
export const smallKernels = union<SmallName, SmallKernel & { readonly target: SmallTarget }>(
  ({ smallKernels }) => smallKernels,
);

const small = union<SmallTarget, SmallTargetOfMachine>(({ small }) => small);
const bun = union<BunTarget, object>(({ bun }) => bun);

export const smallTargets = Object.keys(small) as SmallTarget[];
export const bunTargets = Object.keys(bun) as BunTarget[];
export const kernelNames = [...Object.keys(stockKernels), ...Object.keys(smallKernels)] as KernelName[];

/** What compiles the engine of a small target, and its kernels. */
export function toolchainOf(target: SmallTarget): Toolchain {
  return small[target].tools;
}

export const toolchains: readonly Toolchain[] = [
  ...new Set([...machines.map(({ tools }) => tools), ...smallTargets.map(toolchainOf)]),
];

/** What has to stand in front of a program that these tools made to run it on this machine. */
export function emulatorOf({ native, emulator }: Toolchain): readonly string[] {
  return process.arch === native ? [] : [emulator];
}
