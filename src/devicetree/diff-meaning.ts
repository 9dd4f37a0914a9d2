// Two trees compared by what they mean: a reference is the node that it names, whatever its number.

import type { ByteString } from "../sys/engine.ts";
import { firstCellIn, viewOf } from "./cells.ts";
import { type Comments, type Difference, differences, type Side, sameBytes } from "./diff.ts";
import type { Targets } from "./diff-values.ts";
import { kindByName } from "./kinds.ts";
import { eachReference } from "./phandles.ts";
import { PHANDLES, phandleOf } from "./references.ts";
import { type Position, type Survey, surveyOf } from "./survey.ts";
import type { DeviceTree, Property } from "./tree.ts";
import { walk } from "./walk.ts";

/** What differs, and what is to be said of it beside its values. */
export interface Comparison {
  readonly found: readonly Difference[];
  readonly comments: Comments;
}

/**
 * As differences(), but a phandle of another number is none, nor are references to nodes of one path. Those are compared in
 * properties that are known to hold phandles; all others by their bytes.
 * @throws Failure where two properties or two nodes have one name
 */
export function differencesInMeaning(before: DeviceTree, after: DeviceTree): Comparison {
  const comparer = new Comparer(withClearPhandles(surveyOf(before)), withClearPhandles(surveyOf(after)));
  const found = differences(before, after, (path, one, other) => comparer.same(path, one, other));
  return { found: withoutThoseOfOthers(found), comments: comparer };
}

/** Without phandles that may be of one node or another by the order of nodes or properties, which is no difference. */
function withClearPhandles(survey: Survey): Survey {
  const byPhandle = new Map<number, Position>();
  const unclear = new Set<number>();
  for (const position of survey.nodes) {
    const { node } = position;
    const phandle = phandleOf(node);
    if (phandle === undefined) continue;
    if (byPhandle.has(phandle)) unclear.add(phandle);
    byPhandle.set(phandle, position);
    // ibm,phandle goes before the two others, wherever it stands.
    const [now, old, ibm] = PHANDLES.map((name) => firstCellIn(node, name));
    if (!ibm && now && old && now !== old) for (const number of [now, old]) unclear.add(number);
  }
  for (const phandle of unclear) byPhandle.delete(phandle);
  return { ...survey, byPhandle };
}

class Comparer implements Comments {
  /** Whether any number is the phandle of different nodes. */
  readonly #moved: boolean;
  /** A number for each path that is referred to. */
  readonly #paths = new Map<ByteString, number>();

  constructor(
    readonly before: Survey,
    readonly after: Survey,
  ) {
    this.#moved =
      before.byPhandle.size !== after.byPhandle.size ||
      [...before.byPhandle].some(([phandle, { path }]) => after.byPhandle.get(phandle)?.path !== path);
  }

  same(path: ByteString, before: Property, after: Property): boolean {
    const equal = sameBytes(before.value, after.value);
    if (equal ? !this.#moved : before.value.length !== after.value.length) return equal;
    if (PHANDLES.includes(before.name))
      return equal || (isPhandleOf(this.before, path, before) && isPhandleOf(this.after, path, after));
    const meant = this.#meant(this.before, path, before);
    const meantAfter = this.#meant(this.after, path, after);
    if (meant === undefined || meantAfter === undefined) return equal && meant === meantAfter;
    return sameBytes(meant, meantAfter);
  }

  /** The value with each phandle replaced, and a byte for each word that tells which are; undefined where it has none. */
  #meant(survey: Survey, path: ByteString, property: Property): Uint8Array | undefined {
    const position = survey.byPath.get(path);
    const { length } = property.value;
    let meant: Uint8Array | undefined;
    if (position === undefined) return undefined;
    eachReference(survey, position, property, (index, target) => {
      if (meant === undefined) {
        meant = new Uint8Array(length + length / 4);
        meant.set(property.value);
      }
      viewOf(meant).setUint32(4 * index, this.#numberOf(target.path));
      meant[length + index] = 1;
    });
    return meant;
  }

  meaning(side: Side, path: ByteString, property: Property): Uint8Array {
    return this.#meant(this[side], path, property)?.subarray(0, property.value.length) ?? property.value;
  }

  /** From the last number down: these are seldom anything else. */
  #numberOf(path: ByteString): number {
    const number = this.#paths.get(path) ?? 0xffffffff - this.#paths.size;
    this.#paths.set(path, number);
    return number;
  }

