// Machines and kernels by chance for the placement: everything on a coarse grid, so that every place can be tried.

import fc from "fast-check";
import type { MachineFacts } from "../../src/kexec/facts.ts";
import { mergeRanges } from "../../src/range.ts";
import type { NextNeeds } from "../../src/recipes/next-places.ts";
import type { Machine } from "../../src/sys/engine.ts";
import type { Range, Scene, SceneKernel } from "./place-judge.ts";

/** A scene, and the addresses that are enough to try: if there are places at all, there are some among these. */
export interface Case {
  readonly scene: Scene;
  readonly candidates: readonly bigint[];
}

interface Grid {
  readonly step: bigint;
  /** Where the memory that is looked at begins, and how many steps it has. */
  readonly base: bigint;
  readonly steps: number;
  /** Candidates are so many bytes above each step. */
  readonly offsets: readonly bigint[];
}

function rangeOn({ base, step, steps }: Grid, most = steps): fc.Arbitrary<Range> {
  return fc
    .tuple(fc.nat(steps), fc.integer({ min: 1, max: most }))
    .map(([first, count]) => ({ start: base + BigInt(first) * step, end: base + BigInt(first + count) * step }));
}

function addressOn({ base, step, steps }: Grid): fc.Arbitrary<bigint> {
  return fc.nat(steps).map((at) => base + BigInt(at) * step);
}

/** A size that ends within the last page of so many steps. */
function sizeOn({ step }: Grid, most: number, page: bigint): fc.Arbitrary<bigint> {
  return fc
    .tuple(fc.integer({ min: 1, max: most }), fc.nat(Number(page) - 1))
    .map(([count, less]) => BigInt(count) * step - BigInt(less));
}

/** Of every second scene. */
function perhaps<T>(some: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(some, { nil: undefined, freq: 2 });
}

const plainKernel: SceneKernel = {
  length: 0n,
  uses: 0n,
  multiple: 1n,
  offset: 0n,
  copies: false,
  usesBelow: true,
  preferred: 0n,
  fixed: false,
  above4G: true,
  highestInitrd: 0n,
};

/** Of a bank of memory: somewhere, and as large as these pieces together, or as it comes. */
interface Bank {
  readonly start: bigint;
  readonly holds: readonly boolean[];
  readonly any: Range;
}

function bankOn(grid: Grid): fc.Arbitrary<Bank> {
  const holds = fc.array(fc.boolean(), { minLength: 3, maxLength: 3 });
  return fc.record({ start: addressOn(grid), holds, any: rangeOn(grid) });
}

function rangeOf({ start, holds, any }: Bank, step: bigint, sizes: readonly bigint[]): Range {
  const held = sizes.filter((_, index) => holds[index]);
  if (held.length === 0) return any;
  const steps = held.reduce((sum, size) => sum + (size + step - 1n) / step, 0n);
  return { start, end: start + steps * step };
}

function sceneOn(
  machine: Scene["machine"],
  grid: Grid,
  page: bigint,
  kernel: fc.Arbitrary<Partial<SceneKernel>>,
  sizes: { readonly argument: number; readonly initrd: number },
): fc.Arbitrary<Case> {
  const isPpc = machine === "ppc64";
  return fc
    .record({
      banks: fc.array(bankOn(grid), { minLength: 1, maxLength: 4 }),
      region: perhaps(bankOn(grid)),
      taken: fc.array(rangeOn(grid, 3), { maxLength: 3 }),
      ram: perhaps(fc.integer({ min: grid.steps, max: 3 * grid.steps }).map((steps) => BigInt(steps) * grid.step)),
      kernelEnd: isPpc ? perhaps(addressOn(grid)) : fc.constant(undefined),
      rma: isPpc
        ? perhaps(
            fc.integer({ min: 1, max: grid.steps }).map((steps) => ({ start: 0n, end: BigInt(steps) * grid.step })),
          )
        : fc.constant(undefined),
      keptInitrd: perhaps(rangeOn(grid, 6)),
      limit: isPpc ? perhaps(sizeOn(grid, grid.steps, page)) : fc.constant(undefined),
      crash: fc.boolean(),
      memMin: perhaps(addressOn(grid)),
      memMax: perhaps(addressOn(grid)),
      kernel: kernel.map((own) => ({ ...plainKernel, ...own })),
      argument: sizeOn(grid, sizes.argument, page),
      initrd: perhaps(sizeOn(grid, sizes.initrd, page)),
    })
    .map(({ banks, region, ...drawn }) => {
      const pieces = [drawn.kernel.uses, drawn.argument, drawn.initrd ?? 0n];
      const memory = banks.map((bank) => rangeOf(bank, grid.step, pieces));
      const crashkernel = region && rangeOf(region, grid.step, pieces);
      // Without a region nothing is placed for a crash kernel.
      const crash = drawn.crash && crashkernel !== undefined;
      return { scene: { ...drawn, machine, page, memory, crashkernel, crash }, candidates: candidatesOf(grid) };
    });
}

