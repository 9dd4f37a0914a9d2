// The fuzzer's process, in node: changes dumps at random, runs their readers, keeps what makes them do something new.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";
import { Coverage } from "./coverage.ts";
import type * as Target from "./target.ts";

const COMMANDS = [["vmcore-dmesg"], ["vmcore"], ["vmcore", "--json"]];
/** Of one command: calls of the kernel, milliseconds; of the process: KiB. */
const MOST = { calls: 100_000, time: 10_000, resident: 512 << 10 };
/** Bytes of a dump's start, in which most of its numbers are. */
const START = 0x3000;
const NUMBERS = [0n, 1n, 7n, 0xffn, 0xffffn, 0x7fff_ffffn, 0xffff_ffffn, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n];
const WORDS = [
  "0",
  "-1",
  "8",
  "4294967295",
  "18446744073709551615",
  "ffffffffffffffff",
  "SYMBOL(prb)",
  "SIZE(log)=16\n",
];

const [script = "", folder = "", minutes = ""] = process.argv.slice(2);
const url = pathToFileURL(script).href;
const { System, abis, errno, listSeeds, run }: typeof Target = await import(url);
const coverage = new Coverage(url);
const names = new Map<number, string>(Object.entries(abis.x86_64.call).map(([name, number]) => [number, name]));
let [executions, findings, resident] = [0, 0, MOST.resident];

function unused(): never {
  throw new Error("asked for what no reader needs");
}

/** On a machine that has one file and nothing else. */
function read(dump: Uint8Array, words: readonly string[]): void {
  let [calls, errors] = [0, ""];
  const system = new System({
    ...{ name: "bun", args: [], machine: "x86_64", pageSize: 4096, exit: unused, sha256: unused, zeros: unused },
    ...{ address: unused, memory: unused, spawn: unused, gather: unused, unpack: unused },
    decode: (bytes, start, end) => Buffer.from(bytes.subarray(start, end)).toString("latin1"),
    encode: (text, bytes, at) => Buffer.from(bytes.buffer, bytes.byteOffset).write(text, at, "latin1"),
    syscall(number, ...[first, second, third, fourth, fifth]) {
      const name = names.get(number);
      if (++calls > MOST.calls) throw new Error(`more than ${MOST.calls} calls`);
      if (name === "openat") return second === "dump" ? 3 : -errno.ENOENT;
      if (name === "ioctl") return -errno.ENOTTY;
      if (name === "statx") {
        const view = new DataView((fifth as Uint8Array).buffer);
        view.setUint16(28, 0o100644, true);
        view.setBigUint64(40, BigInt(dump.length), true);
      }
      if (name === "pread64") {
        const part = dump.subarray(Number(fourth), Number(fourth) + Number(third));
        (second as Uint8Array).set(part);
        return part.length;
      }
      if (name === "write" && first === 2) errors += Buffer.from(second as Uint8Array).toString("latin1");
      return name === "write" ? Number(third) : 0;
    },
  });
  // So that one that does not end is ended.
  Object.assign(globalThis, { work: () => run(system, ["kexecbox", ...words, "dump"]) });
  const code: number = runInThisContext("work()", { timeout: MOST.time });
  if (code !== 0 && (code !== 1 || !errors.includes(`${words[0]}: `))) throw new Error(`exit code ${code}: ${errors}`);
  const peak = process.resourceUsage().maxRSS;
  if (peak <= resident) return;
  resident = peak * 1.1;
  throw new Error(`${peak} KiB of memory`);
}

/** Whether it does something new. */
function attempt(dump: Uint8Array): boolean {
  for (const words of COMMANDS) {
    try {
      executions++;
      read(dump, words);
    } catch (error) {
      const name = `finding-${process.pid}-${++findings}`;
      writeFileSync(`${folder}/${name}`, dump);
      process.stdout.write(`${name}, ${words.join(" ")}: ${(error as Error).stack}\n`);
    }
  }
  return coverage.take();
}

/** Up to eight changes. */
function mutate(dump: Uint8Array): Uint8Array {
  const pick = (count: number): number => Math.floor(Math.random() * count);
  const changed = dump.slice();
  const view = new DataView(changed.buffer);
  for (let left = 1 + pick(8); left > 0 && changed.length >= 16; left--) {
    const at = pick(Math.min(pick(2) === 0 ? START : changed.length, changed.length - 8));
    const [place, isLittle, number] = [at & -4, pick(2) === 0, NUMBERS[pick(NUMBERS.length)] ?? 0n];
    const kind = pick(8);
    if (kind === 0) changed[at] = pick(256);
    else if (kind === 1) view.setBigUint64(place, number, isLittle);
    else if (kind === 2) view.setUint32(place, Number(number & 0xffff_ffffn), isLittle);
    else if (kind === 3)
      view.setBigUint64(place, view.getBigUint64(place, isLittle) + BigInt(pick(129) - 64), isLittle);
    else if (kind === 4) view.setBigUint64(place, view.getBigUint64(pick(changed.length - 8) & -4));
    else if (kind === 5) changed.copyWithin(at, pick(changed.length), pick(changed.length));
    else if (kind === 6) changed.set(Buffer.from(WORDS[pick(WORDS.length)] ?? "").subarray(0, changed.length - at), at);
    else if (pick(4) === 0) return changed.slice(0, at);
  }
  return changed;
}

const kept = readdirSync(folder).filter((name) => name.startsWith("dump-"));
const given = kept.map((name) => new Uint8Array(readFileSync(`${folder}/${name}`)));
const corpus = [...listSeeds().map(({ bytes }) => bytes), ...given].filter(attempt);
const any = (): Uint8Array => corpus[Math.floor(Math.random() * corpus.length)] ?? new Uint8Array(0);
const end = Date.now() + Number(minutes) * 60_000;
for (let told = 0; ; ) {
  const now = Date.now();
  if (now - told > 30_000 || !(now < end)) {
    told = now;
    process.stdout.write(`${executions} executions, ${corpus.length} dumps, ${coverage}, ${findings} findings\n`);
  }
  if (!(now < end)) process.exit(findings === 0 ? 0 : 1);
  const [one, two] = [any(), any()];
  const dump = mutate(one.length < two.length ? one : two);
  if (!attempt(dump)) continue;
  corpus.push(dump);
  writeFileSync(`${folder}/dump-${process.pid}-${corpus.length}`, dump);
}
