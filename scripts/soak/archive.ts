// An initramfs that holds all parts that it is made of: joined again by cat in the guest, they make the next kernel's.

import { cpio, type Entry } from "../../initramfs/cpio.ts";
import type { AddedFile } from "../../initramfs/image.ts";

/** Paths in the guest, in the order in which they are joined. */
export type Order = (executable: string, turn: number) => string[];

const FOLDER = "parts";
/** All small files; what it does not hold is itself and the large ones. */
const BASE = `${FOLDER}/base`;
const TAIL = `${FOLDER}/tail`;

/** Where init mounts, and where a script writes. */
const DIRECTORIES = ["dev", "proc", "sys", "tmp"];

/**
 * The large files stand in the archive once. Before each goes its header, which is a small file of its own; so does the
 * archive of the small ones, which stands there twice: as what is unpacked, and as a file.
 *
 * `executable` is the path of what becomes init, and as many large files as `turn` says go from the front to the end.
 */
export class Parts {
  readonly #contents: ReadonlyMap<string, Uint8Array>;
  readonly order: Order;

  /** @param small gets the order, which is told before they are there: they may be scripts that join the parts */
  constructor(large: readonly AddedFile[], small: (order: Order) => readonly AddedFile[]) {
    this.order = (executable, turn) => [
      ...[initOf(executable), BASE],
      ...rotate(large, turn).flatMap(({ path, content }) => [headOf(path), path, ...padsOf(content)]),
      ...[headOf(BASE), BASE, TAIL],
    ];
    const inBase = new Map<string, Uint8Array>([[TAIL, Buffer.concat(cpio([]))]]);
    for (const { path, content, mode } of large) {
      inBase.set(headOf(path), headerOf({ kind: "file", path, content, mode }));
      if (mode === 0o755)
        inBase.set(initOf(path), Buffer.concat(cpio([{ kind: "symlink", path: "init", target: path }])));
      for (const pad of padsOf(content)) inBase.set(pad, new Uint8Array(padding(content)));
    }
    const baseWith = (head: Uint8Array): Uint8Array =>
      Buffer.concat(
        cpio([
          ...fixtures(),
          ...small(this.order).map((file): Entry => ({ kind: "file", ...file })),
          ...[...inBase, [headOf(BASE), head] as const].map(plainFile),
        ]),
      );
    // A header is as long whatever size it tells.
    const head = headerOf(plainFile([BASE, baseWith(headerOf(plainFile([BASE, new Uint8Array(1)])))]));
    const added = [[headOf(BASE), head] as const, [BASE, baseWith(head)] as const];
    const content = large.map(({ path, content }) => [path, content] as const);
    this.#contents = new Map([...inBase, ...added, ...content]);
  }

  /** What cat makes of them. */
  join(executable: string, turn: number): Uint8Array {
    return Buffer.concat(this.order(executable, turn).map((path) => this.#contents.get(path) ?? new Uint8Array(0)));
  }
}

function fixtures(): Entry[] {
  return [
    ...DIRECTORIES.map((path): Entry => ({ kind: "directory", path })),
    { kind: "character device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { kind: "character device", path: "dev/null", mode: 0o666, major: 1, minor: 3 },
  ];
}

function plainFile([path, content]: readonly [string, Uint8Array]): FileEntry {
  return { kind: "file", path, content, mode: 0o644 };
}

type FileEntry = Extract<Entry, { readonly kind: "file" }>;

/** What stands in an archive before a file's content. */
function headerOf(file: FileEntry): Uint8Array {
  const chunks = cpio([file]);
  return Buffer.concat(chunks.slice(0, chunks.indexOf(file.content)));
}

function headOf(path: string): string {
  return `${FOLDER}/head-${path.replaceAll("/", "-")}`;
}

/** A small archive of its own. */
function initOf(path: string): string {
  return `${FOLDER}/init-${path.replaceAll("/", "-")}`;
}

/** What follows a file. */
function padsOf(content: Uint8Array): string[] {
  return padding(content) === 0 ? [] : [`${FOLDER}/pad-${padding(content)}`];
}

function padding({ length }: Uint8Array): number {
  return -length & 3;
}

function rotate<T>(list: readonly T[], turn: number): T[] {
  const at = turn % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}
