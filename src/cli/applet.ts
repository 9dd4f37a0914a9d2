// What an applet is: one command of the program.

import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";

export interface Option {
  /** One character, without the dash. */
  readonly short?: string;
  /** Without the dashes. */
  readonly long: string;
  /** What the value is called in the help; an option without it is a switch. */
  readonly value?: string;
  /** May be given several times, and acts in its turn. */
  readonly inTurn?: true;
  /** Other long names of it, without the dashes. */
  readonly also?: readonly string[];
  readonly help: string;
}

/** What an applet may know of the others. */
export interface Program {
  /** The names of all applets. */
  readonly names: readonly string[];
}

export interface Applet {
  readonly name: string;
  /** One line, no full stop. */
  readonly summary: string;
  /** What follows the options, as in `[OPTION]... DIR`. */
  readonly operands: string;
  readonly options: readonly Option[];
  /** Only its first argument can be an option: all others are words of the user's. */
  readonly takesWords?: true | undefined;
  /** What the help says after the options, if anything. */
  readonly notes?: string | undefined;
  /**
   * @param program what all applets are part of
   * @returns the exit code
   * @throws Failure
   */
  run(system: System, args: readonly ByteString[], program: Program): number;
}

/** An applet that is loaded when more than its name is asked for. */
export class LaterApplet implements Applet {
  #loaded: Applet | undefined;

  constructor(
    readonly name: string,
    readonly load: () => Applet,
  ) {}

  get #applet(): Applet {
    this.#loaded ??= this.load();
    return this.#loaded;
  }

  get summary() {
    return this.#applet.summary;
  }

  get operands() {
    return this.#applet.operands;
  }

  get options() {
    return this.#applet.options;
  }

  get takesWords() {
    return this.#applet.takesWords;
  }

  get notes() {
    return this.#applet.notes;
  }

  run(system: System, args: readonly ByteString[], program: Program): number {
    return this.#applet.run(system, args, program);
  }
}
