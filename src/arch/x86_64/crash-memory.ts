// Whether an x86-64 crash kernel would stay in the memory that crashkernel= reserved: by its memory map, and by what its
// command line makes of that. Linux: arch/x86/kernel/e820.c (parse_memopt, parse_memmap_one); the kernel that chooses its
// own address looks at less of it, arch/x86/boot/compressed/kaslr.c.

import { textOf } from "../../devicetree/strings.ts";
import { hex } from "../../failure.ts";
import { blameWithAdvice, type Finding } from "../../kexec/check.ts";
import { outsideRegion } from "../../kexec/confinement.ts";
import type { MachineFacts } from "../../kexec/facts.ts";
import { addressOf, bytesOf, type Handed, type KexecImage } from "../../kexec/image.ts";
import { hasParameter, parseSize, wordsOfLine } from "../../kexec/parameters.ts";
import { readHeaderParameter, type ToldHeader } from "../../kexec/told-header.ts";
import { type MemoryRange, rangeOfSize, subtractRanges } from "../../range.ts";
import type { ByteString } from "../../sys/engine.ts";
import { readBootParams, readE820, readSetupData } from "./boot-params.ts";
import { LOW_END } from "./e820.ts";

const LOW: MemoryRange = { start: 0n, end: LOW_END };

const RAM = 1;

const END = 1n << 64n;

export function unconfinedMap(image: KexecImage, facts: MachineFacts): Finding | undefined {
  const { crashkernel, crashkernelLow } = facts;
  if (!image.crash || crashkernel === undefined) return undefined;
  if (image.handed?.target.argument !== "zero page") return undefined;
  const { segment } = image.handed;
  const told = readTold(image.handed);
  if (told === undefined) return undefined;
  const { line, map } = told;
  const outside = outsideRegion(facts, applyParameters(map, line, true), [LOW]);
  if (outside !== undefined) {
    const regions = crashkernelLow === undefined ? [crashkernel] : [crashkernelLow, crashkernel];
    const words = regions.map(({ start, end }) => `${hex(start)},${hex(end - start)}`).join();
    return blameWithAdvice(image, segment, `by its zero page ${outside}: zeropage --usable ${words} confines it`);
  }
  if (hasParameter(line, "nokaslr") || outsideRegion(facts, applyParameters(map, line, false), [LOW]) === undefined) {
    return undefined;
  }
  const fact = "its command line confines the crash kernel, but not before that has chosen an address for itself";
  return blameWithAdvice(image, segment, `${fact}: nokaslr in zeropage -B keeps it where it is loaded`);
}

/** What the zero page behind a stub says of memory: its map's RAM, and the command line. undefined where it is none. */
function readTold(handed: Handed): { line: ByteString; map: readonly MemoryRange[] } | undefined {
  const bytes = bytesOf(handed);
  const address = addressOf(handed);
  const params = readBootParams(bytes);
  if (params === undefined) return undefined;
  const line = textOf(bytes.subarray(Number(params.commandLine - address)));
  const map = readE820(bytes, readSetupData(bytes, address).list).filter(({ type }) => type === RAM);
  return { line, map };
}

/** Where a zero page says that the ELF core header is; undefined where it tells of none. */
export function readToldHeader({ crash, handed }: KexecImage): ToldHeader | undefined {
  if (!crash || handed?.target.argument !== "zero page") return undefined;
  const told = readTold(handed);
  const parameter = told && readHeaderParameter(told.line);
  if (told === undefined || parameter === undefined) return undefined;
  return {
    start: parameter.start,
    by: "elfcorehdr=",
    allocatable: applyParameters(told.map, told.line, true),
    option: "zeropage --elfcorehdr",
  };
}

/**
 * What of the map's memory the kernel takes.
 * @param all false for what counts where it chooses its own address: there nothing adds memory
 */
function applyParameters(map: readonly MemoryRange[], line: ByteString, all: boolean): readonly MemoryRange[] {
  let memory = map;
  for (const { name, value } of wordsOfLine(line)) {
    if (name === "mem") memory = limit(memory, value);
    if (name === "memmap") for (const part of value.split(",")) memory = applyMemmap(memory, part, all);
  }
  return memory;
}

/** `exactmap`, SIZE@START, SIZE#START and its like for what is no memory, or SIZE as mem= has it. */
function applyMemmap(memory: readonly MemoryRange[], part: ByteString, all: boolean): readonly MemoryRange[] {
  if (part.startsWith("exactmap")) return all ? [] : memory;
  const first = parseSize(part);
  if (first === undefined) return memory;
  const kind = first.rest.slice(0, 1);
  const start = parseSize(first.rest.slice(1))?.size;
  if (start === undefined) return kind === "" ? limit(memory, part) : memory;
  const range = rangeOfSize(start, first.size);
  if (kind === "@") return all ? [...memory, range] : memory;
  return "#$!".includes(kind) ? subtractRanges(memory, [range]) : memory;
}

function limit(memory: readonly MemoryRange[], value: ByteString): readonly MemoryRange[] {
  const size = parseSize(value)?.size;
  return size === undefined || size === 0n ? memory : subtractRanges(memory, [{ start: size, end: END }]);
}
