// How long the small engine takes for a shape of a MiB.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { joinParts, packBelongings } from "../../test/fuzz/belongings.ts";
import { listBelongings } from "../../test/fuzz/seeds.ts";
import { type Case, packCase } from "../../test/scale/case.ts";
import { caseOf, type ScaleShape } from "../../test/scale/shapes.ts";
import { buildFrom } from "../build.ts";
import { inTemporaryFolder } from "../cache.ts";
import { ensure } from "../setup.ts";

export interface Seconds {
  readonly shape: ScaleShape;
  /** Of a cpu, without what the machine of memory takes, and without those of an empty input. */
  readonly seconds: number;
  /** The exit code, or why there is none. */
  readonly end: number | string;
}

const PROGRAM = join(import.meta.dir, "../../test/scale/program.ts");

/** Seconds of a cpu, after which it is ended. */
const PATIENCE = 60;

/** Of input. */
const MEBIBYTE = 2 ** 20;

/** Bytes of a word of a command line, with its end, and of all words with their addresses: execve(2), where a stack has 8 MiB. */
const WORD_MAX = 2 ** 17;
const WORDS_MAX = 2 ** 21;
const ADDRESS = 8;

/** Bytes of the files, each in the folder at the root that it is in; of folders the names too. */
function filesOf(files: Case["files"]): number[] {
  const roots = new Map<string, number>();
  const names = new Set<string>();
  const add = (root: string, bytes: number) => roots.set(root, (roots.get(root) ?? 0) + bytes);
  for (const [path, content] of files) {
    const [root = "", ...below] = path.split("/").filter((name) => name !== "");
    add(root, content.length);
    for (let path = root; below.length > 0; ) {
      const name = below.shift() ?? "";
      path += `/${name}`;
      if (names.has(path)) continue;
      names.add(path);
      add(root, name.length);
    }
  }
  return [...roots.values()];
}

/** How much of a MiB of input a case has, or of what a command line may have; 1 is all. */
export function fillOf({ words, stdin, files }: Case): number {
  const all = words.reduce((sum, word) => sum + word.length + 1, 0);
  const longest = words.reduce((most, word) => Math.max(most, word.length + 1), 0);
  const bytes = Math.max(all, stdin.length, ...filesOf(files));
  return Math.max(bytes / MEBIBYTE, longest / WORD_MAX, (all + ADDRESS * words.length) / WORDS_MAX);
}

/** By which the way to a MiB is guessed. */
const [LITTLE, MORE] = [64, 1024];

/** A size at which the shape has about a MiB of input, and no more, or as much as it can have. */
export function sizeOfMebibyte(shape: ScaleShape): number {
  if (shape.most !== undefined) return shape.most;
  const fill = (size: number) => fillOf(caseOf(shape, size));
  const [little, more] = [fill(LITTLE), fill(MORE)];
  let size = Math.floor(LITTLE + ((1 - little) * (MORE - LITTLE)) / (more - little));
  // Numbers become longer, and some shapes grow by steps.
  for (let filled = fill(size); filled > 1; filled = fill(size))
    size = Math.floor(size * Math.min(0.98, 0.99 / filled));
  return size;
}

/** Tells each as it is measured. */
export async function measureSeconds(shapes: readonly ScaleShape[], tell: (seconds: Seconds) => void): Promise<void> {
  await ensure("engine-x64-small");
  await inTemporaryFolder(async (folder) => {
    const [program, file] = [join(folder, "program"), join(folder, "case")];
    await buildFrom("x64-small", PROGRAM, program);
    const belongings = packBelongings(listBelongings());
    const take = async (shape: ScaleShape, size: number) => {
      await writeFile(file, joinParts([belongings, packCase(caseOf(shape, size))]));
      const child = Bun.spawn(["prlimit", `--cpu=${PATIENCE}`, program, file], { stdout: "pipe", stderr: "pipe" });
      const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
      await child.exited;
      const all = Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6;
      const [, code, pretended] = /^([0-9]+) ([0-9]+)\n$/.exec(out) ?? [];
      if (code === undefined) return { taken: all, end: `${child.signalCode ?? (out.trim() || err.trim())}` };
      return { taken: all - Number(pretended) / 1e9, end: Number(code) };
    };
    // To read what the machine has, and to begin.
    const idle = shapes[0] === undefined ? 0 : (await take({ ...shapes[0], words: () => ["--version"] }, 1)).taken;
    for (const shape of shapes) {
      const { taken, end } = await take(shape, sizeOfMebibyte(shape));
      tell({ shape, seconds: Math.max(0, taken - idle), end });
    }
  });
}
