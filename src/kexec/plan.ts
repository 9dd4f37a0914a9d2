// What loadem's arguments say, acted on from left to right: segments made of pieces, words to be stored, one entry.

import { MOST_SECONDARIES, type Secondaries } from "../arch/ppc64/stub.ts";
import { type Directive } from "../cli/options.ts";
import { numberOf, pairOf } from "../cli/values.ts";
import { Failure, hex, usage } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { type FileStatus, STDIN, type System } from "../sys/system.ts";

/** Bytes that are here already, or a file that is open, whose size has been asked but which has not been read. */
export type Piece =
  | { readonly kind: "bytes"; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: "file"; readonly name: string; readonly descriptor: number; readonly status: FileStatus };

export interface SegmentPlan {
  /** Physical address of the first byte. */
  readonly start: bigint;
  readonly place: string;
  readonly pieces: Piece[];
  /** Bytes of all pieces: bufsz. */
  length: number;
  /** Bytes that memsz has beyond them. */
  zeros: bigint;
}

/** A word to be stored in a segment's bytes. */
export interface Patch {
  readonly place: string;
  /** Index of the segment whose bytes it changes. */
  readonly segment: number;
  readonly offset: bigint;
  readonly value: bigint;
  /** A chained address is 8 bytes, anchored by its end on big endian (-c); a poked word is 4 bytes from its offset on. */
  readonly kind: "chain" | "poke";
  /** As said by --endian before it; undefined where nothing was said. */
  readonly endian: "big" | "little" | undefined;
}

export interface Plan {
  readonly segments: SegmentPlan[];
  readonly patches: Patch[];
  entry: bigint | undefined;
  /** What every segment's memsz is rounded up to. */
  round: bigint;
  /** e_machine, 0 for the running kernel's own. */
  arch: bigint;
  crash: boolean;
  /** Secondary cpus the stub shall wait for; undefined: what the running machine has. */
  secondaries: Secondaries | undefined;
}

/** Bytes of what does not tell its size before it is read: an endless one shall not fill the memory. */
const MOST_TO_READ = 1024 * 1024 * 1024;

/** Reads the directives that build segments. Files are opened and measured, standard input is read, nothing else happens. */
export function planned(system: System, directives: readonly Directive[], stub: () => Uint8Array): Plan {
  // Otherwise the first file to be opened would become standard input.
  if (directives.some(({ long }) => long === "stdin")) system.must(system.status(STDIN), "standard input");
  const planner = new Planner(system, stub);
  for (const directive of directives) planner.act(directive);
  return planner.finished();
}

