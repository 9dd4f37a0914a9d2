// The fuzzer's process, in node: changes inputs of one target at random, runs it, keeps what makes it do something new.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";
import { joinParts } from "../../test/fuzz/belongings.ts";
import { randomNumbers } from "../bench/tree.ts";
import { countedHost, countNatives, NativeWork } from "../scale/natives.ts";
import { Coverage, countsOf, type Ran } from "./coverage.ts";
import { host } from "./host.ts";
import { minimise, mutate } from "./mutate.ts";
import { type Counts, findSteep, type Steep } from "./steep.ts";
import { stretchOf } from "./stretch.ts";
import type * as Target from "./target.ts";

/** Of one input: milliseconds; of the process: KiB; bytes that are free of the bound on work. */
const MOST = { time: 30_000, resident: 700 << 10, free: 1000 };
/** Seconds of a cpu between two lines that tell how far it is. */
const PATIENCE = 30;
/** One input of so many is stretched: that takes as long as all the others. */
const STRETCHED = 64;

interface Orders {
  readonly script: string;
  readonly target: string;
  /** Where inputs are kept, and findings. */
  readonly folder: string;
  /** Of a cpu. */
  readonly minutes: number;
  readonly seed: number;
  /** A file that is tried alone. */
  readonly only?: string;
  /** Where a small corpus is written, and no more than so many bytes of it. */
  readonly distil?: { readonly file: string; readonly most: number };
}

const orders: Orders = JSON.parse(process.argv[2] ?? "");
const { folder, script } = orders;
const url = pathToFileURL(script).href;
const { MemoryMachine, splitParts, targetsOn, unpackBelongings }: typeof Target = await import(url);
const belongings = unpackBelongings(readFileSync(join(folder, "belongings")));
const target = targetsOn(belongings).find(({ name }) => name === orders.target);
if (target === undefined) throw new Error(orders.target);
const coverage = new Coverage(url);
const pick = randomNumbers(orders.seed);
let [executions, stretches, findings, resident, heaviest] = [0, 0, 0, MOST.resident, 0];

const natives = new NativeWork();
const counted = countedHost(host, natives);
countNatives(natives);
// What the machine does is not the program's work.
const { syscall } = MemoryMachine.prototype;
MemoryMachine.prototype.syscall = function paused(...words) {
  return natives.pause(() => syscall.apply(this, words));
};

interface Trial {
  readonly ran: Ran;
  /** What does not hold. */
  readonly error: Error | undefined;
}

function attempt(input: Uint8Array): Trial {
  executions++;
  let error: Error | undefined;
  try {
    // So that one that does not end is ended.
    Object.assign(globalThis, { work: () => target?.attempt(counted, input) });
    runInThisContext("work()", { timeout: MOST.time });
  } catch (thrown) {
    error = thrown as Error;
  }
  const ran = coverage.take();
  const work = [...countsOf(ran).values()].reduce((sum, count) => sum + count, 0);
  const weight = work / (input.length + MOST.free);
  heaviest = Math.max(heaviest, weight);
  if (weight > (target?.work ?? 0)) error ??= new Error(`${work} blocks for ${input.length} bytes`);
  const peak = process.resourceUsage().maxRSS;
  if (peak > resident) {
    resident = peak * 1.1;
    error ??= new Error(`${peak} KiB of memory`);
  }
  return { ran, error };
}

/** Two errors of one kind differ in numbers and quotations. */
function kindOf(error: Error | undefined): string {
  return (error?.message ?? "").replace(/"(\\.|[^"])*"|0x[0-9a-f]+|[0-9]+/g, "_").slice(0, 60);
}

const known = new Set<string>();

/** Whether it is worth keeping. */
function examine(input: Uint8Array): boolean {
  const { ran, error } = attempt(input);
  if (error === undefined) return coverage.add(ran);
  makeSmall(input, error);
  return false;
}

function makeSmall(input: Uint8Array, error: Error): void {
  const kind = kindOf(error);
  if (!isFirst(kind)) return;
  const smallest = minimise(input, (part) => kindOf(attempt(part).error) === kind);
  report(smallest, attempt(smallest).error?.stack ?? error.stack ?? kind);
}

