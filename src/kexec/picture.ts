// What lies where in memory before and after the jump: an image, what its kernel will use and the machine's facts become
// bands from the lowest address up. What they look like is the business of those who draw them.

import { escapeText, hex } from "../failure.ts";
import { formatSize } from "../number.ts";
import {
  contains,
  hullOf,
  intersectRanges,
  intersectSorted,
  type MemoryRange,
  max,
  mergeRanges,
  type NamedRange,
  overlap,
  sizeOfRanges,
} from "../range.ts";
import type { NextUse } from "./check.ts";
import type { MachineFacts } from "./facts.ts";
import {
  byStart,
  clipRun,
  foldRuns,
  type Ground,
  groundOf,
  isSome,
  joinNamed,
  listRuns,
  type Run,
  sizeOf,
  tellNames,
} from "./ground.ts";
import type { KexecImage, Segment } from "./image.ts";

/** A line of text about what begins in a band. Of a name that is too long for a line some may be left out. */
export interface Note {
  readonly before: string;
  readonly name: string;
  readonly after: string;
}

/** What lies in it is the same from its first byte to its last. A band begins where the one before it ends. */
export interface Band extends MemoryRange {
  readonly ground: Ground;
  /** Of the image, which segments are loaded here: their numbers. */
  readonly segments: readonly number[];
  /** Whether that is what they have beyond their bytes. */
  readonly isZeros: boolean;
  /** Whose kernel will use this beyond its segment: the segment's number. */
  readonly usedBy: number | undefined;
  /** Whether two want it that cannot share it, or it is no memory for what wants it. */
  readonly isContested: boolean;
  readonly notes: readonly Note[];
}

export interface Picture {
  /** None where there is no segment, and nothing is known of memory. */
  readonly bands: readonly Band[];
  /** A power of two: the largest segment takes no more than LARGEST times that. */
  readonly unit: bigint;
}

/** Of a picture's units, how many the largest segment has at most. */
export const LARGEST = 8n;

const SMALLEST_UNIT = 0x1000n;

/** Lines of a band in which nothing is loaded, before it is cut short. */
const MOST_OF_NOTHING = 2n;

/** Zeros of less than this are there to fill a page. */
const WORTH_A_BAND = 0x10000n;

/** Ranges of memory that segments lie over: so many are drawn each by itself, of more some together. */
const MOST_HITS = 6;

/** Words that are stored in a segment: so many are told each. */
const MOST_WORDS = 4;

interface Hit extends NamedRange {
  /** Whether it is several, and what is between them. */
  readonly isMany: boolean;
}

/** All that has a place of its own in the picture. */
interface Scene {
  readonly image: KexecImage;
  /** With its memory sorted, and none of it twice. */
  readonly facts: MachineFacts;
  readonly segments: readonly Segment[];
  readonly uses: readonly NextUse[];
  /** What is taken, and a segment or a use lies over. */
  readonly hits: readonly Hit[];
  /** The running kernel and what it has set apart, the innermost first. */
  readonly standing: readonly (MemoryRange & { readonly ground: Ground; readonly name: string })[];
}

export function makePicture(image: KexecImage, machine: MachineFacts, nextUses: readonly NextUse[]): Picture {
  const facts = { ...machine, taken: joinNamed(machine.taken), memory: mergeRanges(machine.memory.filter(isSome)) };
  const segments = image.segments.filter(isSome);
  const uses = nextUses.filter(isSome);
  const wanted = mergeRanges([...segments, ...uses]);
  const scene = {
    image,
    facts,
    segments,
    uses,
    hits: joinMany(facts.taken.filter((range) => intersectSorted(range, wanted).length > 0)),
    standing: listStanding(facts),
  };
  const span = hullOf([...facts.memory, ...segments, ...uses, ...scene.standing]);
  if (span === undefined) return { bands: [], unit: SMALLEST_UNIT };
  const runs = listRuns(facts, span);
  const told = new Set<unknown>();
  let at = 0;
  const bands = rangesBetween(findEdges(scene, span)).flatMap((range) => {
    if (isWatched(scene, range)) return [makeBand(scene, range, told)];
    // Both are in order.
    for (let run = runs[at]; run !== undefined && run.end <= range.start; run = runs[at]) at++;
    const inside: Run[] = [];
    for (let next = at, run = runs[next]; run !== undefined && run.start < range.end; run = runs[++next]) {
      inside.push(clipRun(run, range));
    }
    return foldRuns(inside).map((run) => bandOfRun(run, facts));
  });
  return { bands, unit: chooseUnit([...segments, ...uses]) };
}

