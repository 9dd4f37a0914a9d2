// npm run fuzz: looks for inputs for which a property of the program does not hold, led by what of its code has run.

import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import minimist from "minimist";
import { EXIT, usage } from "../src/failure.ts";
import { joinParts, packBelongings, splitParts } from "../test/fuzz/belongings.ts";
import { listBelongings, seeds } from "../test/fuzz/seeds.ts";
import { targetsOn } from "../test/fuzz/targets.ts";
import { cacheFolder, inTemporaryFolder } from "./cache.ts";
import { endWith } from "./command.ts";
import { compareEngines, listCases } from "./fuzz/engines.ts";
import { fuzzNative, nativeTargets } from "./fuzz/native.ts";
import { emulatorFor, smallTargets } from "./machines/machines.ts";
import { ensure } from "./setup.ts";

const targets = targetsOn(new Map());
const every = [...targets, ...nativeTargets];
/** All that is written in C. */
const NATIVE = "c";
const CORPUS = join(import.meta.dir, "../test/fuzz/corpus");
/** Bytes of a target's corpus in the repository. */
const MOST_KEPT = 6 << 10;

const HELP = `usage: npm run fuzz -- [OPTION]... [TARGET]...

Change inputs of each TARGET (default: all) at random, run it, and go on from what
made it do something new. Something is found where a property does not hold, an
error has no name, an input takes more than 30 s or 700 MiB, or more blocks of code
for each of its bytes than the target may take; and where copies of a part of it, a
node, a line, a word, take the square of their number. What is written in C runs
under libFuzzer, with the sanitizers of addresses and of undefined behaviour.

  --minutes N      So many minutes of a cpu for each target, for C by the clock (default: 1).
  --seed N         Begin with these random numbers (default: the time). It is printed.
  --on FILE        Run the one TARGET on FILE alone.
  --engines N      Instead of that, run N inputs of each target in TypeScript by this
                   machine's small engine, and an eighth of them by those that are
                   emulated, and tell where one does otherwise than Bun.
  --distil         Write the smallest inputs that do something new into test/fuzz/corpus.

Findings are kept as fuzz/TARGET/finding-HASH in the cache, as small as they could
be made; inputs that did something new as input-HASH, from which the next run goes
on. The exit code is 1 if something was found.

Targets (${NATIVE} stands for all in C):
${every.map(({ name, holds }) => `  ${name.padEnd(9)}${holds}`).join("\n")}
`;

interface Choices {
  readonly names: readonly string[];
  readonly minutes: number;
  readonly seed: number;
  readonly only: string | undefined;
  readonly distil: boolean;
  /** Inputs for each target that the engines are compared on. */
  readonly engines: number | undefined;
}

function parseChoices(words: readonly string[]): Choices {
  const { _: names, ...given } = minimist([...words], {
    string: ["minutes", "seed", "on", "engines"],
    boolean: ["distil"],
    unknown: (word) => {
      if (word.startsWith("-")) throw usage(word, "no such option");
      return true;
    },
  });
  const wanted = names.flatMap((name) => (name === NATIVE ? nativeTargets.map((target) => target.name) : [name]));
  for (const name of wanted) if (!every.some((target) => target.name === name)) throw usage(name, "no such target");
  const only: string | undefined = given.on;
  if (only !== undefined && wanted.length !== 1) throw usage("--on", "needs one target");
  return {
    names: wanted.length === 0 ? every.map(({ name }) => name) : wanted,
    minutes: numberOf("--minutes", given.minutes ?? "1"),
    seed: numberOf("--seed", given.seed ?? `${Date.now() % 2 ** 32}`),
    only,
    distil: given.distil === true,
    engines: given.engines === undefined ? undefined : numberOf("--engines", given.engines),
  };
}

function numberOf(place: string, text: string): number {
  const number = Number(text);
  if (text === "" || !(number >= 0)) throw usage(place, `'${text}' is not a number`);
  return number;
}

/** What the tests have made, and what is in the repository. */
async function seedsOf(name: string): Promise<Uint8Array[]> {
  const file = join(CORPUS, name);
  const kept = existsSync(file) ? splitParts(new Uint8Array(await readFile(file))) : [];
  return [...(seeds[name]?.() ?? []), ...kept];
}

