// The machines of scripts agree with the folders, with the machines of the program, and with one another.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  bootDefaults,
  emulatorFor,
  kernelNames,
  machineOf,
  machines,
  type Target,
  targetOfEndian,
  targets,
} from "../../scripts/machines/machines.ts";
import { archs } from "../../src/arch/archs.ts";

const ROOT = join(import.meta.dir, "../..");

test("each machine has its row in the program, its number there, and its folders", () => {
  const numbers = ({ name, elfMachine }: { name: string; elfMachine: number }) => [name, elfMachine];
  expect(machines.map(numbers)).toEqual(archs.map(numbers));
  for (const { name, stubs, bun } of machines) {
    const sources = [...stubs.embedded, "payload-head.S", "payload.c", "payload.lds"];
    expect(sources.filter((source) => !existsSync(join(ROOT, `stub/${name}/${source}`)))).toEqual([]);
    expect(existsSync(join(ROOT, `stub/fuse/${name}.S`))).toBe(bun !== undefined);
  }
});

test("no target and no kernel has the name of another", () => {
  const names = machines.flatMap(({ small, bun }) => [
    ...Object.keys(small),
    ...(bun === undefined ? [] : [bun.target]),
  ]);
  expect(new Set(names).size).toBe(names.length);
  expect(names.sort()).toEqual([...targets].sort());
  const kernels = machines.flatMap(({ stockKernels, smallKernels }) =>
    Object.keys({ ...stockKernels, ...smallKernels }),
  );
  expect(kernels.sort()).toEqual([...kernelNames].sort());
});

test.each(targets)("a boot of %s takes kernels of its machine", (target) => {
  const { stockKernels, smallKernels } = machineOf(target);
  const known = Object.keys({ ...stockKernels, ...smallKernels });
  const { kernel, smallKernel } = bootDefaults(target);
  expect(known).toContain(kernel);
  expect(known).toContain(smallKernel);
});

test.each<[Target, "big" | "little", Target]>([
  ["ppc64", "little", "ppc64le"],
  ["ppc64le", "big", "ppc64"],
  ["arm64-small", "little", "arm64-small"],
])("a kernel found after %s that is %s endian runs the executable %s", (target, endian, expected) => {
  expect(targetOfEndian(target, endian)).toBe(expected);
});

test("what this machine runs itself needs no emulator", () => {
  const own = process.arch === "arm64" ? "arm64" : "x64";
  expect(emulatorFor(own)).toEqual([]);
  expect(emulatorFor(`${own}-small`)).toEqual([]);
  expect(emulatorFor("ppc64le")).toEqual(["qemu-ppc64le"]);
});
