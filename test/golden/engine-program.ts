// A program that shows, word by word, what an engine does; test/golden/engine.test.ts runs it under every
// engine.

import { engine } from "#sys";
import { Failure } from "../../src/failure.ts";
import { abis } from "../../src/sys/abi.ts";
import { O_RDWR, SIGINT, SIGTERM, System } from "../../src/sys/system.ts";
import { present } from "../support/present.ts";

const abi = abis[engine.machine];

function print(line: string): void {
  const bytes = new Uint8Array(line.length + 1);
  engine.encode(`${line}\n`, bytes, 0);
  for (let at = 0; at < bytes.length; ) {
    at += engine.syscall(abi.call.write, 1, bytes.subarray(at), bytes.length - at);
  }
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The name of what `work` throws, or its value. */
function outcomeOf(work: () => unknown): string {
  try {
    return String(work());
  } catch (error) {
    return error instanceof Error ? error.name : "thrown";
  }
}

/** The same bits on every engine (xorshift64*). */
function* randomBits(): Generator<bigint, never> {
  for (let state = 0x9e3779b97f4a7c15n; ; ) {
    state ^= state >> 12n;
    state = BigInt.asUintN(64, state ^ (state << 25n));
    state ^= state >> 27n;
    yield BigInt.asUintN(64, state * 0x2545f4914f6cdd1dn);
  }
}

/** Integers of up to 256 bits, among them many with long runs of zeros and ones, where divisions go wrong. */
function* integers(): Generator<bigint, never> {
  for (const random = randomBits(); ; ) {
    const shape = random.next().value;
    let value = 0n;
    for (let word = 0n; word <= shape % 4n; word++) value = (value << 64n) | random.next().value;
    value >>= (shape >> 8n) % 64n;
    if ((shape >> 16n) % 4n === 0n) value = (1n << ((shape >> 24n) % 250n)) + ((shape >> 40n) % 3n) - 1n;
    if ((shape >> 16n) % 16n === 1n) value = (1n << (64n * ((shape >> 24n) % 4n))) + ((shape >> 40n) % 5n) - 2n;
    yield (shape >> 60n) % 5n === 0n ? -value : value;
  }
}

/** One line for each pair of integers, with what every operator makes of them. */
function arithmetic(): void {
  for (let source = integers(), line = 0; line < 2000; line++) {
    const a = source.next().value;
    const b = source.next().value;
    const width = Number(BigInt.asUintN(8, b >> 5n)) + (line % 3 === 0 ? 0 : 64);
    const steps = BigInt.asIntN(8, a);
    const small = BigInt.asIntN(31, a ^ b);
    print(
      [
        a,
        b,
        b === 0n ? "-" : a / b,
        b === 0n ? "-" : a % b,
        a * b,
        a - b,
        a + b,
        -a,
        ~b,
        a & b,
        a | b,
        a ^ b,
        a << steps,
        a >> steps,
        BigInt.asIntN(40, a) ** BigInt.asUintN(3, b),
        a < b,
        a <= b,
        a === b,
        BigInt.asUintN(64, a),
        BigInt.asUintN(128, b),
        BigInt.asIntN(64, a),
        BigInt.asIntN(128, b),
        BigInt.asUintN(width, a),
        BigInt.asIntN(width, b),
        a < Number(small),
        small >= Number(small),
        Number(BigInt.asIntN(53, a)),
        BigInt(`0x${BigInt.asUintN(100, a).toString(16)}`),
        BigInt(`${b}`),
        ...[2, 8, 16, 32, 36].map((radix) => a.toString(radix)),
      ].join(" "),
    );
  }
}

function expressions(): void {
  print(JSON.stringify(/^([a-z]+)@(\d{2,3}|[\u0400-\u04ff]+)(?=x)/i.exec("Memory@123x")));
  print("a-b_c".replace(/[-_](\w)/g, (_, letter: string) => letter.toUpperCase()));
  print(JSON.stringify("one, two;three".split(/[,;]\s*/)));
  const cpus = [..."cpu@0 cpu@8 l2".matchAll(/(?<name>[a-z]+)@([0-9a-f]+)/g)];
  print(JSON.stringify(cpus.map((found) => found.groups)));
  const integer = /^(0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)$/i;
  print(JSON.stringify(["/cpus", "0x1F", "1e3", "0"].map((text) => integer.test(text))));
  print(JSON.stringify(["é", "ÿ", "\x80", "A"].map((text) => /^[^ -~\xe0-\xff]$/.test(text))));
  print(String(/(?<!\\)"((?:[^"\\]|\\.)*)"/.exec('say "a \\" b" now')?.[1]));
  const made = new RegExp(`^[${["a", "d-f"].join("")}]{2,}$`, "u");
  print(JSON.stringify(["ad", "af", "ag", "a"].map((text) => made.test(text))));
}

