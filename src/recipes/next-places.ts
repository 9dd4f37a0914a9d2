// Where the next kernel, what it is handed, and its initrd go: what a machine tells of itself, and the rules of its kernels.

import type { KernelShape, PieceName, PlaceNeeds, PlaceRule, Sizes } from "../arch/placement.ts";
import { placements } from "../arch/placements.ts";
import { Failure, hex, unlessFailure } from "../failure.ts";
import { halfOfRam, noCrashkernel } from "../kexec/checks.ts";
import type { MachineFacts } from "../kexec/facts.ts";
import {
  formatRange,
  formatRanges,
  intersectRanges,
  type MemoryRange,
  max,
  min,
  type NamedRange,
  NO_END,
  rangeOfSize,
  roundDown,
  roundUp,
  subtractRanges,
} from "../range.ts";
import type { ByteString, Machine } from "../sys/engine.ts";
import { findAddress, findAddresses, type Piece } from "./placement.ts";

export interface NextNeeds {
  readonly kernel: KernelShape;
  /** Bytes of the stub and of what follows it: the tree, or the zero page and what that points to. */
  readonly argumentSize: bigint;
  /** undefined: the next kernel gets none of ours. */
  readonly initrdSize: bigint | undefined;
  /** Its command line, which may take memory from it. */
  readonly commandLine?: ByteString;
  /** Whether it is entered when the running kernel panics. */
  readonly crash: boolean;
  /** What has its place already. */
  readonly coreHeader?: MemoryRange | undefined;
  /** All segments lie from `memMin` on and end by `memMax`. */
  readonly memMin?: bigint | undefined;
  readonly memMax?: bigint | undefined;
}

export interface NextPlaces {
  /** The stub's address. */
  readonly argument: bigint;
  readonly kernel: bigint;
  /** Bytes of the kernel's segment: all that it uses before it looks around. */
  readonly kernelSize: bigint;
  readonly initrd: bigint | undefined;
  /** What the size of every segment is a multiple of. */
  readonly round: bigint;
}

/**
 * Each gets the lowest address that is left for it, in the order of its machine; if that leaves no room for one, any order
 * in which all have room.
 * @throws Failure where they fit nowhere, with the rule that took the room
 */
export function choosePlaces(machine: Machine, facts: MachineFacts, needs: NextNeeds): NextPlaces {
  const puzzle = makePuzzle(machine, facts, needs);
  const tooLarge = findOverHalfOfRam(puzzle, facts);
  if (tooLarge !== undefined) throw tooLarge;
  const roomy = makeRoomier(puzzle);
  const found = roomy !== undefined && findOverHalfOfRam(roomy, facts) === undefined ? place(roomy) : undefined;
  const places = found ?? place(puzzle);
  if (places === undefined) throw explain(puzzle);
  return places;
}

/** The same with all that the kernel may use; undefined where it says what it uses. */
function makeRoomier(puzzle: Puzzle): Puzzle | undefined {
  const { roomySize } = puzzle.needs;
  if (roomySize === undefined) return undefined;
  return { ...puzzle, sizes: { ...puzzle.sizes, kernel: roundUp(roomySize, puzzle.page) } };
}

function place(puzzle: Puzzle): NextPlaces | undefined {
  const places = solve(puzzle, puzzle.rules) ?? solveWithoutWishes(puzzle);
  if (places === undefined) return undefined;
  const { argument = 0n, kernel = 0n, initrd } = places;
  return { argument, kernel, kernelSize: puzzle.sizes.kernel, initrd, round: puzzle.page };
}

/** One piece of an image whose other segments stay where they are. */
export interface LonePiece {
  readonly name: PieceName;
  /** Bytes of its segment. */
  readonly size: bigint;
  /** The kernel of the image, where there is one that says what it needs. */
  readonly kernel: KernelShape | undefined;
  readonly crash: boolean;
  readonly others: readonly MemoryRange[];
}

/** An address, and where the free memory ends that it is in. */
export interface FreePlace {
  readonly address: bigint;
  readonly end: bigint;
}

/**
 * Where such a piece may go: the lowest address in each range of free memory, the ones first that no wish is against.
 * None where it is not known where there is memory.
 */
