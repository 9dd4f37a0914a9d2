// Things a kernel accepts that are still worth a line, since they are seldom intended.

import type { Notice } from "../../failure.ts";
import type { ByteString } from "../../sys/engine.ts";
import { MARK, type MarkRules, visitMarked } from "../marks.ts";
import { below, MAX_NAME } from "../names.ts";
import { type Node, property } from "../tree.ts";
import { longNames } from "./check.ts";

/** Standard properties: what their length & mask has to be, and that in words. */
const LENGTHS = [
  { name: "interrupt-parent", mask: 0xffffffff, value: 4, expected: "4" },
  { name: "reg", mask: 3, value: 0, expected: "whole cells" },
] as const;

/** For readers: reportOddities() looks at nodes that are marked by these. */
export const oddityRules: MarkRules = {
  names: LENGTHS.map(({ name, mask, value }) => ({ name, mask, value, mark: MARK.oddity })),
  long: { length: MAX_NAME, mark: MARK.oddity },
};

/**
 * Reports each standard property whose length cannot be right, and all overlong names in one line: firmware has some on
 * every cpu. Nothing is changed.
 */
export function reportOddities(root: Node, notice: Notice): void {
  const long: ByteString[] = [];
  visitMarked(root, MARK.oddity, (node, path) => {
    for (const { place } of longNames(node, path)) long.push(place);
    for (const { name, mask, value, expected } of LENGTHS) {
      const length = property(node, name)?.length;
      if (length !== undefined && (length & mask) !== value)
        notice(below(path, name), `${length} bytes, not ${expected}`);
    }
  });
  const [first] = long;
  if (first === undefined) return;
  const more = long.length === 1 ? "" : `, one of ${long.length} such names`;
  notice(first, `the name is longer than ${MAX_NAME} bytes${more}`);
}
