// The C of both engines under libFuzzer, with the sanitizers of addresses and of undefined behaviour.

import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { cacheFolder, inTemporaryFolder, makeOnce } from "../cache.ts";
import { sourceTarball } from "../debian.ts";
import { hostSources, QUICKJS, QUICKJS_FILES, QUICKJS_FLAGS } from "../engine.ts";
import { LEFT_OUT_KEY, leaveOut } from "../left-out.ts";
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
  /** Whose headers, or code, it needs besides. Parts of QuickJS are all but the main file, which the harness includes. */
  readonly needs?: "quickjs-headers" | "quickjs" | "quickjs-parts" | "libraries";
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
    needs: "quickjs-headers",
  },
  {
    name: "c-unpack",
    holds: "what is unpacked fits, and is the same where there is just enough memory",
    files: ["host/unpack.c"],
    longest: 8192,
    needs: "libraries",
  },
  {
    name: "c-sys",
    holds:
      "what a script gives is what the kernel gets, and nothing stays behind; what does not fit is thrown, and nobody is asked",
    files: ["host/sha256.c"],
    longest: 1024,
    needs: "quickjs",
  },
  {
    name: "c-inside",
    holds:
      "a bigint that is cut has its bits, one in any radix is read as the same, and stored modules are as they were",
    files: [],
    longest: 1024,
    needs: "quickjs-parts",
  },
  {
    name: "c-guard",
    holds: "zeros take the place of a lost page and of what follows it in its mapping, and of nothing else",
    files: [],
    longest: 1024,
  },
  {
    name: "c-int128",
    holds: "quotients, remainders and shifts of 128 bits are the compiler's",
    files: [],
    longest: 1024,
  },
  { name: "c-sha256", holds: "a digest is of the bytes alone", files: ["host/sha256.c"], longest: 1024 },
];

const FLAGS = [
  ...["-g", "-O1", "-std=gnu11", "-D_GNU_SOURCE", "-fwrapv"],
  ...["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"],
];

/** Other people's code, in which addresses alone are looked at. */
const OTHERS_FLAGS = ["-g", "-O1", "-std=gnu11", "-D_GNU_SOURCE", "-fwrapv", "-w", "-fsanitize=address"];
/** What of it runs leads on. */
const LIBRARY_FLAGS = [...OTHERS_FLAGS, "-fsanitize=fuzzer-no-link"];
const INCLUDES = ["host", "gather", "guard"].flatMap((name) => ["-I", join(SYS, name)]);
const OWN_FLAGS = ["-fsanitize=fuzzer", "-Wall", "-Wextra", "-Werror", ...INCLUDES];
/** As it is included, its main file is not held to what our own code is. */
const INCLUDED_FLAGS = ["-Wno-unknown-attributes", "-Wno-unused-function", "-Wno-sign-compare"];
const INCLUDED_LIST = "[undefined]\nsrc:*/quickjs/*\n";

async function unpackInto(tarball: Parameters<typeof sourceTarball>[0], folder: string): Promise<void> {
  await mkdir(folder);
  await runTool(["tar", "-xf", await sourceTarball(tarball), "--strip-components=1", "-C", folder]);
}

/** As the executables have it. */
async function quickjs(needs: NativeTarget["needs"], folder: string): Promise<string[]> {
  const tree = join(folder, "quickjs");
  await unpackInto(QUICKJS, tree);
  const headers = ["-isystem", tree];
  if (needs === "quickjs-headers") return headers;
  await leaveOut(tree);
  const made = join(tree, "objects");
  await mkdir(made);
  const parts = QUICKJS_FILES.map((name) => join(tree, name));
  const files = needs === "quickjs" ? [...parts, join(SYS, "host/inside.c")] : parts;
  await runTool(["clang", ...OTHERS_FLAGS, ...QUICKJS_FLAGS, ...headers, "-c", ...files], { cwd: made });
  const objects = files.map((path) => join(made, basename(path).replace(/c$/, "o")));
  const list = join(folder, "ignored");
  await writeFile(list, INCLUDED_LIST);
  const included = needs === "quickjs-parts" ? [...INCLUDED_FLAGS, `-fsanitize-ignorelist=${list}`] : [];
  return [...headers, ...QUICKJS_FLAGS, ...included, ...objects, "-lm"];
}