export function listPlaces(machine: Machine, facts: MachineFacts, piece: LonePiece): FreePlace[] {
  const { name, size, kernel, crash, others } = piece;
  const page = pageOf(machine, facts);
  const needs = kernel && unlessFailure(() => placements[machine].needsOf(kernel, facts, crash));
  const rules = [
    ...(needs?.rules ?? []),
    ...listCommonRules(facts, { crash, initrdSize: size }),
    { without: others, fact: "" },
  ];
  const sizes = { kernel: size, argument: size, initrd: size };
  const list = (all: readonly PlaceRule[]): FreePlace[] => {
    const wanted = pieceOf({ page, sizes, needs: needs ?? { alignment: 1n } }, name, all);
    return freeBy(facts.memory, all).flatMap((range) => {
      const address = findAddress([range], wanted);
      return address === undefined ? [] : [{ address, end: min(range.end, wanted.within?.end ?? range.end) }];
    });
  };
  return [...list(rules), ...list(rules.filter(({ isWish }) => isWish !== true))];
}

/** A rule that several ranges make, by their names. */
interface CommonRule extends PlaceRule {
  readonly parts?: readonly NamedRange[];
}

interface Puzzle {
  readonly memory: readonly MemoryRange[];
  readonly page: bigint;
  readonly pieces: readonly PieceName[];
  readonly sizes: Sizes;
  readonly rules: readonly CommonRule[];
  readonly needs: PlaceNeeds;
}

function makePuzzle(machine: Machine, facts: MachineFacts, wanted: NextNeeds): Puzzle {
  const { kernel, argumentSize, initrdSize, commandLine = "", coreHeader, crash, memMin, memMax } = wanted;
  const memory = memoryFor(facts, crash);
  const needs = placements[machine].needsOf(kernel, facts, crash);
  const page = pageOf(machine, facts);
  const whole = (size: bigint): bigint => roundUp(size, page);
  return {
    memory,
    page,
    pieces: needs.order.filter((name) => name !== "initrd" || initrdSize !== undefined),
    sizes: { kernel: whole(needs.size), argument: whole(argumentSize), initrd: whole(initrdSize ?? 0n) },
    // In the order in which they are named where each of several would do.
    rules: [
      ...(memMax === undefined ? [] : [{ within: { start: 0n, end: memMax }, fact: `--mem-max is ${hex(memMax)}` }]),
      ...(memMin === undefined
        ? []
        : [{ within: { start: memMin, end: NO_END }, fact: `--mem-min is ${hex(memMin)}` }]),
      ...needs.rules,
      // A crash kernel has its region alone, which mem= then counts.
      ...(crash ? [] : (placements[machine].rulesOfLine?.(memory, commandLine) ?? [])),
      ...listCommonRules(facts, wanted),
      ...(coreHeader === undefined ? [] : [aroundCoreHeader(coreHeader)]),
    ],
    needs,
  };
}

/** @throws Failure where it is not known */
export function memoryFor({ memory, crashkernel, whyNoCrashkernel, unchecked = [] }: MachineFacts, crash: boolean) {
  if (crash && crashkernel !== undefined) return memory.length === 0 ? [crashkernel] : memory;
  if (memory.length > 0 && !crash) return memory;
  if (memory.length > 0 && whyNoCrashkernel === undefined) throw new Failure(noCrashkernel.place, noCrashkernel.fact);
  const why = (crash ? whyNoCrashkernel : undefined) ?? unchecked[0] ?? "where there is memory is not known";
  throw new Failure("memory", `no places can be chosen: ${why}`);
}

/** What every segment's address and size are multiples of. */
export function pageOf(machine: Machine, { pageSize }: MachineFacts): bigint {
  return max(pageSize, placements[machine].page);
}

/** What holds for every piece on every machine. */
function listCommonRules(
  facts: MachineFacts,
  { crash, initrdSize }: Pick<NextNeeds, "crash" | "initrdSize">,
): CommonRule[] {
  const { kernelEnd, keptInitrd, crashkernel, crashkernelLow, reach, taken } = facts;
  const rules: CommonRule[] = [];
  if (reach !== undefined) {
    rules.push({
      within: reach,
      fact: `a program of this width cannot tell the kernel an address from ${hex(reach.end)} on`,
    });
  }
  if (kernelEnd !== undefined) {
    rules.push({ within: { start: kernelEnd, end: NO_END }, fact: `the running kernel ends at ${hex(kernelEnd)}` });
  }
  if (keptInitrd !== undefined) {
    const fact = `${formatRange(keptInitrd)} is the initrd that the running kernel has kept`;
    // Where another one is loaded, nothing tells of it.
    rules.push({ without: [keptInitrd], fact, isWish: initrdSize !== undefined });
  }
  if (crash && crashkernel !== undefined) {
    const fact = `the crash kernel's memory is ${formatRange(crashkernel)}`;
    rules.push({ within: crashkernel, fact });
  }
  if (!crash) {
    // A crash kernel may wait there. To load over it is allowed.
    const without = [crashkernel, crashkernelLow].filter((range) => range !== undefined);
    rules.push({ without, fact: "the crash kernel's memory", isWish: true });
  }
  rules.push({ without: taken, parts: taken, fact: "of what is taken" });
  return rules;
}

