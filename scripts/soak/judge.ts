// What the console of a chain says of each of its kernels.

import { ONLINE, PRESENT } from "../boot/scene.ts";
import { BOOT_ID, MARK, SEEN } from "./chain.ts";

/** What init says of a line that failed: it turns the machine off then. */
const FAILED = /^init: .*/m;

export function hasFailed(text: string): boolean {
  return FAILED.test(text);
}

/** A guest of whose kernels one is missing. */
export interface Silence {
  readonly text: string;
  readonly hasEnded: boolean;
  /** The signal by which its emulator ended. */
  readonly killedBy: string | undefined;
}

/** One line. */
export function whyNothingCame({ text, hasEnded, killedBy }: Silence): string {
  const failed = FAILED.exec(text)?.[0];
  if (failed !== undefined) return failed;
  const last = text.split("\n").findLast((line) => line.startsWith("+ ")) ?? "the start";
  const what = hasEnded ? `the guest ended${killedBy === undefined ? "" : ` by ${killedBy}`}` : "nothing more came";
  return `${what} after ${last.slice(0, 40)}`;
}

/** The lines in which a kernel's init tells of it; undefined until all are there. */
export function toldBy(text: string, kernel: number): string[] | undefined {
  const lines = text.split("\n");
  const start = lines.indexOf(`${MARK}${kernel}`);
  const end = start < 0 ? -1 : lines.indexOf(SEEN, start);
  return end < 0 ? undefined : lines.slice(start, end);
}

/** Judges the kernels of one chain. */
export class Judge {
  readonly #ids = new Set<string>();

  constructor(readonly smp: number) {}

  /** undefined where nothing is wrong. @param told what its init says @param nonce what its command line has to have */
  wrongIn(told: readonly string[], nonce: string): string | undefined {
    const shown = (file: string): string => told[told.indexOf(`+ cat ${file}`) + 1] ?? "";
    const [id, online, present] = [shown(BOOT_ID), shown(ONLINE), shown(PRESENT)];
    const all = this.smp === 1 ? "0" : `0-${this.smp - 1}`;
    if (!shown("/proc/cmdline").includes(`kexecbox.nonce=${nonce} `)) return `its command line has no ${nonce}`;
    if (online !== all || present !== all) return `cpus ${online} of ${present} are online, ${all} expected`;
    if (this.#ids.has(id)) return `it has the boot id of another kernel, ${id}`;
    this.#ids.add(id);
    return undefined;
  }
}
