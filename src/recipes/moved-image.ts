// An image with one segment elsewhere, and with all that says where that is: the words of -c, the tree, the zero page.

import { moveBootParams, readBootParams, storeHalves } from "../arch/x86_64/boot-params.ts";
import { u32Value, u64Value } from "../devicetree/cells.ts";
import { headOf } from "../devicetree/format.ts";
import { treeFromBlob } from "../devicetree/from/blob.ts";
import { initrdOf } from "../devicetree/reservations.ts";
import { child, type Node, property } from "../devicetree/tree.ts";
import { hex, unlessFailure } from "../failure.ts";
import { addressOf, bytesOf, type Handed, type KexecImage, type Segment, storeWord } from "../kexec/image.ts";
import { contains, type MemoryRange, rangeOfSize, sameRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";

export interface MovedImage {
  readonly image: KexecImage;
  /** What has to be told besides, as options of fs2dt or zeropage; "" where -a alone moves it. */
  readonly told: string;
}

/** Bytes of a segment that is written to, which takes a copy: a tree of thousands of nodes has fewer. */
const MOST_COPIED = 4 * 1024 * 1024;

/** undefined where that cannot be told. The image that is given stays as it is. */
export function moveSegment(image: KexecImage, segment: Segment, address: bigint): MovedImage | undefined {
  const by = address - segment.start;
  const own = rangeOfSize(address, segment.end - segment.start);
  const isWritten = ({ kind, value }: KexecImage["words"][number]): boolean =>
    kind === "chain" && value === segment.start;
  const writes = new Set(image.words.filter(isWritten).map((word) => word.segment));
  if (image.handed !== undefined) writes.add(image.handed.segment);
  if ([...writes].some(({ bytes }) => bytes.length > MOST_COPIED)) return undefined;
  const copies = new Map(
    image.segments.map((each) => {
      const range = each === segment ? own : { start: each.start, end: each.end };
      return [each, { ...each, ...range, bytes: writes.has(each) ? each.bytes.slice() : each.bytes }];
    }),
  );
  const copyOf = (each: Segment): Segment => copies.get(each) ?? each;
  const words = image.words.map((word) => ({
    ...word,
    segment: copyOf(word.segment),
    value: isWritten(word) ? address : word.value,
  }));
  if (words.some(({ value, size }) => value >> BigInt(8 * size) !== 0n)) return undefined;
  for (const word of words) storeWord(word);
  const { entry, handed, stubPassed } = image;
  const told = handed === undefined ? "" : tellArgument(handed, copyOf(handed.segment), segment, by);
  if (told === undefined) return undefined;
  return {
    image: {
      ...image,
      segments: image.segments.map(copyOf),
      words,
      entry: entry !== undefined && contains(segment, rangeOfSize(entry, 1n)) ? entry + by : entry,
      handed: handed && { target: handed.target, segment: copyOf(handed.segment) },
      stubPassed: stubPassed && copyOf(stubPassed),
    },
    told,
  };
}

/**
 * @param stub as the image has it
 * @param copy its segment as it will be, whose bytes are written
 */
function tellArgument(handed: Handed, copy: Segment, moved: Segment, by: bigint): string | undefined {
  const isOwn = handed.segment === moved;
  const start = addressOf(handed);
  const bytes = bytesOf({ ...handed, segment: copy });
  const teller = handed.target.argument === "zero page" ? zeroPage : tree;
  const initrd = teller.readInitrd(bytes);
  if (initrd !== undefined && contains(moved, initrd)) {
    if (!teller.writeInitrd(bytes, initrd.start + by)) return undefined;
    return `${teller.command} -i ${hex(initrd.start + by)},${hex(initrd.end + by)}`;
  }
  if (!isOwn) return "";
  return teller.move(bytes, start, start + by) ? `${teller.command} -b ${hex(start + by)}` : undefined;
}

/** What a kernel is handed. Writers give false for what they cannot do. */
interface Teller {
  readonly command: string;
  readInitrd(bytes: Uint8Array): MemoryRange | undefined;
  writeInitrd(bytes: Uint8Array, start: bigint): boolean;
  move(bytes: Uint8Array, from: bigint, to: bigint): boolean;
}

const zeroPage: Teller = {
  command: "zeropage",
  readInitrd: (bytes) => readBootParams(bytes)?.initrd,
  writeInitrd(bytes, start) {
    storeHalves(bytes, "ramdiskImage", start);
    return true;
  },
  move: moveBootParams,
};

const tree: Teller = {
  command: "fs2dt",
  readInitrd: (bytes) => unlessFailure(() => initrdOf(readChosen(bytes))),
  writeInitrd(bytes, start) {
    const root = readChosen(bytes);
    const old = initrdOf(root);
    if (old === undefined) return false;
    const chosen = child(root, "chosen");
    const write = (name: ByteString, address: bigint): boolean => writeAddress(property(chosen, name), address);
    return write("linux,initrd-start", start) && write("linux,initrd-end", start + old.end - old.start);
  },
  move(bytes, from, to) {
    const { start, reserved, size } = headOf(bytes) ?? { start: 0, reserved: [], size: 0 };
    const own = reserved.findIndex((range) => sameRange(range, rangeOfSize(from, BigInt(size))));
    if (own < 0) return false;
    bytes.set(u64Value(to), start + 16 * own);
    return true;
  },
};

/** The values of its properties are the blob's own bytes. */
function readChosen(bytes: Uint8Array): Node {
  return treeFromBlob(bytes, "the device tree blob", (name) => name === "chosen").root;
}

/** As wide as it was. */
function writeAddress(value: Uint8Array | undefined, address: bigint): boolean {
  if (value?.length === 8) value.set(u64Value(address));
  else if (value?.length === 4 && address <= 0xffff_ffffn) value.set(u32Value(Number(address)));
  else return false;
  return true;
}