function candidatesOf({ base, step, steps, offsets }: Grid): bigint[] {
  // Ranges go beyond the last step.
  return Array.from({ length: 2 * steps }, (_, at) => at).flatMap((at) =>
    offsets.map((offset) => base + BigInt(at) * step + offset),
  );
}

const ppc64Grid: Grid = { base: 0n, step: 0x1_0000n, steps: 20, offsets: [0n] };

const ppc64 = fc.constantFrom(0x1000n, 0x1_0000n).chain((page) =>
  sceneOn(
    "ppc64",
    ppc64Grid,
    page,
    fc
      .record({ uses: sizeOn(ppc64Grid, 10, page), more: fc.nat(0x3_0000), copies: fc.boolean() })
      .map(({ uses, more, copies }) => {
        const length = uses - BigInt(more);
        return { uses, length: length > 0x100n ? length : 0x100n, copies, multiple: 0x1_0000n };
      }),
    { argument: 3, initrd: 6 },
  ),
);

const MIB = 0x10_0000n;
const arm64Grid: Grid = { base: 0x4000_0000n, step: 0x8_0000n, steps: 32, offsets: [0n] };

function arm64Kernel(uses: fc.Arbitrary<bigint>, offset: fc.Arbitrary<bigint>): fc.Arbitrary<Partial<SceneKernel>> {
  return fc
    .record({ uses, offset, usesBelow: fc.boolean() })
    .map((own) => ({ ...own, length: 64n, multiple: 2n * MIB }));
}

const arm64 = fc
  .constantFrom(0x1000n, 0x1_0000n)
  .chain((page) =>
    sceneOn(
      "arm64",
      arm64Grid,
      page,
      arm64Kernel(sizeOn(arm64Grid, 12, page), fc.constantFrom(0n, 0x8_0000n, 0x10_0000n)),
      { argument: 3, initrd: 8 },
    ),
  );

/** Memory that no kernel reaches all of: more than 32 GiB. */
const wideGrid: Grid = { base: 0n, step: 0x2000_0000n, steps: 128, offsets: [0n] };

const wide = sceneOn("arm64", wideGrid, 0x1000n, arm64Kernel(sizeOn(wideGrid, 20, 0x1000n), fc.constant(0n)), {
  argument: 4,
  initrd: 16,
});

const FOUR_GIB = 1n << 32n;

const x86_64 = fc.constantFrom(0n, FOUR_GIB - 16n * MIB).chain((base) => {
  const grid: Grid = { base, step: MIB, steps: 28, offsets: base === 0n ? [0n, 0x3000n] : [0n] };
  const kernel = fc
    .record({
      uses: sizeOn(grid, 10, 0x1000n),
      multiple: fc.constantFrom(0x1000n, MIB, 2n * MIB, 4n * MIB),
      preferred: addressOn(grid),
      fixed: fc.boolean(),
      above4G: fc.boolean(),
      highestInitrd: fc.oneof(
        fc.constant(0n),
        addressOn(grid).map((address) => (address === 0n || address > FOUR_GIB ? FOUR_GIB : address) - 1n),
      ),
    })
    .map((own) => ({ ...own, length: 0x200n }));
  return sceneOn("x86_64", grid, 0x1000n, kernel, { argument: 2, initrd: 8 });
});

