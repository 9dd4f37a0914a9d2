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

/** The applet of that name, which is loaded when more than its name is asked for. */
export function loadWhenAsked(name: string, load: () => Applet): Applet {
  let loaded: Applet | undefined;
  const applet = (): Applet => (loaded ??= load());
  return {
    name,
    get summary() {
      return applet().summary;
    },
    get operands() {
      return applet().operands;
    },
    get options() {
      return applet().options;
    },
    get takesWords() {
      return applet().takesWords;
    },
    get notes() {
      return applet().notes;
    },
    run: (system, args, program) => applet().run(system, args, program),
  };
}
