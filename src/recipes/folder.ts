// Writes files into a directory, a script among them: all of them or none. The script carries a seal, by which the next
// run knows that nobody has changed it since, and that the files are its own.

import { Failure, hex } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { errno } from "../sys/errno.ts";
import { CWD, INTERRUPTS, O_CREAT, O_EXCL, O_WRONLY, type System } from "../sys/system.ts";

export interface FolderFile {
  /** Without a slash or a blank. */
  readonly name: ByteString;
  readonly bytes: Uint8Array;
}

/** Bytes of a script that is read to see whose it is. */
const LONGEST_SCRIPT = 1024 * 1024;

const FILES = "# files:";
const SEAL = "# As long as this is its checksum, this script is replaced, and its files with it:";

/**
 * Makes the directory where there is none. What else is in it stays.
 * @param script executable; its text ends with a newline
 * @throws Failure where a name is taken by what is not of ours, or the script was changed; nothing is written then
 */
export function writeFolder(
  system: System,
  folder: ByteString,
  files: readonly FolderFile[],
  script: { readonly name: ByteString; readonly text: ByteString },
): void {
  system.uninterrupted(() => new FolderWriter(system, folder).write(files, script));
}

/** The script with the names of its files and its seal. */
export function sealScript(text: ByteString, names: readonly ByteString[]): ByteString {
  const whole = `${text}${FILES} ${names.join(" ")}\n`;
  return `${whole}${SEAL} ${checksum(whole)}\n`;
}

class FolderWriter {
  /** To be removed where writing fails. */
  readonly #made: ByteString[] = [];

  constructor(
    readonly system: System,
    readonly folder: ByteString,
  ) {}

  write(files: readonly FolderFile[], script: { readonly name: ByteString; readonly text: ByteString }): void {
    const { system } = this;
    const names = files.map(({ name }) => name);
    const isThere = this.#findFolder();
    const old = isThere ? this.#ownFiles(script.name, names) : [];
    try {
      if (!isThere) {
        system.must(system.call("mkdirat", CWD, this.folder, 0o777), this.folder);
        this.#made.push(this.folder);
      }
      // An initrd, or a tree, may hold keys and passwords.
      for (const { name, bytes } of files) this.#writeBeside(name, bytes, 0o600);
      this.#writeBeside(script.name, system.bytes(sealScript(script.text, names)), 0o700);
      // From here on there is no script until all files are the new ones.
      if (old.length > 0) this.#remove(script.name);
      for (const name of [...names, script.name]) this.#moveInto(name);
    } catch (error) {
      for (const path of this.#made.reverse()) system.remove(path);
      throw error;
    }
    for (const name of old) if (!names.includes(name)) this.#remove(name);
  }

  #findFolder(): boolean {
    const status = this.system.statusOfFile(this.folder);
    if (typeof status === "number") return false;
    if (status.kind !== "directory") throw new Failure(this.folder, `is a ${status.kind}, not a directory`);
    return true;
  }

  /** The files of an earlier run. */
  #ownFiles(script: ByteString, names: readonly ByteString[]): readonly ByteString[] {
    const { system, folder } = this;
    const path = `${folder}/${script}`;
    // What cannot be looked at may be another's file.
    const isThere = (name: ByteString) => system.statusOf(CWD, `${folder}/${name}`) !== -errno.ENOENT;
    const own = isThere(script) ? ownFilesIn(system.text(system.mustReadFile(path, LONGEST_SCRIPT))) : [];
    if (own === undefined) {
      throw new Failure(path, "has been changed, or is not from here: remove it, or name another directory");
    }
    const taken = names.find((name) => !own.includes(name) && isThere(name));
    if (taken !== undefined) throw new Failure(`${folder}/${taken}`, "is there already, and not from here");
    return own;
  }

  #besides(name: ByteString): ByteString {
    return `${this.folder}/${name}.${this.system.call("getpid")}`;
  }

  #writeBeside(name: ByteString, bytes: Uint8Array, mode: number): void {
    const { system, folder } = this;
    if (system.pending(INTERRUPTS) !== undefined) throw new Failure(folder, "interrupted");
    const path = this.#besides(name);
    const descriptor = system.must(system.open(CWD, path, O_WRONLY | O_CREAT | O_EXCL, mode), path);
    this.#made.push(path);
    system.writeFile(descriptor, bytes, `${folder}/${name}`);
  }

  #moveInto(name: ByteString): void {
    const path = `${this.folder}/${name}`;
    this.system.must(this.system.call("renameat2", CWD, this.#besides(name), CWD, path, 0), path);
    this.#made.push(path);
  }

  #remove(name: ByteString): void {
    this.system.remove(`${this.folder}/${name}`);
  }
}

/** The files of a script that is as it was written; undefined for every other text. */
function ownFilesIn(text: ByteString): ByteString[] | undefined {
  const lines = text.split("\n");
  const [files, seal, end] = lines.slice(-3);
  if (files === undefined || seal === undefined || end !== "" || !files.startsWith(`${FILES} `)) return undefined;
  const whole = `${lines.slice(0, -2).join("\n")}\n`;
  if (seal !== `${SEAL} ${checksum(whole)}`) return undefined;
  return files
    .slice(FILES.length + 1)
    .split(" ")
    .filter((name) => /^[^/]+$/.test(name));
}

/** FNV-1a, 32 bits: against a change by accident or by an editor, not against anybody who wants to hide one. */
function checksum(text: ByteString): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hex(hash >>> 0);
}
