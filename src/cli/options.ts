// An applet's command line, parsed by its table of options.

import minimist from "minimist";
import { usage } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import type { Option } from "./applet.ts";

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
