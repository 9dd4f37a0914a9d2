// What mem= takes from a ppc64 kernel: memory that it does not map, its initrd included. Its tree it moves.
// Linux: arch/powerpc/kernel/prom.c (early_init_devtree), mm/memblock.c (memblock_enforce_memory_limit).

import { treeFromBlob } from "../../devicetree/from/blob.ts";
import { memoryOf } from "../../devicetree/memory.ts";
import { initrdOf } from "../../devicetree/reservations.ts";
import { textOf } from "../../devicetree/strings.ts";
import { child, property } from "../../devicetree/tree.ts";
import { hex, unlessFailure } from "../../failure.ts";
import { blame, type Finding } from "../../kexec/check.ts";
import { isOfMemory } from "../../kexec/confinement.ts";
import { bytesOf, type KexecImage } from "../../kexec/image.ts";
import { hasParameter, limitMemory } from "../../kexec/parameters.ts";
import { INITRD_ADVICE } from "../../kexec/stub-checks.ts";
import { type MemoryRange, mergeRanges, overlap, roundUp } from "../../range.ts";
import type { ByteString } from "../../sys/engine.ts";
import type { PlaceRule } from "../placement.ts";
import { LARGEST_PAGE } from "./run-at-load.ts";

/** Of what is kept for another kernel: where mem= ends below it, it is raised (arch/powerpc/kexec/core.c, kernel/fadump.c). */
const RAISES: readonly ByteString[] = ["crashkernel", "fadump"];

/**
 * The end of all memory that a kernel takes by this command line; undefined where mem= takes nothing, or is raised.
 * @param memory sorted and joined
 */
function findLimit(memory: readonly MemoryRange[], line: ByteString): bigint | undefined {
  if (RAISES.some((name) => hasParameter(line, name))) return undefined;
  const end = limitMemory(memory, line).at(-1)?.end;
  // The kernel rounds it up to its own pages.
  const limit = end === undefined ? undefined : roundUp(end, LARGEST_PAGE);
  return limit === undefined || !memory.some((range) => range.end > limit) ? undefined : limit;
}

/** For a kernel with this command line, as placement has it. */
export function limitRules(memory: readonly MemoryRange[], line: ByteString): PlaceRule[] {
  const end = findLimit(memory, line);
  if (end === undefined) return [];
  return [
    { of: ["initrd"], within: { start: 0n, end }, fact: `by mem= the next kernel maps nothing from ${hex(end)} on` },
  ];
}

/** The kernel reads its initrd by its own mapping, and dies. */
export function initrdBeyondLimit(image: KexecImage): Finding | undefined {
  const { handed } = image;
  if (handed?.target.argument !== "device tree blob") return undefined;
  const read = (wanted: (name: ByteString) => boolean) =>
    unlessFailure(() => treeFromBlob(bytesOf(handed), "", wanted).root);
  const root = read((name) => name === "chosen");
  const initrd = root && initrdOf(root);
  const line = textOf(property(root && child(root, "chosen"), "bootargs") ?? new Uint8Array(0));
  // Most have none, and the rest of the tree need not be read.
  if (initrd === undefined || !hasParameter(line, "mem")) return undefined;
  const whole = read(isOfMemory);
  const memory = whole && unlessFailure(() => mergeRanges(memoryOf(whole)));
  const end = memory && findLimit(memory, line);
  if (end === undefined || initrd.end <= end) return undefined;
  const holder = image.segments.find((segment) => overlap(segment, initrd)) ?? handed.segment;
  const fact = `by mem= the next kernel maps nothing from ${hex(end)} on, and its initrd would be lost`;
  return blame(image, holder, `${fact}: ${INITRD_ADVICE}`);
}
