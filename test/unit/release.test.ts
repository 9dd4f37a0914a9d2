// What a release asks of CHANGELOG.md, and where it writes its version.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { hasSection, knownHoles, withVersion } from "../../scripts/release.ts";

const ROOT = join(import.meta.dir, "../..");

test("a version has a section if a title of the changelog names it with its date", () => {
  const changelog = "# Changes\n\n## Unreleased\n\n## 0.2.0, 2026-12-01\n\n## 0.1.0\n";
  expect(hasSection(changelog, "0.2.0")).toBe(true);
  expect(hasSection(changelog, "0.2")).toBe(false);
  expect(hasSection(changelog, "0.1.0")).toBe(false);
  expect(hasSection(changelog, "Unreleased")).toBe(false);
});

test("the version of this package alone is written into npm's files", () => {
  for (const [name, times] of [
    ["package.json", 1],
    ["package-lock.json", 2],
  ] as const) {
    const text = readFileSync(join(ROOT, name), "utf8");
    const { version, ...others } = JSON.parse(text);
    const { version: written, ...kept } = JSON.parse(withVersion(text, "7.8.9", times));
    expect(written).toBe("7.8.9");
    if (name === "package-lock.json") {
      expect(kept.packages[""].version).toBe("7.8.9");
      kept.packages[""].version = version;
    }
    expect(kept).toEqual(others);
  }
});

test("a release asks npm for known holes, and takes no answer for none", () => {
  const clean = { auditReportVersion: 2, vulnerabilities: {}, metadata: {} };
  expect(knownHoles(JSON.stringify(clean))).toEqual([]);
  const holes = { ...clean, vulnerabilities: { ajv: { severity: "high" }, bun: { severity: "low" } } };
  expect(knownHoles(JSON.stringify(holes))).toEqual(["ajv (high)", "bun (low)"]);
  const refused = JSON.stringify({ message: "405 Method Not Allowed", statusCode: 405 });
  expect(() => knownHoles(refused)).toThrow("npm audit: no answer; 405 Method Not Allowed");
  expect(() => knownHoles("")).toThrow("npm audit: no answer");
});
