// The kexec image: each segment's bytes in one piece of memory, its words stored, as the kernel will copy them.

import { headOf } from "../devicetree/format.ts";
import type { DeviceTree } from "../devicetree/tree.ts";
import { Failure, hex } from "../failure.ts";
import { type MemoryRange, roundUp } from "../range.ts";
import { abis } from "../sys/abi.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import { type HeldPiece, type Piece, partOf, pieceSize, readInto, refuseChanged } from "./piece.ts";
import { type Patch, type Plan, SegmentPlan, type WordForm } from "./plan.ts";
import { findTarget, offsetOfArgument, readKernelAddress, STUB_SIZE, type Target } from "./stub.ts";

/** A struct kexec_segment: `bytes` is buf and bufsz, the range is mem and memsz. */
export interface Segment extends MemoryRange {
  readonly bytes: Uint8Array;
  /** What its bytes came from. */
  readonly from: string;
  /** Its bytes by what they came from, in order; absent where that is one file. */
  readonly parts?: readonly SegmentPart[];
  /** What asked for it, for messages. */
  readonly label?: string;
  /** Whether one -a asked for it and for others, which lie beside it. */
  readonly isPortion?: boolean;
}

export interface SegmentPart {
  /** Of a file, of standard input, of what is built in; undefined for the padding between them. */
  readonly name: ByteString | undefined;
  /** Where in the file it begins. */
  readonly offset: number;
  /** Where in the segment's bytes it ends, and the next one begins. */
  readonly end: number;
}

/** Where the file ends that has the segment's byte `at`. */
export function endOfFile({ bytes, parts }: Segment, at: number): number {
  return parts?.find(({ end }) => at < end)?.end ?? bytes.length;
}

/** A word that was stored in a segment. */
export interface StoredWord {
  readonly kind: Patch["kind"];
  readonly segment: Segment;
  /** Offset of its first byte in the segment. */
  readonly at: number;
  readonly size: 4 | 8;
  readonly value: bigint;
  readonly endian: "big" | "little";
  /** Why that byte order was taken. */
  readonly reason: string;
}

/** What the next kernel is handed: it follows the stub of ours that is entered, or lies where the running kernel looks for it. */
export interface Handed {
  readonly segment: Segment;
  readonly target: Target;
  /** The tree of that blob, where it was made here, and none of its bytes changed since. */
  readonly tree?: DeviceTree | undefined;
}

/** What the segment has from there on. */
export function bytesOf({ segment, target }: Handed): Uint8Array {
  return segment.bytes.subarray(offsetOfArgument(target));
}

export function addressOf({ segment, target }: Handed): bigint {
  return segment.start + BigInt(offsetOfArgument(target));
}

/** Where the kernel is entered that is handed it: by the stub, or at once. */
export function kernelFor({ segment, target }: Handed, entry: bigint | undefined): bigint | undefined {
  return target.stub === undefined ? entry : readKernelAddress(target.stub, segment.bytes);
}

export interface KexecImage {
  readonly segments: readonly Segment[];
  readonly words: readonly StoredWord[];
  readonly entry: bigint | undefined;
  /** undefined where code is entered that is no stub of ours, though the machine has one. */
  readonly handed: Handed | undefined;
  /** Whether a stub of ours is entered that does not lie at its segment's start: `handed` is undefined then. */
  readonly stubInside?: boolean;
  /** The segment of a stub of ours whose kernel is entered in its place. */
  readonly stubPassed?: Segment | undefined;
  /** e_machine, 0 for the running kernel's own. */
  readonly arch: bigint;
  readonly crash: boolean;
  /** Further flags of kexec_load(2). */
  readonly flags?: number;
}

/** Below this a read costs less than setting up a mapping. */
const WORTH_MAPPING = 1024 * 1024;

/**
 * Bytes of one segment, a multiple of all pages that there are: the small engine's arrays end at 2 GiB. What has more becomes
 * several segments, each beginning where the one before it ends.
 */
