// The parts of the benchmark by name, on this machine and in a guest, and how each gets what it needs.

import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../src/failure.ts";
import { undoOnInterrupt } from "../interrupt.ts";
import { ensure } from "../setup.ts";
import { type Bench, enginesHere, type Findings } from "./bench.ts";
import { callsFindings } from "./calls.ts";
import { functionsFindings } from "./functions.ts";
import { type GuestBench, withGuestBench } from "./guest.ts";
import { guestBootFindings } from "./guest-boot.ts";
import { guestBytesFindings } from "./guest-bytes.ts";
import { guestJumpFindings } from "./guest-jump.ts";
import { guestCountFindings, guestLoadFindings } from "./guest-load.ts";
import { GUESTS, type GuestName, peerOf } from "./guests.ts";
import { loadFindings } from "./load.ts";
import { present } from "./present.ts";
import { withPrograms } from "./programs.ts";
import { sizesFindings } from "./sizes.ts";
import { startFindings } from "./start.ts";
import { treesFindings } from "./trees.ts";

type Parts<B> = Readonly<Record<string, (bench: B) => Promise<Findings>>>;

export const HOST_PARTS: Parts<Bench> = {
  trees: treesFindings,
  start: startFindings,
  load: loadFindings,
  calls: callsFindings,
  functions: functionsFindings,
  sizes: sizesFindings,
};

export const GUEST_PARTS: Parts<GuestBench> = {
  count: guestCountFindings,
  load: guestLoadFindings,
  jump: guestJumpFindings,
  boot: guestBootFindings,
  bytes: guestBytesFindings,
};

/** Files there are in memory: what is measured waits for no disk. */
const MEMORY = "/dev/shm";
/** Bytes of the largest tree, each of whose properties takes a page at least. */
const ROOM = 400_000_000;

/** An empty folder in memory for the time that `work` takes. */
async function inMemory<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const { bavail, bsize } = statfsSync(MEMORY);
  if (bavail * bsize < ROOM) throw new Failure(MEMORY, `${bavail * bsize} bytes are free; the trees need ${ROOM}`);
  const folder = mkdtempSync(join(MEMORY, "kexecbox-bench-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const forget = undoOnInterrupt(remove);
  try {
    return await work(folder);
  } finally {
    remove();
    forget();
  }
}

/** The findings of the parts named, one after the other. */
async function each<B>(
  parts: Parts<B>,
  names: readonly string[],
  run: (part: Parts<B>[string]) => Promise<Findings>,
): Promise<Findings[]> {
  const found: Findings[] = [];
  for (const name of names) found.push(await run(present(parts[name], `part ${name}`)));
  return found;
}

export type Tell = (detail: string) => void;

/** Those named, on this machine. */
export async function hostFindings(names: readonly string[], rounds: number, tell: Tell): Promise<Findings[]> {
  await ensure("bench");
  const engines = await enginesHere();
  return withPrograms((programs) =>
    each(HOST_PARTS, names, (part) => inMemory((folder) => part({ rounds, programs, engines, folder, tell }))),
  );
}

/** Those named, in guests of one machine. */
export async function guestFindings(
  guest: GuestName,
  names: readonly string[],
  rounds: number,
  tell: Tell,
): Promise<Findings[]> {
  const { target } = peerOf(guest);
  await ensure(`bench-${target}`, `engine-${target}`, `guest-${GUESTS[guest].machine}`);
  return withGuestBench(guest, rounds, tell, (bench) => each(GUEST_PARTS, names, (part) => part(bench)));
}
