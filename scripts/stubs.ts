// Makes the stubs with the cross tools. Run as a command it renews the prebuilt bytes of those that kexecbox embeds.

import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inTemporaryFolder } from "./cache.ts";
import { endWith } from "./command.ts";
import type { Toolchain } from "./machines/machine.ts";
import {
  type BunTarget,
  bunExecutable,
  bunTargets,
  type MachineName,
  machineNamed,
  machineOf,
  machines,
} from "./machines/machines.ts";
import { ensure } from "./setup.ts";
import { runTool } from "./tool.ts";

const STUBS = new URL("../stub/", import.meta.url).pathname;

/** Code that Bun maps, which is the small engine's too: folders of src/sys, each with its sources and its linker script. */
export const NATIVE = ["gather", "guard"] as const;

const SYS = new URL("../src/sys/", import.meta.url).pathname;

/** Bare of anything that comes with an operating system, and small. */
const FREESTANDING = [
  "-Os",
  "-ffreestanding",
  "-fno-stack-protector",
  "-fno-asynchronous-unwind-tables",
  "-nostdlib",
  "-static",
  "-Wl,--build-id=none",
];

const STRICT = ["-Wall", "-Wextra", "-Werror"];

/**
 * The bytes of one stub as they are put into memory.
 *
 * @param source a file in stub/MACHINE, for the assembler alone (no C preprocessor)
 * @throws Failure with the assembler's last message
 */
export function assemble(source: string, machine: MachineName): Promise<Uint8Array> {
  return assembleFile(join(STUBS, machine, source), machine);
}

/**
 * The bytes of a fused executable's start, stub/fuse/MACHINE.S, before its parameters.
 *
 * @throws Failure with the assembler's last message
 */
export function assembleStart(machine: MachineName): Promise<Uint8Array> {
  return assembleFile(join(STUBS, "fuse", `${machine}.S`), machine);
}

function assembleFile(path: string, machine: MachineName): Promise<Uint8Array> {
  const { tools, stubs } = machineNamed(machine);
  return flatImage(tools, (object) => [`${tools.prefix}as`, ...stubs.assembler, "-o", object, path]);
}

/**
 * The code of src/sys/gather or src/sys/guard as Bun maps it: entered at its first byte, at any address.
 *
 * @throws Failure with the compiler's last message
 */
export async function buildNative(part: (typeof NATIVE)[number], target: BunTarget): Promise<Uint8Array> {
  const { tools } = machineOf(target);
  const folder = join(SYS, part);
  const sources = (await readdir(folder))
    .filter((name) => name.endsWith(".c"))
    .sort()
    .map((name) => join(folder, name));
  return flatImage(tools, (object) => [
    ...[`${tools.prefix}gcc`, "-o", object, ...sources, ...STRICT, "-DGATHER_ALONE"],
    ...bunExecutable(target).native,
    ...["-no-pie", "-fno-builtin", "-fno-tree-loop-distribute-patterns", "-ffunction-sections"],
    ...[...FREESTANDING, `-Wl,-T,${join(folder, `${part}.lds`)}`],
  ]);
}

/**
 * A machine's test kernel, stub/MACHINE/payload.c, as what its loader takes: a flat image that is entered at its first
 * byte, an Image, a bzImage.
 *
 * @throws Failure with the compiler's last message
 */
export function buildPayload(machine: MachineName): Promise<Uint8Array> {
  const { tools, stubs } = machineNamed(machine);
  const [head, program, script] = ["payload-head.S", "payload.c", "payload.lds"].map((name) =>
    join(STUBS, machine, name),
  );
  return flatImage(tools, (object) => [
    ...[`${tools.prefix}gcc`, "-o", object, `${head}`, `${program}`, ...STRICT, ...stubs.payload],
    ...[...FREESTANDING, `-Wl,-T,${script}`],
  ]);
}

/**
 * A program that holds a pattern and panics, scripts/boot/crash.c, as an ELF file for guests.
 *
 * @throws Failure with the compiler's last message
 */
export async function buildCrasher({ prefix, abi, compact }: Toolchain): Promise<Uint8Array> {
  const source = join(import.meta.dir, "boot/crash.c");
  const flags = [
    "-fno-builtin",
    "-fno-tree-loop-distribute-patterns",
    ...abi,
    ...compact,
    "-fno-pie",
    "-no-pie",
    ...STRICT,
  ];
  return inTemporaryFolder(async (folder) => {
    const program = join(folder, "crash");
    await runTool([`${prefix}gcc`, "-o", program, source, ...FREESTANDING, ...flags, "-O2"], {
      env: { TMPDIR: folder },
    });
    return new Uint8Array(await readFile(program));
  });
}

async function flatImage(tools: Toolchain, command: (object: string) => string[]): Promise<Uint8Array> {
  return inTemporaryFolder(async (folder) => {
    const object = join(folder, "stub.o");
    const image = join(folder, "stub.bin");
    // An interrupted compiler leaves its temporary files; this folder is removed.
    await runTool(command(object), { env: { TMPDIR: folder } });
    await runTool([`${tools.prefix}objcopy`, "-O", "binary", "-j", ".text", object, image]);
    return new Uint8Array(await readFile(image));
  });
}

/** The name of the prebuilt bytes of an assembler source. */
export function prebuiltName(source: string): string {
  return source.replace(/S$/, "hex");
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

const HELP = `usage: npm run stubs

Assemble the stubs, and compile src/sys/gather and src/sys/guard for Bun. Write
all of them into the hex files that are committed.
`;

async function writeAll(): Promise<void> {
  await ensure(...machines.map(({ name }) => `stub-${name}` as const));
  for (const { name, stubs } of machines) {
    for (const source of stubs.embedded)
      await writePrebuilt(join(STUBS, name, prebuiltName(source)), await assemble(source, name));
  }
  for (const target of bunTargets) {
    const { name } = machineOf(target);
    await writePrebuilt(join(STUBS, `fuse/${name}.hex`), await assembleStart(name));
    for (const part of NATIVE) {
      await writePrebuilt(join(SYS, part, `${name}.hex`), await buildNative(part, target));
    }
  }
}

if (import.meta.main) await endWith("stubs", writeAll, HELP);