export const MOST_BYTES = 2 ** 31 - 2 ** 20;

/**
 * Brings the bytes together. Large files are mapped, not copied: only pages that a word is stored in are touched.
 * @param targets the machines whose stubs are looked for
 * @throws Failure for a segment that is too large, a file that changed, a word that does not lie in its segment
 */
export function assemble(system: System, plan: Plan, targets: readonly Target[]): KexecImage {
  const parts = plan.segments.flatMap((part) =>
    cut(part, plan.round).map((each) => ({ part, from: each.from, segment: assembleSegment(system, each) })),
  );
  // A mapped file that shrank must not be touched where it ends now.
  refuseChangedFiles(system, plan);
  const words = plan.words ?? { ...abis[system.machine], reason: "as the running machine" };
  // All words are located before the first is stored: one that is poked into the stub must not hide it from the others.
  const stored = plan.patches.flatMap((patch) =>
    holderOf(
      patch,
      parts.filter(({ part }) => part === patch.segment),
    ).map(({ from, segment }) => {
      const here = { ...patch, offset: patch.offset - BigInt(from) };
      return locate(words, segment, here, findTarget(targets, segment.bytes));
    }),
  );
  for (const word of stored) storeWord(word);
  const { entry, arch, crash, flags } = plan;
  const segments = parts.map(({ segment }) => segment);
  const machine = arch === 0n ? system.elfMachine : Number(arch);
  const handed = findBareTree(segments, machine, targets) ?? findEnteredStub(segments, entry, targets);
  const isPoked = stored.some(({ kind, segment }) => kind === "poke" && segment === handed?.segment);
  const stubInside = hasStubInside(segments, entry, targets);
  return {
    segments,
    words: stored,
    entry,
    arch,
    crash,
    flags,
    handed: handed && { ...handed, tree: isPoked ? undefined : plan.tree },
    stubInside,
    stubPassed: findPassedStub(segments, entry, targets),
  };
}

function findEnteredStub(
  segments: readonly Segment[],
  entry: bigint | undefined,
  targets: readonly Target[],
): Handed | undefined {
  const segment = segments.find(({ start }) => start === entry);
  const target = segment && findTarget(targets, segment.bytes);
  return segment && target && { segment, target };
}

/** Where no stub is needed the running kernel takes the first segment that begins with a blob. */
function findBareTree(
  segments: readonly Segment[],
  elfMachine: number,
  targets: readonly Target[],
): Handed | undefined {
  const target = targets.find((each) => each.stub === undefined && each.elfMachine === elfMachine);
  const segment = target && segments.find(({ bytes }) => headOf(bytes) !== undefined);
  return segment && target && { segment, target };
}

function hasStubInside(segments: readonly Segment[], entry: bigint | undefined, targets: readonly Target[]): boolean {
  return segments.some(({ start, bytes }) => {
    if (entry === undefined || entry <= start || entry >= start + BigInt(bytes.length)) return false;
    return findTarget(targets, bytes.subarray(Number(entry - start))) !== undefined;
  });
}

function findPassedStub(
  segments: readonly Segment[],
  entry: bigint | undefined,
  targets: readonly Target[],
): Segment | undefined {
  return segments.find(({ start, bytes }) => {
    const stub = start === entry ? undefined : findTarget(targets, bytes)?.stub;
    return stub !== undefined && entry === readKernelAddress(stub, bytes);
  });
}

/** A planned segment, or what one array holds of it. */
interface Portion {
  readonly plan: SegmentPlan;
  /** Where in the planned segment it begins. */
  readonly from: number;
  /** Where its memory ends. */
  readonly end: bigint;
  readonly isPortion: boolean;
}

