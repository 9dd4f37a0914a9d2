// A tree from a directory such as /proc/device-tree: a directory is a node, a file a property, nothing else belongs there.

import { Failure } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { errno, errnoText } from "../sys/errno.ts";
import { CWD, O_NONBLOCK, type Entry, type System } from "../sys/system.ts";
import { compareBytes, MAX_DEPTH, sortedByUnitAddress, type Node, type Property } from "./tree.ts";

/** The largest property we take. The largest known real one is an ibm,dynamic-memory of 480 KB. */
const MAX_PROPERTY = 16 * 1024 * 1024;
/** PATH_MAX. */
const MAX_PATH = 4096;
/** The kernel hands out a property at most a page a call, and no Linux page is smaller: a shorter read is the end. */
const SMALLEST_PAGE = 4096;
const ARENA = 256 * 1024;

export interface ReadRules {
  /** Bytes of property values in the whole tree. */
  readonly maxSize: number;
  /** Whether a symbolic link in the tree is an error rather than passed over. */
  readonly strict: boolean;
  /** Whether security-* properties (firmware passwords) are copied rather than emptied. */
  readonly secrets: boolean;
  /** Told of what was passed over or emptied. */
  notice(place: string, fact: string): void;
}

interface OpenNode {
  readonly node: Node;
  readonly path: ByteString;
  readonly descriptor: number;
  /** Names of the children still to be read, last first. */
  pending: ByteString[];
  readAgain: boolean;
}

/** Thrown inside this file when what was just listed is there no more. */
class Vanished {
  constructor(readonly path: ByteString) {}
}

/**
 * Reads the tree below `directory` (which may itself be a symbolic link), properties by name and children by unit address.
 * The tree is live: a node that loses an entry between listing and reading is read once more, then given up.
 * `opened` is what opening the directory gave: its descriptor, which is closed here, or -errno.
 */
export function treeFromDirectory(
  system: System, directory: ByteString, rules: ReadRules, opened = openDirectory(system, directory),
): Node {
  return new DirectoryReader(system, rules).read(directory, opened);
}

/** Its descriptor, or -errno. */
export function openDirectory(system: System, directory: ByteString): number {
  return system.open(CWD, directory, system.abi.O_DIRECTORY);
}

class DirectoryReader {
  /** Values lie one after the other in here: an array of its own for each would cost more than its bytes. */
  #arena = new Uint8Array(ARENA);
  #used = 0;
  #total = 0;

  constructor(
    readonly system: System,
    readonly rules: ReadRules,
  ) {}

  read(directory: ByteString, opened: number): Node {
    const descriptor = this.system.must(opened, directory);
    const root: Node = { name: "", properties: [], children: [] };
    const open: OpenNode[] = [{ node: root, path: directory.replace(/\/+$/, ""), descriptor, pending: [], readAgain: false }];
    try {
      this.#fill(open[0]!);
      for (let top = open[0]; top !== undefined; top = open.at(-1)) this.#step(open, top);
      return root;
    } finally {
      for (const { descriptor } of open) this.system.close(descriptor);
    }
  }

