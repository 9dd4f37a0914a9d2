// Runs a case on a machine of memory. Plain ES2023, so that every engine can run it.

import { type Abi, abis } from "../../src/sys/abi.ts";
import type { Argument } from "../../src/sys/engine.ts";
import type { System } from "../../src/sys/system.ts";
import { type Belongings, filesOf } from "../fuzz/belongings.ts";
import { type Host, MemoryMachine, type Most } from "../fuzz/machine.ts";
import type { Case } from "./case.ts";

/** The program, which may be of another script than this one, so that what it does can be told from what the machine does. */
export interface Program {
  readonly System: new (machine: MemoryMachine) => System;
  run(system: System, args: readonly string[]): number;
}

/** A million of everything, and the longest output of all. */
const MOST: Most = { calls: 5_000_000, memory: 2 ** 31, written: 2 ** 31 };

/** How process 1 ends. */
class Ended extends Error {}

class ScaleMachine extends MemoryMachine {
  readonly #calls: Abi["call"];
  readonly #pause: (work: () => number) => number;

  /** @param pause does what is no work of the program's */
  constructor(
    host: Host,
    belongings: Belongings,
    readonly given: Case,
    pause: (work: () => number) => number,
  ) {
    super({ host, ...given, files: new Map([...filesOf(belongings, given.machine), ...given.files]), most: MOST });
    this.#calls = abis[given.machine].call;
    this.#pause = pause;
  }

  override syscall(number: number, ...args: Argument[]): number {
    if (this.given.isFirst && number === this.#calls.getpid) return 1;
    if (this.given.isFirst && number === this.#calls.reboot) throw new Ended();
    return this.#pause(() => super.syscall(number, ...args));
  }

  /** More than memory would be long. */
  override get stderr(): string {
    return "";
  }
}

/**
 * The exit code.
 * @param belongings of the machines, over which the case has files of its own
 */
export function runCase(
  program: Program,
  host: Host,
  belongings: Belongings,
  given: Case,
  pause = (work: () => number) => work(),
): number {
  const system = new program.System(new ScaleMachine(host, belongings, given, pause));
  try {
    return program.run(system, ["kexecbox", ...given.words]);
  } catch (error) {
    if (error instanceof Ended) return 0;
    throw error;
  }
}
