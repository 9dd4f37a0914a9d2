// Runs one qemu guest: the only door to the emulator. Each has a time limit, and none outlives us.

import { closeSync, openSync, writeSync } from "node:fs";
import { Failure } from "../src/failure.ts";
import { undoOnInterrupt } from "./interrupt.ts";
import type { Board } from "./machines/machine.ts";
import { type MachineName, machineNamed } from "./machines/machines.ts";

/**
 * MiB for translated code; it is emptied when it is full. Otherwise code of the first kernel stays in it, and whatever
 * the second one writes to memory that held such code takes the emulator's slow way: an arm64 guest came up three times
 * later.
 */
const TRANSLATIONS = 32;

export interface Guest {
  /** ppc64 unless said. */
  machine?: MachineName;
  /** One of the machine's boards; undefined: the usual machine. */
  board?: string;
  /** Further words of qemu's -M: `gic-version=3`. */
  machineOptions?: readonly string[];
  /** A qemu cpu model: POWER8 (hash MMU), POWER9 or POWER10 (radix); cortex-a72; max. */
  cpu: string;
  /** Number of cpus. */
  smp: number;
  /** MiB. */
  memory: number;
  /** Further words of qemu's -m: `maxmem=8G`. */
  memoryOptions?: readonly string[];
  /** NUMA nodes, of which each has as much memory; undefined: none. */
  nodes?: number;
  /** A kernel for qemu to load, with its initrd and command line; or `bios`. */
  kernel?: string;
  initrd?: string;
  append?: string;
  /** Firmware: on ppc64 of our own, loaded at 0, entered at 0x100 in big endian real mode. */
  bios?: string;
  /** A script that runs the emulator with words of its own, and then ours: no other member but `extra` counts. */
  script?: string;
  /** Files that lie in memory as they are when the guest starts, each at its physical address. */
  segments?: readonly { file: string; address: bigint }[];
  /** Further qemu arguments. */
  extra?: readonly string[];
}

export interface ConsoleLine {
  /** Since qemu was started. */
  seconds: number;
  /** One character for each byte, without the line end. */
  text: string;
}

export interface Watch {
  /** The guest is killed after so many seconds; undefined: never. */
  timeout: number | undefined;
  /** A file that gets every byte of the console as it comes. */
  log?: string;
  /** Called with every line as it ends; `stop` kills the guest, which is then not a failure. */
  onLine?: (line: ConsoleLine, stop: () => void) => void;
}

export interface GuestRun {
  lines: ConsoleLine[];
  /** How it ended: by itself (power off, or a reboot asked for), by `stop`, or by the time limit. */
  end: "off" | "stopped" | "timeout";
  seconds: number;
}

/** In qemu's option syntax a comma inside a value is doubled. */
export function doubleCommas(path: string): string {
  return path.replaceAll(",", ",,");
}

function emulatorFor({ machine = "ppc64" }: Guest): string {
  return machineNamed(machine).guest.emulator.program;
}

function boardOf({ machine = "ppc64", board }: Guest): Pick<Board, "words" | "devices"> {
  const { words, boards } = machineNamed(machine).guest;
  if (board === undefined) return { words, devices: [] };
  const found = boards?.[board];
  if (found === undefined) throw new Failure(board, `no machine of the emulator for ${machine}`);
  return found;
}

/** The words for nodes, each of which needs memory of its own. @param memory MiB */
function nodeWords(nodes: number, memory: number): string[] {
  return Array.from({ length: nodes }, (_, id) => [
    ...["-object", `memory-backend-ram,id=node${id},size=${memory / nodes}M`],
    ...["-numa", `node,nodeid=${id},memdev=node${id}`],
  ]).flat();
}

/** If we are killed without a chance to clean up, the kernel kills the guest. */
const WITH_US = ["setpriv", "--pdeathsig", "KILL"];

function acceleratorOf({ machine = "ppc64" }: Guest): string[] {
  const { oneThread } = machineNamed(machine).guest;
  return ["-accel", `tcg,tb-size=${TRANSLATIONS}${oneThread ? ",thread=single" : ""}`];
}

