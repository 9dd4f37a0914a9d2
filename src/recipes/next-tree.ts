// The device tree for the next kernel: read, hand over, edit, reserve, check, flatten.

import { reportCutBootargs } from "../arch/cut-bootargs.ts";
import { findHandOver, handOvers } from "../arch/hand-overs.ts";
import { refuseErrors } from "../arch/refuse-errors.ts";
import { settleLists } from "../devicetree/changing.ts";
import { oddityRules, reportOddities } from "../devicetree/check/oddities.ts";
import { type Edit, reserve } from "../devicetree/edit/edits.ts";
import { treeFromBlob } from "../devicetree/from/blob.ts";
import type { ReadRules } from "../devicetree/from/directory.ts";
import { readTree } from "../devicetree/from/source.ts";
import { MARK, type MarkRules, ruleForName } from "../devicetree/marks.ts";
import { reservationsAt } from "../devicetree/own-entry.ts";
import { initrdOf, reservationRules, reservationsOf } from "../devicetree/reservations.ts";
import { type BlobForm, blob } from "../devicetree/to/blob.ts";
import type { DeviceTree } from "../devicetree/tree.ts";
import { isLiveTree } from "../kexec/live-paths.ts";
import { keepsInitrd } from "../kexec/running-initrd.ts";
import { formatRange, type MemoryRange, sameRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import { isOwnTree, takeReserveMap } from "./reserve-map.ts";

export interface NextTreeRequest {
  /** A directory, a blob, or `-` for a blob on standard input. */
  readonly source: ByteString;
  /** The blob that `source` is then only the name of. */
  readonly bytes?: Uint8Array | undefined;
  /** `notice` gets all that does not end the work. The marks are set by this recipe. */
  readonly rules: ReadRules;
  /** In their order. */
  readonly edits: readonly Edit[];
  /** Where the blob will lie, a multiple of 8. */
  readonly address: bigint;
  /** Whether a tree is refused in which the checks find an error. */
  readonly check: boolean;
  readonly form: BlobForm;
}

export interface NextTree {
  readonly tree: DeviceTree;
  /** The tree as the blob that the kernel gets. */
  readonly bytes: Uint8Array;
}

/** What is asked of every tree here. */
export const nextTreeMarks: MarkRules = {
  names: [
    ...reservationRules,
    ...handOvers.flatMap(({ names }) => names).map((name) => ruleForName(name, MARK.arch)),
    ...oddityRules.names,
  ],
};

/** As it is, for makeNextTree(). @throws Failure where it cannot be read */
export function readNextTree(
  system: System,
  { source, bytes, rules }: Pick<NextTreeRequest, "source" | "bytes" | "rules">,
): DeviceTree {
  return bytes === undefined
    ? readTree(system, source, { ...rules, marks: nextTreeMarks })
    : treeFromBlob(bytes, source);
}

/** @throws Failure where the tree cannot be read, edited, checked or held by a blob */
export function makeNextTree(system: System, request: NextTreeRequest, tree = readNextTree(system, request)): NextTree {
  const { source, rules } = request;
  const { notice } = rules;
  const initrd = initrdOf(tree.root);
  const handOver = findHandOver(tree.root);
  if (handOver?.needsReserveMap) takeReserveMap(system, tree, source, notice);
  handOver?.apply?.(system, tree, () => isOwnTree(system, tree, source), notice);
  const dropUnasked = handOver?.dropUnasked?.(tree);
  for (const edit of request.edits) edit(tree);
  dropUnasked?.();
  settleLists();
  if (initrd !== undefined) noticeLostInitrd(system, tree, initrd, request);
  reserveFirmware(tree);
  reportOddities(tree.root, notice);
  if (request.check) refuseErrors(tree, notice);
  else reportCutBootargs(tree.root, notice);
  return { tree, bytes: placeNextTree(tree, request.address, request.form) };
}

/** The tree as a blob for this address. */
export function placeNextTree(tree: DeviceTree, address: bigint, form: BlobForm): Uint8Array {
  return blob(tree.root, { ...tree, address, reservations: reservationsAt(tree, address), ...form });
}

/**
 * What the tree says of an initrd is handed on, as in 2005: people load another one at its place, or had it kept. Of a
 * blob from elsewhere nobody knows which kernel's memory it tells of; loadem holds that against what it loads.
 * @param initrd where it was when the tree was read
 */
function noticeLostInitrd(system: System, tree: DeviceTree, initrd: MemoryRange, request: NextTreeRequest): void {
  const told = initrdOf(tree.root);
  if (tree.initrd === "replaced" || told === undefined || !sameRange(told, initrd)) return;
  if (keepsInitrd(system) || !isLiveTree(system, request.source)) return;
  const lost = `the initrd at ${formatRange(told)} is the running kernel's, whose memory has other things by now`;
  request.rules.notice("/chosen", `${lost} (no retain_initrd): -i gives another, --no-initrd none`);
}

/** Reserves what the tree's properties say is taken, unless the reserve map has it already. */
function reserveFirmware(tree: DeviceTree): void {
  const known = new Set(tree.reservations.map(formatRange));
  reserve(
    tree,
    reservationsOf(tree.root).filter((range) => !known.has(formatRange(range))),
  );
}
