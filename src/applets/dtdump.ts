// dtdump: a tree, or one node of it, as device tree source or as JSON.

import type { Applet } from "../cli/applet.ts";
import { parse } from "../cli/options.ts";
import { readTree } from "../devicetree/from/source.ts";
import { findNode } from "../devicetree/references.ts";
import { positionOf, surveyOf } from "../devicetree/survey.ts";
import { nodeJson, treeJson } from "../devicetree/to/json.ts";
import { coloured, nodeSource, plain, treeSource, unwritableNames } from "../devicetree/to/source-text.ts";
import { EXIT, usage } from "../failure.ts";
import { noticeOn, parseReadRules, readOptions } from "../options/trees.ts";
import { STDOUT } from "../sys/system.ts";

const dtdump: Applet = {
  name: "dtdump",
  summary: "Show a device tree as source text or JSON",
  operands: "SOURCE [NODE]",
  options: [
    {
      short: "a",
      long: "annotate",
      help: "Add comments that say what numbers mean: reg and ranges as ranges of addresses, phandles as paths, interrupts with their parent.",
    },
    { long: "json", help: "Write JSON in one line, for programs." },
    ...readOptions,
  ],
  notes: `
SOURCE is a directory, a blob of any version up to 17, or - for a blob on
standard input. NODE is /a/path, an alias, &label, &{/a/path} or &phandle.

A tree does not say of what type a property is. Known names decide, whatever
the value; all others are guessed: text if a person could have written it, else
cells, else bytes. dtc compiles the output to the same bytes again. Colours
appear on a terminal only.

  dtdump /proc/device-tree /chosen
`,
  run(system, args) {
    const { given, operands } = parse(dtdump.options, args);
    const [source, node, ...more] = operands;
    if (source === undefined || more.length > 0)
      throw usage("operands", `a source and perhaps a node are needed, ${operands.length} are given`);
    if (given.has("json") && given.has("annotate")) throw usage("--annotate", "does not go with --json");
    const notice = noticeOn(system, "dtdump");
    const tree = readTree(system, source, parseReadRules(given, notice));
    if (given.has("json")) {
      const top = node === undefined ? undefined : findNode(tree.root, node).node;
      system.printParts((write) => (top === undefined ? treeJson(write, tree) : nodeJson(write, top)));
      return EXIT.done;
    }
    const survey = surveyOf(tree);
    const style = { paint: system.isTerminal(STDOUT) ? coloured : plain, annotate: given.has("annotate") };
    if (node === undefined) {
      for (const name of unwritableNames(survey)) notice(name, "dtc cannot read this name");
      system.printParts((write) => treeSource(write, survey, style));
    } else {
      const position = positionOf(survey, findNode(tree.root, node).node);
      system.printParts((write) => nodeSource(write, survey, position, style));
    }
    return EXIT.done;
  },
};

export default dtdump;
