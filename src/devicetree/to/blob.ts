// A tree as a flattened device tree: versions 1 to 3 with full path names, 16 and 17 with unit names.

import { Failure, hex } from "../../failure.ts";
import { checkedRange, type MemoryRange } from "../../range.ts";
import type { ByteString } from "../../sys/engine.ts";
import { NODE } from "../../sys/gather.ts";
import { align, layouts, MAGIC, TOKEN, type Version, valueStart } from "../format.ts";
import { baseName } from "../names.ts";
import { NAME, RecordNode, type Records } from "../records.ts";
import { stringValue } from "../strings.ts";
import { type Node, type Property, tellingProperties } from "../tree.ts";
import { pathOf, walk } from "../walk.ts";

/** How a blob is written, whatever its tree. */
export interface BlobForm {
  readonly version: Version;
  /** Bytes of room at the end, for those who will add to the blob. */
  readonly padding: number;
  /** Largest totalsize in bytes. */
  readonly maxSize: number;
}

export interface BlobRequest extends BlobForm {
  /** Where the blob will lie: it reserves its own memory there. A multiple of 8; undefined where it is not to do that. */
  readonly address: bigint | undefined;
  readonly reservations: readonly MemoryRange[];
  /** The hardware id of the cpu that boots; version 1 cannot say it. */
  readonly bootCpu: number;
}

/** Header, reserve map (`reservations`, the blob itself, the end), structure, strings; a multiple of 8 bytes. */
export function blob(root: Node, request: BlobRequest): Uint8Array {
  const { header, compatible, fullPaths } = layouts[request.version];
  const records = fullPaths || !(root instanceof RecordNode) ? undefined : root.records;
  const pieces = piecesOf(root, fullPaths, records);
  const strings = new StringTable(pieces.some(isRun) ? records : undefined);
  const structureSize = sizeOfStructure(pieces, strings, fullPaths);
  const reserveMap = align(header, 8);
  const { address, maxSize, reservations } = request;
  const structure = reserveMap + 16 * (reservations.length + (address === undefined ? 1 : 2));
  const stringsAt = structure + structureSize;
  const total = align(stringsAt + strings.size + request.padding, 8);
  if (total > maxSize) throw new Failure("blob", `${total} bytes are more than ${maxSize}`);
  const refuse = ({ start }: MemoryRange) => new Failure(hex(start), `a blob of ${hex(total)} bytes ends above 2^64`);
  const own = address === undefined ? [] : [checkedRange(address, address + BigInt(total), refuse)];

  const out = new Writer(total);
  for (const field of [MAGIC, total, structure, stringsAt, reserveMap, request.version, compatible]) out.u32(field);
  if (request.version >= 2) out.u32(request.bootCpu);
  if (request.version >= 3) out.u32(strings.size);
  if (request.version >= 17) out.u32(structureSize);
  out.at = reserveMap;
  for (const { start, end } of [...reservations, ...own]) {
    out.u64(start);
    out.u64(end - start);
  }
  out.at = structure;
  writeStructure(out, pieces, strings, fullPaths);
  out.at = stringsAt;
  strings.write(out);
  return out.bytes;
}

/** A node as it stands in the structure block, and how many nodes end after its properties. */
interface FlatNode {
  readonly name: ByteString;
  readonly properties: readonly Property[];
  ends: number;
}

/** What was read in one go and has not been changed since: nodes, and ends of nodes, as they stand. */
interface Run {
  readonly records: Records;
  readonly start: number;
  end: number;
  /** How many nodes end after it. */
  ends: number;
}

type Piece = FlatNode | Run;

function isRun(piece: Piece): piece is Run {
  return "records" in piece;
}

