// How far a copy is, how fast, and how long it will take: a line on a terminal that is written over.

import { formatSize } from "../number.ts";
import { STDERR, type System } from "../sys/system.ts";
import type { Watcher } from "./copy.ts";

/** Milliseconds between two lines. */
const PAUSE = 500;

export class Progress implements Watcher {
  #what = "";
  #total = 0n;
  #done = 0n;
  #started = 0;
  #next = 0;
  #shown = 0;

  constructor(
    readonly system: System,
    readonly tool: string,
    /** Whether standard error is a terminal that has nothing else to show meanwhile. */
    readonly isShown: boolean,
  ) {}

  begin(what: string, total: bigint): void {
    this.#what = what;
    this.#total = total;
    this.#done = 0n;
    this.#started = this.system.now();
    this.#next = this.#started + PAUSE;
  }

  advance(length: number): void {
    this.#done += BigInt(length);
    if (!this.isShown) return;
    const now = this.system.now();
    if (now < this.#next) return;
    this.#next = now + PAUSE;
    this.#show(now - this.#started);
  }

  #show(milliseconds: number): void {
    const rate = Number(this.#done) / milliseconds;
    const left = Math.ceil(Number(this.#total - this.#done) / rate / 1000);
    const done = `${formatSize(this.#done)} of ${formatSize(this.#total)} ${this.#what}`;
    this.#write(`${this.tool}: ${done}, ${formatSize(BigInt(Math.round(rate * 1000)))}/s, ${left} s left`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown > 0) this.#write("");
  }

  #write(text: string): void {
    const { system } = this;
    const blank = " ".repeat(Math.max(this.#shown - text.length, 0));
    this.#shown = text.length;
    system.writeAll(STDERR, system.bytes(`\r${text}${blank}${text === "" ? "\r" : ""}`), "standard error");
  }
}