function numbers(): void {
  print([0.1 + 0.2, 1e21, 5e-324, 1.7976931348623157e308, -0, 2 ** 53, 123456789.125, 1 / 3].join(" "));
  print(`${(0.1).toFixed(20)} ${(1234.5678).toExponential(3)} ${(255).toString(36)}`);
  print(`${parseFloat("1e-7")} ${Number("0x1f")} ${-7 % 3} ${-7 >>> 28} ${0xffffffff | 0}`);
  // biome-ignore lint/style/useExponentiationOperator: the function is what is tried
  print(`${Math.fround(5.05)} ${Math.sqrt(2)} ${Math.pow(2, 0.5)} ${Math.log2(1000)}`);
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.PI);
  print(hexOf(new Uint8Array(view.buffer)));
  print(`${view.getUint32(0).toString(16)} ${view.getBigUint64(0, true)}`);
}

function bytes(): void {
  for (const argument of engine.args.slice(2)) {
    const copy = new Uint8Array(argument.length + 2).fill(0x2e);
    const written = engine.encode(argument, copy, 1);
    print(`${written} ${hexOf(copy)} ${engine.decode(copy, 1, argument.length + 1) === argument}`);
  }
  const every = Uint8Array.from({ length: 256 }, (_, value) => value);
  const text = engine.decode(every, 0, 256);
  print(`${text.length} ${[...text].every((character, value) => character.charCodeAt(0) === value)}`);
  print(`${engine.encode(text, every, 0)} ${hexOf(every)}`);
  print(engine.decode(every.subarray(64), 1, 27));
  const four = new Uint8Array(4).fill(0x2e);
  print(outcomeOf(() => engine.encode("12345", four, 0)));
  print(outcomeOf(() => engine.encode("123", four, 2)));
  print(`${hexOf(four)} ${outcomeOf(() => engine.encode("\xfe\xff", four, 2))} ${hexOf(four)}`);
}

/** Of lengths around those where the last block becomes two, and of more than one block. */
function digests(): void {
  const bytes = Uint8Array.from({ length: 4096 }, (_, at) => at * 7 + (at >> 8));
  for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 4095]) {
    print(`${length} ${engine.sha256(bytes.subarray(1, 1 + length))}`);
  }
}

/** Of every place and length around those of words, with one byte that is none, or without. */
function zeros(): void {
  const bytes = new Uint8Array(64);
  let counts = "";
  for (const other of [-1, 0, 7, 8, 9, 31, 32, 40, 63]) {
    bytes.fill(0);
    if (other >= 0) bytes[other] = 0x80;
    for (const at of [0, 1, 3, 8, 33, 63, 64]) counts += ` ${engine.zeros(bytes, at)}`;
    counts += ` ${engine.zeros(bytes.subarray(3, 41), 2)}`;
  }
  print(counts);
  print(outcomeOf(() => engine.zeros(bytes, 65)));
}