/** Blocks of the allocator until all is used up, while the kernel refuses: an input finds that by chance only after long. */
function listShortages(): Uint8Array[] {
  const refuse = [0, 1, 0];
  const told = [1, 0, 0];
  const blocks = [0x3f, 0xf0].map((size) =>
    Array.from({ length: 64 }, (_, index) => [6, index, index, 210, size, 0, ...(index === 2 ? told : [])]),
  );
  return blocks.map((taken) => Uint8Array.from([...refuse, ...taken.flat()]));
}

/** 2^64-1 in radix 14, of whose two limbs the higher one is zero; nearly -2^127 in radix 32, which takes all room for digits. */
const LARGE_NUMBERS = [
  [1, 1, 100, 0, 0, 134],
  [1, 1, 100, 200, 128, 0, 0, 0, 0, 0, 0, 4],
].map((each) => Uint8Array.from(each));

/** A harness takes the method and how much memory there is from the first three bytes. */
function nativeSeeds(name: string): Uint8Array[] {
  if (name === "c-arena") return listShortages();
  if (name === "c-inside") return LARGE_NUMBERS;
  const packed = name === "c-unpack" ? (seeds.packed?.() ?? []) : [];
  return packed.flatMap((bytes) => [0, 1, 2, 3].map((method) => Uint8Array.of(method, 0x10, 0, ...bytes)));
}

/** In node: Bun's engine does not tell what has run. */
async function fuzzTarget(name: string, made: string, { distil, minutes, only, seed }: Choices): Promise<boolean> {
  const native = nativeTargets.find((target) => target.name === name);
  if (native !== undefined) return distil || fuzzNative(native, { minutes, only, seed, seeds: nativeSeeds(name) });
  const folder = join(cacheFolder(), "fuzz", name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "seeds"), joinParts(distil ? (seeds[name]?.() ?? []) : await seedsOf(name)));
  await writeFile(join(folder, "belongings"), packBelongings(listBelongings()));
  const orders = {
    ...{ script: join(made, "target.mjs"), target: name, folder, minutes, seed, only },
    ...(distil ? { distil: { file: join(CORPUS, name), most: MOST_KEPT } } : {}),
  };
  // What is compiled into what calls it is not counted.
  const words = ["node", "--no-opt", join(made, "loop.mjs"), JSON.stringify(orders)];
  return (await Bun.spawn(words, { stdout: "inherit", stderr: "inherit" }).exited) === 0;
}

/** One line for each engine and each input that it does something else with. */
async function compare(count: number, seed: number): Promise<number> {
  let isSame = true;
  for (const name of smallTargets) {
    const cases = listCases(emulatorFor(name).length === 0 ? count : Math.ceil(count / 8), seed);
    await ensure(`engine-${name}`);
    const found = await inTemporaryFolder((folder) => compareEngines([name], cases, folder));
    process.stdout.write(`${name}: ${cases.length} inputs, ${found.length} not as under Bun\n`);
    for (const { name, input, here, there } of found)
      process.stdout.write(`${name}: ${Buffer.from(input).toString("base64")}\n  ${here}\n  ${there}\n`);
    isSame &&= found.length === 0;
  }
  return isSame ? EXIT.done : EXIT.input;
}

async function fuzz(choices: Choices): Promise<number> {
  process.stdout.write(`seed ${choices.seed}\n`);
  if (choices.engines !== undefined) return compare(choices.engines, choices.seed);
  return inTemporaryFolder(async (made) => {
    const entrypoints = ["target", "loop"].map((name) => join(import.meta.dir, "fuzz", `${name}.ts`));
    await Bun.build({ entrypoints, outdir: made, target: "node", naming: "[name].mjs" });
    if (choices.distil) await mkdir(CORPUS, { recursive: true });
    let isSound = true;
    for (const name of choices.names) isSound = (await fuzzTarget(name, made, choices)) && isSound;
    return isSound ? EXIT.done : EXIT.input;
  });
}

await endWith("fuzz", async () => fuzz(parseChoices(process.argv.slice(2))), HELP);
