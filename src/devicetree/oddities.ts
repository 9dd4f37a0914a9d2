// Things a kernel accepts that are still worth a line, since they are seldom meant.

import type { ByteString } from "../sys/engine.ts";
import { baseName, property, visit, type Node } from "./tree.ts";

/** Devicetree Specification 0.4, 2.2.1 and 2.2.4. */
const MAX_NAME = 31;

/** Tells `notice` of every overlong name and every standard property whose length cannot be right. Nothing is changed. */
export function reportOddities(root: Node, notice: (place: ByteString, fact: string) => void): void {
  visit(root, {
    enter(node, path) {
      const prefix = path === "/" ? "" : path;
      const base = baseName(node.name);
      if (base.length > MAX_NAME) notice(path, `a node name of ${base.length} bytes, more than ${MAX_NAME}`);
      for (const { name } of node.properties) {
        if (name.length > MAX_NAME) notice(`${prefix}/${name}`, `a property name of ${name.length} bytes, more than ${MAX_NAME}`);
      }
      const parent = property(node, "interrupt-parent");
      if (parent !== undefined && parent.length !== 4) notice(`${prefix}/interrupt-parent`, `${parent.length} bytes, not 4`);
      const reg = property(node, "reg");
      if (reg !== undefined && reg.length % 4 !== 0) notice(`${prefix}/reg`, `${reg.length} bytes, not whole cells`);
    },
  });
}
