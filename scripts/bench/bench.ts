// What every part of the benchmark gets, and what it returns.

import { build } from "../build.ts";
import type { Target } from "../machines/machines.ts";
import type { Programs } from "./programs.ts";
import type { Row } from "./row.ts";
import type { Samples } from "./sample.ts";

export interface Bench {
  readonly rounds: number;
  readonly programs: Programs;
  readonly engines: readonly Engine[];
  /** An empty folder in memory. */
  readonly folder: string;
  /** Gets what is under way, in a few words. */
  readonly tell: (detail: string) => void;
}

export interface Findings {
  readonly rows: readonly Row[];
  /** What the rows were made from. */
  readonly samples: Samples;
}

/** A way to run kexecbox. */
export interface Engine {
  readonly name: string;
  /** The words before an applet's name. */
  readonly command: readonly string[];
}

/** This machine's own executables, brought up to date. */
export async function enginesHere(): Promise<Engine[]> {
  const [small, bun]: [Target, Target] = process.arch === "arm64" ? ["arm64-small", "arm64"] : ["x64-small", "x64"];
  return [
    { name: "small engine", command: [await build(small)] },
    { name: "Bun", command: [await build(bun)] },
  ];
}