/** @param serial what the guest's serial port is connected to, as -serial has it */
export function command(guest: Guest, serial: string): string[] {
  // Its console is standard input and output already.
  if (guest.script !== undefined) return [...WITH_US, guest.script, ...acceleratorOf(guest), ...(guest.extra ?? [])];
  const emulator = emulatorFor(guest);
  const program = Bun.which(emulator, { PATH: process.env.PATH ?? "" });
  if (program === null) throw new Failure(emulator, "not found; `npm run setup` installs what is missing");
  const { words, devices } = boardOf(guest);
  const memory = [`${guest.memory}`, ...(guest.memoryOptions ?? [])];
  const args = [
    ...["-M", [...words, ...(guest.machineOptions ?? [])].join(",")],
    ...["-cpu", guest.cpu, "-smp", `${guest.smp}`, "-m", memory.join(",")],
    ...[...acceleratorOf(guest), "-nodefaults", "-display", "none", "-serial", serial, "-no-reboot"],
    ...nodeWords(guest.nodes ?? 0, guest.memory),
    ...devices,
  ];
  for (const name of ["bios", "kernel", "initrd", "append"] as const) {
    const value = guest[name];
    if (value !== undefined) args.push(`-${name}`, value);
  }
  for (const { file, address } of guest.segments ?? []) {
    args.push("-device", `loader,file=${doubleCommas(file)},addr=0x${address.toString(16)},force-raw=on`);
  }
  return [...WITH_US, program, ...args, ...(guest.extra ?? [])];
}

function howItEnded({ exitCode, signalCode }: Bun.Subprocess): string {
  return signalCode === null ? `exit code ${exitCode}` : `died of ${signalCode}`;
}

/** Cuts a stream of console bytes into lines; `end` gives out the last one if it has no line end. */
class LineCutter {
  #rest = "";
  constructor(readonly emit: (text: string) => void) {}

  push(chunk: Uint8Array): void {
    const lines = (this.#rest + Buffer.from(chunk).toString("latin1")).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.emit(line.replace(/\r+$/, ""));
  }

  end(): void {
    if (this.#rest !== "") this.emit(this.#rest);
  }
}

/**
 * Runs a guest to its end and returns what it printed.
 *
 * @throws Failure with qemu's last message if qemu itself fails
 */
export async function runGuest(guest: Guest, { timeout, log, onLine }: Watch): Promise<GuestRun> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const child = Bun.spawn(command(guest, "stdio"), { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const forget = undoOnInterrupt(() => child.kill("SIGKILL"));
  let end: GuestRun["end"] = "off";
  function kill(why: GuestRun["end"]): void {
    if (end === "off") end = why;
    child.kill("SIGKILL");
  }
  const timer = timeout === undefined ? undefined : setTimeout(() => kill("timeout"), timeout * 1000);

  const lines: ConsoleLine[] = [];
  const cutter = new LineCutter((text) => {
    const line = { seconds: seconds(), text };
    lines.push(line);
    onLine?.(line, () => kill("stopped"));
  });
  const file = log === undefined ? undefined : openSync(log, "w");
  try {
    const errors = new Response(child.stderr).text();
    for await (const chunk of child.stdout) {
      if (file !== undefined) writeSync(file, chunk);
      cutter.push(chunk);
    }
    cutter.end();
    const code = await child.exited;
    if (end === "off" && code !== 0) {
      const emulator = emulatorFor(guest);
      const reason = (await errors).trim().split("\n").at(-1)?.replace(`${emulator}: `, "");
      throw new Failure(emulator, reason || howItEnded(child));
    }
    return { lines, end, seconds: seconds() };
  } finally {
    child.kill("SIGKILL");
    clearTimeout(timer);
    if (file !== undefined) closeSync(file);
    forget();
  }
}

/**
 * Gives the terminal to a guest until it ends: Ctrl-A X ends it, Ctrl-A C is qemu's monitor, Ctrl-C the
 * guest's.
 *
 * @throws Failure if qemu fails; it has said why on the terminal
 */
export async function runInteractively(guest: Guest): Promise<void> {
  const child = Bun.spawn(command(guest, "mon:stdio"), { stdio: ["inherit", "inherit", "inherit"] });
  const forget = undoOnInterrupt(() => child.kill("SIGKILL"));
  try {
    const code = await child.exited;
    if (code !== 0) throw new Failure(emulatorFor(guest), howItEnded(child));
  } finally {
    forget();
  }
}
