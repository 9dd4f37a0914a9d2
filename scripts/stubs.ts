// Makes the ppc64 stubs with the cross tools. Run as a command it renews the prebuilt bytes of v2wrap.

import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inTemporaryFolder } from "./cache.ts";
import { endWith } from "./command.ts";
import { ensure } from "./setup.ts";
import { runTool } from "./tool.ts";

const STUBS = new URL("../stub/ppc64/", import.meta.url).pathname;
const PREBUILT = join(STUBS, "v2wrap.hex");
const TOOL = "powerpc64-linux-gnu-";

/**
 * The bytes of one stub as they are put into memory.
 *
 * @param source a file in stub/ppc64, for the assembler alone (no C preprocessor)
 * @throws Failure with the assembler's last message
 */
export async function assemble(source: string): Promise<Uint8Array> {
  return flatImage((object) => [`${TOOL}as`, "-mbig", "-o", object, join(STUBS, source)]);
}

/**
 * The test kernel as a flat image: entered at its first byte, at any address.
 *
 * @throws Failure with the compiler's last message
 */
export async function buildPayload(): Promise<Uint8Array> {
  const sources = ["payload-head.S", "payload.c"].map((name) => join(STUBS, name));
  return flatImage((object) => [
    ...[`${TOOL}gcc`, "-o", object, ...sources, "-Wall", "-Wextra", "-Werror"],
    ...["-mbig", "-mabi=elfv2", "-mcpu=power4", "-msoft-float", "-mtraceback=no"],
    ...["-Os", "-ffreestanding", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"],
    ...["-nostdlib", "-static", "-Wl,--build-id=none", `-Wl,-T,${join(STUBS, "payload.lds")}`],
  ]);
}

async function flatImage(command: (object: string) => string[]): Promise<Uint8Array> {
  return inTemporaryFolder(async (folder) => {
    const object = join(folder, "stub.o");
    const image = join(folder, "stub.bin");
    // An interrupted compiler leaves its temporary files; this folder is removed.
    await runTool(command(object), { env: { TMPDIR: folder } });
    await runTool([`${TOOL}objcopy`, "-O", "binary", "-j", ".text", object, image]);
    return new Uint8Array(await readFile(image));
  });
}

/** Prebuilt bytes as text: 16 bytes a line, in words as a disassembly shows them. */
export function toHexText(bytes: Uint8Array): string {
  const words = Buffer.from(bytes).toString("hex").match(/.{1,8}/g) ?? [];
  const lines = [];
  for (let at = 0; at < words.length; at += 4) lines.push(`${words.slice(at, at + 4).join(" ")}\n`);
  return lines.join("");
}

if (import.meta.main) {
  await endWith("stubs", async () => {
    await ensure("stub-ppc64");
    await writeFile(`${PREBUILT}.new`, toHexText(await assemble("v2wrap.S")));
    await rename(`${PREBUILT}.new`, PREBUILT);
    console.log("stub/ppc64/v2wrap.hex written");
  });
}