function aroundCoreHeader(header: MemoryRange): CommonRule {
  return { without: [header], fact: `the ELF core header is at ${formatRange(header)}` };
}

/**
 * The highest place for an ELF core header of this many bytes: the crash kernel's memory below it stays in one piece.
 * @throws Failure where there is none
 */
export function placeCoreHeader(
  machine: Machine,
  facts: MachineFacts,
  size: bigint,
  { memMin = 0n, memMax = NO_END }: Pick<NextNeeds, "memMin" | "memMax">,
): MemoryRange {
  const page = pageOf(machine, facts);
  const free = freeBy(memoryFor(facts, true), [
    ...listCommonRules(facts, { crash: true, initrdSize: undefined }),
    { within: { start: memMin, end: memMax }, fact: "" },
  ]);
  const starts = free.map(({ start, end }) => ({ lowest: start, start: roundDown(end - size, page) }));
  const found = starts.findLast(({ lowest, start }) => start >= lowest);
  if (found !== undefined) return rangeOfSize(found.start, size);
  const left = free.length === 0 ? "nothing" : formatRanges(free);
  throw new Failure("ELF core header", `no room for its ${hex(size)} bytes; free for it is ${left}`);
}

type Places = Partial<Record<PieceName, bigint>>;

function solveWithoutWishes(puzzle: Puzzle): Places | undefined {
  const rules = [...puzzle.rules];
  for (const wish of puzzle.rules.filter(({ isWish }) => isWish)) {
    rules.splice(rules.indexOf(wish), 1);
    const places = solve(puzzle, rules);
    if (places !== undefined) return places;
  }
  return undefined;
}

/** @param names the pieces that are to be placed; all unless said */
function solve(
  puzzle: Puzzle,
  rules: readonly PlaceRule[],
  names = puzzle.pieces,
  choice = puzzle.needs.choice,
): Places | undefined {
  const free = freeBy(puzzle.memory, rules);
  const attempt = (more: readonly PlaceRule[]): Places | undefined => {
    const pieces = names.map((name) => pieceOf(puzzle, name, [...rules, ...more]));
    const addresses = findAddresses(free, pieces);
    return (
      addresses &&
      names.reduce((places, name, index) => Object.assign(places, { [name]: addresses[index] }), {} as Places)
    );
  };
  if (choice === undefined) return attempt([]);
  const lowest = (within: MemoryRange): bigint | undefined =>
    findAddress(free, pieceOf(puzzle, "kernel", [...rules, { of: ["kernel"], within, fact: "" }]));
  for (const more of choice.list(free, puzzle.sizes, lowest)) {
    const places = attempt(more);
    if (places !== undefined) return places;
  }
  return undefined;
}

/** Where the rules for all pieces let them go. */
function freeBy(memory: readonly MemoryRange[], rules: readonly PlaceRule[]): MemoryRange[] {
  const common = rules.filter(({ of }) => of === undefined);
  const within = intersectAll(common);
  return subtractRanges(
    intersectRanges(within, memory),
    common.flatMap(({ without = [] }) => without),
  );
}

function intersectAll(rules: readonly PlaceRule[]): MemoryRange {
  return rules.reduce<MemoryRange>(
    (all, { within = all }) => ({ start: max(all.start, within.start), end: min(all.end, within.end) }),
    { start: 0n, end: NO_END },
  );
}

function pieceOf(
  { page, sizes, needs }: Pick<Puzzle, "page" | "sizes"> & { readonly needs: Pick<PlaceNeeds, "alignment" | "offset"> },
  name: PieceName,
  rules: readonly PlaceRule[],
): Piece {
  const within = intersectAll(rules.filter(({ of }) => of?.includes(name)));
  const size = sizes[name];
  const { alignment, offset = 0n } = name === "kernel" ? needs : { alignment: 1n };
  return { size, alignment: inPages(alignment, page), offset, within };
}

