// The command line of npm run bench, checked.

import { parseArgs } from "node:util";
import { usage } from "../../src/failure.ts";
import { GUEST_NAMES, type GuestName } from "./guests.ts";
import { GUEST_PARTS, HOST_PARTS } from "./parts.ts";

const [HOST, GUEST] = [HOST_PARTS, GUEST_PARTS].map((parts) => Object.keys(parts)) as [string[], string[]];

export const HELP = `usage: npm run bench -- [OPTION]...

Compare kexecbox with the least that its work costs, and with other people's
programs. All take turns, round by round. Write the result to bench/, as JSON
and as a chart.

  --guest NAME           Measure in guests; compare with kexec-tools of Debian's
                         stable and testing: ${GUEST_NAMES.join(", ")}.
  --rounds N             Run each so many times (default: 20).
  --only PART[,PART]...  Measure these parts only:
                         ${HOST.join(", ")};
                         in guests ${GUEST.join(", ")}.
  --compare FILE         Then print what changed since the run with this JSON.
  --compare FILE FILE    Print what changed between two runs. Measure nothing.
  --page FILE            Write the result of a run into docs/performance.md.
                         Measure nothing.
`;

export interface Choices {
  readonly where: "host" | GuestName;
  readonly rounds: number;
  readonly parts: readonly string[];
  /** Paths. */
  readonly compare: string | undefined;
  /** What `compare` is compared with in place of a new run. */
  readonly with: string | undefined;
  readonly page: string | undefined;
}

/** undefined where only help was asked for. */
export function parseChoices(args: readonly string[]): Choices | undefined {
  const { values, positionals } = parseWords(args);
  const { help, guest, rounds, compare, page } = values;
  if (help) return undefined;
  const where = guest === undefined ? "host" : GUEST_NAMES.find((name) => name === guest);
  if (where === undefined) throw usage("--guest", `'${guest}' is none of ${GUEST_NAMES.join(" ")}`);
  if (positionals.length > (compare === undefined ? 0 : 1)) {
    throw usage("arguments", `'${positionals.at(-1)}' is one too many`);
  }
  if (compare !== undefined && page !== undefined) throw usage("--page", "does not go with --compare");
  if (!/^[1-9][0-9]{0,4}$/.test(rounds)) throw usage("--rounds", `'${rounds}' is not a number above 0`);
  const known = guest === undefined ? HOST : GUEST;
  const parts = values.only?.split(",") ?? known;
  const unknown = parts.find((name) => !known.includes(name));
  if (unknown !== undefined) throw usage("--only", `'${unknown}' is none of ${known.join(" ")}`);
  return { where, rounds: Number(rounds), parts, compare, with: positionals[0], page };
}

function parseWords(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        guest: { type: "string" },
        rounds: { type: "string", default: "20" },
        only: { type: "string" },
        compare: { type: "string" },
        page: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw usage("arguments", (error as Error).message.split(". ")[0] ?? "");
  }
}