/** The structure block in its order; what is still as `records` have it, in runs. */
function piecesOf(root: Node, fullPaths: boolean, records: Records | undefined): Piece[] {
  const pieces: Piece[] = [];
  /** The last piece, if it is a run that may go on. */
  let run: Run | undefined;
  walk(root, {
    enter(node, parent) {
      if (!(node instanceof RecordNode && node.records === records && node.isKept)) {
        run = undefined;
        pieces.push(flatten(node, fullPaths ? pathOf(node, parent) : undefined));
        return true;
      }
      const start = records.wordOf(node, NODE.start);
      if (run?.end !== start) {
        run = { records, start, end: start, ends: 0 };
        pieces.push(run);
      }
      run.end = records.wordOf(node, node.isWhole ? NODE.after : NODE.end);
      return !node.isWhole;
    },
    leave() {
      if (run !== undefined && run.records.tokenAt(run.end) === TOKEN.endNode) run.end += 4;
      else {
        run = undefined;
        const last = pieces.at(-1);
        if (last !== undefined) last.ends++;
      }
    },
  });
  return pieces;
}

/** Versions before 16 have full paths. */
function flatten(node: Node, path: ByteString | undefined): FlatNode {
  const properties = path === undefined ? tellingProperties(node) : withName(node);
  return { name: path ?? node.name, properties, ends: 0 };
}

/** Versions before 16 have each node's name as a property too. */
function withName(node: Node): readonly Property[] {
  if (node.properties.some(({ name }) => name === NAME)) return node.properties;
  return [...node.properties, { name: NAME, value: stringValue(baseName(node.name)) }];
}

function sizeOfStructure(pieces: readonly Piece[], strings: StringTable, fullPaths: boolean): number {
  let at = 0;
  for (const piece of pieces) {
    if (isRun(piece)) at += piece.end - piece.start;
    else {
      at = align(at + 4 + piece.name.length + 1, 4);
      for (const { name, value } of piece.properties) {
        strings.add(name);
        at = align(valueStart(at + 12, value.length, fullPaths) + value.length, 4);
      }
    }
    at += 4 * piece.ends;
  }
  return at + 4;
}

function writeStructure(out: Writer, pieces: readonly Piece[], strings: StringTable, fullPaths: boolean): void {
  const start = out.at;
  for (const piece of pieces) {
    if (isRun(piece)) out.raw(piece.records.bytes.subarray(piece.start, piece.end));
    else {
      out.u32(TOKEN.beginNode);
      out.string(piece.name);
      out.at = align(out.at, 4);
      for (const { name, value } of piece.properties) {
        out.u32(TOKEN.property);
        out.u32(value.length);
        out.u32(strings.add(name));
        out.at = start + valueStart(out.at - start, value.length, fullPaths);
        out.raw(value);
        out.at = align(out.at, 4);
      }
    }
    for (let end = 0; end < piece.ends; end++) out.u32(TOKEN.endNode);
  }
  out.u32(TOKEN.end);
}

/** Property names, each once, by the offset it was given: those of `records`, then what is added. */
class StringTable {
  readonly #records: Records | undefined;
  readonly #offsets = new Map<ByteString, number>();
  readonly #added: ByteString[] = [];
  size: number;

  constructor(records: Records | undefined) {
    this.#records = records;
    this.size = records?.stringBytes.length ?? 0;
  }

  /** The offset of `name`, which is new or known. */
  add(name: ByteString): number {
    const known = this.#offsets.get(name) ?? this.#records?.keyOf(name);
    const offset = known ?? this.size;
    this.#offsets.set(name, offset);
    if (known !== undefined) return offset;
    this.#added.push(name);
    this.size += name.length + 1;
    return offset;
  }

  write(out: Writer): void {
    if (this.#records !== undefined) out.raw(this.#records.stringBytes);
    for (const name of this.#added) out.string(name);
  }
}

/** Fills zeroed bytes from `at` on; what is jumped over stays zero. */
class Writer {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  u32(value: number): void {
    this.#view.setUint32(this.at, value);
    this.at += 4;
  }

  u64(value: bigint): void {
    this.#view.setBigUint64(this.at, value);
    this.at += 8;
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  string(text: ByteString): void {
    for (let index = 0; index < text.length; index++) this.bytes[this.at + index] = text.charCodeAt(index);
    this.at += text.length + 1;
  }
}
