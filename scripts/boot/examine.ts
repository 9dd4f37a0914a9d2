// What the host finds in a guest's dump: the pattern that crash.c made, the registers of its cpus, the log.

import { type CoreFile, openCore } from "../../src/dump/core.ts";
import { viewOf } from "../../src/elf.ts";
import { Failure } from "../../src/failure.ts";
import { engine } from "../../src/sys/bun.ts";
import { System } from "../../src/sys/system.ts";
import type { GuestRun } from "../guest.ts";
import type { Crash } from "./crash.ts";
import { ours } from "./direct.ts";
import type { Step, Verdict } from "./timeline.ts";

const PAGE = 4096;

/** Bytes of the pattern, as crash.c has it. */
const PATTERN = 0x100000;

/** Bytes that are looked through at once: whole pages. */
const STEP = 0x100000;

/** Note of a cpu's registers, and the bytes before them in it: linux/elf.h, linux/elfcore.h on 64-bit machines. */
const NT_PRSTATUS = 1;
const BEFORE_REGISTERS = 112;

/** Lines of the console: crash.c has made its pattern; the crash kernel's init prints the log. */
const PANICS = "crash: the pattern is there";
const PRINTS_LOG = "+ - vmcore-dmesg";

/** On ppc64 a system reset, which is its NMI, logs no panic before the other cpus are told. */
const PANIC = /Kernel panic - not syncing|Sending IPI to other CPUs/;

/** Tells what is in the dump, and passes a guest whose pattern, registers and log are all there. */
export async function judgeCrash(
  { disk, seed, cpu }: Pick<Crash, "disk" | "seed" | "cpu">,
  smp: number,
  { lines, seconds }: GuestRun,
  onStep: (step: Step) => void,
): Promise<Verdict> {
  const [panics, prints] = [PANICS, PRINTS_LOG].map((mark) =>
    lines.findIndex(({ text }) => text.trimEnd().endsWith(mark)),
  );
  const end = lines.findIndex(({ text }, index) => index > (prints ?? 0) && text.startsWith("+ "));
  if (panics === undefined || prints === undefined || prints < 0 || end < 0) {
    return { passed: false, reason: "the crash kernel's init did not print the log" };
  }
  const started = lines[panics]?.seconds ?? 0;
  const shown = lines.slice(prints + 1, end).map(({ text }) => text);
  onStep({
    seconds: lines[end]?.seconds ?? 0,
    what: `the log, ${((lines[end]?.seconds ?? 0) - started).toFixed(1)} s after the panic`,
  });
  for (const { text, seconds } of lines.slice(end)) {
    const copied = /vmcore: [^\r]* written for .*/.exec(text)?.[0];
    if (copied !== undefined) onStep({ seconds, what: copied });
  }
  const found = await examineDump(disk, seed, smp, cpu, shown).catch((error) => {
    if (!(error instanceof Failure)) throw error;
    return { passed: false, lines: [`the dump: ${error.message}`] };
  });
  for (const what of found.lines) onStep({ seconds, what });
  const all = "the pattern, the registers and the log are in the dump";
  return { passed: found.passed, reason: found.passed ? all : found.lines.join("; ") };
}

/**
 * @param cpu the one that has to have panicked; undefined where any may
 * @param shown what the crash kernel printed as the log
 */
async function examineDump(disk: string, seed: bigint, smp: number, cpu: number | undefined, shown: readonly string[]) {
  const core = openCore(new System(engine), disk);
  try {
    const pages = findPages(core, pagesOf(seed));
    const { cpus, marked } = findRegisters(core, firstOf(seed));
    const log = Buffer.from(await ours(["vmcore-dmesg", disk]))
      .toString("latin1")
      .trimEnd()
      .split("\n");
    const isSame = log.length === shown.length && log.at(-1) === shown.at(-1);
    const panic = log.find((line) => PANIC.test(line));
    const { panicked } = JSON.parse(Buffer.from(await ours(["vmcore", "--json", disk])).toString());
    const isFound = panicked !== null && (cpu === undefined || panicked.note === cpu);
    const all = PATTERN / PAGE;
    const hasRegisters = cpus === smp && (smp === 1 || marked > 0);
    const complaints = await readelf(disk);
    return {
      passed: pages === all && hasRegisters && isFound && isSame && panic !== undefined && complaints === "",
      lines: [
        `the pattern: ${pages} of ${all} pages`,
        `registers: of ${cpus} cpus, ${smp} expected; ${marked} of them have the mark`,
        `the log: ${log.length} lines, ${isSame ? "as" : "not as"} the crash kernel printed them; ends with ${log.at(-1)}`,
        `its panic: ${panic ?? "none"}`,
        `what panicked: ${JSON.stringify(panicked)}, on ${cpu === undefined ? "any cpu" : `cpu ${cpu}`} expected`,
        `readelf: ${complaints === "" ? "no complaint" : complaints}`,
      ],
    };
  } finally {
    core.close();
  }
}

