// What an applet is, and how its table of options becomes both its parser and its help.

import minimist from "minimist";
import { hex, usage } from "./failure.ts";
import { parseNumber } from "./number.ts";
import type { ByteString } from "./sys/engine.ts";
import type { System } from "./sys/system.ts";

export interface Option {
  /** One character, without the dash. */
  readonly short?: string;
  /** Without the dashes. */
  readonly long: string;
  /** What the value is called in the help; an option without it is a switch. */
  readonly value?: string;
  /** May be given several times, and acts in its turn. */
  readonly inTurn?: true;
  readonly help: string;
}

export interface Applet {
  readonly name: string;
  /** One line, no full stop. */
  readonly summary: string;
  /** What stands behind the options, as in `[OPTION]... DIR`. */
  readonly operands: string;
  readonly options: readonly Option[];
  /** What the help says after the options, if anything. */
  readonly notes?: string | undefined;
  /** Returns the exit code; throws Failure. */
  run(system: System, args: readonly ByteString[]): number;
}

/** The applet of that name, which is loaded when more than its name is asked for. */
export function loadedLater(name: string, load: () => Applet): Applet {
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
    get notes() {
      return applet().notes;
    },
    run: (system, args) => applet().run(system, args),
  };
}

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

/** The arguments of an applet whose options stand in any order, each at most once but for those that act in their turn. */
export function parse(options: readonly Option[], args: readonly ByteString[]): Arguments {
  const { tokens, operands } = tokensOf(options, args);
  const parsed = minimist(
    tokens.map(({ token }) => token),
    minimistOptions(options, tokens),
  );
  const given = new Map<string, ByteString>();
  const isInTurn = ({ long }: Token) => options.some((option) => option.inTurn && option.long === long);
  for (const { long, value, inTurn } of options) {
    if (inTurn) continue;
    const found: unknown = parsed[long];
    if (Array.isArray(found)) throw usage(`--${long}`, "given twice");
    if (value !== undefined && found !== undefined) given.set(long, String(found));
    if (value === undefined && found === true) given.set(long, "");
  }
  return { given, operands, inTurn: directivesOf(options, tokens.filter(isInTurn)) };
}

/** The arguments of an applet without operands whose options act from left to right, as often as they are given. */
export function parseInOrder(options: readonly Option[], args: readonly ByteString[]): Directive[] {
  const { tokens, operands } = tokensOf(options, args);
  if (operands[0] !== undefined) throw usage(`'${operands[0]}'`, "not an option, and nothing else is expected");
  return directivesOf(options, tokens);
}

function directivesOf(options: readonly Option[], tokens: readonly Token[]): Directive[] {
  return tokens.map((each) => {
    const { token, long, place } = each;
    const found: unknown = minimist([token], minimistOptions(options, [each]))[long];
    return { long, place, value: typeof found === "string" ? found : "" };
  });
}

/**
 * Everything is a string: minimist would round numbers above 2^53. It is told of no more options than are given, since
 * it takes its time for each.
 */
function minimistOptions(options: readonly Option[], tokens: readonly Token[]): minimist.Opts {
  const given = options.filter((option) => tokens.some(({ long }) => long === option.long));
  return {
    string: given.flatMap(({ long, value }) => (value === undefined ? [] : [long])),
    boolean: given.flatMap(({ long, value }) => (value === undefined ? [long] : [])),
  };
}

interface Token {
  /** `--long` or `--long=value`. */
  readonly token: string;
  readonly long: string;
  readonly place: string;
}

interface Tokens {
  readonly tokens: Token[];
  readonly operands: ByteString[];
}

