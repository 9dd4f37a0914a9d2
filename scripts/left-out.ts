// What the small engine does without: built-in functions of QuickJS that nothing here uses. When its entry in a table is
// gone, the compiler drops a function, and whatever that one alone called. Every entry also costs a start a thousand
// instructions.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../src/failure.ts";

/**
 * Unicode's properties, 24 KB; Atomics with 10 KB of threads; the length and the name that a function gets when it is made,
 * which nothing asks for, and which took longer than all else about making one; and what an error says of the calls that it
 * came through: of functions without names it says nothing, and a tenth of the instructions of a failing line of init were for it.
 */
const LINES = [
  { file: "libunicode.h", line: "#define CONFIG_ALL_UNICODE" },
  { file: "quickjs.c", line: "#define CONFIG_ATOMICS" },
  { file: "quickjs.c", line: "    js_function_set_properties(ctx, func_obj, name_atom, length);" },
  { file: "quickjs.c", line: "    js_function_set_properties(ctx, func_obj, name_atom," },
  { file: "quickjs.c", line: "                               b->defined_arg_count);" },
  { file: "quickjs.c", line: "    build_backtrace(ctx, obj, NULL, 0, 0, JS_BACKTRACE_FLAG_SKIP_FIRST_LEVEL);" },
  { file: "quickjs.c", line: "        build_backtrace(ctx, obj, NULL, 0, 0, 0);" },
  { file: "quickjs.c", line: "        build_backtrace(ctx, rt->current_exception, NULL, 0, 0, 0);" },
];

/** Globals and what they have, by QuickJS's tables. The compiler of bytecode refuses a program that names one. */
const OF_GLOBALS = {
  js_global_funcs: ["decodeURI", "decodeURIComponent", "encodeURI", "encodeURIComponent", "escape", "unescape"],
  js_json_funcs: ["parse"],
  js_map_funcs: ["groupBy"],
  js_math_funcs: [
    ...["acos", "asin", "atan", "atan2", "cos", "sin", "tan", "acosh", "asinh", "atanh", "cosh", "sinh", "tanh"],
    ...["cbrt", "exp", "expm1", "hypot", "log", "log10", "log1p"],
  ],
  js_object_funcs: [
    ...[
      "__getClass",
      "defineProperties",
      "freeze",
      "fromEntries",
      "getOwnPropertyDescriptors",
      "getOwnPropertySymbols",
    ],
    ...["groupBy", "isExtensible", "isFrozen", "isSealed", "preventExtensions", "seal"],
  ],
  js_promise_funcs: ["all", "allSettled", "any", "race", "withResolvers"],
  js_reflect_obj: ["Reflect"],
  js_string_funcs: ["fromCodePoint", "raw"],
};

/** Methods, of whatever has them. The compiler of bytecode refuses a program that calls a method of that name. */
const METHODS = [
  ...["__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__", "__quote", "anchor", "big"],
  ...[
    "blink",
    "bold",
    "codePointAt",
    "compile",
    "copyWithin",
    "finally",
    "fixed",
    "fontcolor",
    "fontsize",
    "isPrototypeOf",
  ],
  ...["isWellFormed", "italics", "link", "propertyIsEnumerable", "reduceRight", "search", "small", "strike", "sub"],
  ...["substr", "substring", "sup", "toLocaleLowerCase", "toLocaleString", "toLocaleUpperCase", "toPrecision"],
  ...["toSorted", "toWellFormed", "trimLeft", "trimRight", "with"],
];

/** What only such a method asks for. */
const OF_PROTOTYPES = { js_regexp_proto_funcs: ["[Symbol.search]"] };

/** Changes when anything here does. */
export const LEFT_OUT_KEY = JSON.stringify([LINES, OF_GLOBALS, METHODS, OF_PROTOTYPES]);

/** For C: METHODS as strings, a comma after each. */
export const LEFT_OUT_HEADER = `#define METHODS_LEFT_OUT ${METHODS.map((name) => `"${name}",`).join(" ")}\n`;

const TABLE_BEGINS = /^static const JSCFunctionListEntry (\w+)\[\] = \{$/;
const ENTRY = /^ {4}JS_\w+_DEF2?\("([^"]+)",/;

/** quickjs.c without those functions. */
function withoutFunctions(text: string): string {
  const named = new Map<string, readonly string[]>(Object.entries({ ...OF_GLOBALS, ...OF_PROTOTYPES }));
  const missing = new Set([...named.values(), METHODS].flat());
  let table = "";
  const isLeftOut = (line: string): boolean => {
    table = TABLE_BEGINS.exec(line)?.[1] ?? table;
    const name = ENTRY.exec(line)?.[1];
    if (name === undefined) return false;
    const isOne = named.get(table)?.includes(name) || (table.endsWith("_proto_funcs") && METHODS.includes(name));
    if (isOne) missing.delete(name);
    return isOne;
  };
  const lines = text.split("\n").filter((line) => !isLeftOut(line));
  const [unknown] = missing;
  if (unknown !== undefined) throw new Failure("quickjs.c", `has no ${unknown} to leave out`);
  return lines.join("\n");
}

async function change(path: string, how: (text: string) => string): Promise<void> {
  await writeFile(path, how(await readFile(path, "utf8")));
}

/** Takes all of it out of the sources of QuickJS in `folder`. */
export async function leaveOut(folder: string): Promise<void> {
  for (const { file, line } of LINES) {
    await change(join(folder, file), (text) => {
      const lines = text.split("\n");
      if (!lines.includes(line)) throw new Failure(file, `has no line ${line}`);
      return lines.filter((each) => each !== line).join("\n");
    });
  }
  await change(join(folder, "quickjs.c"), withoutFunctions);
}