/** What a target is compiled with besides: words for the compiler. */
async function besides(needs: NativeTarget["needs"], folder: string): Promise<string[]> {
  if (needs?.startsWith("quickjs")) return quickjs(needs, folder);
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

/** The words by which any compiler looks at a harness that needs nobody else's code, and makes nothing. */
export function lookAt(target: NativeTarget): string[] {
  const looks = ["-fsyntax-only", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas"];
  return [...looks, ...INCLUDES, harnessOf(target)];
}

function harnessOf({ name }: NativeTarget): string {
  return join(HARNESSES, `${name.slice(2)}.c`);
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

/** The file of the program: QuickJS alone takes a minute of a cpu to compile. */
async function programOf(target: NativeTarget): Promise<string> {
  const harnesses = await Promise.all(
    (await readdir(HARNESSES)).sort().map((name) => readFile(join(HARNESSES, name), "utf8")),
  );
  const own = [...(await hostSources()).map(({ text }) => text), ...harnesses];
  const others = [QUICKJS.sha256, LEFT_OUT_KEY, JSON.stringify(libraries), await runTool(["clang", "--version"])];
  const flags = [...FLAGS, ...LIBRARY_FLAGS, ...OWN_FLAGS, ...QUICKJS_FLAGS, ...INCLUDED_FLAGS, INCLUDED_LIST];
  const made = await makeOnce("fuzz-program", [JSON.stringify(target), ...flags, ...others, ...own], (made) =>
    inTemporaryFolder(async (folder) => {
      const sources = [harnessOf(target), ...target.files.map((name) => join(SYS, name))];
      const words = await besides(target.needs, folder);
      await runTool(["clang", ...FLAGS, ...OWN_FLAGS, ...sources, ...words, "-o", join(made, "program")], {
        cwd: folder,
      });
    }),
  );
  return join(made, "program");
}

/** Whether nothing was found. */
export async function fuzzNative(target: NativeTarget, choices: NativeChoices): Promise<boolean> {
  const { minutes, only, seed, seeds } = choices;
  await ensure("fuzz");
  return inTemporaryFolder(async (folder) => {
    const program = await programOf(target);
    const corpus = join(cacheFolder(), "fuzz", target.name);
    const [inputs, given] = [join(corpus, "inputs"), join(folder, "seeds")];
    await Promise.all([mkdir(inputs, { recursive: true }), mkdir(given)]);
    await Promise.all(seeds.map((bytes, index) => Bun.write(join(given, `${index}`), bytes)));
    const time = `-max_total_time=${Math.ceil(60 * minutes)}`;
    // Inputs would become longer only after more runs than the slow ones come to.
    const limits = [time, `-max_len=${target.longest}`, "-len_control=0", "-rss_limit_mb=4096"];
    const told = [`-seed=${seed % 2 ** 31 || 1}`, `-artifact_prefix=${corpus}/finding-`, "-print_final_stats=1"];
    const where = only === undefined ? [...limits, inputs, given] : [only];
    const child = Bun.spawn([program, ...told, ...where], {
      ...{ cwd: folder, stdout: "ignore", stderr: "pipe" },
      env: { ...process.env, ASAN_OPTIONS: "allocator_may_return_null=1" },
    });
    const text = await new Response(child.stderr).text();
    const isSound = (await child.exited) === 0;
    if (!isSound) process.stdout.write(text);
    const seconds = Math.round(Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6);
    const findings = isSound ? 0 : 1;
    process.stdout.write(`${target.name}: ${summaryOf(text)}, ${seconds} s of a cpu, ${findings} findings\n`);
    return isSound;
  });
}