/** The portions of a planned segment, of which all but the last are full. */
function cut(plan: SegmentPlan, round: bigint): Portion[] {
  const { start, label, length } = plan;
  const size = roundUp(BigInt(length) + plan.zeros, round);
  if (size >= 1n << 64n) throw new Failure(`${label} ${hex(start)}`, `the size ${hex(size)} is not below 2^64`);
  const portions: Portion[] = [];
  let rest: Piece[] = [...plan.pieces];
  let from = 0;
  for (; length - from > MOST_BYTES; from += MOST_BYTES) {
    const full = new SegmentPlan(start + BigInt(from), label);
    rest = moveBytes(rest, full, MOST_BYTES);
    portions.push({ plan: full, from, end: full.start + BigInt(MOST_BYTES), isPortion: true });
  }
  const last = from === 0 ? plan : new SegmentPlan(start + BigInt(from), label);
  if (from > 0) for (const piece of rest) last.append(piece);
  return [...portions, { plan: last, from, end: start + size, isPortion: from > 0 }];
}

/** Appends the first bytes of some pieces to a plan, and returns what is left of them. */
function moveBytes(pieces: readonly Piece[], to: SegmentPlan, size: number): Piece[] {
  return pieces.flatMap((piece) => {
    const length = pieceSize(piece);
    const here = Math.min(length, size - to.length);
    if (here > 0) to.append(span(piece, 0, here));
    return here < length ? [span(piece, here, length - here)] : [];
  });
}

function span(piece: Piece, at: number, size: number): Piece {
  return piece.kind === "padding" ? { ...piece, size } : partOf(piece, at, size);
}

/** The one of a segment's portions that has a word, in a list. What lies in none is the first's or the last's. */
function holderOf<T extends Pick<Portion, "from">>({ kind, offset }: Patch, portions: readonly T[]): T[] {
  // A chained word may end at its offset.
  const at = kind === "chain" ? offset - 1n : offset;
  return portions.filter(({ from }) => from === 0 || BigInt(from) <= at).slice(-1);
}

function assembleSegment(system: System, { plan, end, isPortion }: Portion): Segment {
  const { pageSize } = system;
  const where = `${plan.label} ${hex(plan.start)}`;
  const range = { start: plan.start, end, label: plan.label, isPortion };
  if (plan.length === 0) return { ...range, bytes: new Uint8Array(0), from: "zeros" };
  const [first, ...others] = plan.pieces;
  if (first?.kind === "bytes" && first.isMapped && others.length === 0) {
    return { ...range, bytes: first.bytes, from: first.name };
  }
  const shift = shiftFor(plan.pieces, pageSize);
  const pages = Math.ceil((shift + plan.length) / pageSize) * pageSize;
  const memory = system.allocate(pages, `${where}: ${plan.length} bytes`);
  const parts: SegmentPart[] = [];
  let at = 0;
  for (const piece of plan.pieces) {
    if (piece.kind !== "padding") fill(system, memory, shift + at, piece);
    at += pieceSize(piece);
    const name = piece.kind === "padding" ? undefined : piece.name;
    parts.push({ name, offset: piece.kind === "file" ? piece.offset : 0, end: at });
  }
  return { ...range, bytes: memory.subarray(shift, shift + plan.length), from: namesOf(plan.pieces), parts };
}

/** Of all files that the pieces come from; parts of one in a row have its name once. */
function namesOf(pieces: readonly Piece[]): string {
  const named = pieces.filter((piece) => piece.kind !== "padding");
  return named
    .filter((piece, index) => !isOfSameFile(piece, named[index - 1]))
    .map(({ name }) => name)
    .join(" + ");
}

function isOfSameFile(piece: HeldPiece, other: HeldPiece | undefined): boolean {
  if (piece.kind === "file") return other?.kind === "file" && piece.descriptor === other.descriptor;
  return other?.kind === "bytes" && piece.bytes.buffer === other.bytes.buffer;
}

