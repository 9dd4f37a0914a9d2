// The command line of npm run bench, checked.

import { parseArgs } from "node:util";
import { usage } from "../../src/failure.ts";

export const HELP = `usage: npm run bench -- [OPTION]...

Measures kexecbox beside the least that its work costs and beside other people's programs, in rounds in which each
takes its turn. Writes what it found to bench/, as JSON and as a chart.

  --rounds N               how often each is run (default 20)
  --only PART[,PART]...    of PARTS
  --compare FILE           tells what changed since an earlier run, whose JSON this is
  --compare FILE FILE      tells what changed from one to the other, and measures nothing
`;

export interface Choices {
  readonly rounds: number;
  /** Names of parts; undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly compare: string | undefined;
  /** What `compare` is compared with in place of a new run. */
  readonly with: string | undefined;
}

/** undefined where only help was asked for. `parts`: what there is to choose from. */
export function chosen(args: readonly string[], parts: readonly string[]): Choices | undefined {
  const { values, positionals } = parsed(args);
  if (values.help) return undefined;
  if (positionals.length > (values.compare === undefined ? 0 : 1)) {
    throw usage("arguments", `'${positionals.at(-1)}' is one too many`);
  }
  if (!/^[1-9][0-9]{0,4}$/.test(values.rounds)) throw usage("--rounds", `'${values.rounds}' is not a number above 0`);
  const only = values.only?.split(",");
  const unknown = only?.find((name) => !parts.includes(name));
  if (unknown !== undefined) throw usage("--only", `'${unknown}' is none of ${parts.join(" ")}`);
  return { rounds: Number(values.rounds), only, compare: values.compare, with: positionals[0] };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        rounds: { type: "string", default: "20" },
        only: { type: "string" },
        compare: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw usage("arguments", (error as Error).message.split(". ")[0]!);
  }
}
