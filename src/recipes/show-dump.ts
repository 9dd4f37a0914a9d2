// What a dump holds, for people and for programs: the machine, its kernel, why, when and where it crashed, its cpus, its memory.

import { DumpMemory } from "../dump/addresses.ts";
import { type CoreFile, withCore } from "../dump/core.ts";
import { type CrashedCpu, type CrashPlace, findCrashed, findPanic } from "../dump/panic.ts";
import { type Cpu, nameMachine, readCpus } from "../dump/registers.ts";
import { readVmcoreInfo, type VmcoreInfo } from "../dump/vmcoreinfo.ts";
import { escapeText, Failure, hex, type Notice } from "../failure.ts";
import { asciiLine } from "../json.ts";
import { drawMemory } from "../kexec/draw-text.ts";
import { mapsOfKernel } from "../kexec/kernel-maps.ts";
import { formatSize, largestOf } from "../number.ts";
import { contains, formatRange, hullOf, type MemoryRange, mergeRanges, rangeOfSize, sizeOfRanges } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";

/** Of a line. */
const COLUMNS = 80;

interface Summary {
  readonly machine: string;
  readonly release: ByteString | undefined;
  /** Seconds since 1970. */
  readonly time: number | undefined;
  readonly panic: ByteString | undefined;
  readonly crashed: CrashPlace | undefined;
  readonly cpus: readonly Cpu[];
  readonly memory: readonly MemoryRange[];
  readonly image: Image | undefined;
  /** Bytes that were cut off. */
  readonly missing: bigint;
}

/** The crashed kernel's code and data in memory. */
interface Image {
  readonly start: bigint;
  /** undefined where no program header is the kernel's own, as on ppc64, which has one address for all of its memory. */
  readonly end: bigint | undefined;
}

/**
 * Prints what the dump at `path` holds.
 * @param notice gets what cannot be told
 * @throws Failure where it is no dump
 */
export function showDump(system: System, path: ByteString, asJson: boolean, notice: Notice): void {
  const summary = withCore(system, path, (core) => summarize(core, notice));
  const { memory, image } = summary;
  const kernel = image?.end === undefined ? undefined : { start: image.start, end: image.end };
  system.print(asJson ? formatJson(summary) : formatText(summary) + drawMemory(system, memory, kernel));
}

function summarize(core: CoreFile, notice: Notice): Summary {
  const info = readVmcoreInfo(core);
  if (info === undefined) notice(core.path, "has no note VMCOREINFO: of its kernel nothing is known");
  const seconds = /^\d{1,10}$/.exec(info?.text("CRASHTIME") ?? "")?.[0];
  const panic = info && unlessTold(() => findPanic(core), notice);
  const memory = mergeRanges(core.loads.map(({ physical, memorySize }) => rangeOfSize(physical, memorySize)));
  return {
    machine: nameMachine(core),
    release: info?.text("OSRELEASE"),
    time: seconds === undefined ? undefined : Number(seconds),
    panic: panic?.line,
    crashed: panic?.at,
    cpus: readCpus(core),
    memory,
    image: info && findImage(core, info, memory),
    missing: core.missing,
  };
}

/** By the program headers that map _stext elsewhere than all RAM; where none does, of its start what VMCOREINFO tells. */
function findImage(core: CoreFile, info: VmcoreInfo, memory: readonly MemoryRange[]): Image | undefined {
  const stext = info.symbol("_stext");
  if (stext === undefined) return undefined;
  const text = mapsOfKernel(core.headers)?.text ?? [];
  const first = text.find(({ start, end, address }) => stext >= address && stext - address < end - start);
  // A copy without zeros has several.
  const image = first && hullOf(text.filter(({ start, address }) => address - start === first.address - first.start));
  if (image !== undefined && memory.some((each) => contains(each, image))) return image;
  const start = new DumpMemory(core, info).physicalOf(stext);
  return start === undefined ? undefined : { start, end: undefined };
}

/** What `read` gives; what keeps it from that is told. */
function unlessTold<T>(read: () => T, notice: Notice): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    notice(error.place, error.fact);
    return undefined;
  }
}