/** What binutils have to say against it. */
async function readelf(path: string): Promise<string> {
  const child = Bun.spawn(["readelf", "-h", "-l", "-n", path], { stdout: "ignore", stderr: "pipe" });
  const errors = await new Response(child.stderr).text();
  const code = await child.exited;
  return code === 0 ? errors.trim() : `exit code ${code} ${errors.trim()}`;
}

/** splitmix64, as crash.c has it. */
function* numbers(seed: bigint): Generator<bigint> {
  for (let state = seed; ; ) {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    let next = state;
    next = BigInt.asUintN(64, (next ^ (next >> 30n)) * 0xbf58476d1ce4e5b9n);
    next = BigInt.asUintN(64, (next ^ (next >> 27n)) * 0x94d049bb133111ebn);
    yield next ^ (next >> 31n);
  }
}

function firstOf(seed: bigint): bigint {
  return numbers(seed).next().value as bigint;
}

/** All pages of the pattern, by the numbers in them. */
function pagesOf(seed: bigint): bigint[][] {
  const made = numbers(seed);
  return Array.from({ length: PATTERN / PAGE }, () =>
    Array.from({ length: PAGE / 8 }, () => made.next().value as bigint),
  );
}

/** How many of the pages are somewhere in memory, whole. */
function findPages(core: CoreFile, wanted: readonly (readonly bigint[])[]): number {
  const little = core.littleEndian;
  const bytesOf = (words: readonly bigint[]): Buffer => {
    const bytes = Buffer.alloc(PAGE);
    for (const [index, word] of words.entries()) viewOf(bytes).setBigUint64(8 * index, word, little);
    return bytes;
  };
  const pages = new Map(wanted.map((words) => bytesOf(words)).map((bytes) => [bytes.toString("latin1", 0, 16), bytes]));
  for (const { physical, memorySize } of core.loads) {
    const end = physical + memorySize;
    for (let at = physical + (-physical & 0xfffn); at + 4096n <= end; at += BigInt(STEP)) {
      const length = end - at < BigInt(STEP) ? Number(end - at) : STEP;
      const bytes = Buffer.from(core.readPhysical(at, length) ?? []);
      for (let page = 0; page + PAGE <= bytes.length; page += PAGE) {
        // No page of the pattern begins with a word of zeros, but one in 65,536 with two bytes of them.
        if (bytes.readUInt32LE(page) === 0 && bytes.readUInt32LE(page + 4) === 0) continue;
        const key = bytes.toString("latin1", page, page + 16);
        if (pages.get(key)?.equals(bytes.subarray(page, page + PAGE))) pages.delete(key);
      }
    }
  }
  return wanted.length - pages.size;
}

/** How many cpus have notes with registers in them, and how many of those have the mark. */
function findRegisters(core: CoreFile, mark: bigint): { cpus: number; marked: number } {
  let [cpus, marked] = [0, 0];
  for (const { name, type, contents } of core.notes()) {
    if (name !== "CORE" || type !== NT_PRSTATUS) continue;
    const view = viewOf(contents);
    const count = Math.floor((contents.length - BEFORE_REGISTERS) / 8);
    const words = Array.from({ length: count }, (_, index) =>
      view.getBigUint64(BEFORE_REGISTERS + 8 * index, core.littleEndian),
    );
    if (words.some((word) => word !== 0n)) cpus++;
    if (words.includes(mark)) marked++;
  }
  return { cpus, marked };
}