class Planner {
  readonly #plan: Plan = {
    segments: [],
    patches: [],
    entry: undefined,
    round: 1n,
    arch: 0n,
    crash: false,
    secondaries: undefined,
  };
  #endian: "big" | "little" | undefined;
  #readStdin = false;

  constructor(
    readonly system: System,
    readonly stub: () => Uint8Array,
  ) {}

  act({ long, value, place }: Directive): void {
    const plan = this.#plan;
    switch (long) {
      case "address":
        plan.segments.push({ start: numberOf(place, value), place, pieces: [], length: 0, zeros: 0n });
        return;
      case "file":
        return this.#append(place, () => openedFile(this.system, place, value));
      case "stdin":
        return this.#append(place, () => this.#standardInput(place));
      case "stub":
        return this.#append(place, () => ({ kind: "bytes", name: "v2wrap", bytes: this.stub() }));
      case "pad":
        return this.#append(place, (segment) => padding(segment));
      case "zero":
        this.#current(place).zeros += numberOf(place, value);
        return;
      case "entry":
        return this.#enter(place);
      case "chain":
        return this.#chain(place, numberOf(place, value));
      case "poke":
        return this.#poke(place, value);
      case "endian":
        this.#endian = endianOf(place, value);
        return;
      case "round":
        plan.round = powerOfTwo(place, numberOf(place, value));
        return;
      case "type":
        plan.arch = numberOf(place, value);
        return;
      case "panic":
        plan.crash = true;
        return;
      case "secondaries":
        plan.secondaries = secondariesOf(place, value);
        return;
    }
  }

  finished(): Plan {
    for (const { pieces, zeros } of this.#plan.segments) {
      const empty = pieces.find((piece) => piece.kind === "file" && piece.status.size === 0n);
      if (empty !== undefined && zeros === 0n) throw new Failure(empty.name, "the file is empty");
    }
    const empty = this.#plan.segments.find(({ length, zeros }) => length === 0 && zeros === 0n);
    if (empty !== undefined) {
      throw new Failure(`${empty.place} ${hex(empty.start)}`, "the segment is empty: neither bytes nor -z");
    }
    return this.#plan;
  }

  #current(place: string): SegmentPlan {
    const segment = this.#plan.segments.at(-1);
    if (segment === undefined) throw usage(place, "no segment yet: -a opens one");
    return segment;
  }

  #append(place: string, pieceFor: (segment: SegmentPlan) => Piece): void {
    const segment = this.#current(place);
    const piece = pieceFor(segment);
    segment.pieces.push(piece);
    segment.length += piece.kind === "bytes" ? piece.bytes.length : Number(piece.status.size);
  }

  #standardInput(place: string): Piece {
    if (this.#readStdin) throw usage(place, "standard input was read already");
    if (this.system.isTerminal(STDIN)) throw usage(place, "standard input is a terminal");
    this.#readStdin = true;
    const bytes = readToEnd(this.system, STDIN, "standard input");
    if (bytes.length === 0) throw new Failure("standard input", "empty");
    return { kind: "bytes", name: "standard input", bytes };
  }

  #enter(place: string): void {
    const segment = this.#current(place);
    if (this.#plan.entry !== undefined) throw usage(place, "the entry is set already");
    this.#plan.entry = segment.start + BigInt(segment.length);
  }

  #chain(place: string, offset: bigint): void {
    const { start } = this.#current(place);
    const segment = this.#plan.segments.length - 2;
    if (segment < 0) throw usage(place, "there is no segment before this one to chain it to");
    this.#plan.patches.push({ place, segment, offset, value: start, kind: "chain", endian: this.#endian });
  }

  #poke(place: string, text: string): void {
    this.#current(place);
    const [offset, value] = pairOf(place, text, "OFF=WORD");
    if (value >= 1n << 32n) throw usage(place, `${hex(value)} is not a 32-bit word`);
    const segment = this.#plan.segments.length - 1;
    this.#plan.patches.push({ place, segment, offset, value, kind: "poke", endian: this.#endian });
  }
}

function openedFile(system: System, place: string, name: ByteString): Piece {
  const where = `${place} ${name}`;
  const { descriptor, status } = system.mustOpenFile(name, where);
  // The files of /proc say that they are empty.
  const bytes = status.size === 0n ? readToEnd(system, descriptor, where) : new Uint8Array(0);
  if (bytes.length > 0) return { kind: "bytes", name, bytes };
  return { kind: "file", name, descriptor, status };
}

function readToEnd(system: System, descriptor: number, place: string): Uint8Array {
  return system.must(system.readAll(descriptor, MOST_TO_READ), place);
}

/** Zero bytes up to the next multiple of 4, where another cpio archive may begin. */
function padding(segment: SegmentPlan): Piece {
  return { kind: "bytes", name: "-4", bytes: new Uint8Array(-segment.length & 3) };
}

function endianOf(place: string, value: string): "big" | "little" {
  if (value !== "big" && value !== "little") throw usage(place, `'${value}' is neither big nor little`);
  return value;
}

function powerOfTwo(place: string, page: bigint): bigint {
  if (page === 0n || (page & (page - 1n)) !== 0n) throw new Failure(place, `${hex(page)} is not a power of two`);
  return page;
}

function secondariesOf(place: string, value: string): Secondaries {
  if (value === "unknown") return value;
  const count = numberOf(place, value);
  if (count > BigInt(MOST_SECONDARIES)) throw usage(place, `the stub counts at most ${MOST_SECONDARIES} cpus`);
  return Number(count);
}
