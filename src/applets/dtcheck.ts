// dtcheck: what is wrong with a tree, by a table of checks.

import { treeChecks } from "../arch/tree-checks.ts";
import type { Applet } from "../cli/applet.ts";
import { parse } from "../cli/options.ts";
import { findingsIn, findingText } from "../devicetree/check/checks.ts";
import { readTree } from "../devicetree/from/source.ts";
import { EXIT, escapeText, usage } from "../failure.ts";
import { noticeOn, parseReadRules, readOptions } from "../options/trees.ts";

const dtcheck: Applet = {
  name: "dtcheck",
  summary: "Check a device tree",
  operands: "SOURCE",
  options: [
    { short: "l", long: "list", help: "List the checks, with their reasons and sources." },
    { long: "skip", value: "CHECK[,CHECK]...", help: "Skip these checks." },
    ...readOptions,
  ],
  notes: `
SOURCE is a directory, a blob of any version up to 17, or - for a blob on
standard input. Each finding is a line on standard output. An error is
something that a kernel fails on or misreads. A warning is something that the
specification forbids, and that is seldom intended. The exit code is 1 if there
is an error.

  dtcheck /proc/device-tree
`,
  run(system, args) {
    const { given, operands } = parse(dtcheck.options, args);
    const skipped = new Set((given.get("skip") ?? "").split(",").filter((name) => name !== ""));
    for (const name of skipped)
      if (!treeChecks.some((check) => check.name === name)) throw usage("--skip", `no check is called '${name}'`);
    if (given.has("list")) {
      if (operands.length > 0) throw usage("--list", "is given no tree");
      system.print(
        treeChecks
          .map(({ name, severity, reason, source }) => `${name} (${severity}): ${reason}. ${source}\n`)
          .join(""),
      );
      return EXIT.done;
    }
    const [source, ...more] = operands;
    if (source === undefined || more.length > 0)
      throw usage("operands", `one tree is needed, ${operands.length} are given`);
    const rules = parseReadRules(given, noticeOn(system, "dtcheck"));
    const findings = findingsIn(readTree(system, source, rules), skipped, treeChecks);
    system.print(findings.map((finding) => `${escapeText(finding.place)}: ${findingText(finding)}\n`).join(""));
    return findings.some(({ check }) => check.severity === "error") ? EXIT.input : EXIT.done;
  },
};

export default dtcheck;
