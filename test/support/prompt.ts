// A guest at init's prompt, as a person has it: lines are typed, and what comes back is read.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AddedFile } from "../../initramfs/image.ts";
import type { LiveGuest } from "../../scripts/live-guest.ts";
import { isBunTarget, machineOf, type Target, toolchainOf } from "../../scripts/machines/machines.ts";
import { runTool } from "../../scripts/tool.ts";
import type { TemporaryFolder } from "./folder.ts";

const PROMPT = "kexecbox> ";

/** Milliseconds in which a guest does what it is expected to do, on however busy a host. */
export const LONGEST = 240_000;

/** What OPAL writes to the console of its machine, whenever it wants to. */
const FIRMWARE = /^\[ *[0-9]+\.[0-9]{9},[0-9]\] /;

/** What the kernel writes to the console, whenever it wants to, where it tells the time of it. */
export const KERNEL = /^\[ *[0-9]+\.[0-9]{6}\] /;

/** The program of that name, where a console needs it. */
export async function noEcho(target: Target, disk: TemporaryFolder): Promise<readonly AddedFile[]> {
  if (isBunTarget(target) || machineOf(target).name !== "ppc64") return [];
  const program = disk.in("noecho");
  const source = join(import.meta.dir, "../boot/noecho.c");
  const flags = ["-Os", "-Wall", "-Wextra", "-Werror", "-static"];
  await runTool([`${toolchainOf(target).prefix}gcc`, ...flags, "-o", program, source]);
  return [{ path: "bin/noecho", content: await readFile(program), mode: 0o755 }];
}

/** @param from how much of the console's text is older */
export async function waitForPrompt(live: LiveGuest, from: number): Promise<void> {
  if (await live.shows((text) => text.includes(PROMPT, from), LONGEST)) return;
  throw new Error(`no prompt: ${live.text.slice(from).split("\n").slice(-20).join("\n  | ")}`);
}

/** Types a command, and returns what the console showed up to the next prompt. */
export async function ask(live: LiveGuest, command: string): Promise<string> {
  const from = live.text.length;
  live.type(command);
  await waitForPrompt(live, from);
  return live.text.slice(from, live.text.indexOf(PROMPT, from));
}

/** Types lines one by one, of which some may continue those before them, and returns what they printed. */
export async function runAll(live: LiveGuest, lines: string): Promise<string[]> {
  const start = live.text.length;
  for (const line of lines.split("\n")) {
    const from = live.text.length;
    live.type(line);
    if (!(await live.shows((text) => /(^|\n)(kexecbox)?> $/.test(text.slice(from)), LONGEST))) {
      throw new Error(`no prompt after ${line}`);
    }
  }
  // Where the terminal does not show what is typed, the prompts stand before the first line.
  return linesOfPrograms(live.text.slice(start)).map((line) => line.replace(/^((kexecbox)?> )+/, ""));
}

/** Types a line, and returns those that it printed. */
export async function run(live: LiveGuest, line: string): Promise<string[]> {
  // Where the terminal shows what is typed, that is the first.
  return linesOfPrograms(await ask(live, line)).filter((text, at) => at > 0 || text !== line);
}

/** Not what has yet to end, nor what nobody here has to say. */
export function wholeLines(text: string): string[] {
  return text
    .split("\n")
    .slice(0, -1)
    .filter((line) => line !== "" && !FIRMWARE.test(line));
}

/** The same without the kernel's own. */
function linesOfPrograms(text: string): string[] {
  return wholeLines(text).filter((line) => !KERNEL.test(line));
}
