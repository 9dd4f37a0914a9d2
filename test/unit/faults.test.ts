// What npm run faults takes for wrong, and which faults it does.

import { describe, expect, test } from "bun:test";
import { faultsFor, memoryFaultsFor, sampleOf } from "../../scripts/faults/faults.ts";
import type { Call, Fault } from "../../scripts/faults/injector.ts";
import { insideJobs, runJobsInside } from "../../scripts/faults/inside.ts";
import { judge, REFUSALS, type Reference, type Result } from "../../scripts/faults/judge.ts";
import { errno } from "../../src/sys/errno.ts";
import { SIGINT, SIGTERM } from "../../src/sys/system.ts";

const BEFORE = new Map([["out", "before"]]);

const GOOD: Result = {
  end: { kind: "exit", code: 0 },
  acts: ["load 2 segments"],
  isArmed: true,
  hit: "write",
  calls: [],
  out: Buffer.from("whole"),
  err: "",
  files: new Map([["out", "after"]]),
};

const REFERENCE: Reference = { good: GOOD, before: BEFORE, refusals: REFUSALS, unknown: undefined };

const REFUSED: Partial<Result> = {
  end: { kind: "exit", code: 1 },
  acts: [],
  isArmed: false,
  out: Buffer.alloc(0),
  err: "tool: out: EIO (input/output error)\n",
  files: BEFORE,
};

const WRITE: Call = { name: "write", args: [1, 0, 5], path: "", result: 5 };
const EIO: Fault = { at: 1, kind: "errno", value: errno.EIO };
const TERM: Fault = { at: 1, kind: "signal", value: SIGTERM };

function judged(ran: Partial<Result>, fault = EIO, reference = REFERENCE, call = WRITE) {
  return judge(reference, { ...GOOD, ...ran }, fault, call);
}

test("process 1 may wait for ever, and only it, where the machine is not turned off", () => {
  const reboot: Call = { name: "reboot", args: [0], path: "", result: 0 };
  const waiting: Partial<Result> = { ...REFUSED, hit: "reboot", end: { kind: "hangs" } };
  const first: Reference = { ...REFERENCE, isFirst: true };
  expect(judged(waiting, EIO, first, reboot).wrong).toEqual([]);
  expect(judged(waiting, EIO, REFERENCE, reboot).wrong).toEqual(["ends so"]);
  expect(judged({ ...waiting, hit: "write" }, EIO, first).wrong).toEqual(["ends so"]);
});

test("a file that is said to end early is another input, of which the findings are the reason", () => {
  const ends: Fault = { at: 1, kind: "short", value: 0 };
  const read: Call = { name: "read", args: [3, 0, 5], path: "", result: 5 };
  const found = { ...REFUSED, hit: "read", err: "", out: Buffer.from("tree: /: no memory [memory]\n") };
  expect(judged(found, ends, REFERENCE, read).wrong).toEqual([]);
  expect(judged({ ...found, out: Buffer.alloc(0) }, ends, REFERENCE, read).wrong).toEqual(["gives no reason"]);
  expect(judged(found, EIO, REFERENCE, read).wrong).toEqual(["gives no reason"]);
});

describe("borne is a fault after which", () => {
  test.each<[string, Partial<Result>, Fault, string]>([
    ["all is as without it", {}, EIO, "done"],
    ["the work is refused and nothing is changed", REFUSED, EIO, "refused"],
    ["the work is done, but its end could not be told", { ...REFUSED, files: GOOD.files }, EIO, "refused"],
    [
      "a load that cannot be undone is told",
      { ...REFUSED, isArmed: true, err: "a: b: c; it stays loaded\n" },
      EIO,
      "refused",
    ],
    ["it is said what could not be found out", { out: Buffer.from("less"), err: "tool: note\n" }, EIO, "said"],
    ["the signal ends it", { ...REFUSED, err: "", end: { kind: "signal", number: SIGTERM } }, TERM, "interrupted"],
    [
      "the signal is answered",
      { ...REFUSED, err: "", end: { kind: "exit", code: 128 + SIGTERM } },
      TERM,
      "interrupted",
    ],
  ])("%s", (_, ran, fault, outcome) => {
    expect(judged(ran, fault)).toEqual({ outcome, wrong: [] } as ReturnType<typeof judge>);
  });

  test("a file that ends early is read as one that is shorter", () => {
    const short: Fault = { at: 1, kind: "short", value: 0 };
    const read = { ...WRITE, name: "read" };
    expect(judged({ hit: "read", out: Buffer.from("less") }, short, REFERENCE, read).wrong).toEqual([]);
    expect(judged({ out: Buffer.from("less") }, short).wrong).toHaveLength(1);
  });

  test("it is said on standard output what could not be found out", () => {
    const reference = { ...REFERENCE, unknown: /not checked/g };
    expect(judged({ out: Buffer.from("memory is not checked") }, EIO, reference)).toEqual({
      outcome: "said",
      wrong: [],
    });
  });
});

