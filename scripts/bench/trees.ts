// fs2dt on trees of three sizes, beside the least that reading them costs and beside what others take.

import { join } from "node:path";
import type { Bench, Engine, Findings } from "./bench.ts";
import type { Chart } from "./chart.ts";
import { type Contestant, cpuOf, inRounds } from "./rounds.ts";
import { atLeast, atMost, type Goal, type Row, row, spreadIn } from "./row.ts";
import { type Samples, samplesOf } from "./sample.ts";
import { differences, ratios } from "./statistics.ts";
import { largeTree, makeTree } from "./tree.ts";

/** Of properties: those of the root count, and so does the root among the nodes. */
export interface Size {
  readonly nodes: number;
  readonly properties: number;
}

/** The first has the shape of a real POWER9. */
export const SIZES = {
  power9: { nodes: 386, properties: 3_751 },
  middle: { nodes: 600, properties: 8_000 },
  large: { nodes: 5_000, properties: 60_000 },
} as const satisfies Record<string, Size>;

/** It has next to nothing to read: its time is that of the start. */
export const START: Size = { nodes: 1, properties: 1 };

export const SEED = 2005;

const MB = 1e6;

const FLATTENERS = ["small engine", "Bun", "dtc", "naive Bun"];

/** A program that reads a directory and writes a blob. */
interface Flattener {
  readonly name: string;
  command(tree: string): readonly string[];
}

export function nameSize({ nodes, properties }: Size): string {
  return `${nodes.toLocaleString("en")} nodes, ${properties.toLocaleString("en")} properties`;
}

/** For where the properties go without saying. */
export function brief({ nodes }: Size): string {
  return `${nodes.toLocaleString("en")} nodes`;
}

export function treeOf({ nodes, properties }: Size) {
  return largeTree(SEED, nodes, properties);
}

export function flatteners({ programs, engines }: Bench): Flattener[] {
  const ours = engines.map(({ name, command }) => ({
    name,
    command: (tree: string) => [...command, "fs2dt", "-b", "0x5000100", tree],
  }));
  const dtc =
    Bun.which("dtc") === null
      ? []
      : [{ name: "dtc", command: (tree: string) => ["dtc", "-q", "-q", "-I", "fs", "-O", "dtb", tree] }];
  return [
    { name: "limit", command: (tree) => [programs.limit, tree] },
    ...ours,
    ...dtc,
    { name: "naive Bun", command: (tree) => [process.execPath, join(import.meta.dir, "naive.ts"), tree] },
  ];
}

export function sampleName(flattener: string, size: Size): string {
  return `${flattener}, ${nameSize(size)}`;
}

export async function treesFindings(bench: Bench): Promise<Findings> {
  const contestants: Contestant[] = [];
  const known = flatteners(bench);
  for (const size of [START, ...Object.values(SIZES)]) {
    bench.tell(`a tree of ${nameSize(size)}`);
    const tree = join(bench.folder, `tree-${size.nodes}`);
    makeTree(tree, treeOf(size));
    contestants.push(...known.map((one) => ({ name: sampleName(one.name, size), command: one.command(tree) })));
  }
  const samples = await inRounds(bench.rounds, contestants, bench.programs.measure, bench.tell);
  return {
    rows: treesRows(
      samples,
      known.map(({ name }) => name),
      bench.engines,
    ),
    samples,
  };
}

/** What the samples of these say, the limit among them. */
export function treesRows(samples: Samples, known: readonly string[], engines: readonly Pick<Engine, "name">[]): Row[] {
  const names = known.filter((name) => name !== "limit");
  const sizes = Object.values(SIZES);
  const ours = engines.map(({ name }) => name);
  return [
    ...sizes.flatMap((size) => names.map((name) => againstTheLimit(samples, name, size))),
    ...(names.includes("dtc") ? sizes.flatMap((size) => ours.map((name) => againstDtc(samples, name, size))) : []),
    ...known.map((name) => growth(samples, name, ours.includes(name) ? atMost(1.1) : undefined)),
    ...names.map((name) => memory(samples, name)),
  ];
}

function againstTheLimit(samples: Samples, name: string, size: Size): Row {
  const values = ratios(cpuOf(samples, sampleName(name, size)), cpuOf(samples, sampleName("limit", size)));
  return row(againstTheLimitOf(name, size), "ratio", values, goalAgainstTheLimit(name, size));
}

function againstTheLimitOf(name: string, size: Size): string {
  return `fs2dt, ${brief(size)}: ${name} against the limit`;
}

function goalAgainstTheLimit(name: string, size: Size): Goal | undefined {
  if (name !== "small engine" && name !== "Bun") return undefined;
  if (size === SIZES.large) return atMost(1.4);
  if (size === SIZES.power9) return atMost(name === "Bun" ? 1.9 : 1.4);
  return undefined;
}

function againstDtc(samples: Samples, name: string, size: Size): Row {
  const values = ratios(cpuOf(samples, sampleName("dtc", size)), cpuOf(samples, sampleName(name, size)));
  const goal = atLeast(size === SIZES.large ? 2.5 : 1.5);
  return row(`fs2dt, ${brief(size)}: dtc against ${name}`, "ratio", values, goal);
}

/** Of the CPU time for a property, from the middle size to the large one, the start set aside. */
function growth(samples: Samples, name: string, goal: Goal | undefined): Row {
  const start = cpuOf(samples, sampleName(name, START));
  const perProperty = (size: Size) =>
    differences(cpuOf(samples, sampleName(name, size)), start).map((whole) => whole / size.properties);
  const values = ratios(perProperty(SIZES.large), perProperty(SIZES.middle));
  const what = `fs2dt, a property of ${brief(SIZES.large)} against ${brief(SIZES.middle)}: ${name}`;
  return row(what, "ratio", values, goal);
}

function memory(samples: Samples, name: string): Row {
  const peaks = samplesOf(samples, sampleName(name, SIZES.large)).map(({ peak }) => peak);
  const goal = name === "small engine" ? atMost(8 * MB) : name === "Bun" ? atMost(48 * MB) : undefined;
  return row(`fs2dt, ${brief(SIZES.large)}, peak memory: ${name}`, "bytes", peaks, goal);
}

/** CPU time against the limit, by size. */
export function treesChart(rows: readonly Row[]): Chart {
  const sizes = Object.values(SIZES);
  const spreads = (name: string) => sizes.map((size) => spreadIn(rows, againstTheLimitOf(name, size)));
  return {
    title: "fs2dt: CPU time against the least that reading the tree costs",
    unit: "× the limit",
    groups: sizes.map(nameSize),
    series: FLATTENERS.map((name) => ({ name, spreads: spreads(name) })),
  };
}
