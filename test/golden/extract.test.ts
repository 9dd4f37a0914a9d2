// kexec --extract on every engine, held against other people's tools: objcopy, gunzip and its like.

import { beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { bzImage } from "../support/bzimage.ts";
import { temporaryFolder } from "../support/folder.ts";
import { ramdisk } from "../support/forms.ts";
import { efiImage, signedImage, uImageOf, unifiedImage, zbootImage } from "../support/kernel-files.ts";
import { linked } from "../support/linked.ts";
import { buildRunners, bun, fused, fusedElsewhere, type Runner, runners, runWith, x64 } from "../support/run.ts";

const folder = temporaryFolder({ on: "disk" });
beforeAll(buildRunners, 600_000);

/** More than is read in place of being mapped, at no multiple of a page. */
const image = efiImage(
  Buffer.from(Uint32Array.from({ length: 400_001 }, (_, at) => (at % 5 === 0 ? 0 : 0x94000000 + at)).buffer),
  0x20_0000,
);

function tool(command: readonly string[], stdin: Uint8Array): Buffer<ArrayBuffer> {
  const { stdout, success, stderr } = Bun.spawnSync([...command], { stdin });
  if (!success) throw new Error(stderr.toString());
  return Buffer.from(stdout);
}

/** Bun has nothing for xz inside. */
const without: readonly Runner[] = [bun, fused, fusedElsewhere];

/** What comes out of a file on every engine but those that cannot unpack it, which say so. */
function extracted(file: Uint8Array, { option = "--extract", needsXz = false } = {}): Buffer {
  writeFileSync(folder.in("FILE"), file);
  const [first, ...others] = (needsXz ? runners.filter((runner) => !without.includes(runner)) : runners).map(
    (runner) => {
      const { code, signal, out, err } = runWith(runner, ["kexec", option, "FILE"], { cwd: folder.path });
      expect({ runner: runner.name, code, signal, err }).toEqual({
        runner: runner.name,
        code: 0,
        signal: null,
        err: "",
      });
      return out;
    },
  );
  for (const other of others) expect(first?.equals(other)).toBe(true);
  return first ?? Buffer.alloc(0);
}

describe("what is loaded of", () => {
  for (const [prefix, words] of [
    ["powerpc64-linux-gnu-", undefined],
    ["powerpc64le-linux-gnu-", undefined],
    ["powerpc64-linux-gnu-", { as: ["-a32", "-mppc"], ld: ["-m", "elf32ppc", "--defsym=HIGH=0xc0000000"] }],
  ] as const) {
    test(`an ELF file of ${prefix}ld${words ? " with 32 bits" : ""} is what objcopy -O binary makes of it`, () => {
      const { elf, raw } = linked(folder, prefix, words && { as: [...words.as], ld: [...words.ld] });
      expect(extracted(elf).equals(raw)).toBe(true);
      expect(extracted(tool(["gzip", "-c"], elf)).equals(raw)).toBe(true);
    }, 60_000);
  }

  test.each([
    ["an Image", () => image, false],
    ["gzip -1", () => tool(["gzip", "-1"], image), false],
    ["zstd -19 of a pipe", () => tool(["zstd", "-q", "-19"], image), false],
    ["xz as Linux' build has it", () => tool(["xz", "--check=crc32", "--arm64", "--lzma2=dict=1MiB"], image), true],
    ["lzma", () => tool(["xz", "--format=lzma"], image), true],
    ["a uImage", () => uImageOf(1, tool(["gzip"], image)), false],
    ["a zboot image with gzip", () => zbootImage(0xaa64, "gzip", tool(["gzip"], image), image.length), false],
    ["a zboot image with zstd", () => zbootImage(0xaa64, "zstd22", tool(["zstd", "-q"], image), image.length), false],
    ["a zboot image with xz", () => zbootImage(0xaa64, "xzkern", tool(["xz"], image), image.length), true],
    ["a zboot image with lzma", () => zbootImage(0xaa64, "lzma", tool(["xz", "--format=lzma"], image), 0), true],
  ] as const)(
    "%s is the Image",
    (_, make, needsXz) => {
      expect(extracted(make(), { needsXz }).equals(image)).toBe(true);
    },
    60_000,
  );

  test("a zboot image whose Image is signed is the Image with its signature, without the padding", () => {
    const signed = signedImage(image, Buffer.alloc(1234, 7));
    const whole = tool(["gzip"], Buffer.concat([signed, Buffer.alloc(0x5000)]));
    expect(extracted(zbootImage(0xaa64, "gzip", whole, 0)).equals(signed)).toBe(true);
  }, 60_000);

  test("a bzImage is what zeropage --kernel gives, in a unified image and compressed too", () => {
    const kernel = Buffer.from("an x86 kernel".repeat(200_000));
    const file = bzImage({ kernel });
    const { out } = runWith(x64, ["zeropage", "--kernel", "FILE"], { cwd: folder.path });
    expect(out.length).toBe(0);
    writeFileSync(folder.in("FILE"), file);
    expect(runWith(x64, ["zeropage", "--kernel", "FILE"], { cwd: folder.path }).out.equals(kernel)).toBe(true);
    expect(extracted(file).equals(kernel)).toBe(true);
    expect(extracted(tool(["gzip"], file)).equals(kernel)).toBe(true);
    expect(extracted(unifiedImage(0x8664, [[".linux", file]])).equals(kernel)).toBe(true);
  }, 60_000);

  test("a unified image is what objcopy finds in its .linux, and its initrd likewise", () => {
    const file = unifiedImage(0xaa64, [
      [".osrel", Buffer.from("ID=debian")],
      [".cmdline", Buffer.from("quiet")],
      [".initrd", ramdisk.subarray(0, 1001)],
      [".linux", image],
    ]);
    writeFileSync(folder.in("uki"), file);
    const section = (name: string): Buffer => {
      const words = ["-O", "binary", `--only-section=${name}`, folder.in("uki"), folder.in("section")];
      const { success, stderr } = Bun.spawnSync(["aarch64-linux-gnu-objcopy", ...words]);
      expect({ success, stderr: stderr.toString() }).toEqual({ success: true, stderr: "" });
      return readFileSync(folder.in("section"));
    };
    expect(section(".linux").equals(image)).toBe(true);
    expect(extracted(file).equals(section(".linux"))).toBe(true);
    expect(extracted(file, { option: "--extract-initrd" }).equals(section(".initrd"))).toBe(true);
  }, 60_000);
});

test("a bomb of 1 GiB ends in words, with no more memory than a kernel may take", () => {
  const make = "head -c 1073741824 /dev/zero | gzip -1 > bomb.gz; head -c 1073741824 /dev/zero | zstd -q > bomb.zst";
  Bun.spawnSync(["sh", "-c", make], { cwd: folder.path });
  for (const [name, method] of [
    ["bomb.gz", "gzip"],
    ["bomb.zst", "zstd"],
  ] as const) {
    const { code, out, err } = runWith(x64, ["kexec", "--extract", name], { cwd: folder.path });
    expect({ code, out: out.length }).toEqual({ code: 1, out: 0 });
    expect(err).toMatch(
      new RegExp(`^kexec: ${name}: compressed with ${method}, to be more than 0x[0-9a-f]+ bytes: more than`),
    );
    const limited = runWith(x64, ["kexec", "--extract", name], {
      cwd: folder.path,
      under: ["prlimit", "--as=200000000"],
    });
    expect({ code: limited.code, err: limited.err }).toEqual({
      code: 1,
      err: expect.stringMatching(new RegExp(`^kexec: ${name}: [0-9]+ bytes: ENOMEM|^kexec: ${name}: compressed with`)),
    });
  }
}, 120_000);

test("what is cut off writes nothing, on every engine", () => {
  const packed = tool(["gzip"], image);
  writeFileSync(folder.in("FILE"), packed.subarray(0, packed.length / 2));
  for (const runner of runners) {
    const { code, out, err } = runWith(runner, ["kexec", "--extract", "FILE"], { cwd: folder.path });
    const told = { name: runner.name, code, out: out.length, err };
    expect(told).toEqual({
      name: runner.name,
      code: 1,
      out: 0,
      err: "kexec: FILE: compressed with gzip, and cut off\n",
    });
  }
}, 60_000);
