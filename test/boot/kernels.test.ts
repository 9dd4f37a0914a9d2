// Kernels as they are built, flattened and found again, held against binutils.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { elfImage } from "../../scripts/kernel-image.ts";
import { kernel } from "../../scripts/kernels.ts";
import { ensure } from "../../scripts/setup.ts";
import { EM_PPC64 } from "../../src/sys/abi.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder({ on: "disk" });

const MINUTES = 60_000;

for (const [name, prefix] of [
  ["stock-ppc64le", "powerpc64le-linux-gnu-"],
  ["small-ppc64", "powerpc64-linux-gnu-"],
  ["small-ppc64le", "powerpc64le-linux-gnu-"],
] as const) {
  test(
    `the image of ${name} is what objcopy makes of it, and its memory what readelf sees`,
    async () => {
      await ensure("stub-ppc64", "engine-ppc64le");
      const { vmlinux, endian } = await kernel(name);
      const raw = folder.in("raw");
      expect(Bun.spawnSync([`${prefix}objcopy`, "-O", "binary", vmlinux, raw]).exitCode).toBe(0);
      const image = elfImage(EM_PPC64)(vmlinux, readFileSync(vmlinux));
      // Not toEqual: printing the difference of two 40 MB arrays takes minutes.
      expect(Buffer.compare(image.bytes, readFileSync(raw))).toBe(0);
      const headers = Bun.spawnSync([`${prefix}readelf`, "-lW", vmlinux]).stdout.toString();
      const memsz = /^ *LOAD +\S+ +\S+ +\S+ +\S+ +(0x[0-9a-f]+)/m.exec(headers)?.[1];
      expect(image.memsz).toBe(Number(memsz));
      expect(image.endian).toBe(endian);
    },
    30 * MINUTES,
  );
}

test(
  "a kernel that is cached is found without apt, make or any other program",
  async () => {
    const { vmlinux } = await kernel("stock-ppc64le");
    const script = join(import.meta.dir, "../../scripts/kernels.ts");
    const { stdout, exitCode } = Bun.spawnSync([process.execPath, script, "stock-ppc64le"], {
      env: { HOME: process.env.HOME, XDG_CACHE_HOME: process.env.XDG_CACHE_HOME, PATH: "/nonexistent" },
    });
    expect(stdout.toString()).toBe(`${vmlinux}\n`);
    expect(exitCode).toBe(0);
  },
  30 * MINUTES,
);
