// The tables of docs/kexec-tools.md and docs/reliability.md: how answers of programs become cells, and that a page tells of all.

import { expect, test } from "bun:test";
import { HOSTILE } from "../../scripts/peers/hostile.ts";
import { formatHostile, PAGE } from "../../scripts/peers/hostile-page.ts";
import { cellsInPage, cellsOf, formatTable } from "../../scripts/peers/page.ts";
import { PEER_NAMES } from "../../scripts/peers/releases.ts";
import { USES } from "../../scripts/peers/uses.ts";

const answer = (code: number, lines: readonly string[], count = lines.length) => ({
  code,
  lines,
  count,
  loaded: code === 0,
});

test("an answer is its first lines, how many more there are, and the exit code; what differs from run to run is left out", () => {
  const failed = ["kexec_load failed: Operation not permitted", "entry       = 0x5141600 flags = 0x150000"];
  const helped = ["/stable/kexec: unrecognized option '--a|b'", "kexec-tools 2.0.29", "Usage: kexec"];
  const table = formatTable({
    machine: "ppc64",
    kernel: "6.12.1-1",
    programs: [
      { name: "kexecbox", answers: USES.map(() => answer(3, ["kexec: `x`: EPERM"])) },
      {
        name: "kexec-tools 2.0.29",
        answers: USES.map((_, row) => (row === 0 ? answer(1, helped, 68) : answer(255, failed, 20))),
      },
      { name: "kexec-tools 2.0.32", answers: USES.map(() => answer(255, failed, 20)) },
    ],
  });
  const lines = table.split("\n");
  expect(lines[0]).toBe("In a guest with Linux 6.12.1-1.");
  expect(lines[2]).toBe("| what | typed | kexecbox | kexec-tools 2.0.29 and 2.0.32 |");
  const theirs = "`kexec_load failed: Operation not permitted`<br>and 19 more lines<br>exit 255";
  expect(lines[4]).toBe(
    "| no kernel | `kexec -l` | `kexec: 'x': EPERM`<br>exit 3 | 2.0.29: `kexec: unrecognized option '--a\\|b'`<br>and 67 more lines<br>" +
      `exit 1<br>2.0.32: ${theirs} |`,
  );
  expect(lines[5]).toEndWith(` | ${theirs} |`);
  expect(lines).toHaveLength(4 + USES.length);
});

test.each(PEER_NAMES)("the page has a row for every use on %s", async (machine) => {
  expect((await cellsInPage(machine)).map(([what]) => what)).toEqual(USES.map(({ what }) => what));
});

test("a reader of a hostile input is told by what it said, how it ended, and what it took where that was much", () => {
  const cost = { kilobytes: 512_345, seconds: 61.4 };
  const readings = [
    { reader: "kexecbox", typed: "dtdump /in/1", answer: answer(1, ["dtdump: /in/1: at 0x4: bad"]) },
    { reader: "dtc", typed: "dtc -q /in/1", answer: answer(134, ["dtc: Assertion `a|b' failed.", "Aborted"]) },
    { reader: "fdtdump", typed: "fdtdump /in/1", answer: { ...answer(137, []), cost } },
  ] as const;
  const rows = HOSTILE.map((_, row) => (row === 0 ? readings : []));
  const table = formatHostile({ kernel: "6.12", versions: { dtc: "1.7.2", "kexec-tools": "2.0.29" }, rows });
  expect(table.split("\n")[2]).toBe("| input | kexecbox | dtc 1.7.2 | fdtdump 1.7.2 | kexec-tools 2.0.29 |");
  expect(cellsOf(table)[0]).toEqual([
    HOSTILE[0]?.what ?? "",
    "`dtdump: /in/1: at 0x4: bad`<br>dtdump: **exit 1**",
    "`dtc: Assertion 'a\\|b' failed.`<br>`Aborted`<br>dtc: **SIGABRT**",
    "fdtdump: **SIGKILL**: not done after 60 s<br>512 MB",
    "reads none",
  ]);
});

test("there are twelve hostile inputs, and each is read by kexecbox and by someone else", () => {
  expect(HOSTILE).toHaveLength(12);
  const others = HOSTILE.filter(({ typed }) => typed.kexecbox === undefined || Object.keys(typed).length < 2);
  expect(others).toEqual([]);
});

test("the page has a row for each hostile input", async () => {
  expect((await cellsInPage("hostile", PAGE)).map(([what]) => what)).toEqual(HOSTILE.map(({ what }) => what));
});
