// Trees of directories as records that stand one behind the other in memory: the script's side of gather/gather.h.

import type { ByteString, Engine } from "./engine.ts";
import { type Entry, kinds, O_CLOEXEC, O_NONBLOCK, type System } from "./system.ts";

/** A file of this name sets `mark` unless its length & mask is `value`. */
export interface NameRule {
  readonly name: ByteString;
  readonly mask: number;
  readonly value: number;
  /** A bit. */
  readonly mark: number;
}

export interface GatherOptions {
  /** The words in front of a directory's name, in front of a file's record, and behind all that a directory holds. */
  readonly tags: { readonly begin: number; readonly file: number; readonly end: number };
  /** Bytes of one file. */
  readonly largest: number;
  /** Bytes of all files together. */
  readonly room: number;
  /** Levels of directories below the root. */
  readonly deepest: number;
  /** Bytes of a path. */
  readonly longest: number;
  /** The file that is left out of the records where it says the directory's name, up to @. */
  readonly ownName: ByteString;
  /** Files whose names begin so are not opened but taken for empty. */
  readonly empty: { readonly prefix: ByteString; readonly mark: number } | undefined;
  /** What a name with more bytes than these sets. */
  readonly long: { readonly length: number; readonly mark: number };
  /** At most 16, of names with fewer than 36 bytes. */
  readonly rules: readonly NameRule[];
}

// enum gather_action.
const BEGIN = 0;
const WALK = 1;
const ADD_FILE = 2;
const ADD_DIRECTORY = 3;
const AGAIN = 4;
const CLOSE = 5;

/** Why it stopped, at the directory that is open (enum gather_stop). */
export const STOP = {
  done: 0,
  /** It holds `others`. */
  others: 1,
  /** It has files that were taken for empty. */
  emptied: 2,
  /** It could not be listed: `error`. */
  listing: 3,
  /** One of its files could not be read: `error`; EFBIG where that, or all files together, are too large. */
  file: 4,
  /** The next directory in it could not be opened: `error`. */
  opening: 5,
  /** The next directory in it is too deep. */
  depth: 6,
  /** The next directory in it has too long a path. */
  path: 7,
} as const;

// Where things are in struct gather, in words of 32 bits.
const RECORDS = 0x08 / 4;
const STRINGS = 0x18 / 4;
const NODES = 0x28 / 4;
const FRAMES = 0x38 / 4;
const OTHERS = 0x48 / 4;
const FILES = 0x58 / 4;
const LISTING = 0x68 / 4;
const NAMES = 0x78 / 4;
const CHILDREN = 0x88 / 4;
/** In an area, behind two words of its address and one of its size. */
const USED = 3;
/** From here on the numbers of GatherOptions, in the order of `numbers` below. */
const NUMBERS = 0xa8 / 4;
/** And what is the machine's, in the order of `kernel` below. */
const KERNEL = 0xf0 / 4;
const DONE = 0x118 / 4;
const LENGTH = 0x11c / 4;
const ERROR = 0x120 / 4;
// The same in bytes.
const EMPTY_PREFIX = 0xd0;
const OWN_NAME = 0xe0;
const RULES = 0x128;
const RULE_SIZE = 48;
const RULE_WORDS = 36;
const SIZE = RULES + 16 * RULE_SIZE;

// Words of struct frame, of which the first is its node's place, and of struct node.
const WORDS_OF_FRAME = 7;
const FRAME_DESCRIPTOR = 1;
const FRAME_NEXT = 6;
export const WORDS_OF_NODE = 8;
export const NODE = { start: 0, end: 1, after: 2, next: 3, ownName: 4, count: 5, marks: 6, below: 7 } as const;

export class Gatherer {
  readonly #engine: Engine;
  readonly #state = new Uint8Array(SIZE);
  readonly #words = new Uint32Array(this.#state.buffer);