function formatText(summary: Summary): string {
  const { machine, release, time, panic, crashed, cpus, memory, image, missing } = summary;
  const rows: [string, string | undefined][] = [
    ["machine", machine],
    ["kernel", release && escapeText(release)],
    ["crashed", time === undefined ? undefined : `${formatTime(time)} UTC`],
    ["panic", panic],
    ["panicked", crashed && `${formatPlace(crashed)}, as the log says`],
    [
      "memory",
      `${formatSize(sizeOfRanges(memory))}${missing === 0n ? "" : `, of which ${formatSize(missing)} were cut off`}`,
    ],
    ["image", image && formatImage(image)],
    ["cpus", String(cpus.length)],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(9)}${value ?? "not known"}\n`);
  const which = crashed && findCrashed(cpus, crashed);
  const tell = (index: number): string => {
    if (which?.note !== index) return "";
    return which.isSure ? ", which panicked" : ", which panicked unless a cpu was off";
  };
  return [...lines, ...cpus.map((cpu, index) => formatCpu(cpu, index, tell(index)))].join("");
}

function formatPlace({ cpu, pid, command }: CrashPlace): string {
  const name = command === undefined ? "" : ` (${command})`;
  return [cpu === undefined ? [] : `cpu ${cpu}`, pid === undefined ? [] : `process ${pid}${name}`].flat().join(", ");
}

function formatImage({ start, end }: Image): string {
  return end === undefined ? `from ${hex(start)} on; the dump does not tell its end` : formatRange({ start, end });
}

/** A note is named where no other can be meant. */
function formatCrashed({ cpu, pid, command }: CrashPlace, found: CrashedCpu | undefined) {
  const note = found?.isSure ? found.note : null;
  return { cpu: cpu ?? null, pid: pid ?? null, command: command ?? null, note };
}

/** `2026-11-27 15:54:19`: the small engine has no Date. */
function formatTime(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  let days = Math.floor(seconds / 86_400);
  let year = 1970;
  const daysOf = (each: number): number => (each % 4 === 0 && (each % 100 !== 0 || each % 400 === 0) ? 366 : 365);
  for (; days >= daysOf(year); year++) days -= daysOf(year);
  const lengths = [31, daysOf(year) - 337, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  const month = lengths.findIndex((length) => {
    days -= length;
    return days < 0;
  });
  const date = [year, two(month + 1), two(days + 1 + (lengths[month] ?? 0))].join("-");
  return `${date} ${[3600, 60, 1].map((unit) => two(Math.floor(seconds / unit) % (unit === 3600 ? 24 : 60))).join(":")}`;
}

function formatCpu({ pid, registers }: Cpu, index: number, remark: string): string {
  const width = largestOf(registers.map(([name]) => name.length));
  const cells = registers.map(([name, value]) => `${name.padStart(width)} ${value.toString(16).padStart(16, "0")}`);
  const perLine = Math.floor((COLUMNS - 1) / (width + 18));
  const lines = cells.flatMap((_, at) =>
    at % perLine === 0 ? [`  ${cells.slice(at, at + perLine).join(" ")}\n`] : [],
  );
  return `cpu ${index}, process ${pid}${remark}\n${lines.join("")}`;
}

function formatJson(summary: Summary): string {
  const { machine, release, time, panic, crashed, cpus, memory, image, missing } = summary;
  return asciiLine({
    ...{ machine, release: release ?? null, time: time ?? null, panic: panic ?? null },
    panicked: crashed === undefined ? null : formatCrashed(crashed, findCrashed(cpus, crashed)),
    cpus: cpus.map(({ pid, registers }) => ({
      pid,
      registers: registers.reduce((table, [name, value]) => Object.assign(table, { [name]: hex(value) }), {}),
    })),
    memory: memory.map(({ start, end }) => ({ start: hex(start), end: hex(end) })),
    image:
      image === undefined ? null : { start: hex(image.start), end: image.end === undefined ? null : hex(image.end) },
    missing: hex(missing),
  });
}