describe("wrong is", () => {
  test.each<[string, Partial<Result>, Fault]>([
    ["a part with exit code 0", { out: Buffer.from("who") }, EIO],
    ["another load with exit code 0", { acts: ["load 1 segments"] }, EIO],
    ["another file with exit code 0", { files: new Map([["out", "part"]]) }, EIO],
    ["a temporary file with exit code 0", { files: new Map([...GOOD.files, ["out.7", ""]]) }, EIO],
    [
      "a temporary file that stays where the work is refused",
      { ...REFUSED, files: new Map([...BEFORE, ["out.7", ""]]) },
      EIO,
    ],
    ["half of what is written", { ...REFUSED, files: new Map([["out", "part"]]) }, EIO],
    ["a load that stays", { ...REFUSED, isArmed: true }, EIO],
    ["a load that stays after a signal", { ...REFUSED, isArmed: true, end: { kind: "signal", number: SIGTERM } }, TERM],
    ["silence", { ...REFUSED, err: "" }, EIO],
    ["a reason without a place", { ...REFUSED, err: "tool: failed\n" }, EIO],
    ["an exit code for the command line", { ...REFUSED, end: { kind: "exit", code: 2 } }, EIO],
    ["a fault of ours", { ...REFUSED, end: { kind: "exit", code: 70 } }, EIO],
    ["an internal error", { ...REFUSED, err: "kexecbox: internal error: x: y\n" }, EIO],
    ["a stack trace", { ...REFUSED, err: "tool: a: b\n    at f (file.ts:1:1)\n" }, EIO],
    ["bytes for the terminal", { ...REFUSED, err: "tool: a\x1b[2J: b\n" }, EIO],
    ["a death by a signal that nobody sent", { ...REFUSED, end: { kind: "signal", number: 11 } }, EIO],
    ["a death by another signal", { ...REFUSED, end: { kind: "signal", number: SIGINT } }, TERM],
    ["no end", { ...REFUSED, end: { kind: "hangs" } }, EIO],
  ])("%s", (_, ran, fault) => {
    expect(judged(ran, fault).wrong.length).toBeGreaterThan(0);
  });

  test.each(["close", "fsync"])(
    "a %s that fails and is not asked, of what was written, and of nothing else",
    (name) => {
      const last = { ...WRITE, name, args: [1, 0, 0] };
      const wrongOf = (written: number) => {
        const good = { ...GOOD, hit: name, calls: [{ ...WRITE, args: [written, 0, 5] }, last] };
        return judge({ ...REFERENCE, good }, good, { ...EIO, at: 2 }, last).wrong;
      };
      expect(wrongOf(1)).toHaveLength(1);
      expect(wrongOf(4)).toEqual([]);
    },
  );

  test("trouble of dtdiff's that looks like a difference", () => {
    const reference = { ...REFERENCE, refusals: [2] };
    expect(judged(REFUSED, EIO, reference).wrong).toHaveLength(1);
    expect(judged({ ...REFUSED, end: { kind: "exit", code: 2 } }, EIO, reference).wrong).toEqual([]);
  });
});

test("a run that does not come to the call has to be as without the fault", () => {
  expect(judged({ hit: undefined }).outcome).toBe("missed");
  expect(judged({ hit: "read" }).outcome).toBe("missed");
  expect(judged({ hit: undefined, out: Buffer.alloc(0) }).wrong).toHaveLength(1);
});

test("a reason that could not be said is missed in no run", () => {
  expect(judged({ ...REFUSED, err: "" }, EIO, REFERENCE, { ...WRITE, args: [2, 0, 5] }).wrong).toEqual([]);
});

describe("faults", () => {
  const calls: readonly Call[] = [
    { name: "mmap", args: [0, 4096, 3], path: "", result: 0 },
    { name: "read", args: [3, 0, 100], path: "", result: 7 },
    { name: "getpid", args: [0, 0, 0], path: "", result: 7 },
  ];

  test("are errors, short lengths and signals, by the call's number; not of an engine's memory", () => {
    const faults = faultsFor(calls);
    expect(faults.filter(({ at }) => at === 1)).toEqual([]);
    expect(faults.filter(({ at, kind }) => at === 2 && kind === "short").map(({ value }) => value)).toEqual([
      0, 1, 3, 6,
    ]);
    expect(faults).toContainEqual({ at: 2, kind: "errno", value: errno.EIO });
    expect(faults.filter(({ at }) => at === 3).map(({ kind, value }) => [kind, value])).toEqual(
      [1, 2, 3, 15, 13].map((signal) => ["signal", signal]),
    );
  });

  test("of memory are of one call, or of it and all after it", () => {
    expect(memoryFaultsFor(calls)).toEqual([
      { at: 1, kind: "errno", value: errno.ENOMEM },
      { at: 1, kind: "from", value: errno.ENOMEM },
    ]);
  });

  test("that are drawn are the same for a seed, in their order, and each once", () => {
    const faults = faultsFor(calls);
    const drawn = sampleOf(faults, 5, 7);
    expect(drawn).toEqual(sampleOf(faults, 5, 7));
    expect(drawn).not.toEqual(sampleOf(faults, 5, 8));
    expect(faults.filter((fault) => drawn.includes(fault))).toEqual(drawn);
    expect(sampleOf(faults, 100, 7)).toEqual(faults);
  });
});

test("what the kernel does not tell of a name is not taken for its absence", async () => {
  const asked = insideJobs.filter(({ line }) => /^kexec (-l|-S)/.test(line));
  const untold = (calls: readonly Call[]): Fault[] =>
    calls.flatMap(({ name }, index) => (name === "statx" ? [{ ...EIO, at: index + 1 }] : []));
  const wrong: string[] = [];
  const counts = await runJobsInside(asked, untold, (finding) => {
    if (finding.wrong.length > 0) wrong.push(`${finding.line}: ${finding.wrong}`);
  });
  expect(wrong).toEqual([]);
  expect(counts.wrong).toBe(0);
});
