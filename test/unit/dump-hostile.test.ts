// vmcore-dmesg and vmcore over dumps that are damaged or made to harm: always a named error or what can be read, with bounded
// work and bounded memory. A small part of what test/support/hostile-dumps.ts can make.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { cutOff, listSeeds, type Seed, spoilAtRandom, spoilInfo, spoilNumbers } from "../support/hostile-dumps.ts";

const folder = temporaryFolder();
const seeds = listSeeds();

/** Of so many dumps one is tried. */
const EACH = 101;

/** More than whole dumps take: bytes that are read at once, calls, bytes that are printed. */
const MOST = { read: 0x2000000, calls: 4000, printed: 0x20000 };

function survive(bytes: Uint8Array, applet: string): void {
  const path = folder.in("vmcore");
  writeFileSync(path, bytes);
  // What is not a named error is thrown.
  const { code, out, err, engine } = runInside({}, applet, path);
  expect([0, 1]).toContain(code);
  if (code !== 0) expect(err).toStartWith(`${applet}: `);
  const reads = engine.asked("pread64").map(({ args }) => Number(args[2]));
  expect(Math.max(...reads)).toBeLessThanOrEqual(MOST.read);
  expect(engine.calls.length).toBeLessThan(MOST.calls);
  expect(engine.leftOpen).toEqual([]);
  expect(out.length + err.length).toBeLessThan(MOST.printed);
}

function* some(dumps: Generator<Uint8Array>, first: number): Generator<Uint8Array> {
  let index = first;
  for (const dump of dumps) if (index++ % EACH === 0) yield dump;
}

const named = seeds.map((seed, index): [string, Seed, number] => [seed.name, seed, index]);

describe.each(["vmcore-dmesg", "vmcore"])("%s survives", (applet) => {
  test.each(named)("each number of it at its extremes: %s", (_, seed, index) => {
    for (const dump of some(spoilNumbers(seed), index)) survive(dump, applet);
  });

  test.each(named)("each line of its VMCOREINFO changed: %s", (_, seed, index) => {
    for (const dump of some(spoilInfo(seed), index)) survive(dump, applet);
  });

  test.each(named)("to be cut off: %s", (_, seed, index) => {
    for (const dump of some(cutOff(seed), index)) survive(dump, applet);
  });

  test.each(named)("changes at random: %s", (_, seed, index) => {
    let state = index + 1;
    const random = (): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state / 2 ** 32;
    };
    for (let runs = 0; runs < 20; runs++) survive(spoilAtRandom(seed, random), applet);
  });
});