/**
 * Memory alone, where little more is known.
 * @param memory in order, none of it twice
 * @param kernel lies in it
 */
export function pictureMemory(memory: readonly MemoryRange[], kernel: MemoryRange | undefined): Picture {
  const span = hullOf(memory.filter(isSome));
  if (span === undefined) return { bands: [], unit: SMALLEST_UNIT };
  const largest = memory.reduce((most, range) => max(most, sizeOf(range)), 0n);
  let unit = SMALLEST_UNIT;
  while (unit * MOST_OF_NOTHING < largest) unit *= 2n;
  const draw = (range: MemoryRange): Band[] => {
    const facts = { memory: mergeRanges(intersectRanges(range, memory)), taken: [] };
    return foldRuns(listRuns(facts, range)).map((run) => bandOfRun(run, facts));
  };
  if (kernel === undefined) return { bands: draw(span), unit };
  const [before, after] = [
    { start: span.start, end: kernel.start },
    { start: kernel.end, end: span.end },
  ];
  const band = bandOfNothingLoaded(kernel, "kernel", [plain(`the crashed kernel, ${formatSize(sizeOf(kernel))}`)]);
  return { bands: [...(isSome(before) ? draw(before) : []), band, ...(isSome(after) ? draw(after) : [])], unit };
}

function chooseUnit(ranges: readonly MemoryRange[]): bigint {
  const largest = ranges.reduce((most, range) => max(most, sizeOf(range)), 0n);
  let unit = SMALLEST_UNIT;
  while (unit * LARGEST < largest) unit *= 2n;
  return unit;
}

function listStanding({ runningKernel, keptInitrd, crashkernel, crashkernelLow }: MachineFacts): Scene["standing"] {
  const named = (range: MemoryRange | undefined, ground: Ground, name: string) =>
    range === undefined || !isSome(range) ? [] : [{ start: range.start, end: range.end, ground, name }];
  return [
    ...named(runningKernel, "kernel", "running kernel"),
    ...named(keptInitrd, "initrd", "the running kernel's initrd"),
    ...named(crashkernel, "crashkernel", "crashkernel"),
    ...named(crashkernelLow, "crashkernel", "crashkernel, low"),
  ];
}

/** The same memory as at most MOST_HITS ranges. */
function joinMany(ranges: readonly NamedRange[]): Hit[] {
  const sorted = [...ranges].sort(byStart).map((range) => ({ ...range, isMany: false }));
  const each = Math.ceil(sorted.length / MOST_HITS);
  if (each <= 1) return sorted;
  return Array.from({ length: Math.ceil(sorted.length / each) }, (_, index) => {
    const some = sorted.slice(index * each, (index + 1) * each);
    const { start = 0n, end = 0n } = hullOf(some) ?? {};
    return { start, end, isMany: true, name: `${some.length} ranges: ${tellNames(some.map(({ name }) => name))}` };
  });
}

/** Where something begins or ends, in order. */
function findEdges(scene: Scene, span: MemoryRange): bigint[] {
  const { facts, segments, uses, hits, standing } = scene;
  const zeros = segments.map(startOfZeros).filter((start) => start !== undefined);
  const exact = [span, ...segments, ...uses, ...hits, ...standing].flatMap(({ start, end }) => [start, end]);
  // What is no memory begins and ends in a segment only where something is wrong with that.
  const memory = [...segments, ...uses].flatMap((each) =>
    intersectSorted(each, facts.memory)
      .slice(0, MOST_HITS)
      .flatMap(({ start, end }) => [start, end]),
  );
  const inSpan = [...exact, ...zeros, ...memory].filter((edge) => edge >= span.start && edge <= span.end);
  return [...new Set(inSpan)].sort((a, b) => (a < b ? -1 : 1));
}

