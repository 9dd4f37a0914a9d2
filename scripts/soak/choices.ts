// What a person chooses of a soak: the command line of `npm run soak`, checked.

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { usage } from "../../src/failure.ts";
import { cacheFolder } from "../cache.ts";
import { machineOf, type Target, targets } from "../machines/machines.ts";
import { WAYS, type Way } from "./chain.ts";
import { STARVING, type Starving } from "./starve.ts";

export interface SoakChoices {
  /** Of all chains together. */
  readonly boots: number;
  /** What each chain goes through in turn. */
  readonly courses: readonly (readonly Target[])[];
  readonly smps: readonly number[];
  readonly starving: readonly ("never" | Starving["how"])[];
  readonly ways: readonly Way[];
  /** Boots in one chain, at most. */
  readonly length: number;
  /** Whether the kernels are the small ones, where there are any. */
  readonly small: boolean;
  /** Whether each boot is a panic and its crash kernel, and no chain. */
  readonly crash: boolean;
  /** Chains at one time. */
  readonly jobs: number;
  /** Processes that do nothing but keep a core busy. */
  readonly burners: number;
  /** Seconds that a kernel has to come up. */
  readonly timeout: number;
  readonly record: string;
  readonly resume: boolean;
}

const WHEN = ["never", ...STARVING] as const;

export const HELP = `usage: npm run soak -- [OPTION]...

Boot kernels from one another, again and again, on a machine that is busy.

A guest goes through a chain of kernels by itself: each init loads the next
kernel and jumps. Every kernel has to print the nonce of its own command line
and a boot id that no other had, with all cpus online; what the last one has as
its initramfs has to be what went in at the first. Each chain prints one line.

  --boots N          Boot so many kernels by kexec (default: 100).
  --target T[,T]...  Go through kernels and executables of these targets in turn
                     (default: ppc64le; ppc64; ppc64le,ppc64). May be repeated:
                     one chain after the other takes the next.
                     ${targets.join(", ")}.
  --smp N[,N]...     Give one chain after the other so many cpus (default: 4,8).
  --starved W[,W]... Let one virtual cpu have only what time nobody else wants
                     (SCHED_IDLE), in one chain after the other: never, always,
                     or in pulses of up to 800 ms (default: never,pulses).
                     Always is more than kernels bear: they give a cpu up that
                     takes seconds to come.
  --way W[,W]...     Load one kernel after the other by these (default:
                     kexec,pipeline): ${WAYS.join(", ")} (kexec -s).
  --chain N          Boot so many in one guest, at most (default: 25).
  --stock            Boot the distribution's kernel, not the small one. Of the
                     small ones only ppc64's can save a dump.
  --crash            Let each guest panic once, and its crash kernel save the
                     dump, as npm run boot -- --crash does. No chains.
  --jobs N           Have so many guests at one time (default: 1).
  --burners N        Keep so many of the host's cores busy (default: all).
  --timeout SECONDS  Count a kernel that takes longer as failed (default: 600).
  --record FILE      Write one line of JSON for each chain (default:
                     soak/record.jsonl in the cache).
  --resume           Go on from what the record has, up to N boots. A chain
                     that Ctrl-C ends is in it as far as it has come.

Of a guest that fails the console is kept, and the registers of all cpus, twice.
The exit code is 0 if all boots passed.
`;

/** undefined where only help was asked for. */
export function parseSoak(args: readonly string[]): SoakChoices | undefined {
  const values = parseWords(args);
  if (values.help) return undefined;
  const courses = (values.target ?? ["ppc64le", "ppc64", "ppc64le,ppc64"]).map(courseOf);
  const starving = values.starved.split(",").map(whenOf);
  if (values.crash && courses.some(({ length }) => length > 1) && values.target !== undefined) {
    throw usage("--target", "of --crash is one target: there are no chains");
  }
  return {
    boots: count("--boots", values.boots),
    courses: values.crash ? courses.filter(({ length }) => length === 1) : courses,
    smps: values.smp.split(",").map((text) => count("--smp", text)),
    starving: values.crash ? ["never"] : starving,
    ways: values.way.split(",").map(wayOf),
    length: values.crash ? 1 : count("--chain", values.chain),
    small: !values.stock,
    crash: values.crash,
    jobs: count("--jobs", values.jobs),
    burners: values.burners === undefined ? availableParallelism() : count("--burners", values.burners, 0),
    timeout: count("--timeout", values.timeout),
    record: values.record ?? join(cacheFolder(), "soak/record.jsonl"),
    resume: values.resume,
  };
}

function courseOf(text: string): readonly Target[] {
  const course = text.split(",").map((name) => {
    const target = targets.find((known) => known === name);
    if (target === undefined) throw usage("--target", `'${name}' is none of ${targets.join(" ")}`);
    return target;
  });
  const machines = new Set(course.map((target) => machineOf(target).name));
  if (machines.size > 1) throw usage("--target", `${text} are of ${machines.size} machines: a guest is of one`);
  return course;
}

function wayOf(text: string): Way {
  const way = WAYS.find((known) => known === text);
  if (way === undefined) throw usage("--way", `'${text}' is none of ${WAYS.join(" ")}`);
  return way;
}

function whenOf(text: string): (typeof WHEN)[number] {
  const when = WHEN.find((known) => known === text);
  if (when === undefined) throw usage("--starved", `'${text}' is none of ${WHEN.join(" ")}`);
  return when;
}

function parseWords(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        boots: { type: "string", default: "100" },
        target: { type: "string", multiple: true },
        smp: { type: "string", default: "4,8" },
        starved: { type: "string", default: "never,pulses" },
        way: { type: "string", default: "kexec,pipeline" },
        chain: { type: "string", default: "25" },
        stock: { type: "boolean", default: false },
        crash: { type: "boolean", default: false },
        jobs: { type: "string", default: "1" },
        burners: { type: "string" },
        timeout: { type: "string", default: "600" },
        record: { type: "string" },
        resume: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    throw usage("arguments", (error as Error).message.replace(/\. .*/s, ""));
  }
}

function count(option: string, text: string, least = 1): number {
  if (!/^[0-9]{1,6}$/.test(text) || Number(text) < least)
    throw usage(option, `'${text}' is not a number from ${least} on`);
  return Number(text);
}
