// The cache outside the clone: folders keyed by what they were made from, each there whole or not at all.

import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { Failure } from "../src/failure.ts";
import { undoOnInterrupt } from "./interrupt.ts";

/** The cache's folder: $XDG_CACHE_HOME/kexecbox, or ~/.cache/kexecbox. It may not exist yet. */
export function cacheFolder(): string {
  const base = process.env.XDG_CACHE_HOME;
  return join(base === undefined || base === "" ? join(homedir(), ".cache") : base, "kexecbox");
}

/** sha256 over `inputs`, each after its length, so that a byte moved to the next input changes the key. */
function keyOf(inputs: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const input of inputs) {
    hash.update(`${Buffer.byteLength(input)}:`).update(input);
  }
  return hash.digest("hex").slice(0, 32);
}

/** Field 22 of /proc/PID/stat: with the pid it names one process for good. Empty if there is none. */
function startTimeOf(pid: string): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

/** Processes in other pid namespaces (containers that share the cache) cannot be seen from here. */
function pidNamespace(): string {
  return readlinkSync("/proc/self/ns/pid").replace(/\D/g, "");
}

function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Removes the temporary folders of processes that no longer exist (killed, or lost with the power). */
function sweep(temporary: string): void {
  const namespace = pidNamespace();
  for (const name of existsSync(temporary) ? readdirSync(temporary) : []) {
    const [owner = "", pid = "", started = ""] = name.split("-");
    if (owner === namespace && startTimeOf(pid) !== started) removeFolder(join(temporary, name));
  }
}

/** Files here cost a tenth of what they cost on a disk. */
const MEMORY = "/dev/shm";

/**
 * A new, empty folder for the time `work` takes; it is removed afterwards, also on failure and on Ctrl-C.
 * @param on `disk`: inside the cache, on its file system, so that what was made in it can be renamed into place;
 *   `memory`: for many small files, on a disk only where the machine has no such place
 */
export async function inTemporaryFolder<T>(
  work: (folder: string) => Promise<T>,
  on: "disk" | "memory" = "disk",
): Promise<T> {
  const inMemory = on === "memory" && existsSync(MEMORY);
  const temporary = inMemory ? join(MEMORY, `kexecbox-${process.getuid?.() ?? 0}`) : join(cacheFolder(), "tmp");
  sweep(temporary);
  const owner = `${pidNamespace()}-${process.pid}-${startTimeOf(`${process.pid}`)}`;
  const folder = join(temporary, `${owner}-${randomBytes(6).toString("hex")}`);
  await mkdir(folder, { recursive: true });
  const forget = undoOnInterrupt(() => removeFolder(folder));
  try {
    return await work(folder);
  } finally {
    removeFolder(folder);
    forget();
  }
}

/** Where `makeOnce` keeps, or would keep, the entry made from these inputs. */
export function cacheEntry(kind: string, inputs: readonly (string | Uint8Array)[]): string {
  return join(cacheFolder(), kind, keyOf(inputs));
}

/** What waits until another process, of another container too, has let go of the entry; the kernel frees what the dead hold. */
async function lockEntry(kind: string, entry: string): Promise<() => Promise<unknown>> {
  const folder = join(cacheFolder(), "locks");
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${kind}-${basename(entry)}`);
  // It ends with its standard input, and so with this process.
  const holder = Bun.spawn(["flock", path, "sh", "-c", "echo; cat"], { stdin: "pipe", stdout: "pipe" });
  const { done } = await holder.stdout.getReader().read();
  if (done) throw new Failure(path, "cannot be locked");
  return () => {
    holder.stdin.end();
    return holder.exited;
  };
}

/**
 * The folder of a cache entry, made now if it is not there. Of two processes that want the same one the second waits.
 * @param kind a word for people who look into the cache; part of the key
 * @param inputs everything the result depends on
 * @param make fills the folder it is given; the folder becomes the entry only when `make` has returned
 */
export async function makeOnce(
  kind: string,
  inputs: readonly (string | Uint8Array)[],
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const entry = cacheEntry(kind, inputs);
  if (existsSync(entry)) return entry;
  const release = await lockEntry(kind, entry);
  try {
    if (!existsSync(entry)) await makeEntry(kind, entry, make);
  } finally {
    await release();
  }
  return entry;
}

async function makeEntry(kind: string, entry: string, make: (folder: string) => Promise<void>): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const made = join(folder, "made");
    await mkdir(made);
    await make(made);
    await mkdir(join(cacheFolder(), kind), { recursive: true });
    await rename(made, entry);
  });
}