export const cases = { ppc64, arm64, "arm64, of more than 32 GiB": wide, x86_64 } as const;

/** The same with edges anywhere: of these not every place can be tried. */
export function withRoughEdges(one: fc.Arbitrary<Case>): fc.Arbitrary<Case> {
  const rough = fc.array(fc.integer({ min: -0x2_0000, max: 0x2_0000 }), { minLength: 16, maxLength: 16 });
  return fc.tuple(one, rough).map(([{ scene, candidates }, by]) => {
    let at = 0;
    const shift = (address: bigint): bigint => {
      const moved = address + BigInt(by[at++ % by.length] ?? 0);
      return moved < 0n ? 0n : moved;
    };
    const move = ({ start, end }: Range): Range => ({ start: shift(start), end: shift(end) });
    return {
      candidates,
      scene: { ...scene, memory: scene.memory.map(move), taken: scene.taken.map(move) },
    };
  });
}

export const machineOf: Readonly<Record<Scene["machine"], Machine>> = {
  ppc64: "ppc64le",
  arm64: "aarch64",
  x86_64: "x86_64",
};

const elfMachines: Readonly<Record<Scene["machine"], number>> = { ppc64: 21, arm64: 183, x86_64: 62 };

/** The scene as facts have it. */
export function factsOf(scene: Scene): MachineFacts {
  const { page, memory, taken, ram, kernelEnd, rma, keptInitrd, crashkernel } = scene;
  return {
    pageSize: page,
    elfMachine: elfMachines[scene.machine],
    memory: mergeRanges(memory),
    taken: taken.map((range, index) => ({ ...range, name: `reserved ${index}` })),
    totalRam: ram,
    kernelEnd,
    rma,
    keptInitrd,
    crashkernel,
  };
}

/** The scene as a kernel's reader and a command line have it. */
export function needsOf(scene: Scene): NextNeeds {
  const { machine, kernel, argument, initrd, crash, memMin, memMax } = scene;
  const commandLine = commandLineOf(scene);
  const shape = { length: Number(kernel.length), head: headOf(scene) };
  const own =
    machine === "x86_64"
      ? { ...shape, memsz: kernel.length, setup: setupOf(kernel) }
      : { ...shape, memsz: machine === "ppc64" ? kernel.uses : kernel.length, setup: undefined };
  return { kernel: own, argumentSize: argument, initrdSize: initrd, commandLine, crash, memMin, memMax };
}

/** A crash kernel counts mem= by its region, of which the scenes have no tree. */
export function commandLineOf({ limit, crash }: Scene): string {
  return limit === undefined || crash ? "quiet" : `quiet mem=${limit}`;
}

/** The first bytes of its kernel. */
export function headOf({ machine, kernel }: Scene): Uint8Array {
  const head = Buffer.alloc(0x100);
  if (machine === "ppc64" && kernel.copies) head.write("run0", 0x5c);
  if (machine !== "arm64") return head;
  head.writeBigUInt64LE(kernel.offset, 8);
  head.writeBigUInt64LE(kernel.uses, 16);
  head.writeBigUInt64LE(kernel.usesBelow ? 8n : 0n, 24);
  head.write("ARM\x64", 56);
  return head;
}

function setupOf({ uses, multiple, preferred, fixed, above4G, highestInitrd }: SceneKernel) {
  return {
    alignment: Number(multiple),
    preferredAddress: preferred,
    fixed,
    initSize: Number(uses),
    above4G,
    highestInitrd: Number(highestInitrd),
    commandLineSize: 2047,
    bytes: new Uint8Array(0),
    kernelStart: 0x1000,
  };
}