function errors(): void {
  print(`${engine.syscall(abi.call.openat, -100, "/nonexistent/\xff", 0, 0)}`);
  print(`${engine.syscall(abi.call.close, -1)} ${engine.syscall(abi.call.close, 0xffffffff)}`);
  print(`${engine.syscall(100_000)}`);
  print(`${engine.syscall(abi.call.read, 0, null, 0xffffffffffffffffn)}`);
  print(outcomeOf(() => engine.syscall(abi.call.openat, -100, "/\0", 0)));
}

/** What TypeScript would not let through. */
function refusals(): void {
  type Loose = (...args: unknown[]) => unknown;
  const loose = engine as unknown as Record<"syscall" | "address" | "encode", Loose>;
  const array = new Uint8Array(8);
  print(
    [
      outcomeOf(() => loose.syscall(abi.call.close, undefined)),
      outcomeOf(() => loose.syscall(abi.call.close, {})),
      outcomeOf(() => loose.syscall(abi.call.close, 1, 2, 3, 4, 5, 6, 7)),
      outcomeOf(() => loose.address(new Uint16Array(4))),
      outcomeOf(() => loose.encode("\u0100", array, 0)),
      outcomeOf(() => loose.syscall(abi.call.openat, -100, "\u2603", 0)),
    ].join(" "),
  );
}

function pipe(): [number, number] {
  const ends = new Int32Array(2);
  engine.syscall(abi.call.pipe2, new Uint8Array(ends.buffer), 0o2000000);
  return [present(ends[0]), present(ends[1])];
}

function arrays(): void {
  const [from, to] = pipe();
  const text = Uint8Array.from("0123456789", (character) => character.charCodeAt(0));
  print(`${engine.syscall(abi.call.write, to, text.subarray(3, 7), 4)}`);
  const read = new Uint8Array(new ArrayBuffer(16), 4, 10).fill(0x2e);
  print(`${engine.syscall(abi.call.read, from, read.subarray(2), 8)} ${engine.decode(read, 0, 10)}`);
  print(`${engine.address(read.subarray(2)) - engine.address(read)}`);
  const page = engine.syscall(abi.call.mmap, 0, 65536, 3, 0x22, -1, 0);
  const memory = engine.memory(page, 65536);
  memory[65535] = 7;
  print(`${memory.length} ${engine.address(memory) === BigInt(page)} ${engine.memory(page + 65535, 1)[0]}`);
}

/** What is in a pipe whose writers have all gone. */
function drain(descriptor: number): string {
  const buffer = new Uint8Array(65536);
  let length = 0;
  for (;;) {
    const got = engine.syscall(abi.call.read, descriptor, buffer.subarray(length), buffer.length - length);
    if (got <= 0) return engine.decode(buffer, 0, length);
    length += got;
  }
}

function exitCodeOf(pid: number): number {
  const status = new Int32Array(1);
  engine.syscall(abi.call.wait4, pid, new Uint8Array(status.buffer), 0, null);
  return present(status[0]) >> 8;
}

function programs(): void {
  const [childIn, feed] = pipe();
  const [output, childOut] = pipe();
  const [errors, childErr] = pipe();
  const script = 'read line; echo "$line $1" "$ENGINE_TEST"; echo "$0" >&2; test -e /proc/$$/fd/$2 || exit 5';
  const argv = ["sh", "-c", script, "n\xe4me", "\xff b", `${feed}`];
  const pid = engine.spawn("/bin/sh", argv, childIn, childOut, childErr);
  engine.syscall(abi.call.write, feed, "fed\n", 4);
  for (const descriptor of [childIn, feed, childOut, childErr]) engine.syscall(abi.call.close, descriptor);
  print(`${pid > 0} ${drain(output).trim()} ${drain(errors).trim()} ${exitCodeOf(pid)} ${feed > 2}`);
  print(`${engine.spawn("/nonexistent", ["x"], 0, 1, 2)} ${engine.spawn("/", ["x"], 0, 1, 2)}`);
}

