// dtdiff: what makes one tree another, for people or as edits. Exits as diff does.

import type { Applet } from "../cli/applet.ts";
import { parse } from "../cli/options.ts";
import { differences, differenceText, patchText } from "../devicetree/diff.ts";
import { differencesInMeaning } from "../devicetree/diff-meaning.ts";
import { readTree } from "../devicetree/from/source.ts";
import { differingSecrets, emptySecrets } from "../devicetree/secrets.ts";
import { usage } from "../failure.ts";
import { noticeOn, parseReadRules, readOptions } from "../options/trees.ts";
import type { System } from "../sys/system.ts";

/** As POSIX has it for diff. */
const SAME = 0;
const DIFFERENT = 1;

const dtdiff: Applet = {
  name: "dtdiff",
  summary: "Compare two device trees",
  operands: "A B",
  options: [
    { short: "p", long: "patch", help: "Write the edits that turn A into B, for --from of dtedit and fs2dt." },
    {
      long: "phandles",
      help: "Compare phandles and references as numbers (default: by the nodes that they name). --patch does so always.",
    },
    ...readOptions,
  ],
  notes: `
A and B are each a directory, a blob of any version up to 17, or - for a blob
on standard input. The order of nodes and properties is ignored, and so is the
number by which one node refers to another, where the property's name tells that
it is one. Entries of the reserve map at one address, each as long as its blob,
are the blobs' own, and the same. Of long values the part that differs is shown.
The exit code is 0 if the trees are equal, 1 if they differ, 2 if something went
wrong.

  dtdiff --patch before.dtb after.dtb > edits
  dtedit --from edits before.dtb after-too.dtb
`,
  run: compare,
};

function compare(system: System, args: readonly string[]): number {
  const { given, operands } = parse(dtdiff.options, args);
  const [first, second, ...more] = operands;
  if (first === undefined || second === undefined || more.length > 0)
    throw usage("operands", `two trees are needed, ${operands.length} are given`);
  if (first === "-" && second === "-") throw usage("operands", "standard input can be read only once");
  const rules = parseReadRules(given, noticeOn(system, "dtdiff"));
  const all = { ...rules, secrets: true };
  const [before, after] = [readTree(system, first, all), readTree(system, second, all)];
  const hidden = rules.secrets ? [] : differingSecrets(before.root, after.root);
  if (!rules.secrets) for (const { root } of [before, after]) emptySecrets(root, () => {});
  for (const path of hidden) rules.notice(path, "differs (--secrets shows how)");
  const asNumbers = given.has("patch") || given.has("phandles");
  const { found, comments } = asNumbers ? { found: differences(before, after) } : differencesInMeaning(before, after);
  system.printParts((write) => (given.has("patch") ? patchText(write, found) : differenceText(write, found, comments)));
  return found.length === 0 && hidden.length === 0 ? SAME : DIFFERENT;
}

export default dtdiff;
