// Texts that the program reads: values of properties, and the scripts of init.

import { bytesText, writeValue } from "../../src/devicetree/value-text.ts";
import { parseValue, resolveValue } from "../../src/devicetree/values.ts";
import { type Continuation, continuationOf, parseScript } from "../../src/script/parse.ts";
import { describe, type Pipeline } from "../../src/script/pipeline.ts";
import { formatPipeline } from "../../src/script/quote.ts";
import { written } from "../support/written.ts";
import { hold, orRefusal, type Target, textOf } from "./target.ts";

const NAMES = [
  "x",
  "reg",
  "compatible",
  "bootargs",
  "#address-cells",
  "linux,initrd-start",
  "local-mac-address",
  "name",
];

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function unused(): never {
  throw new Error("a reference");
}

/** Both ways to write these bytes are read as these bytes. */
function holdValue(bytes: Uint8Array): void {
  for (const name of NAMES) {
    for (const text of [
      written((write) => writeValue(write, name, bytes)),
      written((write) => writeValue(write, name, bytes, 2, "memory@0")),
      bytesText(bytes),
    ]) {
      if (!/^[ -~]*$/.test(text)) throw new Error(`a value is not text: ${JSON.stringify(text)}`);
      const read = text === "" ? new Uint8Array(0) : resolveValue(parseValue(text, "value"), unused);
      hold(`${name}: ${text}`, hexOf(read), hexOf(bytes));
    }
  }
}

export const values: Target = {
  name: "values",
  holds:
    "a value is refused in one line, or its bytes are written as text that is read as these bytes; and so are all bytes",
  words: [
    '"',
    '"a\\n"',
    "<",
    ">",
    "[",
    "]",
    "&",
    "&{/a}",
    "&1",
    "/bits/ ",
    "8 <",
    "16 <",
    "64 <",
    "0x",
    "-",
    ", ",
    "\\x",
    "\\0",
  ],
  isText: true,
  // All bytes are written, and read again, in 24 ways.
  work: 1000,
  attempt(_, input) {
    holdValue(input);
    const found = orRefusal(() => ({ value: parseValue(textOf(input), "value") }));
    if (typeof found === "string") return found;
    const bytes = resolveValue(found.value, (reference) => ({ path: `/${reference}`, phandle: () => 0x01020304 }));
    holdValue(bytes);
    return hexOf(bytes);
  },
};

/** But for where it stands. */
function meaningOf(pipelines: readonly Pipeline[]): string {
  return JSON.stringify(pipelines.map(({ line: _, ...rest }) => rest));
}

/** As the prompt reads it: a line and those that continue it, one after the other. */
function typed(text: string): Pipeline[] {
  const found: Pipeline[] = [];
  let [held, broken]: [string, Continuation | undefined] = ["", undefined];
  for (const line of text.split("\n")) {
    held += line;
    broken = continuationOf(line, broken);
    if (broken !== undefined) {
      held += "\n";
      continue;
    }
    for (const pipeline of parseScript("script", held)) found.push(pipeline);
    held = "";
  }
  for (const pipeline of parseScript("script", held)) found.push(pipeline);
  return found;
}

export const scripts: Target = {
  name: "scripts",
  holds:
    "a script is refused at a line and a column, or its commands, written as one, are read as the same; typed line by line it is the same",
  words: ["|", "<", ">", ">>", "- ", "'", '"', "\\", "\\\n", "#", "\n", " ", "\t", "2>", "\\'", '\\"'],
  isText: true,
  work: 400,
  attempt(_, input) {
    const text = textOf(input);
    const found = orRefusal(() => ({ pipelines: parseScript("script", text) }));
    if (typeof found === "string") {
      if (!/^script:[0-9]+:[0-9]+: /.test(found)) throw new Error(`no place: ${found}`);
      return found;
    }
    const { pipelines } = found;
    hold("typed", meaningOf(typed(text)), meaningOf(pipelines));
    for (const pipeline of pipelines) {
      const { commands } = pipeline;
      // Lines for people begin with a program, and `-` is none.
      if (commands[0]?.[0] !== "-") {
        const again = parseScript("again", formatPipeline(commands));
        hold("written again", JSON.stringify(again.map((each) => each.commands)), JSON.stringify([commands]));
      }
      const line = describe(pipeline);
      if (!/^[ -~]*$/.test(line)) throw new Error("a description is not text");
      if (!line.includes("\\x")) hold("described", meaningOf(parseScript("again", line)), meaningOf([pipeline]));
    }
    return meaningOf(pipelines);
  },
};