/** A child of ours that writes to a pipe nobody reads, while we ignore SIGPIPE: the signal that ends it. */
function brokenPipe(): void {
  const [SIGPIPE, SIG_IGN] = [13, 1n];
  const action = new Uint8Array(new BigUint64Array([SIG_IGN, 0n, 0n, 0n]).buffer);
  engine.syscall(abi.call.rt_sigaction, SIGPIPE, action, null, 8);
  const [unread, full] = pipe();
  engine.syscall(abi.call.close, unread);
  const pid = engine.spawn("/bin/sh", ["sh", "-c", "echo; exit 3"], 0, full, 2);
  const status = new Int32Array(1);
  engine.syscall(abi.call.wait4, pid, new Uint8Array(status.buffer), 0, null);
  print(`${present(status[0]) & 0x7f}`);
}

/** Standard output and standard error change places. */
function crossed(): void {
  const pid = engine.spawn("/bin/sh", ["sh", "-c", "echo to-output; echo to-error >&2"], 0, 2, 1);
  engine.exit(exitCodeOf(pid));
}

/**
 * The first of both that is pending, once it is `expected` or two seconds are over: a signal that comes before our main
 * thread lets any in again, after starting a program, goes to another of Bun's threads, which takes it in its own time.
 */
function pendingInTime(system: System, expected: number): number | undefined {
  const tenMilliseconds = new Uint8Array(new BigUint64Array([0n, 10_000_000n]).buffer);
  for (let turn = 0; turn < 200 && system.pending([SIGINT, SIGTERM]) !== expected; turn++) {
    engine.syscall(abi.call.ppoll, null, 0, tenMilliseconds, null, 0);
  }
  return system.pending([SIGINT, SIGTERM]);
}

/** Each of two signals comes many times, from outside, while it is held. */
function interruptWhileHeld(system: System): void {
  system.hold([SIGINT, SIGTERM]);
  print(`${system.pending([SIGINT, SIGTERM])}`);
  const script = "for n in 1 2 3 4 5 6 7 8 9; do kill -TERM $PPID; done";
  print(`${exitCodeOf(engine.spawn("/bin/sh", ["sh", "-c", script], 0, 1, 2))} ${pendingInTime(system, SIGTERM)}`);
  exitCodeOf(engine.spawn("/bin/sh", ["sh", "-c", "kill -INT $PPID"], 0, 1, 2));
  print(`${pendingInTime(system, SIGINT)}`);
}

function interrupts(): void {
  const system = new System(engine);
  interruptWhileHeld(system);
  system.ignore([SIGINT, SIGTERM]);
  system.release([SIGINT, SIGTERM]);
  print("ignored");
}

function interrupted(): void {
  const system = new System(engine);
  interruptWhileHeld(system);
  system.release([SIGTERM]);
  print("never");
}

/** What is wrong with a mapped file, as people are told. */
function lossOf(work: () => void): string {
  try {
    work();
    return "whole";
  } catch (error) {
    return error instanceof Failure ? error.message : "thrown";
  }
}

/** A file of four pages of `x` that loses half of itself while it is mapped: first the process looks, then the kernel. */
function torn(): void {
  const system = new System(engine);
  const { pageSize: page } = system;
  const file = system.mustOpen(engine.args[2] ?? "", O_RDWR);
  const map = (name: string) => {
    system.must(system.resize(file, BigInt(4 * page)), name);
    const memory = system.allocate(4 * page, name);
    system.mapOver(memory, 0, file, 4 * page, name, 0);
    return memory;
  };
  const seen = map("SEEN");
  const unseen = map("UNSEEN");
  print(`${seen[0]} ${seen[page]} ${lossOf(() => system.refuseLoss())}`);
  system.resize(file, BigInt(page + 1));
  print(`${seen[page]} ${seen[page + 1]} ${lossOf(() => system.refuseLoss())}`);
  const { write } = system.pipe();
  const inPages = (text: string) => text.replaceAll(/\d+/g, (bytes) => `${Number(bytes) - page}`);
  print(inPages(lossOf(() => system.writeAll(write, unseen, "pipe"))));
  seen[0] = 1;
  print(`${seen[2 * page]} ${seen[4 * page - 1]} ${seen[0]}`);
  print(inPages(lossOf(() => system.writeAll(write, new Uint8Array(1), "pipe"))));
}

