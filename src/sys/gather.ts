// Trees of directories as records, one after the other in memory: the script's side of gather/gather.h.

import type { ByteString, Engine } from "./engine.ts";
import { type Entry, kindOfType } from "./files.ts";
import {
  ACTION,
  AREA,
  FRAME,
  FRAME_SIZE,
  GATHER,
  GATHER_SIZE,
  MOST_RULES,
  NODE,
  RULE,
  RULE_SIZE,
  WORDS_OF_NODE,
} from "./gather-layout.ts";
import { O_CLOEXEC, O_NONBLOCK, type System } from "./system.ts";

export { NODE, STOP, WORDS_OF_NODE } from "./gather-layout.ts";

/** A file of this name sets `mark` unless its length & mask is `value`. */
export interface NameRule {
  readonly name: ByteString;
  readonly mask: number;
  readonly value: number;
  /** A bit. */
  readonly mark: number;
}

export interface GatherOptions {
  /** The words before a directory's name, before a file's record, and after all that a directory holds. */
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
  /** At most MOST_RULES, of names with fewer than 36 bytes. */
  readonly rules: readonly NameRule[];
}

/**
 * File systems (linux/magic.h) of which a read that gives less than was asked for, and less than a page, is a file's last:
 * proc, sysfs, tmpfs, ramfs. On others, as FUSE and 9p, it says nothing, nor on what is mounted inside the tree.
 */
const SHORT_READ_ENDS: readonly bigint[] = [0x9fa0n, 0x6265_6572n, 0x0102_1994n, 0x8584_58f6n];

/** Reads one tree. Its code is C (gather/), which stops where the script has to judge. */
export class Gatherer {
  readonly #engine: Engine;
  readonly #system: System;
  /** struct gather. */
  readonly #state = new Uint8Array(GATHER_SIZE);
  readonly #words = new Uint32Array(this.#state.buffer);