/** Whether it is found for the first time. */
function isFirst(kind: string): boolean {
  findings++;
  if (known.has(kind)) return false;
  known.add(kind);
  return true;
}

function report(input: Uint8Array, text: string): void {
  const name = `finding-${hashOf(input)}`;
  writeFileSync(join(folder, name), input);
  const when = `${executions} executions, ${Math.round(spent())} s of a cpu`;
  process.stdout.write(`${target?.name}: ${name}, ${input.length} bytes, after ${when}: ${text}\n`);
}

function countsFor(input: Uint8Array): Counts {
  natives.take();
  natives.isOn = true;
  const { ran, error } = attempt(input);
  natives.isOn = false;
  if (error !== undefined) makeSmall(input, error);
  return new Map([...countsOf(ran), ...natives.take()]);
}

/** Where copies of one piece of it take the square of their number. */
function stretch(input: Uint8Array): void {
  stretches++;
  const chosen = pick(2 ** 31);
  const steepOf = (part: Uint8Array): Steep | undefined =>
    findSteep(stretchOf(part, target?.isText === true, randomNumbers(chosen)), countsFor);
  const steep = steepOf(input);
  if (steep === undefined || !isFirst(`steep ${steep.name}`)) return;
  const smallest = minimise(input, (part) => steepOf(part)?.name === steep.name, 40);
  const { name, counts, input: longest } = steepOf(smallest) ?? steep;
  report(longest, `${name}: ${counts.join(", then ")} blocks, where the input grew twice as long each time`);
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 12);
}

function tell(): void {
  const rest = `${coverage}, ${Math.round(heaviest)} blocks a byte at most, ${findings} findings`;
  process.stdout.write(
    `${target?.name}: ${executions} executions, ${stretches} stretched, ${corpus.length} inputs, ${rest}\n`,
  );
}

/** Seeds, then the smallest inputs that do something new. */
function distil(inputs: readonly Uint8Array[], { file, most }: NonNullable<Orders["distil"]>): void {
  const chosen: Uint8Array[] = [];
  let size = 0;
  for (const input of [...inputs].sort((one, other) => one.length - other.length)) {
    if (size + input.length > most || !coverage.add(attempt(input).ran)) continue;
    chosen.push(input);
    size += input.length;
  }
  writeFileSync(file, joinParts(chosen));
  process.stdout.write(`${target?.name}: ${chosen.length} inputs of ${size} bytes\n`);
}

const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
const corpus: Uint8Array[] = [];
if (orders.only !== undefined) {
  examine(new Uint8Array(readFileSync(orders.only)));
  tell();
  process.exit(findings === 0 ? 0 : 1);
}
for (const seed of splitParts(read("seeds"))) if (examine(seed)) corpus.push(seed);
const kept = readdirSync(folder).filter((name) => name.startsWith("input-"));
if (orders.distil !== undefined) {
  const { file } = orders.distil;
  const before = existsSync(file) ? splitParts(new Uint8Array(readFileSync(file))) : [];
  distil([...before, ...kept.map(read)], orders.distil);
  process.exit(0);
}
for (const name of kept) if (existsSync(join(folder, name)) && examine(read(name))) corpus.push(read(name));
const any = (): Uint8Array => corpus[pick(corpus.length)] ?? new Uint8Array(0);
/** Seconds of a cpu: what else goes on does not count. */
function spent(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

for (let told = 0; ; ) {
  const isOver = !(spent() < 60 * orders.minutes);
  if (isOver || spent() - told > PATIENCE) {
    told = spent();
    tell();
  }
  if (isOver) process.exit(findings === 0 ? 0 : 1);
  if (pick(STRETCHED) === 0) stretch(any());
  const [one, two] = [any(), any()];
  const input = mutate(target, one.length < two.length ? one : two, any(), pick);
  if (!examine(input)) continue;
  corpus.push(input);
  writeFileSync(join(folder, `input-${hashOf(input)}`), input);
}