  /** Opens the next child of the deepest open node, or closes that node when there is none. */
  #step(open: OpenNode[], top: OpenNode): void {
    const name = top.pending.pop();
    if (name === undefined) {
      this.system.close(top.descriptor);
      open.pop();
      return;
    }
    const path = `${top.path}/${name}`;
    if (open.length > MAX_DEPTH) throw new Failure(path, `deeper than ${MAX_DEPTH} nodes`);
    if (path.length > MAX_PATH) throw new Failure(path.slice(0, 60) + "...", `path longer than ${MAX_PATH} bytes`);
    const child = this.#openChild(top, name, path);
    if (child === undefined) return;
    top.node.children.push(child.node);
    open.push(child);
    this.#fill(child);
  }

  #openChild(parent: OpenNode, name: ByteString, path: ByteString): OpenNode | undefined {
    const { O_DIRECTORY, O_NOFOLLOW } = this.system.abi;
    const descriptor = this.system.open(parent.descriptor, name, O_DIRECTORY | O_NOFOLLOW);
    if (hasVanished(descriptor)) {
      if (parent.readAgain) throw changed(path);
      this.#fillAgain(parent);
      return undefined;
    }
    this.system.must(descriptor, path);
    return { node: { name, properties: [], children: [] }, path, descriptor, pending: [], readAgain: false };
  }

  /** Reads a node's properties and its children's names, a second time if an entry vanishes meanwhile. */
  #fill(open: OpenNode): void {
    try {
      this.#readNode(open);
    } catch (error) {
      if (!(error instanceof Vanished)) throw error;
      this.#fillAgain(open);
    }
  }

  #fillAgain(open: OpenNode): void {
    open.readAgain = true;
    open.node.children = [];
    try {
      this.#readNode(open);
    } catch (error) {
      throw error instanceof Vanished ? changed(error.path) : error;
    }
  }

  #readNode(open: OpenNode): void {
    const { files, directories } = this.#entries(open);
    open.node.properties = files.sort(compareBytes).map((name) => this.#property(open, name));
    open.pending = sortedByUnitAddress(directories, (name) => name).reverse();
  }

  #entries(open: OpenNode): { files: ByteString[]; directories: ByteString[] } {
    const entries = this.#list(open);
    // So says the kernel of a directory that was removed after it was opened.
    if (entries === -errno.ENOENT) throw new Vanished(open.path);
    if (typeof entries === "number") throw new Failure(open.path, errnoText(entries));
    const files: ByteString[] = [];
    const directories: ByteString[] = [];
    for (const entry of entries) {
      const kind = entry.kind === "unknown" ? this.#kindOf(open, entry) : entry.kind;
      const path = `${open.path}/${entry.name}`;
      if (kind === "file") files.push(entry.name);
      else if (kind === "directory") directories.push(entry.name);
      else if (kind === "symlink" && !this.rules.strict) this.rules.notice(path, "symbolic link, not followed");
      else throw new Failure(path, `a ${kind} is neither a node nor a property`);
    }
    return { files, directories };
  }

  #list(open: OpenNode): Entry[] | number {
    if (!open.readAgain) return this.system.list(open.descriptor);
    // A directory that was listed before is at its end: a second descriptor starts anew.
    const descriptor = this.system.open(open.descriptor, ".", this.system.abi.O_DIRECTORY);
    if (descriptor < 0) return descriptor;
    const entries = this.system.list(descriptor);
    this.system.close(descriptor);
    return entries;
  }

  /** For file systems that do not say it in the listing. */
  #kindOf(open: OpenNode, entry: Entry): Entry["kind"] {
    const path = `${open.path}/${entry.name}`;
    const status = this.system.statusOf(open.descriptor, entry.name);
    if (typeof status !== "number") return status.kind;
    if (hasVanished(status)) throw new Vanished(path);
    throw new Failure(path, errnoText(status));
  }

  #property(open: OpenNode, name: ByteString): Property {
    const path = `${open.path}/${name}`;
    if (name.startsWith("security-") && !this.rules.secrets) {
      this.rules.notice(path, "left empty (--secrets copies it)");
      return { name, value: new Uint8Array(0) };
    }
    const descriptor = this.system.open(open.descriptor, name, this.system.abi.O_NOFOLLOW | O_NONBLOCK);
    if (hasVanished(descriptor)) throw new Vanished(path);
    this.system.must(descriptor, path);
    try {
      return { name, value: this.#value(descriptor, path) };
    } finally {
      this.system.close(descriptor);
    }
  }

  #value(descriptor: number, path: ByteString): Uint8Array {
    if (this.#arena.length - this.#used < SMALLEST_PAGE) this.#newArena(ARENA);
    for (let length = 0; ;) {
      if (this.#used + length === this.#arena.length) this.#moveToLargerArena(length, path);
      const room = this.#arena.length - this.#used - length;
      const got = this.system.must(this.system.read(descriptor, this.#arena, this.#used + length, room), path);
      length += got;
      if (got === 0 || (got < SMALLEST_PAGE && got < room)) return this.#keep(length, path);
    }
  }

  #keep(length: number, path: ByteString): Uint8Array {
    if (length > MAX_PROPERTY) throw new Failure(path, `larger than ${MAX_PROPERTY} bytes`);
    this.#total += length;
    if (this.#total > this.rules.maxSize) throw new Failure(path, `the tree is larger than ${this.rules.maxSize} bytes`);
    const value = this.#arena.subarray(this.#used, this.#used + length);
    this.#used += length;
    return value;
  }

  #newArena(size: number): void {
    this.#arena = new Uint8Array(size);
    this.#used = 0;
  }

  /** The value under way has reached the arena's end: it goes on at the start of a new one. */
  #moveToLargerArena(length: number, path: ByteString): void {
    if (length > MAX_PROPERTY) throw new Failure(path, `larger than ${MAX_PROPERTY} bytes`);
    const begun = this.#arena.subarray(this.#used, this.#used + length);
    this.#newArena(Math.max(ARENA, Math.min(2 * length, MAX_PROPERTY + 1)));
    this.#arena.set(begun);
  }
}

function hasVanished(result: number): boolean {
  return result === -errno.ENOENT || result === -errno.ENOTDIR || result === -errno.ELOOP;
}

function changed(path: ByteString): Failure {
  return new Failure(path, "the tree changed while it was read");
}
