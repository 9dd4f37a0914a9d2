// Makes the stubs with the cross tools. Run as a command it renews the prebuilt bytes of those that kexecbox embeds.

import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inTemporaryFolder } from "./cache.ts";
import { endWith } from "./command.ts";
import { ensure } from "./setup.ts";
import { runTool } from "./tool.ts";

const STUBS = new URL("../stub/", import.meta.url).pathname;

/** The tools of each machine that has a folder in stub/. */
const TOOLS = {
  ppc64: { prefix: "powerpc64-linux-gnu-", assembler: ["-mbig"] },
  arm64: { prefix: "aarch64-linux-gnu-", assembler: [] },
  x86_64: { prefix: "x86_64-linux-gnu-", assembler: ["--64"] },
} as const;

export type StubMachine = keyof typeof TOOLS;

/** The sources of what kexecbox embeds; the prebuilt bytes lie beside them, `.hex` in place of `.S`. */
export const EMBEDDED = [
  { machine: "ppc64", source: "v2wrap.S" },
  { machine: "arm64", source: "wrap.S" },
  { machine: "x86_64", source: "wrap.S" },
] as const;

/**
 * The bytes of one stub as they are put into memory.
 *
 * @param source a file in stub/ppc64 or the machine's own folder, for the assembler alone (no C preprocessor)
 * @throws Failure with the assembler's last message
 */
export async function assemble(source: string, machine: StubMachine = "ppc64"): Promise<Uint8Array> {
  const { prefix, assembler } = TOOLS[machine];
  const path = join(STUBS, machine, source);
  return flatImage(machine, (object) => [`${prefix}as`, ...assembler, "-o", object, path]);
}

/** The starts of fused executables, stub/fuse/TARGET.S, by TARGET. */
export const STARTS = { x64: "x86_64", arm64: "arm64" } as const satisfies Record<string, StubMachine>;

/**
 * The bytes of a fused executable's start, before its parameters.
 *
 * @throws Failure with the assembler's last message
 */
export async function assembleStart(target: keyof typeof STARTS): Promise<Uint8Array> {
  const machine = STARTS[target];
  const { prefix, assembler } = TOOLS[machine];
  const path = join(STUBS, "fuse", `${target}.S`);
  return flatImage(machine, (object) => [`${prefix}as`, ...assembler, "-o", object, path]);
}

const GATHER = new URL("../src/sys/gather/", import.meta.url).pathname;

/**
 * The code of src/sys/gather as Bun maps it: entered at its first byte, at any address.
 *
 * @throws Failure with the compiler's last message
 */