  targets(side: Side, path: ByteString, property: Property, from: number, to: number): Targets {
    const survey = this[side];
    const position = survey.byPath.get(path);
    const targets = new Map<number, ByteString>();
    if (position === undefined) return targets;
    eachReference(survey, position, property, (index, target) => {
      if (index >= from && index < to) targets.set(index, target.path);
    });
    return targets;
  }

  /** Where the two values may be of phandles, though the name does not say so. */
  remark(before: Property, after: Property): string | undefined {
    const { length } = before.value;
    if (length !== after.value.length || length % 4 !== 0 || kindByName(before.name) !== undefined) return undefined;
    const [words, others] = [viewOf(before.value), viewOf(after.value)];
    for (let at = 0; at < length; at += 4) {
      const [word, other] = [words.getUint32(at), others.getUint32(at)];
      if (word === other) continue;
      const path = this.before.byPhandle.get(word)?.path;
      if (path === undefined || this.after.byPhandle.get(other)?.path !== path) return undefined;
    }
    return "the same nodes, if these are phandles";
  }
}

/** Whether the property is one of those by which its node is found. */
function isPhandleOf({ byPath, byPhandle }: Survey, path: ByteString, { value }: Property): boolean {
  const position = byPath.get(path);
  const phandle = position && phandleOf(position.node);
  return value.length === 4 && phandle !== undefined && byPhandle.get(phandle) === position;
}

/**
 * Without phandles that one side alone has where what refers to them is a difference: a node gets its phandle when it is first
 * referred to.
 */
function withoutThoseOfOthers(found: readonly Difference[]): readonly Difference[] {
  const gone = referredTo(found, "before");
  const added = referredTo(found, "after");
  return found.filter((difference) => {
    if (difference.kind !== "property" || !PHANDLES.includes((difference.after ?? difference.before).name)) return true;
    const { before, after } = difference;
    if (before === undefined) return !added.has(numberOf(after));
    return after !== undefined || !gone.has(numberOf(before));
  });
}

/** The phandles that this side alone has, as far as numbers in its other differences are among them. */
function referredTo(found: readonly Difference[], side: Side): ReadonlySet<number> {
  const other = side === "before" ? "after" : "before";
  const wanted = new Set<number>();
  for (const difference of found) {
    if (difference.kind !== "property" || difference[other] !== undefined) continue;
    const property = difference[side];
    if (property !== undefined && PHANDLES.includes(property.name)) wanted.add(numberOf(property));
  }
  const seen = new Set<number>();
  const look = (property: Property, known: Uint8Array | undefined): void => {
    if (PHANDLES.includes(property.name)) return;
    const [words, others] = [viewOf(property.value), known && viewOf(known)];
    for (let at = 0; at + 4 <= words.byteLength; at += 4) {
      const word = words.getUint32(at);
      if (!wanted.has(word)) continue;
      if (others === undefined || at + 4 > others.byteLength || others.getUint32(at) !== word) seen.add(word);
    }
  };
  if (wanted.size === 0) return seen;
  for (const difference of found) {
    if (difference.kind === "property") {
      const property = difference[side];
      if (property !== undefined) look(property, difference[other]?.value);
    } else if (difference.kind === "node" && difference[side] !== undefined) {
      walk(difference[side], {
        enter({ properties }) {
          for (const property of properties) look(property, undefined);
          return true;
        },
      });
    }
  }
  return seen;
}

/** NaN where it is not one cell. */
function numberOf({ value }: Property): number {
  return value.length === 4 ? viewOf(value).getUint32(0) : NaN;
}