  constructor(system: System, options: GatherOptions) {
    const { engine, abi } = system;
    const { tags, empty, long } = options;
    this.#engine = engine;
    const numbers = [
      tags.begin,
      tags.file,
      tags.end,
      options.largest,
      options.room,
      options.deepest,
      options.longest,
      long.length,
      long.mark,
      empty?.mark ?? 0,
    ];
    this.#words.set(numbers, NUMBERS);
    const { close, getdents64, mmap, mremap, openat, read } = abi.call;
    const flags = abi.O_NOFOLLOW | O_CLOEXEC;
    const kernel = [flags | O_NONBLOCK, flags | abi.O_DIRECTORY, close, getdents64, mmap, mremap, openat, read];
    this.#words.set(kernel, KERNEL);
    engine.encode(empty?.prefix ?? "", this.#state, EMPTY_PREFIX);
    engine.encode(options.ownName, this.#state, OWN_NAME);
    options.rules.forEach(({ name, mask, value, mark }, index) => {
      const at = RULES + RULE_SIZE * index;
      engine.encode(name, this.#state, at);
      this.#words.set([mask, value, mark], (at + RULE_WORDS) / 4);
    });
  }

  /** Starts with an open directory, which from here on is closed here. 0 or -errno. */
  begin(directory: number, path: ByteString): number {
    return this.#act(BEGIN, path, directory);
  }

  /** Reads on until there is something to judge: one of STOP, or -errno where there is no memory. */
  walk(): number {
    return this.#act(WALK);
  }

  /** What the open directory holds besides plain files and directories, or what the file system does not tell. */
  get others(): Entry[] {
    const bytes = this.#bytes(OTHERS);
    return this.#engine
      .decode(bytes, 0, bytes.length - 1)
      .split("\0")
      .map((text) => ({ name: text.slice(1), kind: kinds[text.charCodeAt(0) - 0x40] ?? "unknown" }));
  }

  /** One of `others` is a file after all. 0 or -errno. */
  addFile(name: ByteString): number {
    return this.#act(ADD_FILE, name);
  }

  addDirectory(name: ByteString): number {
    return this.#act(ADD_DIRECTORY, name);
  }

  /** Whether the open directory may be read once more, from its listing on: it was not before. */
  again(): boolean {
    return this.#act(AGAIN) === 0;
  }

  /** Closes all that is open. */
  close(): void {
    this.#act(CLOSE);
  }

  #act(action: number, name: ByteString = "", number = 0): number {
    return this.#engine.gather(this.#state, action, number, name);
  }

  /** -errno. */
  get error(): number {
    return this.#words[ERROR]! | 0;
  }

  /** Of the directory that is open. */
  get descriptor(): number {
    return this.#wordsOf(FRAMES).at(FRAME_DESCRIPTOR - WORDS_OF_FRAME)!;
  }

  /** Bytes of the file that was read last, as far as it was read. */
  get length(): number {
    return this.#words[LENGTH]!;
  }

  /** Names of the directories from below the root to the one that is open. */
  get path(): ByteString[] {
    const frames = this.#wordsOf(FRAMES);
    const open = Array.from({ length: frames.length / WORDS_OF_FRAME }, (_, at) => frames[WORDS_OF_FRAME * at]!);
    const [nodes, records] = [this.nodes, this.records];
    return open.slice(1).map((node) => this.#textAt(records, nodes[WORDS_OF_NODE * node + NODE.start]! + 4));
  }

  /** Names of the open directory's files that were read, in their order. */
  get filesRead(): ByteString[] {
    return Array.from({ length: this.#words[DONE]! }, (_, file) => this.#fileName(file));
  }

  /** The name of the file that is to be read next. */
  get nextFile(): ByteString {
    return this.#fileName(this.#words[DONE]!);
  }

  /** The name of the directory in the open one that is to be opened next. */
  get nextDirectory(): ByteString {
    const next = this.#wordsOf(FRAMES).at(FRAME_NEXT - WORDS_OF_FRAME)!;
    return this.#textAt(this.#bytes(NAMES), this.#wordsOf(CHILDREN)[next / 4]!);
  }

  #fileName(file: number): ByteString {
    return this.#textAt(this.#bytes(LISTING), this.#wordsOf(FILES)[file]!);
  }

  #textAt(bytes: Uint8Array, start: number): ByteString {
    return this.#engine.decode(bytes, start, bytes.indexOf(0, start));
  }

  /** This and the next two move when more is read. */
  get records(): Uint8Array {
    return this.#bytes(RECORDS);
  }

  get strings(): Uint8Array {
    return this.#bytes(STRINGS);
  }

  /** WORDS_OF_NODE for each directory, as NODE tells. */
  get nodes(): Uint32Array {
    return this.#wordsOf(NODES);
  }

  #bytes(area: number): Uint8Array {
    const used = this.#words[area + USED]!;
    if (used === 0) return new Uint8Array(0);
    const address = new BigUint64Array(this.#state.buffer, 4 * area, 1)[0]!;
    return this.#engine.memory(Number(address), used);
  }

  #wordsOf(area: number): Uint32Array {
    const bytes = this.#bytes(area);
    return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }
}
