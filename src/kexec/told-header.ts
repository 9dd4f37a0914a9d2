// The ELF core header that a crash kernel is told of: whether it is there, whole, and kept from the crash kernel's own use.
// Linux: kernel/crash_dump.c (setup_elfcorehdr), drivers/of/fdt.c (fdt_reserve_elfcorehdr), fs/proc/vmcore.c.

import { rangesIn } from "../devicetree/cells.ts";
import { treeFromBlob } from "../devicetree/from/blob.ts";
import { reservedMemory } from "../devicetree/kept-memory.ts";
import { memoryCells } from "../devicetree/memory.ts";
import { textOf } from "../devicetree/strings.ts";
import { child, property } from "../devicetree/tree.ts";
import { ET_CORE, PT_LOAD, readElfHeaders, sizeOfHeaders } from "../elf.ts";
import { Failure, hex, unlessFailure } from "../failure.ts";
import { contains, formatRange, intersectRanges, type MemoryRange, rangeOfSize, subtractRanges } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { blame, type Finding } from "./check.ts";
import { type ConfinementRules, isOfMemory } from "./confinement.ts";
import type { MachineFacts } from "./facts.ts";
import { bytesOf, type KexecImage } from "./image.ts";
import { parseSize, wordsOfLine } from "./parameters.ts";

export interface ToldHeader {
  readonly start: bigint;
  /** Where it says so, as messages name it. */
  readonly by: string;
  /** What the crash kernel takes for memory that it may use. */
  readonly allocatable: readonly MemoryRange[];
  /** The option that tells of it, and keeps its memory. */
  readonly option: string;
}

/** What a command line says of it. */
export interface HeaderParameter {
  readonly start: bigint;
  /** What is reserved with it; only where a kernel has a tree. */
  readonly size: bigint;
}

/** `elfcorehdr=[SIZE@]START`; the last one counts. undefined where there is none, or none that is understood. */
export function readHeaderParameter(line: ByteString): HeaderParameter | undefined {
  const value = wordsOfLine(line).findLast(({ name }) => name === "elfcorehdr")?.value;
  const first = value === undefined ? undefined : parseSize(value);
  if (first === undefined) return undefined;
  if (!first.rest.startsWith("@")) return { start: first.size, size: 0n };
  const second = parseSize(first.rest.slice(1));
  return second && { start: second.size, size: first.size };
}

/** Of a tree. */
export interface TreeTelling extends ConfinementRules {
  /** Whether the kernel reads linux,elfcorehdr; one that does not has its command line alone. */
  readonly readsHeaderProperty: boolean;
}

/** undefined where no tree is handed over, or where it tells of none, or cannot be read. */
export function readToldByTree(
  { handed }: KexecImage,
  facts: MachineFacts,
  rules: TreeTelling,
): ToldHeader | undefined {
  if (handed?.target.argument !== "device tree blob") return undefined;
  return unlessFailure(() => {
    const tree = treeFromBlob(bytesOf(handed), "", isOfMemory);
    const { root, reservations } = tree;
    const chosen = child(root, "chosen");
    const parameter = readHeaderParameter(textOf(property(chosen, "bootargs") ?? NONE));
    const value = rules.readsHeaderProperty ? property(chosen, "linux,elfcorehdr") : undefined;
    const [own] = rangesIn(value ?? NONE, memoryCells(root), 1);
    const start = parameter?.start ?? own?.start;
    if (start === undefined) return undefined;
    const reserved = [
      ...[...reservations, ...reservedMemory(root), ...(own === undefined ? [] : [own])],
      ...(parameter === undefined ? [] : [rangeOfSize(parameter.start, parameter.size)]),
    ];
    return {
      start,
      by: parameter === undefined ? "linux,elfcorehdr" : "elfcorehdr=",
      allocatable: subtractRanges(rules.memoryOf(root, facts), reserved),
      option: "fs2dt --elfcorehdr",
    };
  });
}

const NONE = new Uint8Array(0);

/** What a crash kernel that has no header will lack, for people. */
export function listLackingHeader(image: KexecImage, told: ToldHeader | undefined, option: string): string[] {
  if (!image.crash || image.handed === undefined || told !== undefined) return [];
  return [`the crash kernel will have no /proc/vmcore: nothing tells it of an ELF core header (elfcorehdr, ${option})`];
}

/** A header that the crash kernel would not find as it is, or would write over. */
export function findLostHeader(
  image: KexecImage,
  { elfMachine }: MachineFacts,
  told: ToldHeader | undefined,
): Finding | undefined {
  if (!image.crash || image.handed === undefined || told === undefined) return undefined;
  const { start, by, allocatable, option } = told;
  const holder = image.segments.find((segment) => contains(segment, rangeOfSize(start, 1n)));
  const place = `the ELF core header at ${hex(start)} (${by})`;
  if (holder === undefined) return blame(image, image.handed.segment, `${place} lies in no segment`);
  const wrong = (fact: string) => blame(image, holder, `${place} ${fact}`);
  // Else the running kernel does not know it (crash_handle_hotplug_event).
  if (image.flags !== undefined && image.flags !== 0 && holder.start !== start) {
    return wrong("does not begin its segment, as --hotplug wants it");
  }
  const bytes = holder.bytes.subarray(Number(start - holder.start));
  const elf = readHeader(bytes);
  if (typeof elf === "string") return wrong(`is none: ${elf}`);
  if (elf.type !== ET_CORE) return wrong("is none: an ELF file, but no core file");
  if (elf.machine !== elfMachine) return wrong(`is of machine ${elf.machine}, and this one is ${elfMachine}`);
  const copies = elf.headers
    .filter(({ type, offset, physical }) => type === PT_LOAD && offset !== physical)
    .map(({ offset, fileSize }) => rangeOfSize(offset, fileSize));
  const lost = copies.find((copy) => !image.segments.some((segment) => contains(segment, copy)));
  if (lost !== undefined)
    return wrong(
      `tells of a copy at ${formatRange(lost)}, which lies in no segment: was it made with -b ${hex(start)}?`,
    );
  const needed = [rangeOfSize(start, BigInt(sizeOfHeaders(elf.headers.length))), ...copies];
  const used = needed.flatMap((range) => intersectRanges(range, allocatable))[0];
  if (used === undefined) return undefined;
  return wrong(
    `is not kept: ${formatRange(used)} is memory that the crash kernel may use; ${option} ${hex(start)},${hex(holder.end - start)} keeps it`,
  );
}

function readHeader(bytes: Uint8Array): ReturnType<typeof readElfHeaders> | string {
  try {
    return readElfHeaders("", bytes, 64);
  } catch (error) {
    if (error instanceof Failure) return error.fact;
    throw error;
  }
}
