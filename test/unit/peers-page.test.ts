// docs/kexec-tools.md's tables: how answers of programs become cells, and that the page tells of every use.

import { expect, test } from "bun:test";
import { machines } from "../../scripts/machines/machines.ts";
import { cellsInPage, formatTable } from "../../scripts/peers/page.ts";
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

test.each(machines.map(({ name }) => name))("the page has a row for every use on %s", async (machine) => {
  expect((await cellsInPage(machine)).map(([what]) => what)).toEqual(USES.map(({ what }) => what));
});
