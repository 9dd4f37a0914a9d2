// The C of both engines under libFuzzer, with the sanitizers of addresses and of undefined behaviour.

import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { cacheFolder, inTemporaryFolder } from "../cache.ts";
import { sourceTarball } from "../debian.ts";
import { QUICKJS } from "../engine.ts";
import { libraries } from "../libraries.ts";
import { ensure } from "../setup.ts";
import { runTool } from "../tool.ts";

const HARNESSES = join(import.meta.dir, "../../test/fuzz/native");
const SYS = join(import.meta.dir, "../../src/sys");

const GATHER = ["area.c", "files.c", "gather.c", "order.c", "strings.c"].map((name) => `gather/${name}`);

export interface NativeTarget {
  readonly name: string;
  readonly holds: string;
  /** Below src/sys. */
  readonly files: readonly string[];
  /** Bytes of the longest input. */
  readonly longest: number;
  /** Whose headers, or code, it needs besides. */
  readonly needs?: "quickjs" | "libraries";
}

export const nativeTargets: readonly NativeTarget[] = [
  {
    name: "c-gather",
    holds: "a tree of directories is read to records in their memory, whatever a kernel answers",
    files: GATHER,
    longest: 4096,
  },
  {
    name: "c-arena",
    holds: "blocks of the small engine's memory keep their bytes, and what was lent in a shortage comes back",
    // The harness includes it.
    files: [],
    longest: 4096,
    needs: "quickjs",
  },
  {
    name: "c-unpack",
    holds: "what is unpacked fits, and is the same where there is just enough memory",
    files: ["host/unpack.c"],
    longest: 8192,
    needs: "libraries",
  },
  { name: "c-sha256", holds: "a digest is of the bytes alone", files: ["host/sha256.c"], longest: 1024 },
];

const FLAGS = [
  ...["-g", "-O1", "-std=gnu11", "-D_GNU_SOURCE", "-fwrapv"],
  ...["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"],
];

/** Other people's code, in which addresses alone are looked at. */
const LIBRARY_FLAGS = ["-g", "-O1", "-std=gnu11", "-D_GNU_SOURCE", "-w", "-fsanitize=address,fuzzer-no-link"];

async function unpackInto(tarball: Parameters<typeof sourceTarball>[0], folder: string): Promise<void> {
  await mkdir(folder);
  await runTool(["tar", "-xf", await sourceTarball(tarball), "--strip-components=1", "-C", folder]);
}

/** What a target is compiled with besides: words for the compiler. */
async function besides(needs: NativeTarget["needs"], folder: string): Promise<string[]> {
  if (needs === "quickjs") {
    await unpackInto(QUICKJS, join(folder, "quickjs"));
    return ["-isystem", join(folder, "quickjs")];
  }
  const words: string[] = [];
  for (const { tarball, include, files, flags } of needs === "libraries" ? libraries : []) {
    const tree = join(folder, tarball.name);
    await unpackInto(tarball, tree);
    const own = include.flatMap((name) => ["-isystem", join(tree, name)]);
    const made = join(tree, "objects");
    await mkdir(made);
    const paths = files.map((name) => join(tree, name));
    await runTool(["clang", ...LIBRARY_FLAGS, ...flags, ...own, "-c", ...paths], { cwd: made });
    words.push(...own, ...paths.map((path) => join(made, basename(path).replace(/c$/, "o"))));
  }
  return needs === "libraries" ? [...words, "-DZ_SOLO"] : words;
}

/** What libFuzzer says at the end, in the words of the other targets. */
function summaryOf(text: string): string {
  const executions = /stat::number_of_executed_units: ([0-9]+)/.exec(text)?.[1] ?? "0";
  const [, edges = "0", , inputs = "0"] = [...text.matchAll(/cov: ([0-9]+) ft: ([0-9]+) corp: ([0-9]+)/g)].at(-1) ?? [];
  return `${executions} executions, ${inputs} inputs, ${edges} edges`;
}

export interface NativeChoices {
  readonly minutes: number;
  readonly seed: number;
  readonly only: string | undefined;
  readonly seeds: readonly Uint8Array[];
}

/** Whether nothing was found. */
export async function fuzzNative(target: NativeTarget, choices: NativeChoices): Promise<boolean> {
  const { minutes, only, seed, seeds } = choices;
  await ensure("fuzz");
  return inTemporaryFolder(async (folder) => {
    const program = join(folder, "program");
    const sources = [join(HARNESSES, `${target.name.slice(2)}.c`), ...target.files.map((name) => join(SYS, name))];
    const words = await besides(target.needs, folder);
    const own = [
      "-fsanitize=fuzzer",
      "-Wall",
      "-Wextra",
      "-Werror",
      "-I",
      join(SYS, "host"),
      "-I",
      join(SYS, "gather"),
    ];
    await runTool(["clang", ...FLAGS, ...own, ...sources, ...words, "-o", program], { cwd: folder });
    const corpus = join(cacheFolder(), "fuzz", target.name);
    const [inputs, given] = [join(corpus, "inputs"), join(folder, "seeds")];
    await Promise.all([mkdir(inputs, { recursive: true }), mkdir(given)]);
    await Promise.all(seeds.map((bytes, index) => Bun.write(join(given, `${index}`), bytes)));
    const limits = [`-max_total_time=${Math.ceil(60 * minutes)}`, `-max_len=${target.longest}`, "-rss_limit_mb=4096"];
    const told = [`-seed=${seed % 2 ** 31 || 1}`, `-artifact_prefix=${corpus}/finding-`, "-print_final_stats=1"];
    const where = only === undefined ? [...limits, inputs, given] : [only];
    const child = Bun.spawn([program, ...told, ...where], {
      ...{ cwd: folder, stdout: "ignore", stderr: "pipe" },
      env: { ...process.env, ASAN_OPTIONS: "allocator_may_return_null=1" },
    });
    const text = await new Response(child.stderr).text();
    const isSound = (await child.exited) === 0;
    if (!isSound) process.stdout.write(text);
    process.stdout.write(`${target.name}: ${summaryOf(text)}, ${isSound ? 0 : 1} findings\n`);
    return isSound;
  });
}
