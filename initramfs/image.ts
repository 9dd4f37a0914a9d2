// What is in an initramfs of ours: the executable once, the names it is called by, a script, and added files.

import { cpio, type Entry, withParents } from "./cpio.ts";

export interface Contents {
  readonly executable: Uint8Array;
  /** Their names become links in /bin. */
  readonly applets: readonly string[];
  /** Becomes /init.script; without it init goes to its prompt. */
  readonly script?: Uint8Array;
  readonly files?: readonly AddedFile[];
}

export interface AddedFile {
  /** From the image's root, with or without a leading slash. */
  readonly path: string;
  readonly content: Uint8Array;
  readonly mode: 0o644 | 0o755;
}

/** Where init mounts, and room for what a script writes. */
const DIRECTORIES = ["dev", "proc", "sys", "tmp"];

/** The README's second example calls these two from the root. */
const AT_THE_ROOT = ["fs2dt", "loadem"];

/**
 * All that is in the image, in its order. Every file costs at least a page of the guest's memory, and a page may be
 * 64 KiB, so there is nothing in it without need.
 * @throws Failure naming the added file that has no place
 */
export function entries({ executable, applets, script, files = [] }: Contents): Entry[] {
  return withParents([
    ...DIRECTORIES.map((path): Entry => ({ kind: "directory", path })),
    // The kernel opens it for init before devtmpfs can be mounted.
    { kind: "character device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { kind: "character device", path: "dev/null", mode: 0o666, major: 1, minor: 3 },
    { kind: "file", path: "bin/kexecbox", content: executable, mode: 0o755 },
    { kind: "symlink", path: "init", target: "bin/kexecbox" },
    ...applets.map((name): Entry => ({ kind: "symlink", path: `bin/${name}`, target: "kexecbox" })),
    ...AT_THE_ROOT.map((name): Entry => ({ kind: "symlink", path: name, target: "bin/kexecbox" })),
    ...(script === undefined ? [] : [fileAt("init.script", script, 0o644)]),
    ...files.map(({ path, content, mode }) => fileAt(path.replace(/^\//, ""), content, mode)),
  ]);
}

/** The image as chunks of a cpio archive. Throws as `entries` does. */
export function image(contents: Contents): Uint8Array[] {
  return cpio(entries(contents));
}

/** One line for a person. */
export function shownEntry(entry: Entry): string {
  switch (entry.kind) {
    case "directory":
      return `${entry.path}/`;
    case "symlink":
      return `${entry.path} -> ${entry.target}`;
    case "character device":
      return `${entry.path}: character device ${entry.major}, ${entry.minor}`;
    case "file":
      return `${entry.path}: ${entry.content.length} bytes`;
  }
}

function fileAt(path: string, content: Uint8Array, mode: AddedFile["mode"]): Entry {
  return { kind: "file", path, content, mode };
}