/** Where in its first page a segment's memory begins, so that the pages of its largest file can be mapped. */
function shiftFor(pieces: readonly Piece[], pageSize: number): number {
  let [at, largest, shift] = [0, WORTH_MAPPING - 1, 0];
  for (const piece of pieces) {
    if (piece.kind === "file" && piece.length > largest) {
      largest = piece.length;
      shift = (((piece.offset - at) % pageSize) + pageSize) % pageSize;
    }
    at += pieceSize(piece);
  }
  return shift;
}

/** Puts the piece into `memory`, which is all zeros from `at` on, and stays so behind it. */
function fill(system: System, memory: Uint8Array, at: number, piece: HeldPiece): void {
  const { pageSize } = system;
  const length = pieceSize(piece);
  if (piece.kind !== "file" || length < WORTH_MAPPING || (at - piece.offset) % pageSize !== 0) {
    readInto(system, memory.subarray(at, at + length), piece);
    return;
  }
  // Whole pages are mapped. The last one of a file has zeros behind it, that of a part what follows there.
  const first = Math.min((pageSize - (at % pageSize)) % pageSize, length);
  const isFilesEnd = BigInt(piece.offset + length) === piece.status.size;
  const last = isFilesEnd ? length : length - ((at + length) % pageSize);
  const { descriptor, name, offset } = piece;
  const isMapped = system.mapOver(memory, at + first, descriptor, last - first, name, offset + first);
  const read = (from: number, end: number) =>
    readInto(system, memory.subarray(at + from, at + end), partOf(piece, from, end - from));
  read(0, isMapped ? first : length);
  if (isMapped) read(last, length);
}

/** A file that changed after it was measured would be loaded torn. */
export function refuseChangedFiles(system: System, plan: Plan): void {
  for (const { pieces } of plan.segments) refuseChanged(system, pieces);
}

/** @param target whose stub the segment begins with */
function locate(words: WordForm, segment: Segment, patch: Patch, target: Target | undefined): StoredWord {
  const { kind, value, label } = patch;
  const { endian, reason } = chooseByteOrder(words, patch, target);
  const size = kind === "chain" ? (target?.stub?.word ?? words.word) : 4;
  const isAnchoredByEnd = kind === "chain" && endian === "big";
  const at = isAnchoredByEnd ? patch.offset - BigInt(size) : patch.offset;
  const word = `${endian} endian word [${at < 0n ? "-" : ""}${hex(at < 0n ? -at : at)}, ${hex(at + BigInt(size))})`;
  const length = segment.bytes.length;
  if (at < 0n || at + BigInt(size) > BigInt(length)) {
    throw new Failure(
      label,
      `the ${word} is not within the ${hex(length)} bytes of the segment at ${hex(segment.start)}`,
    );
  }
  if (at % BigInt(size) !== 0n) throw new Failure(label, `the ${word} is not aligned to ${size} bytes`);
  if (kind === "chain" && target !== undefined && at < STUB_SIZE && at !== BigInt(STUB_SIZE - size)) {
    throw new Failure(label, `the ${word} is the stub's code: the word for its kernel ends at ${hex(STUB_SIZE)}`);
  }
  if (value >> BigInt(8 * size) !== 0n) throw new Failure(label, `${hex(value)} does not fit into the ${word}`);
  return { kind, segment, at: Number(at), size, value, endian, reason };
}

/** Puts the word into the bytes of its segment. */
export function storeWord({ segment: { bytes }, at, size, value, endian }: StoredWord): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (size === 8) view.setBigUint64(at, value, endian === "little");
  else view.setUint32(at, Number(value), endian === "little");
}

/** A stub of ours has an order of its own, whoever enters it. */
function chooseByteOrder(
  words: WordForm,
  patch: Patch,
  target: Target | undefined,
): Pick<StoredWord, "endian" | "reason"> {
  if (patch.endian !== undefined) return { endian: patch.endian, reason: "as --endian says" };
  if (target?.stub !== undefined) return { endian: target.stub.endian, reason: "as the stub has it" };
  return words;
}