/** Brings -x VALUE, -xVALUE, -xy, --long VALUE and --long=VALUE into one form: a value may begin with a dash. */
function tokensOf(options: readonly Option[], args: readonly ByteString[]): Tokens {
  const tokens: Token[] = [];
  const operands: ByteString[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    const number = index + 1;
    if (arg === "--") {
      operands.push(...args.slice(index + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      operands.push(arg);
      continue;
    }
    for (const { name, attached } of namesIn(options, arg)) {
      const option = options.find(({ long, short }) => name === `--${long}` || name === `-${short}`);
      const place = `argument ${number} (${name})`;
      if (option === undefined) throw usage(place, "no such option");
      if (option.value === undefined) {
        if (attached !== undefined) throw usage(place, "takes no value");
        tokens.push({ token: `--${option.long}`, long: option.long, place });
        continue;
      }
      const value = attached ?? args[++index];
      if (value === undefined) throw usage(place, `needs ${option.value}`);
      tokens.push({ token: `--${option.long}=${value}`, long: option.long, place });
    }
  }
  return { tokens, operands };
}

/** `-es` → -e and -s; `-c0x100` → -c with its value; `--file=x` → --file with its value. */
function namesIn(options: readonly Option[], arg: string): { name: string; attached?: ByteString }[] {
  if (arg.startsWith("--")) {
    const equals = arg.indexOf("=");
    return equals < 0 ? [{ name: arg }] : [{ name: arg.slice(0, equals), attached: arg.slice(equals + 1) }];
  }
  const names: { name: string; attached?: ByteString }[] = [];
  for (let at = 1; at < arg.length; at++) {
    const name = `-${arg[at]}`;
    const takesValue = options.some(({ short, value }) => value !== undefined && name === `-${short}`);
    if (!takesValue) {
      names.push({ name });
      continue;
    }
    const rest = arg.slice(at + 1);
    names.push(rest === "" ? { name } : { name, attached: rest });
    break;
  }
  return names;
}

/** An address or a size. */
export function numberOf(place: string, text: string): bigint {
  const value = parseNumber(text);
  if (value === undefined || value >= 1n << 64n) {
    throw usage(place, `'${text}' is not a number below 2^64 (decimal, 0x hexadecimal or 0 octal)`);
  }
  return value;
}

/** Two numbers with one separator between, as in START,END; `form` is how the help writes it. */
export function pairOf(place: string, text: string, form: string): readonly [bigint, bigint] {
  const [first, second, ...more] = text.split(form.includes("=") ? "=" : ",");
  if (first === undefined || second === undefined || more.length > 0) throw usage(place, `'${text}' is not ${form}`);
  return [numberOf(place, first), numberOf(place, second)];
}

/** -b: where the `what` that an applet writes will lie. */
export function addressOf(text: ByteString | undefined, what: string, alignment: bigint): bigint {
  if (text === undefined) throw usage("-b", `missing: the address at which the ${what} will lie`);
  const address = numberOf("-b", text);
  if (address % alignment !== 0n) throw usage("-b", `${hex(address)} is not a multiple of ${alignment}`);
  return address;
}

/** What a serial console has. */
const CONSOLE_COLUMNS = 80;
/** Columns for options and their values. */
const WIDEST_OPTION = 30;

function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= columns) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** No line is wider than a console, as long as no operand or note is. */
export function help(applet: Applet): string {
  const left = applet.options.map(
    ({ short, long, value }) =>
      `  ${short === undefined ? "   " : `-${short},`} --${long}${value === undefined ? "" : ` ${value}`}`,
  );
  const width = Math.min(Math.max(...left.map((text) => text.length)) + 2, WIDEST_OPTION);
  const lines = applet.options.flatMap((option, row) => {
    const helped = wrapped(option.help, CONSOLE_COLUMNS - width).map((line) => " ".repeat(width) + line);
    // What is too wide to have its help beside it has it below.
    const own = left[row]!;
    return own.length > width - 2 ? [own, ...helped] : [own + helped[0]!.slice(own.length), ...helped.slice(1)];
  });
  return [
    `usage: ${applet.name}${applet.options.length === 0 ? "" : " [OPTION]..."} ${applet.operands}`.trimEnd(),
    "",
    applet.summary,
    ...(lines.length === 0 ? [] : ["", ...lines]),
    ...(applet.notes === undefined ? [] : ["", applet.notes.trim()]),
    "",
  ].join("\n");
}
