// Which blocks of a script have run, and how often, by V8's precise coverage.

import { type Profiler, Session } from "node:inspector";

type Block = Profiler.CoverageRange & { readonly seen: Set<number> };

/** Counts that are told apart: 0, 1, 2, 3, 4 to 7, and so on. */
const bucketOf = (count: number): number => (count < 4 ? count : 2 + Math.floor(Math.log2(count)));

export class Coverage {
  readonly #session = new Session();
  /** V8 leaves out a block that has run as often as what is around it, so that all are kept that it ever told of. */
  readonly #functions = new Map<number, Map<string, Block>>();

  constructor(readonly url: string) {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** Of what has run since it was asked last: how many blocks, and whether one of them, or so often, for the first time. */
  take(): { readonly isNew: boolean; readonly work: number } {
    let found: Profiler.FunctionCoverage[] = [];
    this.#session.post("Profiler.takePreciseCoverage", (_, { result }) => {
      found = result.filter(({ url }) => url === this.url).flatMap(({ functions }) => functions);
    });
    const work = found.reduce((sum, { ranges }) => ranges.reduce((own, { count }) => own + count, sum), 0);
    return { isNew: found.filter(({ ranges }) => this.#add(ranges)).length > 0, work };
  }

  #add(ranges: readonly Profiler.CoverageRange[]): boolean {
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
