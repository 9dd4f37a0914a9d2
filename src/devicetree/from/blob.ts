// A tree from a flattened device tree of any version up to 17, refused by name wherever it is not well formed.
// Devicetree Specification 0.4, chapter 5; Linux Documentation/powerpc/booting-without-of.txt for versions below 16.

import { Failure, hex } from "../../failure.ts";
import formOf from "../../forms.ts";
import { checkedRange, type MemoryRange } from "../../range.ts";
import type { ByteString } from "../../sys/engine.ts";
import { align, FIELD, layouts, MAGIC, SMALLEST_HEADER, TOKEN, type Version, valueStart, versions } from "../format.ts";
import { textIn } from "../strings.ts";
import { type DeviceTree, MAX_DEPTH, type Node, tellingProperties } from "../tree.ts";

/** The newest version; later ones can be read as this one if they say so. */
const NEWEST = 17;
/** Nodes, properties and reservations. The largest known real tree has some 60,000. */
const MAX_ENTRIES = 1_000_000;
/**
 * Bytes of all paths and names; the largest known real tree has some 4 MB. Strings may share their bytes in a blob, and not where
 * they are shown.
 */
const MAX_TEXT = 16 * 1024 * 1024;

/** Bytes that no file's name has, nor any real property's. */
const LONG_NAME = 255;

/** What can be wrong with a blob. Each is the second word of a refusal: `at 0x14: bad-version: ...`. */
export const faults = {
  "bad-magic": "the first word is not 0xd00dfeed",
  "bad-totalsize": "the blob is longer than what is there, or shorter than its header",
  "bad-version": "an undefined version, or one that only newer readers understand",
  "bad-reserve-map": "the reserve map is not aligned, not within the blob, has no end, or wraps",
  "bad-structure": "the structure block is not aligned or not within the blob",
  "bad-strings": "the strings are not within the blob",
  "structure-ends": "the structure block ends before the tree does",
  "bad-token": "a word that begins nothing, or nothing that may stand there",
  "bad-node-name": "a node's name does not end, is empty, has a slash, or is not its parent's path and a name",
  "bad-property-length": "a value is not within the structure block",
  "bad-property-name": "a property's name is not within the strings, or empty",
  "property-after-node": "a property comes after a child of its node",
  "second-root": "something follows the root",
  "too-deep": "nodes lie deeper than Linux reads them",
  "too-many": "more nodes and properties than we take",
} as const;

type Fault = keyof typeof faults;

/**
 * Nodes and properties keep the blob's order. Before version 16 a `name` that says what the node is called is left
 * out, as later versions do.
 * @param place what a Failure calls the blob; offsets in it are hexadecimal
 * @param wanted the children of the root that are of use, by name: all others are passed over, with what is in them,
 *   some ten times as fast
 */
export function treeFromBlob(bytes: Uint8Array, place: ByteString, wanted?: (name: ByteString) => boolean): DeviceTree {
  return new BlobReader(bytes, place, wanted).read();
}

interface Block {
  readonly start: number;
  readonly end: number;
}

interface OpenNode {
  readonly node: Node;
  /** As it is written before version 16, but for the root's, which is "" here; later "" too. */
  readonly path: ByteString;
  /** Bytes of its path. */
  readonly pathLength: number;
}

class BlobReader {
  readonly #view: DataView;
  #fullPaths = false;
  #structure: Block = { start: 0, end: 0 };
  #strings: Block = { start: 0, end: 0 };
  /** Where the structure block is read. */
  #at = 0;
  #entries = 0;
  #textBytes = 0;
  readonly #names = new Map<number, ByteString>();

  constructor(
    readonly bytes: Uint8Array,
    readonly place: ByteString,
    readonly wanted: ((name: ByteString) => boolean) | undefined,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(): DeviceTree {
    if (this.bytes.length < SMALLEST_HEADER || this.#view.getUint32(0) !== MAGIC) {
      const form = formOf(this.bytes);
      const other = form && `, but ${form.kind === "packed" ? form.tell("blob") : form.what}`;
      throw new Failure(this.place, `bad-magic: neither a directory nor a device tree blob${other ?? ""}`);
    }
    const version = this.#version();
    const size = this.#totalSize(version);
    const { header, fullPaths } = layouts[version];
    const strings = this.#field("strings");
    const structure = this.#field("structure");
    this.#fullPaths = fullPaths;
    this.#strings = this.#block("strings", version >= 3 ? this.#field("stringsSize") : size - strings, header, size);
    this.#structure = this.#block(
      "structure",
      version >= 17 ? this.#field("structureSize") : size - structure,
      header,
      size,
    );
    if (structure % 4 !== 0)
      throw this.#wrong(FIELD.structure, "bad-structure", `${hex(structure)} is not a multiple of 4`);
    this.#at = structure;
    const reservations = this.#reservations(header, size);
    return {
      root: this.#root(),
      reservations,
      address: undefined,
      blobSize: size,
      bootCpu: version >= 2 ? this.#field("bootCpu") : 0,
    };
  }

