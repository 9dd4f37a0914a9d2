// The kexec image: each segment's bytes in one piece of memory, its words stored, as the kernel will copy them.

import { stubOwner } from "../arch/stubs.ts";
import { Failure, hex } from "../failure.ts";
import { type MemoryRange, roundUp } from "../range.ts";
import type { System } from "../sys/system.ts";
import type { Patch, Piece, Plan, SegmentPlan } from "./plan.ts";
import { KERNEL_ADDRESS, STUB_SIZE } from "./stub.ts";

/** A struct kexec_segment: `bytes` is buf and bufsz, the range is mem and memsz. */
export interface Segment extends MemoryRange {
  readonly bytes: Uint8Array;
  /** What its bytes came from. */
  readonly from: string;
}

export interface Stored extends Patch {
  /** First byte of the word within its segment. */
  readonly at: number;
  readonly as: "big" | "little";
  /** Why that byte order was taken. */
  readonly because: string;
}

export interface KexecImage {
  readonly segments: readonly Segment[];
  readonly stored: readonly Stored[];
  readonly entry: bigint | undefined;
  /** e_machine, 0 for the running kernel's own. */
  readonly arch: bigint;
  readonly crash: boolean;
}

/** -c stores a pointer of the 64-bit target, --poke a word. */
const wordSize = { chain: 8, poke: 4 } as const;

/** Below this a read costs less than setting up a mapping. */
const WORTH_MAPPING = 1024 * 1024;

/** The small engine's arrays end here. */
const MOST_BYTES = 2 ** 31 - 1;

/** Brings the bytes together. Large files are mapped, not copied: only pages that a word is stored in are touched. */
export function assembled(system: System, plan: Plan): KexecImage {
  const segments = plan.segments.map((segment) => assembledSegment(system, segment, plan.round));
  // A mapped file that shrank must not be touched where it ends now.
  refuseChangedFiles(system, plan);
  // All are located before the first is stored: a word poked into the stub does not change what the stub is taken for.
  const stored = plan.patches.map((patch) => located(system, segments[patch.segment]!, patch));
  for (const word of stored) store(segments[word.segment]!, word);
  return { segments, stored, entry: plan.entry, arch: plan.arch, crash: plan.crash };
}

function assembledSegment(system: System, plan: SegmentPlan, round: bigint): Segment {
  const { pageSize } = system;
  const from = plan.pieces
    .filter(({ name }) => name !== "-4")
    .map(({ name }) => name)
    .join(" + ");
  const size = roundUp(BigInt(plan.length) + plan.zeros, round);
  const where = `${plan.place} ${hex(plan.start)}`;
  if (size >= 1n << 64n) throw new Failure(where, `the size ${hex(size)} is not below 2^64`);
  const range = { start: plan.start, end: plan.start + size };
  if (plan.length === 0) return { ...range, bytes: new Uint8Array(0), from: "zeros" };
  const pages = Math.ceil(plan.length / pageSize) * pageSize;
  if (pages > MOST_BYTES)
    throw new Failure(where, `${hex(plan.length)} bytes, of at most ${hex(MOST_BYTES)} in one segment`);
  const memory = system.allocate(pages, `${where}: ${plan.length} bytes`);
  let at = 0;
  for (const piece of plan.pieces) at += layPiece(system, memory, at, piece);
  return { ...range, bytes: memory.subarray(0, plan.length), from };
}

/** Returns the piece's length. */
function layPiece(system: System, memory: Uint8Array, at: number, piece: Piece): number {
  if (piece.kind === "bytes") {
    memory.set(piece.bytes, at);
    return piece.bytes.length;
  }
  const length = Number(piece.status.size);
  if (length >= WORTH_MAPPING && at % system.pageSize === 0) {
    system.mapOver(memory, at, piece.descriptor, length, piece.name);
  } else {
    readWhole(system, memory.subarray(at, at + length), piece.descriptor, piece.name);
  }
  return length;
}

function readWhole(system: System, bytes: Uint8Array, descriptor: number, name: string): void {
  for (let at = 0; at < bytes.length; ) {
    const got = system.must(system.read(descriptor, bytes, at, bytes.length - at), name);
    if (got === 0) throw new Failure(name, `ended after ${at} of ${bytes.length} bytes`);
    at += got;
  }
}

/** A file that changed after it was measured would be loaded torn. */
export function refuseChangedFiles(system: System, plan: Plan): void {
  for (const piece of plan.segments.flatMap(({ pieces }) => pieces)) {
    if (piece.kind !== "file") continue;
    const now = system.status(piece.descriptor);
    if (typeof now === "number") continue;
    if (now.size !== piece.status.size || now.modified !== piece.status.modified) {
      throw new Failure(piece.name, `changed while it was read: ${piece.status.size} bytes before, ${now.size} now`);
    }
  }
}

function located(system: System, segment: Segment, patch: Patch): Stored {
  const { as, because } = byteOrder(system, segment, patch);
  const size = wordSize[patch.kind];
  const anchoredByEnd = patch.kind === "chain" && as === "big";
  const at = anchoredByEnd ? patch.offset - BigInt(size) : patch.offset;
  const word = `${as} endian word [${at < 0n ? "-" : ""}${hex(at < 0n ? -at : at)}, ${hex(at + BigInt(size))})`;
  const length = segment.bytes.length;
  if (at < 0n || at + BigInt(size) > BigInt(length)) {
    throw new Failure(
      patch.place,
      `the ${word} is not within the ${hex(length)} bytes of the segment at ${hex(segment.start)}`,
    );
  }
  if (at % BigInt(size) !== 0n) throw new Failure(patch.place, `the ${word} is not aligned to ${size} bytes`);
  if (
    patch.kind === "chain" &&
    at < STUB_SIZE &&
    at !== BigInt(KERNEL_ADDRESS) &&
    stubOwner(segment.bytes) !== undefined
  ) {
    throw new Failure(patch.place, `the ${word} is the stub's code: the word for its kernel ends at ${hex(STUB_SIZE)}`);
  }
  return { ...patch, at: Number(at), as, because };
}

function store({ bytes }: Segment, { kind, at, value, as }: Stored): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (kind === "chain") view.setBigUint64(at, value, as === "little");
  else view.setUint32(at, Number(value), as === "little");
}

/** A stub of ours has its own, the ppc64 one big endian whoever enters it; all else is taken to be like the running machine. */
function byteOrder(system: System, segment: Segment, patch: Patch): { as: "big" | "little"; because: string } {
  if (patch.endian !== undefined) return { as: patch.endian, because: "as --endian says" };
  const owner = stubOwner(segment.bytes);
  if (owner !== undefined) return { as: owner.stub.endian, because: "as the stub has it" };
  return { as: system.abi.endian, because: "as the running machine" };
}
