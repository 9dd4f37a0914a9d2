// Things a kernel accepts that are still worth a line, since they are seldom intended.

import type { Notice } from "../../failure.ts";
import { MARK, type MarkRules, visitMarked } from "../marks.ts";
import { below } from "../names.ts";
import { type Node, property } from "../tree.ts";

/** Standard properties: what their length & mask has to be, and that in words. */
const LENGTHS = [
  { name: "interrupt-parent", mask: 0xffffffff, value: 4, expected: "4" },
  { name: "reg", mask: 3, value: 0, expected: "whole cells" },
] as const;

/** For readers: reportOddities() looks at nodes that are marked by these. */
export const oddityRules: MarkRules = {
  names: LENGTHS.map(({ name, mask, value }) => ({ name, mask, value, mark: MARK.oddity })),
};

/** Reports each standard property whose length cannot be right. Nothing is changed. */
export function reportOddities(root: Node, notice: Notice): void {
  visitMarked(root, MARK.oddity, (node, path) => {
    for (const { name, mask, value, expected } of LENGTHS) {
      const length = property(node, name)?.length;
      if (length !== undefined && (length & mask) !== value)
        notice(below(path, name), `${length} bytes, not ${expected}`);
    }
  });
}