  constructor(system: System, options: GatherOptions) {
    const { engine, abi } = system;
    if (options.rules.length > MOST_RULES) throw new RangeError(`${options.rules.length} rules`);
    this.#engine = engine;
    this.#system = system;
    const { tags, empty } = options;
    const flags = abi.O_NOFOLLOW | O_CLOEXEC | abi.O_LARGEFILE;
    const { close, getdents64, mmap, mremap, openat, openat2, ppoll, read } = abi.call;
    this.#set({
      beginTag: tags.begin,
      fileTag: tags.file,
      endTag: tags.end,
      largest: options.largest,
      room: options.room,
      deepest: options.deepest,
      longest: options.longest,
      emptyMark: empty?.mark ?? 0,
      fileFlags: flags | O_NONBLOCK,
      directoryFlags: flags | abi.O_DIRECTORY,
      ...{ close, getdents64, mmap, mremap, openat, openat2, ppoll, read },
    });
    engine.encode(empty?.prefix ?? "", this.#state, GATHER.emptyPrefix);
    engine.encode(options.ownName, this.#state, GATHER.ownName);
    for (const [index, { name, mask, value, mark }] of options.rules.entries()) {
      const at = GATHER.rules + RULE_SIZE * index;
      engine.encode(name, this.#state, at + RULE.name);
      this.#words[(at + RULE.mask) / 4] = mask;
      this.#words[(at + RULE.value) / 4] = value;
      this.#words[(at + RULE.mark) / 4] = mark;
    }
  }

  #set(fields: Partial<Record<keyof typeof GATHER, number>>): void {
    for (const [name, value] of Object.entries(fields)) this.#words[GATHER[name as keyof typeof GATHER] / 4] = value;
  }

  /** Starts with an open directory, which is closed here from now on. 0 or -errno. */
  begin(directory: number, path: ByteString): number {
    const kind = this.#system.fileSystem(directory);
    this.#set({ shortEnds: kind !== undefined && SHORT_READ_ENDS.includes(kind) ? 1 : 0 });
    return this.#act(ACTION.begin, path, directory);
  }

  /** Reads on until there is something to judge: one of STOP, or -errno where there is no memory. */
  walk(): number {
    return this.#act(ACTION.walk);
  }

  /** What the open directory holds besides plain files and directories, or what the file system does not tell. */
  get others(): Entry[] {
    const bytes = this.#bytes("others");
    return this.#engine
      .decode(bytes, 0, bytes.length - 1)
      .split("\0")
      .map((text) => ({ name: text.slice(1), kind: kindOfType(text.charCodeAt(0) - 0x40) }));
  }

  /** One of `others` is a file after all. 0 or -errno. */
  addFile(name: ByteString): number {
    return this.#act(ACTION.addFile, name);
  }

  /** One of `others` is a directory after all. 0 or -errno. */
  addDirectory(name: ByteString): number {
    return this.#act(ACTION.addDirectory, name);
  }

  /** Forgets the open directory, so that it is read anew. False if that was done before: it is not done again. */
  again(): boolean {
    return this.#act(ACTION.again) === 0;
  }

  /** Closes all that is open. */
  close(): void {
    this.#act(ACTION.close);
  }

  /** Where in `strings` the name of files is; -ENOENT where none has it. */
  keyOf(name: ByteString): number {
    return this.#act(ACTION.key, name);
  }

  /** Where in `records` the file `name` of a directory is, which is one of `nodes`; -ENOENT where it has none. */
  find(node: number, name: ByteString): number {
    return this.#act(ACTION.find, name, node);
  }

  #act(action: number, name: ByteString = "", number = 0): number {
    return this.#engine.gather(this.#state, action, number, name);
  }

  /** -errno. */
  get error(): number {
    return this.#word("error") | 0;
  }

  /** Of the directory that is open. */
  get descriptor(): number {
    return this.#topFrame(FRAME.descriptor);
  }

  /** Bytes of the file that was read last, as far as it was read. */
  get length(): number {
    return this.#word("length");
  }

  /** Names of the directories from below the root to the one that is open. */
  get path(): ByteString[] {
    const frames = this.#wordsOf("frames");
    const { nodes, records } = this;
    const names: ByteString[] = [];
    // The first frame is the root's.
    for (let at = FRAME_SIZE / 4; at < frames.length; at += FRAME_SIZE / 4) {
      const node = wordAt(frames, at + FRAME.node / 4);
      names.push(this.#textAt(records, wordAt(nodes, WORDS_OF_NODE * node + NODE.start) + 4));
    }
    return names;
  }

  /** Names of the open directory's files that were read, in their order. */
  get filesRead(): ByteString[] {
    const listing = this.#bytes("listing");
    return Array.from(this.#wordsOf("files").subarray(0, this.#word("done")), (at) => this.#textAt(listing, at));
  }

  /** The name of the file that is to be read next. */
  get nextFile(): ByteString {
    return this.#textAt(this.#bytes("listing"), wordAt(this.#wordsOf("files"), this.#word("done")));
  }

  /** The name of the directory in the open one that is to be opened next. */
  get nextDirectory(): ByteString {
    const next = this.#topFrame(FRAME.next);
    return this.#textAt(this.#bytes("names"), wordAt(this.#wordsOf("children"), next / 4));
  }

  /** A field of the open directory's frame, by its offset there. */
  #topFrame(field: number): number {
    const frames = this.#wordsOf("frames");
    return wordAt(frames, frames.length - FRAME_SIZE / 4 + field / 4);
  }

  #textAt(bytes: Uint8Array, start: number): ByteString {
    return this.#engine.decode(bytes, start, bytes.indexOf(0, start));
  }

  /** What was read. This and the next two move when more is read. */
  get records(): Uint8Array {
    return this.#bytes("records");
  }

  /** The names of all files, each once, with a NUL after it. */
  get strings(): Uint8Array {
    return this.#bytes("strings");
  }

  /** WORDS_OF_NODE for each directory, as NODE tells. */
  get nodes(): Uint32Array {
    return this.#wordsOf("nodes");
  }

  #word(field: keyof typeof GATHER): number {
    return wordAt(this.#words, GATHER[field] / 4);
  }

  /** The used bytes of an area. */
  #bytes(area: keyof typeof GATHER): Uint8Array {
    const at = GATHER[area];
    const used = wordAt(this.#words, (at + AREA.used) / 4);
    if (used === 0) return new Uint8Array(0);
    const [address = 0n] = new BigUint64Array(this.#state.buffer, at + AREA.start, 1);
    return this.#engine.memory(Number(address), used);
  }

  #wordsOf(area: keyof typeof GATHER): Uint32Array {
    const bytes = this.#bytes(area);
    return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }
}

/** The script trusts what gather() says: an index outside would be an error of ours. */
function wordAt(words: Uint32Array, at: number): number {
  const word = words[at];
  if (word === undefined) throw new RangeError(`gather has no word ${at}`);
  return word;
}
