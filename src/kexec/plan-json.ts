// A plan as JSON, for programs: docs/plan-json.md says what every member means.

import { type Failure, formatFailure, hex } from "../failure.ts";
import { asciiLine } from "../json.ts";
import type { MemoryRange, NamedRange } from "../range.ts";
import type { ByteString, Engine } from "../sys/engine.ts";
import { loadFlags } from "./calls.ts";
import type { NextUse } from "./check.ts";
import type { MachineFacts } from "./facts.ts";
import type { KexecImage, Segment } from "./image.ts";
import type { Secondaries } from "./stub.ts";

export interface TellablePlan {
  readonly image: KexecImage;
  readonly facts: MachineFacts;
  readonly uses: readonly NextUse[];
  /** What the stub was told; undefined where it waits for nobody. */
  readonly secondaries: Secondaries | undefined;
  /** Lines for people. */
  readonly unchecked: readonly string[];
  /** What the checks refuse; undefined where they find nothing, or are skipped. */
  readonly refusal: Failure | undefined;
  /** Lines of shell that load the same, where something else than this was typed. */
  readonly commands: readonly ByteString[];
}

/** One line. A digest is that of the bytes which the kernel would get, stored words and all. */
export default function planJson(engine: Engine, told: TellablePlan): string {
  const { image, facts, uses, secondaries, unchecked, refusal, commands } = told;
  const { segments, words, entry, arch, crash } = image;
  return asciiLine({
    elfMachine: facts.elfMachine,
    pageSize: hex(facts.pageSize),
    entry: entry === undefined ? null : hex(entry),
    arch: Number(arch),
    flags: hex(loadFlags(image.arch, image.crash, image.flags)),
    crash,
    segments: segments.map((segment) => ({
      ...jsonRange(segment),
      bufsz: hex(segment.bytes.length),
      memsz: hex(segment.end - segment.start),
      sha256: engine.sha256(segment.bytes),
      files: filesOf(segment),
    })),
    words: words.map(({ kind, segment, at, size, value, endian, reason }) => ({
      ...{ kind, segment: segments.indexOf(segment), at: hex(segment.start + BigInt(at)) },
      ...{ size, value: hex(value), endian, reason },
    })),
    uses: uses.map((use) => ({ ...jsonRange(use), segment: segments.indexOf(use.kernel), what: use.what })),
    secondaries: secondaries ?? null,
    memory: facts.memory.map(jsonRange),
    taken: facts.taken.map(jsonNamed),
    notRam: (facts.notRam ?? []).map(jsonNamed),
    runningKernel: jsonRangeIfThere(facts.runningKernel),
    crashkernel: jsonRangeIfThere(facts.crashkernel),
    crashkernelLow: jsonRangeIfThere(facts.crashkernelLow),
    keptInitrd: jsonRangeIfThere(facts.keptInitrd),
    unchecked,
    refusal: refusal === undefined ? null : formatFailure(refusal),
    commands,
  });
}

/** Of a segment without bytes none. */
function filesOf({ parts = [] }: Segment) {
  return parts.map(({ name, offset, end }, index) => {
    const size = end - (parts[index - 1]?.end ?? 0);
    return { name: name ?? null, offset: hex(offset), size: hex(size) };
  });
}

function jsonRange({ start, end }: MemoryRange) {
  return { start: hex(start), end: hex(end) };
}

function jsonNamed(range: NamedRange) {
  return { ...jsonRange(range), name: range.name };
}

function jsonRangeIfThere(range: MemoryRange | undefined) {
  return range === undefined ? null : jsonRange(range);
}
