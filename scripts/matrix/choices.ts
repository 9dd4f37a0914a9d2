// What a person chooses of the matrix: the command line of `npm run matrix`, checked.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { usage } from "../../src/failure.ts";
import { count } from "../boot/choices.ts";
import { cacheFolder } from "../cache.ts";
import { type Cell, cells, nameOf, shardOf } from "./cells.ts";

export interface MatrixChoices {
  /** What is to be run, in order. */
  readonly chosen: readonly Cell[];
  readonly list: boolean;
  readonly ktap: boolean;
  /** Files that are written at the end. */
  readonly junit: string | undefined;
  readonly svg: string | undefined;
  readonly record: string;
  readonly resume: boolean;
  /** Seconds. */
  readonly timeout: number;
}

export const HELP = `usage: npm run matrix -- [OPTION]... [TEXT]...

Boot the machines of README's table, each in its ways to a next kernel, and
print one line for each: a cell. Each TEXT chooses the cells whose
names have it. A cell's name begins with what npm run boot takes behind
--target.

  --list           Print the names of the cells, and boot none.
  --shard I/N      Boot part I of N alone, from 1 on.
  --ktap           Print KTAP, as the kernel's own tests do.
  --junit FILE     Write what was found to FILE, as JUnit's XML.
  --svg FILE       Draw the table, with what was found, to FILE.
  --record FILE    Write one line of JSON for each cell (default:
                   matrix/record.jsonl in the cache).
  --resume         Leave out what has passed by the record.
  --timeout SECONDS
                   Count a guest that takes longer as failed, or a kernel of a
                   chain (default: 300).

The exit code is 0 if all cells passed.
`;

/** undefined where only help was asked for. */
export function parseMatrix(args: readonly string[]): MatrixChoices | undefined {
  const { values, positionals } = parseWords(args);
  if (values.help) return undefined;
  const named = cells.filter((cell) => positionals.every((text) => nameOf(cell).includes(text)));
  if (named.length === 0) throw usage(positionals.join(" "), "no cell has that in its name");
  const [part, parts] = values.shard === undefined ? [1, 1] : shardNumbers(values.shard);
  return {
    chosen: shardOf(named, part, parts),
    list: values.list,
    ktap: values.ktap,
    junit: values.junit,
    svg: values.svg,
    record: values.record ?? join(cacheFolder(), "matrix/record.jsonl"),
    resume: values.resume,
    timeout: count("--timeout", values.timeout),
  };
}

function shardNumbers(text: string): [index: number, count: number] {
  const [, index, count] = (/^([1-9][0-9]{0,3})\/([1-9][0-9]{0,3})$/.exec(text) ?? []).map(Number);
  if (index === undefined || count === undefined || index > count) throw usage("--shard", `'${text}' is not I/N`);
  return [index, count];
}

function parseWords(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        list: { type: "boolean", default: false },
        shard: { type: "string" },
        ktap: { type: "boolean", default: false },
        junit: { type: "string" },
        svg: { type: "string" },
        record: { type: "string" },
        resume: { type: "boolean", default: false },
        timeout: { type: "string", default: "300" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw usage("arguments", (error as Error).message.replace(/\. .*/s, ""));
  }
}
