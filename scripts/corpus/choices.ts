// The command line of npm run corpus, checked.

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { usage } from "../../src/failure.ts";
import { type Target, targets } from "../machines/machines.ts";

export const HELP = `usage: npm run corpus -- [OPTION]... DIR...

Run every device tree command over every tree below DIR, and report what
crashed, what was not the same tree after a round trip, what the commands
refused, what dtcheck found, and what took longest. dtc is the witness.

Trees are blobs, whatever their names, and sources, *.dts, which dtc compiles;
those with #include go through cpp first. Nothing in DIR is changed.

  --target TARGET        Use this executable (default: x64-small):
                         ${targets.join(" ")}.
  --include DIR          Look here for what sources include.
  --show CHECK[,CHECK]   Also print each finding of these checks.
  --slowest N            Name so many of the slowest trees (default: 5).
  --jobs N               Examine so many trees at once (default: one a cpu).

The exit code is 1 if something crashed or a round trip was wrong.
`;

export interface Choices {
  /** Paths. */
  readonly folders: readonly string[];
  readonly target: Target;
  /** Paths. */
  readonly includes: readonly string[];
  /** Names of checks. */
  readonly show: ReadonlySet<string>;
  readonly slowest: number;
  readonly jobs: number;
}

/** undefined where only help was asked for. */
export function parseChoices(args: readonly string[]): Choices | undefined {
  const { values, positionals } = parseWords(args);
  if (values.help) return undefined;
  const target = targets.find((known) => known === values.target);
  if (target === undefined) throw usage("--target", `'${values.target}' is none of ${targets.join(" ")}`);
  if (positionals.length === 0) throw usage("arguments", "a folder of trees is needed");
  return {
    folders: positionals,
    target,
    includes: values.include,
    show: new Set(values.show?.split(",") ?? []),
    slowest: count("--slowest", values.slowest),
    jobs: values.jobs === undefined ? availableParallelism() : count("--jobs", values.jobs),
  };
}

function parseWords(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        target: { type: "string", default: "x64-small" },
        include: { type: "string", multiple: true, default: [] },
        show: { type: "string" },
        slowest: { type: "string", default: "5" },
        jobs: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw usage("arguments", (error as Error).message.replace(/\. .*/s, ""));
  }
}

function count(option: string, text: string): number {
  if (!/^[1-9][0-9]{0,3}$/.test(text)) throw usage(option, `'${text}' is not a number above 0`);
  return Number(text);
}
