// The machines that scripts know, and the tables that follow from them.

import { Failure } from "../../src/failure.ts";
import { arm64 } from "./arm64.ts";
import type {
  BootDefaults,
  BunExecutable,
  Machine,
  SmallExecutable,
  SmallKernel,
  StockKernel,
  Toolchain,
} from "./machine.ts";
import { ppc } from "./ppc.ts";
import { ppc64 } from "./ppc64.ts";
import { riscv64 } from "./riscv64.ts";
import { x86_64 } from "./x86_64.ts";

/** A new machine is one file beside this one, and its name here. */
const known = [ppc64, ppc, arm64, riscv64, x86_64] as const;

type Known = (typeof known)[number];
type KeyOfEach<T> = T extends unknown ? keyof T : never;

export type MachineName = Known["name"];
export type SmallTarget = KeyOfEach<Known["small"]>;
export type BunTarget = Exclude<Known["bun"], undefined>["target"];
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
export const stockNames = Object.keys(stockKernels) as StockName[];
export const smallNames = Object.keys(smallKernels) as SmallName[];
export const kernelNames: readonly KernelName[] = [...stockNames, ...smallNames];

const small = union<SmallTarget, SmallExecutable>(({ small }) => small);
const bun = union<BunTarget, BunExecutable>(({ bun }) => (bun === undefined ? {} : { [bun.target]: bun }));

export const smallTargets = Object.keys(small) as SmallTarget[];
export const bunTargets = Object.keys(bun) as BunTarget[];
export const targets: readonly Target[] = [...smallTargets, ...bunTargets];

export function isBunTarget(target: Target): target is BunTarget {
  return target in bun;
}

/** @throws Failure where no machine has that name */
export function machineNamed(name: MachineName): Machine {
  return findMachine(name, (machine) => machine.name === name);
}

/** The machine that the executables for a target run on. */
export function machineOf(target: Target): Machine & { readonly name: MachineName } {
  return findMachine(target, (machine) => target in machine.small || machine.bun?.target === target);
}

function findMachine(name: string, wanted: (machine: Machine) => boolean): (typeof machines)[number] {
  const machine = machines.find(wanted);
  if (machine === undefined) throw new Failure(name, "there is no such machine in scripts/machines");
  return machine;
}

export function bunExecutable(target: BunTarget): BunExecutable {
  return bun[target];
}

/** What a boot with an executable takes by default. */
export function bootDefaults(target: Target): BootDefaults {
  return isBunTarget(target) ? bun[target] : small[target];
}

/** What a boot is of, as far as it decides which kernel it takes. */
export interface KernelChoice {
  readonly target: Target;
  /** The executable that is in both initramfs images; undefined: the target's. */
  readonly program?: Target | undefined;
  readonly small: boolean;
}

/** The name of the kernel that a boot takes which is told of none. */
export function defaultKernel({ target, program = target, small }: KernelChoice): string {
  const { kernel, smallKernel } = bootDefaults(target);
  return machineOf(target).foreign?.[program] ?? (small ? smallKernel : kernel);
}

/** Whether a kernel sees the disk that qemu gives it: of ours, those that were configured so; any other is taken to. */
export function hasDisk(kernel: string): boolean {
  const name = smallNames.find((known) => known === kernel);
  return name === undefined || smallKernels[name].fragments.includes("disk");
}

/** The target on the small engine that has this byte order, of the machine that `target` is for. */
export function targetOfEndian(target: Target, endian: "big" | "little"): Target {
  const machine = machineOf(target);
  return smallTargets.find((name) => name in machine.small && small[name].endian === endian) ?? target;
}

/** What compiles the engine of a small target, and its kernels. */
export function toolchainOf(target: SmallTarget): Toolchain {
  return small[target].tools;
}

export const toolchains: readonly Toolchain[] = [
  ...new Set([...machines.map(({ tools }) => tools), ...smallTargets.map(toolchainOf)]),
];

/** The words before the name of a program that these tools made, to run it on this machine. */
export function emulatorOf({ native, emulator }: Toolchain): readonly string[] {
  return process.arch === native ? [] : [emulator];
}

/** The words before the name of an executable for `target`, to run it on this machine. */
export function emulatorFor(target: Target): readonly string[] {
  return emulatorOf(isBunTarget(target) ? machineOf(target).tools : toolchainOf(target));
}
