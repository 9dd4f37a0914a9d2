// Runs a program under scripts/faults/injector.c, and reads what that tells.

import { join } from "node:path";
import { Failure } from "../../src/failure.ts";
import { makeOnce } from "../cache.ts";
import { runTool } from "../tool.ts";

/** What is done to one counted call of the kernel; see injector.c. */
export interface Fault {
  /** Which call, counted from 1; 0: none. */
  readonly at: number;
  readonly kind: "none" | "errno" | "short" | "signal" | "from";
  /** An error's number, bytes, a signal's number. */
  readonly value: number;
}

export const NO_FAULT: Fault = { at: 0, kind: "none", value: 0 };

/** A counted call, as it was without a fault. */
export interface Call {
  readonly name: string;
  readonly args: readonly number[];
  /** Where it names a file. */
  readonly path: string;
  readonly result: number;
}

export type End =
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "signal"; readonly number: number }
  /** reboot(2), which does not return. */
  | { readonly kind: "machine" }
  | { readonly kind: "hangs" };

/** What a program did. */
export interface Story {
  readonly end: End;
  /** What it asked that would have changed the machine, in words. */
  readonly acts: readonly string[];
  /** Whether a kernel or a crash kernel was loaded at the end. */
  readonly isArmed: boolean;
  /** The call that the fault was done to; undefined where it did not come to it. */
  readonly hit: string | undefined;
  readonly calls: readonly Call[];
}

export interface Ran extends Story {
  readonly out: Uint8Array;
  /** One character for each byte. */
  readonly err: string;
}

export interface Program {
  readonly command: readonly string[];
  readonly isBun: boolean;
}

export interface Surroundings {
  readonly cwd: string;
  /** A file; nothing unless given. */
  readonly stdin?: string | undefined;
  /** In which /proc and /sys are looked up. */
  readonly root: string;
  readonly isFirst: boolean;
  /** A path that is free, for what is told. */
  readonly log: string;
  /** Whether each call is told of. */
  readonly tells?: boolean;
}

/** Of a machine with much to do. */
const PATIENCE = 120;

/** The injector's executable. @throws Failure with the compiler's last message */
export async function buildInjector(): Promise<string> {
  if (process.arch !== "x64") throw new Failure("faults", "the injector knows the registers of x86-64 alone");
  const source = join(import.meta.dir, "injector.c");
  const words = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror"];
  const folder = await makeOnce("injector", [await Bun.file(source).text(), ...words], async (made) => {
    await runTool([...words, "-o", join(made, "injector"), source]);
  });
  return join(folder, "injector");
}

/** Runs it once, with one fault. */
export async function runInjected(
  injector: string,
  { command, isBun }: Program,
  { cwd, stdin, root, isFirst, log, tells }: Surroundings,
  { at, kind, value }: Fault,
): Promise<Ran> {
  const flags = `-${isBun ? "b" : ""}${isFirst ? "1" : ""}${tells === true ? "t" : ""}`;
  const words = [injector, log, flags, PATIENCE, root, at, kind, value, ...command];
  const child = Bun.spawn(words.map(String), {
    cwd,
    stdin: stdin === undefined ? null : Bun.file(stdin),
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: "/bin" },
  });
  const [out, err] = await Promise.all([new Response(child.stdout).bytes(), new Response(child.stderr).bytes()]);
  const code = await child.exited;
  if (code !== 0) throw new Failure("injector", `exit code ${code}; ${Buffer.from(err).toString("latin1")}`);
  return { ...readStory(await Bun.file(log).text()), out, err: Buffer.from(err).toString("latin1") };
}

/** What the injector has told, a line each. */
function readStory(log: string): Story {
  const lines = log.split("\n").slice(0, -1);
  const told = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  const [end] = told("end");
  if (end === undefined) throw new Failure("injector", "did not tell how the program ended");
  return {
    end: readEnd(end),
    acts: lines.filter((line) => !/^(call|gave|fault|end|armed) /.test(line)),
    isArmed: /1/.test(told("armed")[0] ?? ""),
    hit: told("fault")[0],
    calls: readCalls(lines),
  };
}

function readEnd(text: string): End {
  const [kind, number] = text.split(" ");
  switch (kind) {
    case "exit":
      return { kind, code: Number(number) };
    case "signal":
      return { kind, number: Number(number) };
    case "machine":
    case "hangs":
      return { kind };
    default:
      throw new Failure("injector", `tells an end that is unknown: ${text}`);
  }
}

function readCalls(lines: readonly string[]): Call[] {
  const calls: Call[] = [];
  for (const line of lines) {
    const call = /^call (\S+) (-?\d+) (-?\d+) (-?\d+) (.*)$/.exec(line);
    const gave = /^gave (-?\d+)$/.exec(line)?.[1];
    const last = calls.at(-1);
    if (call !== null) {
      const [, name = "", first, second, third, path = ""] = call;
      calls.push({ name, args: [first, second, third].map(Number), path, result: 0 });
    } else if (gave !== undefined && last !== undefined) calls[calls.length - 1] = { ...last, result: Number(gave) };
  }
  return calls;
}