function startOfZeros({ start, end, bytes }: Segment): bigint | undefined {
  const zeros = start + BigInt(bytes.length);
  return bytes.length > 0 && end - zeros >= WORTH_A_BAND ? zeros : undefined;
}

function rangesBetween(edges: readonly bigint[]): MemoryRange[] {
  return edges.slice(1).map((end, index) => ({ start: edges[index] ?? end, end }));
}

/** Whether there is something in the range that is drawn for its own sake. */
function isWatched({ segments, uses, standing, hits }: Scene, range: MemoryRange): boolean {
  return [...segments, ...uses, ...standing, ...hits].some((each) => overlap(each, range));
}

/** @param told what has had its note */
function makeBand(scene: Scene, range: MemoryRange, told: Set<unknown>): Band {
  const { image, segments, uses, hits, standing } = scene;
  const here = <T extends MemoryRange>(list: readonly T[]): T[] => list.filter((each) => overlap(each, range));
  const [loaded, hit, stands] = [here(segments), here(hits)[0], here(standing)];
  const used = here(uses).filter(({ sharers }) => !loaded.some((segment) => sharers.includes(segment)));
  const ground =
    hit === undefined ? (stands[0]?.ground ?? groundOf(scene.facts, range)) : hit.isMany ? "mixed" : "taken";
  const wrong = findWrong(scene, range, loaded, used, hit);
  const first = <T>(list: readonly T[]): T[] => {
    const fresh = list.filter((each) => !told.has(each));
    for (const each of fresh) told.add(each);
    return fresh;
  };
  return {
    ...range,
    ground,
    segments: loaded.map((segment) => image.segments.indexOf(segment)),
    isZeros:
      loaded.length > 0 && loaded.every((segment) => range.start >= (startOfZeros(segment) ?? endOfBytes(segment))),
    usedBy: used[0] && image.segments.indexOf(used[0].kernel),
    isContested: wrong !== undefined,
    notes: [
      ...(wrong === undefined ? [] : [plain(wrong)]),
      ...first(loaded).flatMap((segment) => notesOf(image, segment)),
      ...first(used).map((use) => noteOfUse(image, use)),
      ...(hit === undefined ? [] : first([hit])).map((each) => note("", each.name, `, ${formatSize(sizeOf(each))}`)),
      ...first(stands).map((each) => plain(`${each.name}, ${formatSize(sizeOf(each))}`)),
    ],
  };
}

/** Of a segment without bytes, its start. */
function endOfBytes({ start, bytes, end }: Segment): bigint {
  return bytes.length === 0 ? start : end;
}

/** Who wants this and cannot have it, in words. */
function findWrong(
  { image, facts }: Scene,
  range: MemoryRange,
  loaded: readonly Segment[],
  used: readonly NextUse[],
  hit: NamedRange | undefined,
): string | undefined {
  const number = (segment: Segment) => image.segments.indexOf(segment);
  const wanted = [
    ...loaded.map((segment) => `segment ${number(segment)}`),
    ...used.map(({ kernel }) => `the kernel of ${number(kernel)}`),
  ];
  if (wanted.length === 0) return undefined;
  const all = wanted.join(", ");
  const region = image.crash ? facts.crashkernel : undefined;
  if (hit !== undefined) return `${all} over what is taken`;
  if (loaded.length + used.length > 1) return `${all}: the same memory`;
  if (facts.memory.length > 0 && groundOf(facts, range) !== "RAM") return `${all}: no memory`;
  if (facts.kernelEnd !== undefined && range.start < facts.kernelEnd && loaded.length > 0) {
    return `${all} below the running kernel's end`;
  }
  return region !== undefined && !contains(region, range) ? `${all} outside of crashkernel` : undefined;
}

function note(before: string, name: string, after: string): Note {
  return { before, name: escapeText(name), after };
}

function plain(text: string): Note {
  return note(text, "", "");
}

