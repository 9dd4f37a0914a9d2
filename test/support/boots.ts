// Boots for tests: the boot command's own choices with something changed, and a failure that shows the console.

import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Choices } from "../../scripts/boot/choices.ts";
import type { Special } from "../../scripts/boot/scene.ts";
import { type Boot, boot, kernelsFor } from "../../scripts/boot.ts";

export const usual: Choices = {
  target: "ppc64le",
  smp: 4,
  cpu: "POWER9",
  board: undefined,
  machine: [],
  uefi: false,
  memory: undefined,
  memoryOptions: [],
  nodes: undefined,
  small: true,
  kernel: undefined,
  nextKernel: undefined,
  nextInitrd: undefined,
  script: undefined,
  payload: false,
  direct: false,
  crash: undefined,
  crashkernel: "256M",
  gdb: false,
  append: "",
  interactive: false,
  runs: 1,
  timeout: 120,
};

/** A boot with these choices, whatever its verdict. Its console is in the result, so no log of it is kept. */
export async function attempted(changed: Partial<Choices>, special: Special = {}): Promise<Boot> {
  const choices = { ...usual, ...changed };
  const result = await boot(choices, await kernelsFor(choices), special, () => {});
  if (result.log !== undefined) await rm(result.log);
  return result;
}

/** A boot that has to pass: its console, from the jump on; all of it where there is none. */
export async function passed(changed: Partial<Choices>, special: Special = {}): Promise<string[]> {
  const { verdict, run } = await attempted(changed, special);
  const lines = run.lines.map(({ text }) => text);
  if (!verdict.passed) throw new Error([verdict.reason, ...lines.slice(-40)].join("\n  | "));
  if (changed.direct) return lines;
  return lines.slice(lines.findLastIndex((text) => /^\+ (\S*loadem -k|kexec -e|echo c >)/.test(text)));
}

/**
 * What a line of a script printed, the first time. The kernel's own lines may stand among that, on a busy host at any time: ask what
 * it contains.
 */
export function printedBy(lines: readonly string[], command: string): string[] {
  const at = lines.indexOf(`+ ${command}`);
  const rest = at < 0 ? [] : lines.slice(at + 1);
  const end = rest.findIndex((line) => line.startsWith("+ "));
  return rest.slice(0, end < 0 ? rest.length : end);
}

/** What a guest wrote to a terminal, which turned each line feed into carriage return and line feed: the exact way back. */
export function received(path: string): Buffer {
  return Buffer.from(readFileSync(path, "latin1").replaceAll("\r\n", "\n"), "latin1");
}
