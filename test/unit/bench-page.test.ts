// How the benchmark writes its results into the page.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GUEST_NAMES } from "../../scripts/bench/guests.ts";
import { withResult } from "../../scripts/bench/page.ts";
import type { Result } from "../../scripts/bench/result.ts";
import { row } from "../../scripts/bench/row.ts";

const origin = {
  commit: "0123456789ab",
  date: "",
  cpu: "a cpu",
  cpus: 2,
  memory: 0,
  kernel: "6.1",
  bun: "1",
  quickjs: "",
  peers: { dtc: "absent" },
};

function result(where: Result["where"], what: string): Result {
  return { where, origin, rounds: 3, rows: [row(what, "ms", [1])], samples: {} };
}

test("a run takes the place of the one before, and of nothing else", () => {
  const page = "# title\n<!-- host -->\n<!-- /host -->\nbetween\n<!-- ppc64le -->\nold\n<!-- /ppc64le -->\nend\n";
  const once = withResult(page, result("host", "first"));
  expect(once).toContain("2 × a cpu, Linux 6.1; Bun 1, dtc absent\n");
  expect(once).toContain("| first ");
  const twice = withResult(once, result("host", "second"));
  expect(twice).not.toContain("first");
  expect(twice.replace(/(<!-- host -->\n)[\s\S]*(<!-- \/host -->)/, "$1$2")).toBe(page);
  expect(withResult(page, result("ppc64le", "guest"))).not.toContain("old");
});

test("the page has a place for each", () => {
  const page = readFileSync(join(import.meta.dir, "../../docs/performance.md"), "utf8");
  for (const where of ["host", ...GUEST_NAMES] as const)
    expect(withResult(page, result(where, "some row"))).toContain("| some row ");
});

test("a page without that place is refused", () => {
  expect(() => withResult("# title\n", result("host", "x"))).toThrow("has no line <!-- host -->");
});
