// Options of npm run boot that change what happens in the guests, as a person types them.

import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { image } from "../../initramfs/image.ts";
import { build } from "../../scripts/build.ts";
import { applets } from "../../src/applets/table.ts";
import { temporaryFolder } from "../support/folder.ts";
import { capture, present } from "../support/present.ts";

const BOOT = [process.execPath, join(import.meta.dir, "../../scripts/boot.ts"), "--target", "ppc64", "--smp", "1"];
const PROMPT = "kexecbox> ";

const folder = temporaryFolder({ on: "disk" });

async function boot(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const child = Bun.spawn([...BOOT, ...args], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const text = await new Response(child.stdout).text();
  return { code: await child.exited, lines: text.trimEnd().split("\n") };
}

test("--runs tells each boot in a line, and how many passed", async () => {
  const { code, lines } = await boot("--runs", "2");
  expect(lines.slice(1, -1).map((line) => line.replace(/[0-9a-f]{16}|[0-9.]+ s/g, "X"))).toEqual([
    "   1  pass  X  the second kernel printed X",
    "   2  pass  X  the second kernel printed X",
  ]);
  expect({ code, last: lines.at(-1) }).toEqual({ code: 0, last: "PASS 2 of 2" });
});

test("--payload shows what a kernel is handed", async () => {
  const { code, lines } = await boot("--payload");
  expect(code).toBe(0);
  expect(lines.some((line) => / s {2}payload: r3=0x[0-9a-f]+0100 r4=0x[0-9a-f]+0000 r5=0x0 /.test(line))).toBe(true);
  expect(lines.at(-1)).toMatch(/^PASS the second kernel printed [0-9a-f]{16}$/);
});

test("--next-initrd is what the second kernel unpacks", async () => {
  const executable = await Bun.file(await build("ppc64")).bytes();
  const script = (text: string): Uint8Array => Buffer.from(`${text}poweroff\n`);
  const write = (text: string): Promise<void> =>
    writeFile(
      folder.in("initrd"),
      Buffer.concat(image({ executable, applets: applets.map(({ name }) => name), script: script(text) })),
    );
  await write("cat /proc/cmdline\n");
  expect((await boot("--next-initrd", folder.in("initrd"))).lines.at(-1)).toStartWith("PASS ");
  // Told by what only this one does not do: it never prints the command line.
  await write("echo silent\n");
  const { lines } = await boot("--next-initrd", folder.in("initrd"));
  expect(lines.at(-1)).toStartWith("FAIL the second kernel ended without printing ");
  expect(lines).toContain("  | silent");
  await Bun.file(capture(/whole of it is (.*)$/m, lines.join("\n"))).delete();
});

/** Types each line when the guest prompts for it, and returns all that the terminal showed. */
async function typed(linesFor: (shown: string) => string[]): Promise<string> {
  const child = Bun.spawn(["script", "-qec", [...BOOT, "--interactive"].join(" "), "/dev/null"], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    timeout: 90_000,
    killSignal: "SIGKILL",
  });
  let shown = "";
  let prompts = 0;
  for await (const chunk of child.stdout) {
    shown += Buffer.from(chunk).toString("latin1");
    for (; shown.split(PROMPT).length - 1 > prompts; prompts++) {
      const line = linesFor(shown)[prompts];
      if (line !== undefined) child.stdin.write(`${line}\n`);
    }
    child.stdin.flush();
  }
  await child.exited;
  return shown.replaceAll("\r", "");
}

test("--interactive gives the console of both kernels, and tells the lines that lead to the second", async () => {
  const shown = await typed((text) => [
    present(/^fs2dt .* -f \/initrd/m.exec(text))[0],
    "loadem -k",
    "cat /proc/cmdline",
    "poweroff",
  ]);
  const nonce = capture(/kexecbox\.nonce=([0-9a-f]{16})/, shown);
  const inits = shown.split("init: the prompt;");
  expect(inits).toHaveLength(3);
  expect(inits[2]).toContain(`kexecbox.nonce=${nonce}\n`);
});
