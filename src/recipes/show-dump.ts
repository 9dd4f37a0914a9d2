// What a dump holds, for people and for programs: the machine, its kernel, why and when it crashed, its cpus, its memory.

import { type CoreFile, withCore } from "../dump/core.ts";
import { findPanic } from "../dump/panic.ts";
import { type Cpu, nameMachine, readCpus } from "../dump/registers.ts";
import { readVmcoreInfo } from "../dump/vmcoreinfo.ts";
import { escapeText, Failure, hex, type Notice } from "../failure.ts";
import { asciiLine } from "../json.ts";
import { drawMemory } from "../kexec/draw-text.ts";
import { formatSize } from "../number.ts";
import { type MemoryRange, mergeRanges, rangeOfSize, sizeOfRanges } from "../range.ts";
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
  readonly cpus: readonly Cpu[];
  readonly memory: readonly MemoryRange[];
  /** Bytes that were cut off. */
  readonly missing: bigint;
}

/**
 * Prints what the dump at `path` holds.
 * @param notice gets what cannot be told
 * @throws Failure where it is no dump
 */
export function showDump(system: System, path: ByteString, asJson: boolean, notice: Notice): void {
  const summary = withCore(system, path, (core) => summarize(core, notice));
  system.print(asJson ? formatJson(summary) : formatText(summary) + drawMemory(system, summary.memory));
}

function summarize(core: CoreFile, notice: Notice): Summary {
  const info = readVmcoreInfo(core);
  if (info === undefined) notice(core.path, "has no note VMCOREINFO: of its kernel nothing is known");
  const seconds = /^\d{1,10}$/.exec(info?.text("CRASHTIME") ?? "")?.[0];
  return {
    machine: nameMachine(core),
    release: info?.text("OSRELEASE"),
    time: seconds === undefined ? undefined : Number(seconds),
    panic: info && unlessTold(() => findPanic(core), notice),
    cpus: readCpus(core),
    memory: mergeRanges(core.loads.map(({ physical, memorySize }) => rangeOfSize(physical, memorySize))),
    missing: core.missing,
  };
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

function formatText({ machine, release, time, panic, cpus, memory, missing }: Summary): string {
  const rows: [string, string | undefined][] = [
    ["machine", machine],
    ["kernel", release && escapeText(release)],
    ["crashed", time === undefined ? undefined : `${formatTime(time)} UTC`],
    ["panic", panic],
    [
      "memory",
      `${formatSize(sizeOfRanges(memory))}${missing === 0n ? "" : `, of which ${formatSize(missing)} were cut off`}`,
    ],
    ["cpus", String(cpus.length)],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(9)}${value ?? "not known"}\n`);
  return [...lines, ...cpus.map(formatCpu)].join("");
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

function formatCpu({ pid, registers }: Cpu, index: number): string {
  const width = Math.max(0, ...registers.map(([name]) => name.length));
  const cells = registers.map(([name, value]) => `${name.padStart(width)} ${value.toString(16).padStart(16, "0")}`);
  const perLine = Math.floor((COLUMNS - 1) / (width + 18));
  const lines = cells.flatMap((_, at) =>
    at % perLine === 0 ? [`  ${cells.slice(at, at + perLine).join(" ")}\n`] : [],
  );
  return `cpu ${index}, process ${pid}\n${lines.join("")}`;
}

function formatJson({ machine, release, time, panic, cpus, memory, missing }: Summary): string {
  return asciiLine({
    ...{ machine, release: release ?? null, time: time ?? null, panic: panic ?? null },
    cpus: cpus.map(({ pid, registers }) => ({
      pid,
      registers: Object.assign({}, ...registers.map(([name, value]) => ({ [name]: hex(value) }))),
    })),
    memory: memory.map(({ start, end }) => ({ start: hex(start), end: hex(end) })),
    missing: hex(missing),
  });
}
