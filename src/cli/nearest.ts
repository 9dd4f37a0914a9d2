// Finds the name that a person most likely meant by a wrong one. Loaded when first asked for.

/** Fewer letters than this begin too many names. */
const SHORTEST_BEGINNING = 3;
const MOST_SLIPS = 2;

/** What other programs call an option of ours. */
const synonyms: ReadonlyMap<string, string> = new Map([
  ["append", "bootargs"],
  ["cmdline", "bootargs"],
  ["command-line", "bootargs"],
  ["ramdisk", "initrd"],
]);

/**
 * The one of `names` that has this meaning elsewhere, that begins with `typed`, or that is a slip or two away; undefined
 * where that is not certain enough.
 */
export default function findNearest(typed: string, names: readonly string[]): string | undefined {
  const same = names.find((name) => name === synonyms.get(typed));
  if (same !== undefined) return same;
  const begun = typed.length < SHORTEST_BEGINNING ? [] : names.filter((name) => name.startsWith(typed));
  if (begun.length === 1) return begun[0];
  const alike = names.filter((name) => Math.abs(name.length - typed.length) <= MOST_SLIPS);
  const near = alike.map((name) => ({ name, slips: countSlips(typed, name) }));
  const least = near.reduce((few, { slips }) => Math.min(few, slips), Infinity);
  const [found, other] = near.filter(({ slips }) => slips === least);
  if (found === undefined || other !== undefined) return undefined;
  // One slip in three letters at most: cp is not ls.
  return least <= MOST_SLIPS && 3 * least <= Math.max(typed.length, found.name.length) ? found.name : undefined;
}

/** How many letters to insert, delete, replace or exchange with their neighbour turn `a` into `b` (optimal string alignment). */
function countSlips(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [row, letter] of [...a].entries()) {
    const current = [row + 1];
    for (const [column, other] of [...b].entries()) {
      const exchanged = letter === b[column - 1] && a[row - 1] === other;
      current.push(
        Math.min(
          (current[column] ?? 0) + 1,
          (above[column + 1] ?? 0) + 1,
          (above[column] ?? 0) + (letter === other ? 0 : 1),
          exchanged ? (before[column - 1] ?? 0) + 1 : Infinity,
        ),
      );
    }
    [before, above] = [above, current];
  }
  return above[b.length] ?? a.length;
}
