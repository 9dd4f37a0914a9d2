// Where everything of a boot goes in the guest's memory, as kexec would have it there.

import type { Arch } from "../../src/arch/arch.ts";
import { archs } from "../../src/arch/archs.ts";
import type { KernelShape } from "../../src/arch/placement.ts";
import { Failure, hex } from "../../src/failure.ts";
import { offsetOfArgument, STUB_SIZE } from "../../src/kexec/stub.ts";
import { max } from "../../src/range.ts";
import { choosePlaces } from "../../src/recipes/next-places.ts";
import type { Machine, Room } from "../machines/machine.ts";
import { machineOf, type Target } from "../machines/machines.ts";

/** Physical addresses, in bytes. */
export interface Addresses {
  /** Where no stub is needed, of the tree. */
  readonly stub: number;
  /** The device tree blob or the zero page. */
  readonly tree: number;
  readonly kernel: number;
  readonly initrd: number;
}

/** Of every segment: no kernel has larger ones. Bytes. */
export const PAGE = 0x10000;

/** The stub, and the largest tree that any kernel takes. */
const MOST_ARGUMENT = BigInt(STUB_SIZE) + 0x200000n;

/** Where none is given, a script may still load one there. */
const LEAST_INITRD = 0x200000n;

/**
 * @param target whose kernel is the first
 * @param kernel the next one
 * @param initrd bytes of its initramfs, 0 where it has none
 * @throws Failure where there is no room
 */
export function addressesFor(target: Target, room: Room, kernel: KernelShape, initrd: bigint): Addresses {
  const machine = machineOf(target);
  const { elfMachine, tools } = machine;
  const facts = { ...room, pageSize: BigInt(PAGE), elfMachine, totalRam: undefined };
  const needs = { kernel, argumentSize: MOST_ARGUMENT, initrdSize: max(initrd, LEAST_INITRD), crash: false };
  const places = choosePlaces(tools.uname, facts, needs);
  const stub = Number(places.argument);
  return {
    stub,
    tree: stub + offsetOfArgument(archOf(machine)),
    kernel: Number(places.kernel),
    initrd: Number(places.initrd),
  };
}

/** Words of loadem that open the segments of what the next kernel is handed, and of the kernel: their files follow. */
export function handOverWords(
  { stub, kernel }: Pick<Addresses, "stub" | "kernel">,
  chain: number | undefined,
): { readonly argument: readonly string[]; readonly kernel: readonly string[] } {
  if (chain === undefined) return { argument: ["-a", hex(stub), "-s"], kernel: ["-a", hex(kernel), "-e"] };
  return { argument: ["-a", hex(stub), "-e", "-w", "-s"], kernel: ["-a", hex(kernel), "-c", hex(chain)] };
}

/** The machine as the program knows it. */
export function archOf({ name }: Machine): Arch {
  const arch = archs.find((known) => known.name === name);
  if (arch === undefined) throw new Failure(name, "there is no such machine in src/arch");
  return arch;
}
