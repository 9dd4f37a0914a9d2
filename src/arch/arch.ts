// What a machine is to this program: its names, its stub, and what its device trees have to be changed in.

import type { DeviceTree, Node } from "../devicetree/tree.ts";
import type { Target } from "../kexec/stub.ts";
import type { ByteString, Machine } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";

export interface Arch extends Target {
  /** As folders, messages and `v2wrap --machine` spell it. */
  readonly name: string;
  /** What uname says on such machines. */
  readonly machines: readonly Machine[];
  /** Only of machines whose trees need it. */
  readonly handOver?: TreeHandOver;
}

/** What a device tree of this machine has to be changed in before another kernel gets it. */
export interface TreeHandOver {
  /** Names of properties whose nodes the reader marks with MARK.arch, for `recognize`. */
  readonly names: readonly ByteString[];
  /** Whether a tree is this machine's, by what only such a tree has. */
  recognize(root: Node): boolean;
  /** Drops what the running kernel was told for itself alone, sets seeds, reserves memory that hardware goes on using. */
  apply(system: System, tree: DeviceTree, notice: (place: ByteString, fact: string) => void): void;
}
