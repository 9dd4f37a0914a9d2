// What a guest's console says happened: the steps of a boot as they come, and the verdict.

import type { ConsoleLine } from "../guest.ts";
import { ONLINE, PRESENT, SECOND_INIT } from "./scene.ts";

export interface Step {
  /** Since qemu was started. */
  readonly seconds: number;
  readonly what: string;
}

export interface Verdict {
  readonly passed: boolean;
  /** One line. */
  readonly reason: string;
}

/** What steers a terminal: ESC [, parameters, a letter. UEFI firmware leaves some at the start of the kernel's first line. */
export const TERMINAL_CODES = new RegExp(`${String.fromCharCode(0x1b)}\\[[0-9;=?]*[A-Za-z]`, "g");

/** What the first init's script jumps by. */
const JUMP = /^\+ (\S*loadem (-k|--reboot)( -v)?|echo c > \/proc\/sysrq-trigger|\/crash .*)$/;

/** How a kernel that is not quiet tells of its command line, long before it has come up. */
const ECHO = /(^|\] )(Kernel command line|Command line|Unknown kernel command line parameters)\b/;

/** A crash kernel's init reads the log of the crashed one, which has such a line. */
const CRASHED = "+ - vmcore-dmesg";

/** kexec does unless it is asked for less. */
const KEXEC = /^\+ (\S*\/)?kexec /;
const LESS = / (-[a-z]*[lpunS]|--(load|load-panic|unload|plan|status|diagnose|extract|extract-initrd|qemu|save))\b/;

/** Reads a console line by line. */
export class Timeline {
  #started = false;
  #jumped: boolean;
  #second = false;
  #nonceSeen = false;
  #ofCrashed = false;
  #segments = 0;
  #bytes = 0n;
  #awaited: "online" | "present" | undefined;
  #online: number | undefined;
  #present: number | undefined;
  #failure: string | undefined;

  /** @param direct whether no kernel comes before the second one */
  constructor(
    readonly nonce: string,
    readonly onStep: (step: Step) => void,
    readonly direct = false,
  ) {
    this.#jumped = direct;
  }

  read({ seconds, text: raw }: ConsoleLine): void {
    const text = raw.replace(TERMINAL_CODES, "");
    // It may be the jump too: firmware's last words have no line end, so that the first line can be behind them.
    if (!this.#started && !this.#jumped && text.startsWith("+ ")) {
      this.#started = true;
      this.onStep({ seconds, what: "first kernel's init" });
    }
    const step = this.#jumped ? this.#afterTheJump(text) : this.#beforeTheJump(text);
    if (step !== undefined) this.onStep({ seconds, what: step });
  }

  #beforeTheJump(text: string): string | undefined {
    if (text.startsWith("init: ")) this.#failure = text;
    if (/^(fs2dt: [0-9]+ nodes|zeropage: [0-9]+ memory ranges), /.test(text)) return text;
    const [, size] = /^(?:loadem|kexec): [0-9]+ +0x[0-9a-f]+ +0x[0-9a-f]+ +(0x[0-9a-f]+) /.exec(text) ?? [];
    if (size !== undefined) {
      this.#segments++;
      this.#bytes += BigInt(size);
    }
    const [, tool, entry] = /^(loadem|kexec): entry (0x[0-9a-f]+),/.exec(text) ?? [];
    if (entry !== undefined) return `${tool}: ${this.#segments} segments, ${this.#bytes} bytes, entry ${entry}`;
    if (!JUMP.test(text) && !(KEXEC.test(text) && !LESS.test(text))) return undefined;
    this.#jumped = true;
    return "the jump";
  }

  #afterTheJump(text: string): string | undefined {
    if (text === CRASHED) this.#ofCrashed = true;
    if (text.includes(this.nonce) && (this.#ofCrashed || !ECHO.test(text))) this.#nonceSeen = true;
    if (text.startsWith("payload: ") || text.startsWith("loadem: ")) return text;
    if (text === SECOND_INIT) this.#second = true;
    if (text.startsWith("init: ")) this.#failure = text;
    const value = this.#awaited;
    this.#awaited = text === `+ cat ${ONLINE}` ? "online" : text === `+ cat ${PRESENT}` ? "present" : undefined;
    if (value === "online") this.#online = cpusIn(text);
    if (value !== "present") return undefined;
    this.#present = cpusIn(text);
    return `${this.direct ? "the" : "second"} kernel's init, ${this.#online} of ${this.#present} cpus online`;
  }

  /** `end` tells a guest that hung from one that turned itself off. */
  verdict(end: "off" | "stopped" | "timeout"): Verdict {
    const fail = (reason: string): Verdict => ({ passed: false, reason });
    if (this.#failure !== undefined && !this.#nonceSeen) return fail(this.#failure);
    if (!this.#jumped) return fail(end === "timeout" ? "the first kernel did not get to the jump in time" : "no jump");
    if (!this.#nonceSeen) {
      return fail(`the second kernel ${end === "timeout" ? "did not print" : "ended without printing"} ${this.nonce}`);
    }
    if (this.#second && this.#present === undefined) {
      return fail(this.#failure ?? "the second kernel's init did not get to the end of its script");
    }
    if (this.#online !== this.#present) {
      return fail(`${this.#online} of ${this.#present} cpus are online in the second kernel`);
    }
    return { passed: true, reason: `the second kernel printed ${this.nonce}` };
  }
}

/** How many cpus a list like `0-3,6` names (Documentation/admin-guide/cputopology.rst). */
function cpusIn(list: string): number {
  return list.split(",").reduce((sum, part) => {
    const [first, last = first] = part.split("-");
    return sum + Number(last) - Number(first) + 1;
  }, 0);
}
