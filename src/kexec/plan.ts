// The plan of an image: segments made of pieces, words to be stored in them, one entry. No byte is in its place yet.

import type { DeviceTree } from "../devicetree/tree.ts";
import { Failure, hex } from "../failure.ts";
import { MOST_SEGMENTS } from "./calls.ts";
import { type Piece, pieceSize } from "./piece.ts";

/** Another archive of an initramfs may begin at a multiple of it. */
const CPIO_ALIGNMENT = 4;

/**
 * Segments of a plan. The kernel takes 16, and qemu as many files as it has room for on its command line; all that judges and
 * draws them holds each against each.
 */
const MOST_PLANNED = 256;

export class SegmentPlan {
  readonly pieces: Piece[] = [];
  /** Bytes of all pieces: bufsz. */
  length = 0;
  /** Bytes that memsz has beyond them. */
  zeros = 0n;

  /**
   * @param start physical address of the first byte
   * @param label what asked for the segment, for messages
   */
  constructor(
    readonly start: bigint,
    readonly label: string,
  ) {}

  append(piece: Piece): void {
    this.pieces.push(piece);
    this.length += pieceSize(piece);
  }

  /** Appends zeros up to the next multiple of 4, where another cpio archive may begin. */
  pad(): void {
    this.append({ kind: "padding", size: -this.length & (CPIO_ALIGNMENT - 1) });
  }

  /** The name of an empty file, in a segment that has no zeros of -z either. */
  emptyFile(): string | undefined {
    if (this.zeros > 0n) return undefined;
    for (const piece of this.pieces) if (piece.kind === "file" && piece.length === 0) return piece.name;
    return undefined;
  }
}

/** How a machine has its words, and in messages why that one is asked. */
export interface WordForm {
  readonly endian: "big" | "little";
  readonly word: 4 | 8;
  readonly reason: string;
}

/** A word to be stored in a segment's bytes. */
export interface Patch {
  /** What asked for it, for messages. */
  readonly label: string;
  /** Whose bytes it changes. */
  readonly segment: SegmentPlan;
  /** A chained address is a word of the entered code's machine, a poked word has 4 bytes. */
  readonly kind: "chain" | "poke";
  /** First byte of the word in the segment; a chained big endian word ends there instead. */
  readonly offset: bigint;
  readonly value: bigint;
  /** undefined: that of the stub it is stored into, else the plan's. */
  readonly endian: "big" | "little" | undefined;
}

export class Plan {
  readonly segments: SegmentPlan[] = [];
  readonly patches: Patch[] = [];
  entry: bigint | undefined;
  /** What every segment's memsz is rounded up to. */
  round = 1n;
  /** e_machine, 0 for the running kernel's own. */
  arch = 0n;
  /** How words are stored that are for no stub of ours; undefined: as the running machine has them. */
  words: WordForm | undefined;
  /** Whether it is entered when the running kernel panics. */
  crash = false;
  /** Further flags of kexec_load(2). */
  flags = 0;
  /** The tree of the blob that the entered stub hands over, for those who have made it. */
  tree: DeviceTree | undefined;

  /** @throws Failure for one more than anybody takes */
  open(start: bigint, label: string): SegmentPlan {
    if (this.segments.length === MOST_PLANNED) {
      throw new Failure(label, `more than ${MOST_PLANNED} segments, of which the kernel takes ${MOST_SEGMENTS}`);
    }
    const segment = new SegmentPlan(start, label);
    this.segments.push(segment);
    return segment;
  }

  /** @throws Failure for a file or a segment without bytes */
  refuseEmpty(): void {
    for (const segment of this.segments) {
      const file = segment.emptyFile();
      if (file !== undefined) throw new Failure(file, "the file is empty");
    }
    const empty = this.segments.find(({ length, zeros }) => length === 0 && zeros === 0n);
    if (empty !== undefined) {
      throw new Failure(`${empty.label} ${hex(empty.start)}`, "the segment is empty: neither bytes nor -z");
    }
  }
}
