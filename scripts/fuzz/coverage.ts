// Which blocks of a script have run, and how often, by V8's precise coverage.

import { type Profiler, Session } from "node:inspector";

export type Ran = readonly Profiler.FunctionCoverage[];

type Block = Profiler.CoverageRange & { readonly seen: Set<number> };

/** Counts that are told apart: 0, 1, 2, 3, 4 to 7, and so on. */
const bucketOf = (count: number): number => (count < 4 ? count : 2 + Math.floor(Math.log2(count)));

/** How many blocks have run of each function. */
export function countsOf(ran: Ran): ReadonlyMap<string, number> {
  const named = ran.map(({ functionName, ranges }) => {
    const name = `${functionName || "a function"} at ${ranges[0]?.startOffset}`;
    return [name, ranges.reduce((sum, { count }) => sum + count, 0)] as const;
  });
  return new Map(named);
}

export class Coverage {
  readonly #session = new Session();
  /** V8 leaves out a block that has run as often as what is around it, so that all are kept that it ever told of. */
  readonly #functions = new Map<number, Map<string, Block>>();

  constructor(readonly url: string) {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** What has run since it was asked last. */
  take(): Ran {
    let found: Profiler.FunctionCoverage[] = [];
    this.#session.post("Profiler.takePreciseCoverage", (_, { result }) => {
      found = result.filter(({ url }) => url === this.url).flatMap(({ functions }) => functions);
    });
    return found;
  }

  /** Whether some of it ran, or so often, for the first time. */
  add(ran: Ran): boolean {
    return ran.filter(({ ranges }) => this.#addBlocks(ranges)).length > 0;
  }

  #addBlocks(ranges: readonly Profiler.CoverageRange[]): boolean {
    const at = ranges[0]?.startOffset ?? 0;
    const blocks = this.#functions.get(at) ?? new Map<string, Block>();
    this.#functions.set(at, blocks);
    const told = ranges.map((range) => [`${range.startOffset} ${range.endOffset}`, range] as const);
    for (const [key, range] of told) if (!blocks.has(key)) blocks.set(key, { ...range, seen: new Set([0]) });
    const fresh = [...blocks.values()].filter(({ startOffset, endOffset, seen }) => {
      // Inner ones follow those around them.
      const inner = ranges.findLast((range) => range.startOffset <= startOffset && endOffset <= range.endOffset);
      const before = seen.size;
      return seen.add(bucketOf(inner?.count ?? 0)).size > before;
    });
    return fresh.length > 0;
  }

  toString(): string {
    const blocks = [...this.#functions.values()].flatMap((each) => [...each.values()]);
    return `${blocks.filter(({ seen }) => seen.size > 1).length} of ${blocks.length} blocks`;
  }
}
