// vmcore-dmesg and vmcore over dumps that are damaged or made to harm: always a named error or what can be read, with bounded
// work and bounded memory. A small part of what test/support/hostile-dumps.ts can make.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { DumpMemory } from "../../src/dump/addresses.ts";
import { withCore } from "../../src/dump/core.ts";
import { readRing } from "../../src/dump/log-ring.ts";
import { readVmcoreInfo } from "../../src/dump/vmcoreinfo.ts";
import { System } from "../../src/sys/system.ts";
import { coreBytes } from "../support/core-file.ts";
import { AT, crashedParts } from "../support/crashed-kernel.ts";
import { fakeEngine, runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { cutOff, listSeeds, type Seed, spoilAtRandom, spoilInfo, spoilNumbers } from "../support/hostile-dumps.ts";
import { present } from "../support/present.ts";

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

describe("the work is bounded", () => {
  const records = Array.from({ length: 12 }, (_, index) => ({ time: 0n, text: `record ${index}` }));
  const parts = crashedParts({ form: "ring", little: true, records });

  /** How often memory is read for a ring that says to be as long as one can be, with its fields changed. */
  function readsOf(change: (view: DataView) => void): number {
    const bytes = parts.memory.bytes.slice();
    const view = new DataView(bytes.buffer);
    view.setUint32(AT.prb, 21, true);
    change(view);
    const path = folder.in("vmcore");
    writeFileSync(path, coreBytes({ ...parts, loads: parts.loads.map((load) => ({ ...load, bytes })) }));
    return withCore(new System(fakeEngine()), path, (core) => {
      const memory = new DumpMemory(core, present(readVmcoreInfo(core)));
      const read = memory.read.bind(memory);
      let reads = 0;
      memory.read = (address, length) => {
        reads++;
        return read(address, length);
      };
      for (const _ of readRing(memory));
      return reads;
    });
  }

  test.each<[string, (view: DataView) => void]>([
    ["where two million descriptors are nowhere", (view) => view.setBigUint64(AT.prb + 24, 1n, true)],
    ["where the ring's ends are far apart", (view) => view.setBigUint64(AT.prb + 32, -2_000_000n, true)],
  ])("%s", (_, change) => {
    expect(readsOf(change)).toBeLessThan(100_000);
  });
});

test("of a ring of bytes that is nowhere but for its start, little more is read", () => {
  const parts = crashedParts({ form: "bytes", little: true, records: [{ time: 0n, text: "a line" }] });
  const view = new DataView(parts.memory.bytes.buffer);
  // log_buf_len, log_end.
  view.setUint32(AT.variables + 8, 0x2000_0000, true);
  view.setUint32(AT.variables + 12, 0x1fff_ffff, true);
  const path = folder.in("vmcore");
  writeFileSync(path, coreBytes(parts));
  const { code, err, engine } = runInside({}, "vmcore-dmesg", path);
  expect([code, engine.calls.length < 500]).toEqual([1, true]);
  expect(err).toEndWith(": parts of the log that cannot be read: 64; the rest is left out\n");
});

test("what a dump says of itself reaches no terminal as it is", () => {
  const seed = present(seeds.find(({ kernel }) => kernel.form === "printk_log"));
  const text = Buffer.from(seed.bytes).toString("latin1");
  const path = folder.in("vmcore");
  // The line before it does not end.
  writeFileSync(path, Buffer.from(text.replace(/\n(OFFSET\(printk_log\.len\)=)/, "\x1b$1"), "latin1"));
  for (const applet of ["vmcore", "vmcore-dmesg"]) {
    const { err } = runInside({}, applet, path);
    expect(err).toMatch(/^vmcore(-dmesg)?: .*VMCOREINFO: .* is [0-9]+\\x1bOFFSET.*, which cannot be\n$/);
  }
});

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
