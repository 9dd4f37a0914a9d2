// What the numbers of a property mean, in words: addresses as ranges, phandles as paths, interrupts with who takes them.
// Devicetree Specification 0.4, 2.3 and 2.4.

import { hex } from "../../failure.ts";
import type { ByteString } from "../../sys/engine.ts";
import {
  areReadable,
  type CellCounts,
  cellIn,
  childCells,
  entriesIn,
  isWholeEntries,
  rangesIn,
  type Take,
} from "../cells.ts";
import { interruptController, interruptParent } from "../interrupts.ts";
import { eachReference } from "../phandles.ts";
import type { Position, Survey } from "../survey.ts";

/** Properties whose entries are address and size in the parent's cells. */
const REGIONS: ReadonlySet<ByteString> = new Set(["reg", "linux,usable-memory", "assigned-addresses"]);
const TRANSLATIONS: ReadonlySet<ByteString> = new Set(["ranges", "dma-ranges"]);

/** Things in one comment. A value of 16 MiB may name a node of a path of 4 KiB four million times, or have as many ranges. */
const MOST = 64;

/** What the entries of a property are made of. */
interface Entries {
  /** How many cells an entry has. */
  readonly cells: number;
  /** What the entries of a value mean, in words. */
  describe(value: Uint8Array): string;
}

/** How many cells of the property belong together; undefined where nothing says it, or what is said does not fit. */
export function cellsInGroup(
  survey: Survey,
  position: Position,
  name: ByteString,
  value: Uint8Array,
): number | undefined {
  return entriesThatFit(survey, position, name, value)?.cells;
}

function entriesThatFit(survey: Survey, position: Position, name: ByteString, value: Uint8Array): Entries | undefined {
  const entries = entriesByName(survey, position, name);
  return entries !== undefined && isWholeEntries(value, entries.cells) ? entries : undefined;
}

function entriesByName(survey: Survey, position: Position, name: ByteString): Entries | undefined {
  const { node, parent } = position;
  if (parent !== undefined && REGIONS.has(name)) return regions(childCells(parent.node));
  if (parent !== undefined && TRANSLATIONS.has(name)) return translations(childCells(node), childCells(parent.node));
  return name === "interrupts" ? interrupts(survey, position) : undefined;
}

function regions(counts: CellCounts): Entries | undefined {
  if (!areReadable(counts)) return undefined;
  return {
    cells: counts.address + counts.size,
    describe: (value) => {
      const cells = counts.address + counts.size;
      const spans = rangesIn(value, counts, MOST).map(({ start, end }) => span(start, end));
      return [...spans, ...moreThan(value, cells)].join(", ");
    },
  };
}

function translations(counts: CellCounts, parent: CellCounts): Entries | undefined {
  const [{ address, size }, above] = [counts, parent.address];
  if (!areReadable(counts) || !areReadable({ address: above, size })) return undefined;
  const cells = address + above + size;
  const describe = (take: Take): string => {
    const [start, target] = [take(address), take(above)];
    return `${span(start, start + take(size))} at ${hex(target)}`;
  };
  return {
    cells,
    describe: (value) => [...entriesIn(firstOf(value, cells), cells, describe), ...moreThan(value, cells)].join(", "),
  };
}

function interrupts(survey: Survey, position: Position): Entries | undefined {
  const parent = interruptParent(survey, position);
  const cells = parent && cellIn(parent.node, "#interrupt-cells");
  if (parent === undefined || cells === undefined) return undefined;
  const controllerOf = (take: Take): Position | undefined =>
    interruptController(
      survey,
      position,
      parent,
      Array.from({ length: cells }, () => Number(take(1))),
    );
  return {
    cells,
    describe(value) {
      const found = new Set<Position | undefined>();
      for (let rest = value; rest.length > 0 && found.size < 2; rest = rest.subarray(firstOf(rest, cells).length))
        for (const each of entriesIn(firstOf(rest, cells), cells, controllerOf)) found.add(each);
      const [controller, ...others] = found;
      if (controller === undefined || controller === parent || others.length > 0) return `to ${parent.path}`;
      return `to ${controller.path} through ${parent.path}`;
    },
  };
}

/** The entries that a comment tells of, or the next to be looked at. */
function firstOf(value: Uint8Array, cells: number): Uint8Array {
  return value.subarray(0, 4 * cells * MOST);
}

/** How many others there are, if any. */
function moreThan(value: Uint8Array, cells: number): string[] {
  const more = value.length / (4 * cells) - MOST;
  return more > 0 ? [`and ${more} more`] : [];
}

function span(start: bigint, end: bigint): string {
  return start === end ? hex(start) : `${hex(start)}-${hex(end)}`;
}

/** A comment on the property's value; undefined where there is nothing to say. */
export function annotation(
  survey: Survey,
  position: Position,
  name: ByteString,
  value: Uint8Array,
): string | undefined {
  const entries = entriesThatFit(survey, position, name, value);
  if (entries !== undefined) return entries.describe(value);
  const paths: ByteString[] = [];
  let count = 0;
  eachReference(survey, position, { name, value }, (_, target) => {
    if (count++ < MOST) paths.push(target.path);
  });
  if (count > MOST) paths.push(`and ${count - MOST} more`);
  return count === 0 ? undefined : paths.join(" ");
}
