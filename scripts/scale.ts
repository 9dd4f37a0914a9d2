// npm run scale: how the work of each command grows with its input, for shapes of input that make programs slow.

import minimist from "minimist";
import { EXIT, usage } from "../src/failure.ts";
import { constantShapes, nameOf, type ScaleShape, scaleShapes } from "../test/scale/shapes.ts";
import { endWith } from "./command.ts";
import { growthOf, isSound, MOST_GROWTH } from "./scale/growth.ts";
import { measureSeconds } from "./scale/seconds.ts";
import { countWork } from "./scale/work.ts";

/** Of an input of a MiB. */
const MOST_SECONDS = 2;

const HELP = `usage: npm run scale -- [OPTION]... [TEXT]...

For each command, shapes of input that make programs slow: a machine of memory,
an input, another of twice the size, and one of twice that. Counted is what runs:
blocks of code, and what the engine's own functions look at. What the last step
adds may be ${MOST_GROWTH} times what the first one added: twice the input then takes
about 2.5 times the work. A shape whose work does not grow at all is one whose
input is refused, and wrong, but for those that are known for it. Each TEXT chooses the shapes whose names have it.

  --seconds    Run each shape once instead, with a MiB of input, in the small
               engine on x86-64, and take the seconds of a cpu, but for those
               of the pretended machine. More than ${MOST_SECONDS} are too many.

The exit code is 1 if one of them is wrong.
`;

function row(isGood: boolean, figure: string, shape: ScaleShape, end: number | string): void {
  const told = `${end}`.split("\n", 1)[0];
  process.stdout.write(`${isGood ? "  " : "! "}${figure.padStart(6)}  ${nameOf(shape)} (${told})\n`);
}

/** A program that threw has no exit code. */
function hasEnded(end: number | string): boolean {
  return typeof end === "number";
}

async function scale(words: readonly string[]): Promise<number> {
  const { _: texts, seconds } = minimist([...words], {
    boolean: ["seconds"],
    string: ["_"],
    unknown: (word) => {
      if (word.startsWith("-")) throw usage(word, "no such option");
      return true;
    },
  });
  const chosen = scaleShapes.filter((shape) => texts.every((text) => nameOf(shape).includes(text)));
  let wrong = 0;
  if (seconds === true) {
    await measureSeconds(chosen, ({ shape, seconds, end }) => {
      const isGood = hasEnded(end) && seconds <= MOST_SECONDS;
      row(isGood, seconds.toFixed(2), shape, end);
      if (!isGood) wrong++;
    });
  } else {
    for (const { shape, counts, end } of await countWork(chosen)) {
      const growth = growthOf(counts);
      const isGood = hasEnded(end) && isSound(growth, constantShapes.has(nameOf(shape)));
      row(isGood, growth?.toFixed(2) ?? "flat", shape, end);
      if (!isGood) wrong++;
    }
  }
  process.stdout.write(`${chosen.length} shapes, ${wrong} wrong\n`);
  return wrong === 0 ? EXIT.done : EXIT.input;
}

await endWith("scale", () => scale(process.argv.slice(2)), HELP);
