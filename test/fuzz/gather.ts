// What gather/gather.h does, for directories of a machine of memory: the native code asks a real kernel.

import { compareKeys, sortKey } from "../../src/devicetree/order.ts";
import { errno } from "../../src/sys/errno.ts";
import { ACTION, AREA, GATHER, NODE, STOP, WORDS_OF_NODE } from "../../src/sys/gather-layout.ts";

/** The machine's files, and memory that it gives away. */
export interface Folders {
  readonly pathOf: (directory: number) => string;
  readonly namesIn: (path: string) => readonly string[];
  /** Undefined of a directory. */
  readonly fileAt: (path: string) => Uint8Array | undefined;
  readonly encode: (text: string, bytes: Uint8Array, at: number) => number;
  readonly decode: (bytes: Uint8Array, start: number, end: number) => string;
  /** The address of bytes. */
  readonly place: (bytes: Uint8Array) => bigint;
}

/** Bytes of a tree's records: inputs are small. */
const MOST = 1 << 18;
/** Each mark may be set. */
const ALL_MARKS = 0xffff_ffff;

/** One tree, read at once: in memory it never changes, and holds nothing that has to be judged. */
export class MemoryGather {
  readonly #records = new Uint8Array(MOST);
  readonly #view = new DataView(this.#records.buffer);
  readonly #nodes: number[] = [];
  readonly #keys = new Map<string, number>();
  #used = 0;
  #stringsUsed = 0;

  constructor(
    readonly folders: Folders,
    readonly state: Uint8Array,
  ) {}

  act(action: number, number: number, name: string): number {
    const key = this.#keys.get(name);
    if (action === ACTION.begin) this.#begin(this.folders.pathOf(number));
    if (action === ACTION.key) return key ?? -errno.ENOENT;
    if (action === ACTION.find) return this.#find(number, key);
    return action === ACTION.walk ? STOP.done : 0;
  }

  #begin(root: string): void {
    this.#read(root, "");
    const strings = new Uint8Array(this.#stringsUsed);
    for (const [name, at] of this.#keys) this.folders.encode(name, strings, at);
    this.#show(GATHER.records, this.#records, this.#used);
    this.#show(GATHER.strings, strings, strings.length);
    const nodes = new Uint8Array(Uint32Array.from(this.#nodes).buffer);
    this.#show(GATHER.nodes, nodes, nodes.length);
  }

  /** Tells where an area is. */
  #show(field: number, bytes: Uint8Array, used: number): void {
    const { buffer, byteOffset } = this.state;
    new BigUint64Array(buffer, byteOffset + field + AREA.start, 1)[0] = this.folders.place(bytes);
    new Uint32Array(buffer, byteOffset + field + AREA.used, 1)[0] = used;
  }

  /** A word that the script has set. */
  #told(field: number): number {
    return new Uint32Array(this.state.buffer, this.state.byteOffset + field, 1)[0] ?? 0;
  }

  /** A NUL-terminated text that the script has set. */
  #toldText(field: number): string {
    return this.folders.decode(this.state, field, this.state.indexOf(0, field));
  }

  #read(path: string, name: string): void {
    const first = this.#nodes.length;
    const start = this.#used;
    for (let word = 0; word < WORDS_OF_NODE; word++) this.#nodes.push(ALL_MARKS);
    this.#putWord(this.#told(GATHER.beginTag));
    this.folders.encode(name, this.#records, this.#used);
    this.#used = (this.#used + name.length + 1 + 3) & ~3;
    const names = [...this.folders.namesIn(path)].sort();
    const told = names.map((each) => [each, this.folders.fileAt(`${path}/${each}`)] as const);
    let ownName = 0;
    for (const [each, value] of told) {
      if (value === undefined) continue;
      const isOwn = each === this.#toldText(GATHER.ownName) && this.#saysName(value, name);
      if (isOwn) ownName = 1;
      else this.#putFile(each, value);
    }
    const end = this.#used;
    const folders = told.flatMap(([each, value]) => (value === undefined ? [{ each, key: sortKey(each) }] : []));
    for (const { each } of folders.sort((a, b) => compareKeys(a.key, b.key))) this.#read(`${path}/${each}`, each);
    this.#putWord(this.#told(GATHER.endTag));
    const words = { start, end, after: this.#used, next: this.#nodes.length / WORDS_OF_NODE, ownName };
    for (const [word, value] of Object.entries(words)) this.#nodes[first + NODE[word as keyof typeof words]] = value;
  }

  #saysName(value: Uint8Array, name: string): boolean {
    return this.folders.decode(value, 0, value.length) === `${name.split("@")[0]}\0`;
  }

  #putFile(name: string, value: Uint8Array): void {
    const prefix = this.#toldText(GATHER.emptyPrefix);
    const bytes = prefix !== "" && name.startsWith(prefix) ? new Uint8Array(0) : value;
    if (!this.#keys.has(name)) {
      this.#keys.set(name, this.#stringsUsed);
      this.#stringsUsed += name.length + 1;
    }
    for (const word of [this.#told(GATHER.fileTag), bytes.length, this.#keys.get(name) ?? 0]) this.#putWord(word);
    this.#records.set(bytes, this.#used);
    this.#used = (this.#used + bytes.length + 3) & ~3;
  }

  #putWord(value: number): void {
    this.#view.setUint32(this.#used, value);
    this.#used += 4;
  }

  #find(node: number, key: number | undefined): number {
    const first = WORDS_OF_NODE * node;
    const [start = 0, end = 0] = [this.#nodes[first + NODE.start], this.#nodes[first + NODE.end]];
    if (key === undefined) return -errno.ENOENT;
    for (let at = (this.#records.indexOf(0, start + 4) + 1 + 3) & ~3; at < end; ) {
      if (this.#view.getUint32(at + 8) === key) return at;
      at = (at + 12 + this.#view.getUint32(at + 4) + 3) & ~3;
    }
    return -errno.ENOENT;
  }
}