/** A multiple of both, the least one where they are powers of two. */
function inPages(alignment: bigint, page: bigint): bigint {
  if (page % alignment === 0n) return page;
  return alignment % page === 0n ? alignment : alignment * page;
}

/** As messages call them. */
const NAMES: Readonly<Record<PieceName, string>> = { kernel: "kernel", argument: "stub", initrd: "initrd" };

function findOverHalfOfRam({ pieces, sizes }: Puzzle, facts: MachineFacts): Failure | undefined {
  const half = halfOfRam(facts);
  if (half === undefined) return undefined;
  const refuse = (place: string, size: bigint): Failure =>
    new Failure(place, `${hex(size)} bytes are more than half of the RAM, ${hex(half)}: the kernel loads no more`);
  for (const name of pieces) if (sizes[name] > half) return refuse(NAMES[name], sizes[name]);
  const sum = pieces.reduce((total, name) => total + sizes[name], 0n);
  return sum > half ? refuse("all segments", sum) : undefined;
}

/** Of a puzzle without solution: the piece that has no room, and the rules without which it had. */
function explain(puzzle: Puzzle): Failure {
  const rules = puzzle.rules.filter(({ isWish }) => !isWish);
  const { pieces, sizes, needs } = puzzle;
  const alone = pieces.find((name) => solve(puzzle, rules, [name]) === undefined);
  const prefix = pieces.findIndex((_, index) => solve(puzzle, rules, pieces.slice(0, index + 1)) === undefined);
  const names = alone === undefined ? pieces.slice(0, prefix + 1) : [alone];
  const name = names.at(-1) ?? "kernel";
  const fits = (left: readonly PlaceRule[], choice = needs.choice): boolean =>
    solve(puzzle, left, names, choice) !== undefined;
  const reasons = findReasons(rules, fits, needs);
  const piece = pieceOf(puzzle, name, rules);
  const free = intersectRanges(piece.within ?? { start: 0n, end: NO_END }, freeBy(puzzle.memory, rules));
  const beside = alone === undefined ? " beside the others" : "";
  const what = `no room for its ${hex(sizes[name])} bytes${beside}: ${reasons.join(", and ")}`;
  return new Failure(NAMES[name], `${what}; free for it is ${free.length === 0 ? "nothing" : formatRanges(free)}`);
}

/** Each rule without which there is room. Where no single one is enough: as few as are together. */
function findReasons(
  rules: readonly CommonRule[],
  fits: (left: readonly PlaceRule[], choice?: PlaceNeeds["choice"]) => boolean,
  { choice }: PlaceNeeds,
): string[] {
  const without = (rule: PlaceRule): PlaceRule[] => rules.filter((other) => other !== rule);
  const enough = rules.filter((rule) => fits(without(rule)));
  const facts = enough.map((rule) => tell(rule, (left) => fits([...without(rule), left])));
  if (choice !== undefined && fits(rules, NO_CHOICE)) facts.push(choice.fact);
  if (facts.length > 0) return facts;
  if (!fits([], NO_CHOICE)) return ["no range of memory is large enough"];
  const kept: PlaceRule[] = [];
  const reasons: CommonRule[] = [];
  for (const rule of [...rules].reverse()) {
    if (fits([...kept, rule], NO_CHOICE)) kept.push(rule);
    else reasons.unshift(rule);
  }
  return reasons.map((rule) => tell(rule, (left) => fits([...kept, left], NO_CHOICE)));
}

/** Any place will do. */
const NO_CHOICE: NonNullable<PlaceNeeds["choice"]> = { list: () => [[]], fact: "" };

/** Parts that are left out one by one to see whether that is enough. */
const MOST_TRIED = 32;

/** @param fits whether there is room by this one in the place of the rule */
function tell({ fact, parts }: CommonRule, fits: (left: PlaceRule) => boolean): string {
  if (parts === undefined) return fact;
  const size = ({ start, end }: MemoryRange): bigint => end - start;
  const largest = [...parts].sort((a, b) => (size(a) < size(b) ? 1 : size(a) > size(b) ? -1 : 0));
  const enough = largest
    .slice(0, MOST_TRIED)
    .find((part) => fits({ without: parts.filter((other) => other !== part), fact }));
  const part = enough ?? largest[0];
  if (part === undefined) return fact;
  return `${formatRange(part)} is taken: ${part.name}${enough === undefined ? ", and more is" : ""}`;
}