export async function buildGather(target: keyof typeof STARTS): Promise<Uint8Array> {
  const machine = STARTS[target];
  const sources = (await readdir(GATHER))
    .filter((name) => name.endsWith(".c"))
    .sort()
    .map((name) => join(GATHER, name));
  return flatImage(machine, (object) => [
    ...[`${TOOLS[machine].prefix}gcc`, "-o", object, ...sources, "-Wall", "-Wextra", "-Werror", "-DGATHER_ALONE"],
    ...(machine === "x86_64" ? ["-fcf-protection=none", "-fpie"] : ["-mcmodel=tiny", "-fno-pie"]),
    ...["-Os", "-ffreestanding", "-fno-builtin", "-fno-tree-loop-distribute-patterns"],
    ...["-ffunction-sections", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"],
    ...["-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", `-Wl,-T,${join(GATHER, "gather.lds")}`],
  ]);
}

/**
 * The test kernel as a flat image: entered at its first byte, at any address.
 *
 * @throws Failure with the compiler's last message
 */
export async function buildPayload(): Promise<Uint8Array> {
  const sources = ["payload-head.S", "payload.c"].map((name) => join(STUBS, "ppc64", name));
  return flatImage("ppc64", (object) => [
    ...[`${TOOLS.ppc64.prefix}gcc`, "-o", object, ...sources, "-Wall", "-Wextra", "-Werror"],
    ...["-mbig", "-mabi=elfv2", "-mcpu=power4", "-msoft-float", "-mtraceback=no"],
    ...["-Os", "-ffreestanding", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"],
    ...["-nostdlib", "-static", "-Wl,--build-id=none", `-Wl,-T,${join(STUBS, "ppc64", "payload.lds")}`],
  ]);
}

/**
 * The same for x86-64: a bzImage, whose kernel is entered 0x200 behind its start, at any multiple of 2 MiB.
 *
 * @throws Failure with the compiler's last message
 */
export async function buildBzImagePayload(): Promise<Uint8Array> {
  const sources = ["payload-head.S", "payload.c"].map((name) => join(STUBS, "x86_64", name));
  return flatImage("x86_64", (object) => [
    ...[`${TOOLS.x86_64.prefix}gcc`, "-o", object, ...sources, "-Wall", "-Wextra", "-Werror"],
    ...["-m64", "-mgeneral-regs-only", "-mno-red-zone", "-fcf-protection=none", "-fpie"],
    ...["-Os", "-ffreestanding", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"],
    ...["-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", `-Wl,-T,${join(STUBS, "x86_64", "payload.lds")}`],
  ]);
}

/**
 * The same for arm64 in qemu's virt machine: an Image, entered at its first byte, at any multiple of 2 MiB.
 *
 * @throws Failure with the compiler's last message
 */
export async function buildImagePayload(): Promise<Uint8Array> {
  const sources = ["payload-head.S", "payload.c"].map((name) => join(STUBS, "arm64", name));
  return flatImage("arm64", (object) => [
    ...[`${TOOLS.arm64.prefix}gcc`, "-o", object, ...sources, "-Wall", "-Wextra", "-Werror"],
    ...["-mgeneral-regs-only", "-mstrict-align", "-fpie"],
    ...["-Os", "-ffreestanding", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"],
    ...["-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", `-Wl,-T,${join(STUBS, "arm64", "payload.lds")}`],
  ]);
}

async function flatImage(machine: StubMachine, command: (object: string) => string[]): Promise<Uint8Array> {
  return inTemporaryFolder(async (folder) => {
    const object = join(folder, "stub.o");
    const image = join(folder, "stub.bin");
    // An interrupted compiler leaves its temporary files; this folder is removed.
    await runTool(command(object), { env: { TMPDIR: folder } });
    await runTool([`${TOOLS[machine].prefix}objcopy`, "-O", "binary", "-j", ".text", object, image]);
    return new Uint8Array(await readFile(image));
  });
}

/** Prebuilt bytes as text: 16 bytes a line, in words as a disassembly shows them. */
export function toHexText(bytes: Uint8Array): string {
  const words =
    Buffer.from(bytes)
      .toString("hex")
      .match(/.{1,8}/g) ?? [];
  const lines = [];
  for (let at = 0; at < words.length; at += 4) lines.push(`${words.slice(at, at + 4).join(" ")}\n`);
  return lines.join("");
}

async function writePrebuilt(path: string, bytes: Uint8Array): Promise<void> {
  await writeFile(`${path}.new`, toHexText(bytes));
  await rename(`${path}.new`, path);
  console.log(`${path} written`);
}

if (import.meta.main) {
  await endWith("stubs", async () => {
    await ensure("stub-arm64", "stub-ppc64", "stub-x86_64");
    for (const { machine, source } of EMBEDDED) {
      await writePrebuilt(join(STUBS, machine, source.replace(/S$/, "hex")), await assemble(source, machine));
    }
    for (const target of Object.keys(STARTS) as (keyof typeof STARTS)[]) {
      await writePrebuilt(join(STUBS, `fuse/${target}.hex`), await assembleStart(target));
      await writePrebuilt(join(GATHER, `${target}.hex`), await buildGather(target));
    }
  });
}
