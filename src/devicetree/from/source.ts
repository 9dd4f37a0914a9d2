// Where trees come from: a directory such as /proc/device-tree, a blob in a file, a blob on standard input.

import { Failure, usage } from "../../failure.ts";
import type { ByteString } from "../../sys/engine.ts";
import { errno } from "../../sys/errno.ts";
import { STDIN, type System } from "../../sys/system.ts";
import { emptySecrets } from "../secrets.ts";
import type { DeviceTree } from "../tree.ts";
import { treeFromBlob } from "./blob.ts";
import { openDirectory, type ReadRules, treeFromDirectory } from "./directory.ts";

/** Bytes of a blob that is read. Linux maps at most 2 MiB of one (arch/arm64/include/asm/boot.h MAX_FDT_SIZE). */
const LARGEST_BLOB = 64 * 1024 * 1024;

/** How a command line names standard input. */
const STANDARD_INPUT = "-";

/**
 * The tree of a directory, which has no reserve map, or of a blob; `-` is a blob on standard input.
 * @throws Failure where there is no tree, or it cannot be read
 */
export function readTree(system: System, source: ByteString, rules: ReadRules): DeviceTree {
  if (source === STANDARD_INPUT) {
    if (system.isTerminal(STDIN)) throw usage("standard input", "refusing to read a blob from a terminal");
    return keptFrom(treeFromBlob(system.mustReadAll(STDIN, LARGEST_BLOB, "standard input"), "standard input"), rules);
  }
  const directory = openDirectory(system, source);
  if (directory !== -errno.ENOTDIR) {
    const root = treeFromDirectory(system, source, rules, directory);
    if (root.isEmpty) throw new Failure(source, "not a device tree: neither a property nor a node is in it");
    return { root, reservations: [], address: undefined, bootCpu: 0 };
  }
  return keptFrom(treeFromBlob(system.mustReadFile(source, LARGEST_BLOB), source), rules);
}

/** Without secrets, unless they are asked for: /sys/firmware/fdt is a blob too. */
function keptFrom(tree: DeviceTree, { secrets, notice }: ReadRules): DeviceTree {
  if (!secrets) emptySecrets(tree.root, notice);
  return tree;
}
