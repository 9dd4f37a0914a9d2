// Nodes whose properties are still the records they were read as: those of a structure block of version 16 or 17.
// Sixty thousand properties as objects would take longer to make than their files take to be read.

import type { ByteString } from "../sys/engine.ts";
import { type Gatherer, NODE, WORDS_OF_NODE } from "../sys/gather.ts";
import { viewOf } from "./cells.ts";
import { ALL_MARKS } from "./marks.ts";
import { findNamed } from "./named.ts";
import { baseName } from "./names.ts";
import { stringValue } from "./strings.ts";
import type { Node, Property } from "./tree.ts";

/** The property that repeats the node's name. Blobs from version 16 on do not have it, so it is not a record. */
export const NAME = "name";

/** What the nodes of one tree are made of. */
export class Records {
  /** BEGIN_NODE, name and properties of each node, then its children, then END_NODE. */
  readonly bytes: Uint8Array;
  /** The strings block. */
  readonly stringBytes: Uint8Array;
  readonly strings: ByteString;
  readonly #view: DataView;
  readonly #nodes: Uint32Array;
  readonly #gathered: Gatherer;
  readonly #decode: (bytes: Uint8Array) => ByteString;
  /** Marks that the reader did not look for: they count as set. */
  readonly unknownMarks: number;
  readonly root: RecordNode;

  /** @param marked the bits of MARK that the reader has looked for */
  constructor(gathered: Gatherer, decode: (bytes: Uint8Array) => ByteString, marked: number) {
    const { records, strings, nodes } = gathered;
    this.#gathered = gathered;
    this.#decode = decode;
    this.unknownMarks = ~marked;
    this.bytes = records;
    this.stringBytes = strings;
    this.strings = decode(strings);
    this.#view = viewOf(records);
    this.#nodes = nodes;
    this.root = new RecordNode("", this, 0);
  }

  /** The token at `offset`. */
  tokenAt(offset: number): number {
    return this.#view.getUint32(offset);
  }

  wordOf({ index }: RecordNode, word: number): number {
    const found = this.#nodes[WORDS_OF_NODE * index + word];
    if (found === undefined) throw noNode(index);
    return found;
  }

  childrenOf(node: RecordNode): RecordNode[] {
    const children: RecordNode[] = [];
    const end = this.wordOf(node, NODE.next);
    for (let index = node.index + 1; index < end; ) {
      const start = this.#nodes[WORDS_OF_NODE * index + NODE.start];
      const next = this.#nodes[WORDS_OF_NODE * index + NODE.next];
      if (start === undefined || next === undefined) throw noNode(index);
      const name = this.bytes.subarray(start + 4, this.bytes.indexOf(0, start + 4));
      children.push(new RecordNode(this.#decode(name), this, index));
      index = next;
    }
    return children;
  }

  propertiesOf(node: RecordNode): Property[] {
    const properties: Property[] = [];
    const end = this.wordOf(node, NODE.end);
    for (let at = this.#firstOf(node); at < end; at = this.#next(at)) {
      const key = this.#view.getUint32(at + 8);
      properties.push({ name: this.strings.slice(key, this.strings.indexOf("\0", key)), value: this.#value(at) });
    }
    const value = this.#ownNameOf(node);
    if (value === undefined) return properties;
    const next = properties.findIndex(({ name }) => name > NAME);
    return properties.toSpliced(next < 0 ? properties.length : next, 0, { name: NAME, value });
  }

  /** The value of one property; undefined where there is none of that name. */
  valueOf(node: RecordNode, name: ByteString): Uint8Array | undefined {
    const own = name === NAME ? this.#ownNameOf(node) : undefined;
    if (own !== undefined) return own;
    const at = this.#gathered.find(node.index, name);
    return at < 0 ? undefined : this.#value(at);
  }

  /** The offset of `name` in the strings block; undefined where it is not there. */
  keyOf(name: ByteString): number | undefined {
    const key = this.#gathered.keyOf(name);
    return key < 0 ? undefined : key;
  }

  #firstOf(node: RecordNode): number {
    return align4(this.wordOf(node, NODE.start) + 4 + node.name.length + 1);
  }

  #next(at: number): number {
    return align4(at + 12 + this.#view.getUint32(at + 4));
  }

  #value(at: number): Uint8Array {
    return this.bytes.subarray(at + 12, at + 12 + this.#view.getUint32(at + 4));
  }

  #ownNameOf(node: RecordNode): Uint8Array | undefined {
    return this.wordOf(node, NODE.ownName) === 0 ? undefined : stringValue(baseName(node.name));
  }
}

/**
 * A node as it was read. When code first asks for its properties or its children, these become objects, which may be
 * changed.
 */
export class RecordNode implements Node {
  #properties: Property[] | undefined;
  #children: Node[] | undefined;

  constructor(
    readonly name: ByteString,
    readonly records: Records,
    /** Among the nodes of `records`. */
    readonly index: number,
  ) {}

  get properties(): Property[] {
    this.#properties ??= this.records.propertiesOf(this);
    return this.#properties;
  }

  set properties(properties: Property[]) {
    this.#properties = properties;
  }

  get children(): Node[] {
    this.#children ??= this.records.childrenOf(this);
    return this.#children;
  }

  set children(children: Node[]) {
    this.#children = children;
  }

  /** Whether its properties are as they were read. */
  get isKept(): boolean {
    return this.#properties === undefined;
  }

  /** Whether it is as it was read, with all below it. */
  get isWhole(): boolean {
    return this.#properties === undefined && this.#children === undefined;
  }

  get marks(): number {
    return this.isKept ? this.records.wordOf(this, NODE.marks) | this.records.unknownMarks : ALL_MARKS;
  }

  get marksBelow(): number {
    return this.isWhole ? this.records.wordOf(this, NODE.below) | this.records.unknownMarks : ALL_MARKS;
  }

  /** Whether there is neither a property nor a node in it. */
  get isEmpty(): boolean {
    const children = this.#children?.length ?? this.records.wordOf(this, NODE.next) - this.index - 1;
    return this.propertyCount === 0 && children === 0;
  }

  get propertyCount(): number {
    return this.#properties?.length ?? this.records.wordOf(this, NODE.count);
  }

  lookUp(name: ByteString): Uint8Array | undefined {
    if (this.#properties === undefined) return this.records.valueOf(this, name);
    return findNamed(this.#properties, name)?.value;
  }
}

function noNode(index: number): RangeError {
  return new RangeError(`no node ${index}`);
}

function align4(offset: number): number {
  return (offset + 3) & ~3;
}
