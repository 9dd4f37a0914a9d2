// Where everything of a boot goes in the guest's memory, as kexec would have it there.

import type { KernelShape } from "../../src/arch/placement.ts";
import { STUB_SIZE } from "../../src/kexec/stub.ts";
import { max } from "../../src/range.ts";
import { choosePlaces } from "../../src/recipes/next-places.ts";
import type { Room } from "../machines/machine.ts";
import { machineOf, type Target } from "../machines/machines.ts";

/** Physical addresses, in bytes. */
export interface Addresses {
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
  const { elfMachine, tools } = machineOf(target);
  const facts = { ...room, pageSize: BigInt(PAGE), elfMachine, totalRam: undefined };
  const needs = { kernel, argumentSize: MOST_ARGUMENT, initrdSize: max(initrd, LEAST_INITRD), crash: false };
  const places = choosePlaces(tools.uname, facts, needs);
  const stub = Number(places.argument);
  return { stub, tree: stub + STUB_SIZE, kernel: Number(places.kernel), initrd: Number(places.initrd) };
}
