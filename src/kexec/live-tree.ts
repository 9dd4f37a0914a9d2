// The few things that loading asks of the running machine's own device tree, which it may not have.

import { oneOrTwoCells } from "../devicetree/cells.ts";
import { treeFromDirectory } from "../devicetree/from/directory.ts";
import { memoryCells, memoryRanges } from "../devicetree/memory.ts";
import type { Node, Property } from "../devicetree/tree.ts";
import { Failure } from "../failure.ts";
import type { MemoryRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";

const TREE = "/proc/device-tree";

/** The ranges of the root's memory nodes, in the order of the nodes; none where there is no tree, or it makes no sense. */
export function readMemoryRanges(system: System): MemoryRange[] {
  return unlessFailure(() => readMemoryNodes(system)) ?? [];
}

function readMemoryNodes(system: System): MemoryRange[] {
  const cells = ["#address-cells", "#size-cells"].flatMap((name): Property[] => {
    const value = system.readIfThere(`${TREE}/${name}`);
    return value === undefined ? [] : [{ name, value }];
  });
  const counts = memoryCells({ name: "", properties: cells, children: [] });
  return listChildren(system, "")
    .filter((name) => name === "memory" || name.startsWith("memory@"))
    .map((name) => readSubtree(system, name))
    .flatMap((node) => (node === undefined ? [] : memoryRanges(node, counts)));
}

/** What there is in the node of that path from the root, without a slash before it; nothing where there is no such node. */
export function listChildren(system: System, path: ByteString): ByteString[] {
  return (system.listIfThere(`${TREE}/${path}`) ?? []).map(({ name }) => name).sort();
}

/** The node of that path and what is below it; undefined where that cannot be read. */
export function readSubtree(system: System, path: ByteString): Node | undefined {
  const rules = { maxSize: 64 * 1024 * 1024, strict: false, secrets: false, notice: () => {} };
  return unlessFailure(() => treeFromDirectory(system, `${TREE}/${path}`, rules));
}

/** A number in /chosen, of one cell or two. */
export function readChosenNumber(system: System, name: ByteString): bigint | undefined {
  const value = system.readIfThere(`${TREE}/chosen/${name}`);
  return value && oneOrTwoCells(value);
}

/** A tree that makes no sense must not keep anybody from loading a kernel. */
function unlessFailure<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
