// Kernels as they are built, flattened and found again, held against binutils.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../../scripts/build.ts";
import { elfImage } from "../../scripts/kernel-image.ts";
import { kernel } from "../../scripts/kernels.ts";
import { ensure } from "../../scripts/setup.ts";
import { EM_PPC64 } from "../../src/sys/abi.ts";
import { temporaryFolder } from "../support/folder.ts";
import { x64 } from "../support/run.ts";

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

/** Bytes of a bzImage before its kernel (Documentation/arch/x86/boot.rst: setup_sects). */
function setupOf(bytes: Uint8Array): number {
  return 512 * ((bytes[0x1f1] || 4) + 1);
}

describe.each([
  ["stock-ppc64le", "powerpc64le-linux-gnu-"],
  ["small-ppc64", "powerpc64-linux-gnu-"],
  ["stock-arm64", undefined],
  ["stock-x64", undefined],
] as const)("kexec --extract of %s", (name, prefix) => {
  const { command } = x64;

  async function wanted(vmlinux: string): Promise<Buffer> {
    const bytes = readFileSync(vmlinux);
    if (prefix === undefined) return name === "stock-x64" ? bytes.subarray(setupOf(bytes)) : bytes;
    expect(Bun.spawnSync([`${prefix}objcopy`, "-O", "binary", vmlinux, folder.in("raw")]).exitCode).toBe(0);
    return readFileSync(folder.in("raw"));
  }

  test(
    "is what other tools take out of it, as it is and compressed",
    async () => {
      await ensure("stub-ppc64");
      await build("x64-small");
      const { vmlinux } = await kernel(name);
      const expected = await wanted(vmlinux);
      const packed = ["cat", "gzip -1", "zstd -q -3", "xz -0"].map((tool) => {
        const file = folder.in("packed");
        expect(Bun.spawnSync(["sh", "-c", `${tool} < "$1" > "$2"`, "sh", vmlinux, file]).exitCode).toBe(0);
        const { stdout, stderr } = Bun.spawnSync([...command, "kexec", "--extract", file]);
        return [tool, Buffer.compare(stdout, expected), stderr.toString()];
      });
      expect(packed).toEqual(["cat", "gzip -1", "zstd -q -3", "xz -0"].map((tool) => [tool, 0, ""]));
    },
    30 * MINUTES,
  );
});

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