/** More mappings than are guarded: those that are not are not mapped. */
function manyMapped(): void {
  const system = new System(engine);
  const { pageSize: page } = system;
  const file = system.mustOpen(engine.args[2] ?? "", 0);
  const memory = system.allocate(100 * page, "memory");
  const mapped = Array.from({ length: 100 }, (_, at) => system.mapOver(memory, at * page, file, page, "FILE", 0));
  print(`${mapped.filter(Boolean).length} ${mapped.lastIndexOf(true)} ${memory[0]} ${memory[99 * page]}`);
}

/** SIGBUS that is not of a mapped file of ours: of memory that is nobody's, and sent. */
function busError(how: string): void {
  const system = new System(engine);
  const { pageSize: page } = system;
  const file = system.mustOpen(engine.args[2] ?? "", O_RDWR);
  system.mapOver(system.allocate(page, "memory"), 0, file, page, "FILE", 0);
  const MAP_PRIVATE = 2;
  const behind = (64 * 1024 * 1024) / system.abi.mmapUnit;
  const stranger = engine.memory(system.call("mmap", 0, page, 1, MAP_PRIVATE, file, behind), page);
  if (how === "sent") exitCodeOf(engine.spawn("/bin/sh", ["sh", "-c", "kill -BUS $PPID"], 0, 1, 2));
  print(`${stranger[0]}`);
}

/** Of two, as far as each is a number of its own. */
function powers(): void {
  const two = Number("2");
  for (let exponent = 0; exponent <= 53; exponent++) print(String(two ** exponent));
}

function deep(level: number): number {
  return level === 0 ? 0 : 1 + deep(level - 1);
}

const acts: Record<string, () => void> = {
  arithmetic,
  expressions,
  numbers,
  bytes,
  digests,
  powers,
  zeros,
  errors,
  refusals,
  arrays,
  programs,
  brokenPipe,
  crossed,
  interrupts,
  interrupted,
  torn,
  manyMapped,
  busErrorSent: () => busError("sent"),
  busErrorFault: () => busError("fault"),
  machine: () => print(`${engine.machine} ${engine.args.slice(1)}`),
  exit: () => engine.exit(42),
  throw: () => {
    throw new Error("line one\nline two \u2603");
  },
  throwText: () => {
    throw "plain";
  },
  reject: () => void Promise.reject(new Error("nobody waits")),
  caught: () => void Promise.reject(new Error("somebody waits")).catch(() => print("caught")),
  overflow: () => print(outcomeOf(() => deep(1_000_000))),
  depth: () => print(`${deep(2_000)}`),
  exhaust: () => {
    for (const kept: unknown[] = []; ; ) kept.push({ a: [kept.length] });
  },
  /** Goes on behind each, as process 1 does with its next line. It hears of one of two by a call of the kernel. */
  shortages() {
    const told = Array.from({ length: 20 }, (_, round) => {
      const outcome = outcomeOf(() => {
        let kept: unknown;
        for (let count = 0; ; count++) {
          kept = { kept };
          if (round % 2 === 0 && count % 1000 === 0) engine.syscall(abi.call.getpid);
        }
      });
      engine.spawn("/nonexistent", ["x"], 0, 1, 2);
      return outcome;
    });
    print(`${[...new Set(told)]} ${told.length}`);
  },
  tooLarge: () => print(outcomeOf(() => new Uint8Array(200_000_000).length)),
  cycles() {
    for (let round = 0; round < 3000; round++) {
      const self: { own?: unknown; filler: Uint8Array } = { filler: new Uint8Array(100_000) };
      self.own = self;
    }
    print("done");
  },
};

const act = engine.args[1] ?? "";
if (act === "forever") await new Promise(() => {});
else present(acts[act])();
