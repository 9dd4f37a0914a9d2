// What npm test tells at its end of tests that failed: out of a report that Bun's own test runner makes.

import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { readTestReport, showFailure } from "../../scripts/test-report.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder({ lasts: "file" });

/** The report of a test file with this text. */
function reportOf(text: string) {
  const [file, report] = [folder.in("some.test.ts"), folder.in("report.xml")];
  writeFileSync(file, `import { beforeAll, describe, expect, test } from "bun:test";\n${text}`);
  Bun.spawnSync([process.execPath, "test", "--reporter=junit", `--reporter-outfile=${report}`, file]);
  return readTestReport(readFileSync(report, "utf8"));
}

test("each test that failed is told with its file, its groups and what it failed with", () => {
  const report = reportOf(`
describe("outer & <x>", () => {
  describe("inner", () => {
    test("says \\"no\\"", () => expect("a\\tb").toBe("<c>"));
    test("passes", () => expect(1).toBe(1));
  });
  test.skip("is left out", () => {});
});
test("is too slow", () => Bun.sleep(5000), 50);
describe("without its ground", () => {
  beforeAll(() => { throw new Error("no ground"); });
  test("never runs", () => {});
});`);
  expect(report?.total).toBe(5);
  expect(report?.skipped).toBe(1);
  const shown = report?.failures.map(showFailure).map((text) => text.replaceAll(/failed: \S*\//g, ""));
  expect(shown).toEqual([
    'some.test.ts: outer & <x> > inner > says "no"\n' +
      '    expect(received).toBe(expected)\n    Expected: "<c>"\n    Received: "a\tb"\n',
    "some.test.ts: is too slow\n    test timed out\n",
    "some.test.ts: without its ground > (unnamed)\n    no ground\n",
  ]);
});

test("where all tests pass, none is told", () => {
  expect(reportOf('test("passes", () => expect(1).toBe(1));')).toEqual({ total: 1, skipped: 0, failures: [] });
});

test("what is no report has no counts", () => {
  expect(readTestReport("")).toBeUndefined();
});
