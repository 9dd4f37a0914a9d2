// Counts the work of cases, in node, which tells what has run: blocks of the program's code, and what the engine's own
// functions look at. One line for each case.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { splitParts, unpackBelongings } from "../../test/fuzz/belongings.ts";
import { unpackCase } from "../../test/scale/case.ts";
import { type Program, runCase } from "../../test/scale/run.ts";
import { Coverage, countsOf } from "../fuzz/coverage.ts";
import { host } from "../fuzz/host.ts";
import { countedHost, countNatives, NativeWork } from "./natives.ts";

const [script = "", file = ""] = process.argv.slice(2);
const { href } = pathToFileURL(script);
const [packed = new Uint8Array(0), ...cases] = splitParts(new Uint8Array(readFileSync(file)));
const belongings = unpackBelongings(packed);
const coverage = new Coverage(href);
const program: Program = await import(href);
const natives = new NativeWork();
const counted = countedHost(host, natives);
countNatives(natives);

function count(bytes: Uint8Array): { end: number | string; count: number } {
  const given = unpackCase(bytes);
  coverage.take();
  natives.take();
  let end: number | string;
  natives.isOn = true;
  try {
    end = runCase(program, counted, belongings, given, natives.pause);
  } catch (error) {
    end = `${error}`;
  }
  natives.isOn = false;
  const counts = [...countsOf(coverage.take()).values(), ...natives.take().values()];
  return { end, count: counts.reduce((sum, count) => sum + count, 0) };
}

for (const bytes of cases) process.stdout.write(`${JSON.stringify(count(bytes))}\n`);
