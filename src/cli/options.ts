// An applet's command line, parsed by its table of options.

import minimist from "minimist";
import { usage } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import type { Option } from "./applet.ts";
import findNearest from "./nearest.ts";

export interface Arguments {
  /** By long name; an option that was not given is absent, a switch is "". */
  readonly given: ReadonlyMap<string, ByteString>;
  /** Options that act in their turn, in the order in which they were given. */
  readonly inTurn: readonly Directive[];
  readonly operands: readonly ByteString[];
}

/** One option as it was given. */
export interface Directive {
  readonly long: string;
  /** "" for a switch. */
  readonly value: ByteString;
  /** Which argument it was, for messages: `argument 3 (-f)`. */
  readonly place: string;
}

/**
 * The arguments of an applet whose options stand in any order, each at most once but for those that act in their turn.
 * @param listOthers further rows, asked for where a name is in none of `own`
 */
export function parse(
  own: readonly Option[],
  args: readonly ByteString[],
  listOthers?: () => readonly Option[],
): Arguments {
  const first = split(own, args);
  const isComplete = listOthers === undefined || first.words.every(({ option }) => option !== undefined);
  const options = isComplete ? own : [...own, ...listOthers()];
  const { words, operands } = isComplete ? first : split(options, args);
  const directives = readDirectives(options, words);
  const turns = new Set(options.filter(({ inTurn }) => inTurn).map(({ long }) => long));
  const given = new Map<string, ByteString>();
  for (const { long, value } of directives) {
    if (turns.has(long)) continue;
    if (given.has(long)) throw usage(`--${long}`, "given twice");
    given.set(long, value);
  }
  return { given, operands, inTurn: directives.filter(({ long }) => turns.has(long)) };
}

/** The arguments of an applet without operands whose options act from left to right, as often as they are given. */
export function parseInOrder(options: readonly Option[], args: readonly ByteString[]): Directive[] {
  const { words, operands } = split(options, args);
  const directives = readDirectives(options, words);
  if (operands[0] !== undefined) throw usage(`'${operands[0]}'`, "not an option, and nothing else is expected");
  return directives;
}

/**
 * minimist is given every option as `--long=value`, and every value as a string: it would round numbers above 2^53, and
 * take --no-X for the contrary of --X. It collects the values of each option in their order.
 */
function readDirectives(options: readonly Option[], words: readonly Word[]): Directive[] {
  const found = words.map((word) => readDirective(options, word));
  const parsed = minimist(
    found.map(({ long, value }) => `--${long}=${value}`),
    { string: found.map(({ long }) => long) },
  );
  const next = new Map<string, number>();
  return found.map(({ long, place }) => {
    const turn = next.get(long) ?? 0;
    next.set(long, turn + 1);
    const values: string | string[] = parsed[long];
    return { long, place, value: typeof values === "string" ? values : (values[turn] ?? "") };
  });
}

/** One option of a command line: as it stands there, and the row of the table that has its name. */
export interface Word {
  /** `-x` or `--long`. */
  readonly name: string;
  readonly place: string;
  /** Undefined where the table has no such option. */
  readonly option: Option | undefined;
  /** Undefined where none is attached and, for an option that takes one, no argument follows. */
  readonly value: ByteString | undefined;
}

/** The word as a directive. Throws Failure if it is in no table, or has a value too many or too few. */
function readDirective(options: readonly Option[], { name, place, option, value }: Word): Directive {
  if (option === undefined) {
    const meant = findNearest(
      name.replace(/^-+/, ""),
      options.map(({ long }) => long),
    );
    throw usage(place, `no such option: ${meant === undefined ? "--help lists them" : `did you mean --${meant}?`}`);
  }
  if (option.value === undefined && value !== undefined) throw usage(place, "takes no value");
  if (option.value !== undefined && value === undefined) throw usage(place, `needs ${option.value}`);
  return { long: option.long, place, value: value ?? "" };
}

/** Takes the arguments apart: -x VALUE, -xVALUE, -xy, --long VALUE, --long=VALUE and operands. A value may begin with a dash. */
export function split(
  options: readonly Option[],
  args: readonly ByteString[],
): { words: Word[]; operands: ByteString[] } {
  const words: Word[] = [];
  const operands: ByteString[] = [];
  const rest = args.entries();
  for (const [index, arg] of rest) {
    if (arg === "--") {
      for (const operand of args.slice(index + 1)) operands.push(operand);
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      operands.push(arg);
      continue;
    }
    for (const { name, option, attached } of splitNames(options, arg)) {
      const value = attached ?? (option?.value === undefined ? undefined : rest.next().value?.[1]);
      words.push({ name, place: `argument ${index + 1} (${name})`, option, value });
    }
  }
  return { words, operands };
}

interface Name extends Pick<Word, "name" | "option"> {
  readonly attached?: ByteString;
}

/** `-es` → -e and -s; `-c0x100` → -c with its value; `--file=x` → --file with its value. */
function splitNames(options: readonly Option[], arg: ByteString): Name[] {
  if (arg.startsWith("--")) {
    const equals = arg.indexOf("=");
    const name = equals < 0 ? arg : arg.slice(0, equals);
    const wanted = name.slice(2);
    const option = options.find(({ long, also }) => wanted === long || also?.includes(wanted));
    return [equals < 0 ? { name, option } : { name, option, attached: arg.slice(equals + 1) }];
  }
  const names: Name[] = [];
  for (let at = 1; at < arg.length; at++) {
    const letter = arg[at];
    const name = `-${letter}`;
    const option = options.find(({ short }) => short === letter);
    if (option?.value === undefined) names.push({ name, option });
    // What is behind one that there is not could be anything.
    if (option === undefined) break;
    if (option.value === undefined) continue;
    const rest = arg.slice(at + 1);
    names.push(rest === "" ? { name, option } : { name, option, attached: rest });
    break;
  }
  return names;
}
