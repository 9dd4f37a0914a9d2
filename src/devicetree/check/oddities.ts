// Things a kernel accepts that are still worth a line, since they are seldom meant.

import type { ByteString } from "../../sys/engine.ts";
import { MARK, visitMarked } from "../marks.ts";
import { baseName, MAX_NAME } from "../names.ts";
import { type Node, property } from "../tree.ts";

/** Standard properties, and what their length & mask has to be. */
export const lengthRules = [
  { name: "interrupt-parent", mask: 0xffffffff, value: 4 },
  { name: "reg", mask: 3, value: 0 },
] as const;

/**
 * Tells `notice` of standard properties whose length cannot be right, each, and of overlong names, together: firmware
 * has some on every cpu. Nothing is changed.
 */
export function reportOddities(root: Node, notice: (place: ByteString, fact: string) => void): void {
  const overlong: ByteString[] = [];
  visitMarked(root, MARK.oddity, (node, path) => {
    const prefix = path === "/" ? "" : path;
    if (baseName(node.name).length > MAX_NAME) overlong.push(path);
    for (const { name } of node.properties) if (name.length > MAX_NAME) overlong.push(`${prefix}/${name}`);
    const parent = property(node, "interrupt-parent");
    if (parent !== undefined && parent.length !== 4)
      notice(`${prefix}/interrupt-parent`, `${parent.length} bytes, not 4`);
    const reg = property(node, "reg");
    if (reg !== undefined && reg.length % 4 !== 0) notice(`${prefix}/reg`, `${reg.length} bytes, not whole cells`);
  });
  const [first] = overlong;
  if (first === undefined) return;
  const more = overlong.length === 1 ? "" : `, one of ${overlong.length} such names`;
  notice(first, `the name is longer than ${MAX_NAME} bytes${more}`);
}
