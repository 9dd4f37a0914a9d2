// Takes the host's cores from one virtual cpu of a guest: it runs where nobody else wants to (SCHED_IDLE).

import { randomInt } from "node:crypto";
import { Failure } from "../../src/failure.ts";
import type { LiveGuest } from "../live-guest.ts";
import { runTool } from "../tool.ts";

/** All the time, or for a while again and again: kernels give a cpu up that takes seconds to come (arm64: 5). */
export const STARVING = ["always", "pulses"] as const;

export interface Starving {
  /** The number of the virtual cpu. */
  readonly cpu: number;
  readonly how: (typeof STARVING)[number];
}

/** Of a pulse, and of the time between two: up to so many milliseconds. */
const LONGEST = 800;

/** @throws Failure where the guest has no such cpu, or ends while it is asked */
export async function starveWhile<T>(
  live: LiveGuest,
  starving: Starving | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (starving === undefined) return work();
  const thread = await threadOf(live, starving.cpu);
  if (starving.how === "always") {
    await runTool(["chrt", "--idle", "--pid", "0", thread]);
    return work();
  }
  let isOver = false;
  const pulses = pulse(thread, () => isOver || live.hasEnded);
  try {
    return await work();
  } finally {
    isOver = true;
    await pulses;
  }
}

async function pulse(thread: string, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    for (const policy of ["--idle", "--other"]) {
      try {
        await runTool(["chrt", policy, "--pid", "0", thread]);
      } catch (error) {
        // The guest has turned itself off since it was looked at.
        if (!isOver()) throw error;
      }
      await Bun.sleep(randomInt(LONGEST));
    }
  }
}

async function threadOf(live: LiveGuest, number: number): Promise<string> {
  const cpus = (await live.askMonitor("query-cpus-fast")) as readonly { "cpu-index": number; "thread-id": number }[];
  const thread = cpus.find((cpu) => cpu["cpu-index"] === number)?.["thread-id"];
  if (thread === undefined) throw new Failure(`cpu ${number}`, "the guest has none of that number");
  return `${thread}`;
}