function noteOfUse({ segments }: KexecImage, { kernel, what, ...range }: NextUse): Note {
  const size = formatSize(sizeOf(range));
  return plain(`${segments.indexOf(kernel)} ${what}, ${size}${range.start === kernel.start ? " in all" : ""}`);
}

/** What it is, then entry and words where they are in it. */
function notesOf(image: KexecImage, segment: Segment): Note[] {
  const { entry } = image;
  const size = segment.bytes.length === 0 ? sizeOf(segment) : BigInt(segment.bytes.length);
  const zeros = sizeOf(segment) - size;
  const rest = zeros < WORTH_A_BAND ? "" : ` and ${formatSize(zeros)} of zeros`;
  const isInside = entry !== undefined && entry >= segment.start && entry < segment.end;
  const isEntered = isInside && !image.segments.some((other) => other !== segment && other.start === entry);
  const entered = !isEntered ? "" : entry === segment.start ? ", entry" : `, entry ${hex(entry)}`;
  const words = image.words.filter((word) => word.segment === segment);
  const more = words.length > MOST_WORDS ? [plain(`and ${words.length - MOST_WORDS} words more are stored`)] : [];
  return [
    note(`${image.segments.indexOf(segment)} `, segment.from, `, ${formatSize(size)}${rest}${entered}`),
    ...words.slice(0, MOST_WORDS).map(({ at, value }) => {
      const target = image.segments.findIndex(({ start }) => start === value);
      const what = target < 0 ? "" : `, segment ${target}`;
      return plain(`at ${hex(segment.start + BigInt(at))}: ${hex(value)}${what}`);
    }),
    ...more,
  ];
}

function bandOfRun({ start, end, ground, names, taken, takenSize }: Run, facts: Pick<MachineFacts, "memory">): Band {
  const size = formatSize(end - start);
  const told = names.length === 0 ? "" : `: ${escapeText(tellNames(names))}`;
  const ram = ground === "mixed" ? sizeOfRanges(intersectSorted({ start, end }, facts.memory)) : 0n;
  const texts: Readonly<Record<string, Note>> = {
    RAM: plain(`RAM, ${size}`),
    taken: taken > 1 ? plain(`${size} taken${told}`) : note("", tellNames(names), `, ${size}`),
    nothing: plain(`no RAM, ${size}${told}`),
    mixed: plain(`${formatSize(ram)} RAM, ${formatSize(takenSize)} taken (${taken} ranges)${told}`),
    unknown: plain(size),
  };
  const text = texts[ground];
  return bandOfNothingLoaded({ start, end }, ground, text === undefined ? [] : [text]);
}

function bandOfNothingLoaded({ start, end }: MemoryRange, ground: Ground, notes: readonly Note[]): Band {
  return { ...{ start, end, ground, notes }, segments: [], isZeros: false, usedBy: undefined, isContested: false };
}

/** `cut` is where a band that is too large for the scale is cut short. */
export type Row = "filled" | "cut";

/** The rows of a band: as many as it is large, or as its notes want. */
export function rowsOf(band: Band, unit: bigint): Row[] {
  const { start, end, segments, usedBy, notes } = band;
  const size = (end - start + unit - 1n) / unit;
  const isLoaded = segments.length > 0 || usedBy !== undefined;
  const isCut = size > (isLoaded ? LARGEST : MOST_OF_NOTHING);
  const rows: Row[] = Array.from({ length: Math.max(isCut ? 1 : Number(size), notes.length) }, () => "filled");
  if (!isCut) return rows;
  return isLoaded ? ["filled", "cut", ...rows.slice(1), "filled"] : [...rows.slice(1), "cut"];
}

/** Of a name that does not fit, the middle is left out; of text that does not, the end. */
export function fitNote({ before, name, after }: Note, width: number): string {
  const room = width - before.length - after.length;
  const whole = before + (name.length <= room ? name : shorten(name, Math.max(room, 0))) + after;
  return whole.length <= width ? whole : `${whole.slice(0, width - 3)}...`;
}

function shorten(name: string, room: number): string {
  const left = Math.max(room - 3, 0);
  const start = Math.floor(left / 2);
  return `${name.slice(0, start)}...${name.slice(name.length - (left - start))}`;
}
