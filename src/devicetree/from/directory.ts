// A tree from a directory such as /proc/device-tree: a directory is a node, a file a property, nothing else belongs there.

import { Failure, type Notice } from "../../failure.ts";
import type { ByteString } from "../../sys/engine.ts";
import { errno } from "../../sys/errno.ts";
import { Gatherer, STOP } from "../../sys/gather.ts";
import { CWD, type Entry, type System } from "../../sys/system.ts";
import { TOKEN } from "../format.ts";
import { bitsOf, MARK, type MarkRules, NO_MARKS } from "../marks.ts";
import { withoutEnd } from "../names.ts";
import { NAME, type RecordNode, Records } from "../records.ts";
import { LEFT_EMPTY, SECRET } from "../secrets.ts";
import { MAX_DEPTH } from "../tree.ts";

/** The largest property we take. The largest known real one is an ibm,dynamic-memory of 480 KB. */
const MAX_PROPERTY = 16 * 1024 * 1024;
/** PATH_MAX. */
const MAX_PATH = 4096;

export interface ReadRules {
  /** Bytes of property values in the whole tree. */
  readonly maxSize: number;
  /** Whether a symbolic link in the tree is an error rather than passed over. */
  readonly strict: boolean;
  /** Whether security-* properties (firmware passwords) are copied rather than emptied. */
  readonly secrets: boolean;
  /** What nodes are marked for; nothing where it is absent. */
  readonly marks?: MarkRules;
  /** Told of what was passed over or emptied. */
  readonly notice: Notice;
}

/**
 * Reads the tree below `directory` (which may itself be a symbolic link), properties by name and children by unit address.
 * The tree is live: a node that loses an entry between listing and reading is read once more, then given up.
 * `opened` is what opening the directory gave: its descriptor, which is closed here, or -errno.
 */
export function treeFromDirectory(
  system: System,
  directory: ByteString,
  rules: ReadRules,
  opened = openDirectory(system, directory),
): RecordNode {
  return new DirectoryReader(system, rules, directory).read(opened);
}

/** Its descriptor, or -errno. */
export function openDirectory(system: System, directory: ByteString): number {
  return system.open(CWD, directory, system.abi.O_DIRECTORY);
}

/** What the engine hands over to be judged while it walks over the directories. */
class DirectoryReader {
  readonly #gatherer: Gatherer;
  readonly #root: ByteString;
  readonly #marks: MarkRules;

  constructor(
    readonly system: System,
    readonly rules: ReadRules,
    readonly directory: ByteString,
  ) {
    this.#root = withoutEnd(directory, "/");
    this.#marks = rules.marks ?? NO_MARKS;
    this.#gatherer = new Gatherer(system, {
      tags: { begin: TOKEN.beginNode, file: TOKEN.property, end: TOKEN.endNode },
      largest: MAX_PROPERTY,
      room: rules.maxSize,
      deepest: MAX_DEPTH,
      longest: MAX_PATH,
      ownName: NAME,
      empty: rules.secrets ? undefined : { prefix: SECRET, mark: MARK.emptied },
      rules: this.#marks.names,
    });
  }

  read(opened: number): RecordNode {
    this.system.must(opened, this.directory);
    try {
      this.system.must(this.#gatherer.begin(opened, this.#root), this.directory);
      while (this.#judge(this.system.must(this.#gatherer.walk(), this.directory)));
    } finally {
      this.#gatherer.close();
    }
    return new Records(this.#gatherer, (bytes) => this.system.text(bytes), bitsOf(this.#marks)).root;
  }

  /** Whether the walk goes on. */
  #judge(stop: number): boolean {
    const gatherer = this.#gatherer;
    switch (stop) {
      case STOP.done:
        return false;
      case STOP.others:
        gatherer.others.every((entry) => this.#judgeEntry(entry));
        return true;
      case STOP.emptied:
        this.#noticeEmptied();
        return true;
      case STOP.listing:
        // So says the kernel of a directory that was removed after it was opened.
        if (gatherer.error !== -errno.ENOENT) this.system.must(gatherer.error, this.#path());
        return this.#again(this.#path());
      case STOP.file:
        this.#noticeEmptied();
        return this.#judgeFailed(this.#path(gatherer.nextFile), gatherer.length);
      case STOP.opening:
        return this.#judgeFailed(this.#path(gatherer.nextDirectory), 0);
      case STOP.depth:
        throw new Failure(this.#path(gatherer.nextDirectory), `deeper than ${MAX_DEPTH} nodes`);
      default:
        throw new Failure(
          `${this.#path(gatherer.nextDirectory).slice(0, 60)}...`,
          `path longer than ${MAX_PATH} bytes`,
        );
    }
  }

  #path(...below: ByteString[]): ByteString {
    return [this.#root, ...this.#gatherer.path, ...below].join("/");
  }

  /** False when it is there no more, and so its directory is to be listed again. */
  #judgeEntry({ name, kind: listed }: Entry): boolean {
    const place = this.#path(name);
    const kind = listed === "unknown" ? this.#kindOf(name, place) : listed;
    if (kind === undefined) return !this.#again(place);
    if (kind === "directory") this.system.must(this.#gatherer.addDirectory(name), place);
    else if (kind === "file") this.system.must(this.#gatherer.addFile(name), place);
    else if (kind === "symlink" && !this.rules.strict) this.rules.notice(place, "symbolic link, not followed");
    else throw new Failure(place, `a ${kind} is neither a node nor a property`);
    return true;
  }

  /** For file systems that do not say it in the listing; undefined of what is there no more. */
  #kindOf(name: ByteString, place: ByteString): Entry["kind"] | undefined {
    const status = this.system.statusOf(this.#gatherer.descriptor, name);
    if (typeof status === "number" && hasVanished(status)) return undefined;
    return this.system.must(status, place).kind;
  }

  #noticeEmptied(): void {
    if (this.rules.secrets) return;
    for (const name of this.#gatherer.filesRead.filter((file) => file.startsWith(SECRET))) {
      this.rules.notice(this.#path(name), LEFT_EMPTY);
    }
  }

  /** Judges a file that could not be opened or read; `length` bytes of it were read. */
  #judgeFailed(place: ByteString, length: number): boolean {
    const { error } = this.#gatherer;
    if (hasVanished(error)) return this.#again(place);
    if (error !== -errno.EFBIG) this.system.must(error, place);
    if (length > MAX_PROPERTY) throw new Failure(place, `larger than ${MAX_PROPERTY} bytes`);
    throw new Failure(place, `the tree is larger than ${this.rules.maxSize} bytes`);
  }

  /** What was listed is there no more: its node is read once more. */
  #again(place: ByteString): boolean {
    if (!this.#gatherer.again()) throw new Failure(place, "the tree changed while it was read");
    return true;
  }
}

function hasVanished(result: number): boolean {
  // What was listed as a file may be a directory by now, or the other way about.
  return [errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP].some((gone) => result === -gone);
}