  #field(name: keyof typeof FIELD): number {
    return this.#view.getUint32(FIELD[name]);
  }

  /** The version that the blob can be read as. */
  #version(): Version {
    const version = this.#field("version");
    const compatible = this.#field("compatible");
    const known = version > NEWEST ? NEWEST : versions.find((each) => each === version);
    if (known === undefined || compatible > NEWEST || compatible > version) {
      const fact = `version ${version}, for readers of ${compatible} and later; known are ${versions.join(" ")}`;
      throw this.#wrong(FIELD.version, "bad-version", fact);
    }
    return known;
  }

  #totalSize(version: Version): number {
    const size = this.#field("totalSize");
    const { header } = layouts[version];
    const wrong = (fact: string): Failure => this.#wrong(FIELD.totalSize, "bad-totalsize", `${hex(size)} bytes${fact}`);
    if (size < header) throw wrong(` are not even a header, which has ${hex(header)}`);
    if (size > this.bytes.length) throw wrong(`, of which ${hex(this.bytes.length)} are here`);
    return size;
  }

  #block(name: "strings" | "structure", length: number, header: number, size: number): Block {
    const start = this.#field(name);
    const end = start + length;
    if (start < header || start > size || end > size) {
      throw this.#wrong(FIELD[name], `bad-${name}`, `${hex(start)}-${hex(end)} is not within the blob`);
    }
    return { start, end };
  }

  /** The entries up to the first of size 0, where every reader stops. */
  #reservations(header: number, size: number): MemoryRange[] {
    const start = this.#field("reserveMap");
    const wrong = (fact: string): Failure => this.#wrong(FIELD.reserveMap, "bad-reserve-map", fact);
    if (start % 8 !== 0) throw wrong(`${hex(start)} is not a multiple of 8`);
    if (start < header) throw wrong(`${hex(start)} is within the header`);
    const ranges: MemoryRange[] = [];
    for (let at = start; ; at += 16) {
      if (at + 16 > size) throw wrong("it has no end");
      const [from, length] = [this.#view.getBigUint64(at), this.#view.getBigUint64(at + 8)];
      if (length === 0n) return ranges;
      const refuse = () => this.#wrong(at, "bad-reserve-map", "a range ends above 2^64");
      const range = checkedRange(from, from + length, refuse);
      this.#count(at);
      ranges.push(range);
    }
  }

  #root(): Node {
    const open: OpenNode[] = [];
    let root: Node | undefined;
    for (;;) {
      const at = this.#at;
      const token = this.#u32();
      const top = open.at(-1);
      if (token === TOKEN.nop) continue;
      if (token === TOKEN.beginNode) {
        if (open.length > MAX_DEPTH) throw this.#wrong(at, "too-deep", `deeper than ${MAX_DEPTH} nodes`);
        if (top === undefined && root !== undefined) throw this.#wrong(at, "second-root", "a second root");
        const begun = this.#beginNode(at, top);
        if (open.length === 1 && this.wanted?.(begun.node.name) === false) {
          this.#passNode();
          continue;
        }
        root ??= begun.node;
        top?.node.children.push(begun.node);
        open.push(begun);
      } else if (token === TOKEN.property && top !== undefined) {
        if (top.node.children.length > 0) throw this.#wrong(at, "property-after-node", "a property after a child node");
        this.#property(at, top.node);
      } else if (token === TOKEN.endNode && top !== undefined) {
        if (this.#fullPaths) top.node.properties = [...tellingProperties(top.node)];
        open.pop();
      } else if (token === TOKEN.end && top === undefined && root !== undefined) {
        return root;
      } else {
        throw this.#unexpected(at, token);
      }
    }
  }

  /** Passes over what is left of a node that was begun. No name is looked at, no object made, little is called. */
  #passNode(): void {
    const view = this.#view;
    const { start, end } = this.#structure;
    const fullPaths = this.#fullPaths;
    const most = MAX_ENTRIES - this.#entries;
    let at = this.#at;
    let passed = 0;
    for (let depth = 1; depth > 0; ) {
      if (++passed > most) throw this.#tooMany(at);
      const token = at + 4 > end ? TOKEN.end : view.getUint32(at);
      if (token === TOKEN.property && at + 12 <= end) {
        const length = view.getUint32(at + 4);
        const stop = (fullPaths ? start + valueStart(at + 12 - start, length, true) : at + 12) + length;
        if (stop > end) throw this.#tooLong(at, length);
        // As align() does it, but with integers, which is much faster.
        at = (stop + 3) & -4;
      } else if (token === TOKEN.beginNode) {
        depth++;
        at = align(this.#nodeName(at + 4) + 1, 4);
      } else if (token === TOKEN.endNode || token === TOKEN.nop) {
        if (token === TOKEN.endNode) depth--;
        at += 4;
      } else throw at + 4 > end || token === TOKEN.property ? this.#endsEarly(at) : this.#unexpected(at, token);
    }
    this.#at = at;
    this.#entries += passed;
  }

  #u32(): number {
    if (this.#at + 4 > this.#structure.end) throw this.#endsEarly(this.#at);
    const value = this.#view.getUint32(this.#at);
    this.#at += 4;
    return value;
  }

  #beginNode(token: number, parent: OpenNode | undefined): OpenNode {
    this.#count(token);
    const nul = this.#nodeName(this.#at);
    const written = textIn(this.bytes, this.#at, nul);
    this.#at = align(nul + 1, 4);
    const name = this.#fullPaths ? lastName(written, parent) : written;
    if (name === undefined) throw this.#wrong(token, "bad-node-name", "a path that does not begin with its parent's");
    if ((name === "") !== (parent === undefined)) {
      throw this.#wrong(token, "bad-node-name", parent === undefined ? "the root has a name" : "a node without a name");
    }
    if (name.includes("/")) throw this.#wrong(token, "bad-node-name", "a slash in a node's name");
    const pathLength = parent === undefined ? 0 : parent.pathLength + 1 + name.length;
    this.#countText(token, pathLength);
    return {
      node: { name, properties: [], children: [] },
      path: this.#fullPaths && parent !== undefined ? written : "",
      pathLength,
    };
  }

  /** Where the name of a node ends: at its NUL. */
  #nodeName(start: number): number {
    const nul = this.#endOfText(start, this.#structure.end);
    if (nul < 0) throw this.#wrong(start, "bad-node-name", "a node's name does not end");
    return nul;
  }

  #property(token: number, node: Node): void {
    this.#count(token);
    const length = this.#u32();
    const name = this.#propertyName(token, this.#u32());
    const { start, end: blockEnd } = this.#structure;
    const at = start + valueStart(this.#at - start, length, this.#fullPaths);
    const end = at + length;
    if (end > blockEnd) throw this.#tooLong(token, length);
    this.#at = align(end, 4);
    node.properties.push({ name, value: this.bytes.subarray(at, end) });
  }

  /** Most properties share their names with others. */
  #propertyName(token: number, offset: number): ByteString {
    const known = this.#names.get(offset);
    if (known !== undefined) {
      // Whoever shows the tree writes it once for each property.
      if (known.length > LONG_NAME) this.#countText(token, known.length);
      return known;
    }
    const start = this.#strings.start + offset;
    const nul = start < this.#strings.end ? this.#endOfText(start, this.#strings.end) : -1;
    if (nul < 0) throw this.#wrong(token, "bad-property-name", `a name at ${hex(offset)} is not within the strings`);
    if (nul === start) throw this.#wrong(token, "bad-property-name", "a property without a name");
    this.#countText(token, nul - start);
    const name = textIn(this.bytes, start, nul);
    this.#names.set(offset, name);
    return name;
  }

  #count(at: number): void {
    if (++this.#entries > MAX_ENTRIES) throw this.#tooMany(at);
  }

  #countText(at: number, length: number): void {
    this.#textBytes += length;
    if (this.#textBytes > MAX_TEXT) throw this.#wrong(at, "too-many", `more than ${MAX_TEXT} bytes of paths and names`);
  }

  /** Where the NUL is that ends the text at `start`, below `limit`; -1 where there is none. */
  #endOfText(start: number, limit: number): number {
    return this.bytes.subarray(0, limit).indexOf(0, start);
  }

  #endsEarly(at: number): Failure {
    return this.#wrong(at, "structure-ends", "the structure block ends too early");
  }

  #tooMany(at: number): Failure {
    return this.#wrong(at, "too-many", `more than ${MAX_ENTRIES} nodes, properties and reservations`);
  }

  #unexpected(at: number, token: number): Failure {
    return this.#wrong(at, "bad-token", `token ${hex(token)} is not expected here`);
  }

  #tooLong(at: number, length: number): Failure {
    return this.#wrong(at, "bad-property-length", `${hex(length)} bytes are not within the structure block`);
  }

  #wrong(at: number, fault: Fault, fact: string): Failure {
    return new Failure(this.place, `at ${hex(at)}: ${fault}: ${fact}`);
  }
}

/** The name of a node whose full path is written; undefined where that is not its parent's path, a slash and a name. */
function lastName(written: ByteString, parent: OpenNode | undefined): ByteString | undefined {
  if (parent === undefined) return written === "/" ? "" : written;
  const prefix = `${parent.path}/`;
  return written.startsWith(prefix) ? written.slice(prefix.length) : undefined;
}
