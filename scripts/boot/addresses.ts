// Where everything of a boot goes in the guest's memory.

import { STUB_SIZE } from "../../src/kexec/stub.ts";
import { max } from "../../src/range.ts";
import { chooseAddresses, type Piece } from "../../src/recipes/placement.ts";
import type { Layout, Load } from "../machines/machine.ts";

/** Physical addresses, in bytes. */
export interface Addresses {
  readonly stub: number;
  /** The device tree blob or the zero page. */
  readonly tree: number;
  readonly kernel: number;
  readonly initrd: number;
}

/**
 * @param kernel what the next kernel needs
 * @param initrd bytes of its initramfs, 0 where it has none
 */
export function addressesFor(
  { granule, order, free }: Layout,
  load: Load,
  kernel: Omit<Piece, "name">,
  initrd: bigint,
): Addresses {
  const needs = {
    stub: { size: granule, alignment: granule },
    kernel,
    // Where none is given, a script may still load one there.
    initrd: { size: max(initrd, granule), alignment: granule },
  };
  const pieces = order.map((name) => ({ name, ...needs[name] }));
  const chosen = chooseAddresses(free(load), pieces);
  const addressOf = (name: (typeof order)[number]): number => Number(chosen[order.indexOf(name)]);
  const stub = addressOf("stub");
  return { stub, tree: stub + STUB_SIZE, kernel: addressOf("kernel"), initrd: addressOf("initrd") };
}
