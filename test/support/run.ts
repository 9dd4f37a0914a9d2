// Runs the whole program as a process, under each engine.

import { join } from "node:path";
import { build, executableFor } from "../../scripts/build.ts";
import { emulatorFor, type Target, targets } from "../../scripts/machines/machines.ts";
import { present } from "./present.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");

/** A way to run the program: the words before its own arguments. */
export interface Runner {
  readonly name: string;
  readonly command: readonly string[];
  /** The program's own file; undefined under Bun, where the source itself is run. */
  readonly executable: string | undefined;
}

function executableOf(name: Target): Runner {
  const executable = executableFor(name);
  return { name, command: [...emulatorFor(name), executable], executable };
}

export const bun: Runner = { name: "bun", command: [process.execPath, MAIN], executable: undefined };
export const x64: Runner = executableOf("x64-small");
export const ppc64: Runner = executableOf("ppc64");
export const ppc64le: Runner = executableOf("ppc64le");
export const ppc: Runner = executableOf("ppc");
export const arm64: Runner = executableOf("arm64-small");
export const riscv64: Runner = executableOf("riscv64");

/** Bun's own executables. It takes a second to start the one for the other machine. */
export const fused: Runner = executableOf(process.arch === "arm64" ? "arm64" : "x64");
export const fusedElsewhere: Runner = executableOf(process.arch === "arm64" ? "x64" : "arm64");

/** Those whose words have 8 bytes, and all. Bun first: the others are compared with it. */
export const wideRunners: readonly Runner[] = [bun, fused, x64, arm64, ppc64, ppc64le, riscv64];
export const runners: readonly Runner[] = [...wideRunners, ppc];

/** Brings the executables of all runners up to date: for beforeAll. */
export async function buildRunners(): Promise<void> {
  for (const target of targets) await build(target);
}

export interface Run {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: Buffer;
  /** One character for each byte. */
  readonly err: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly stdin?: Uint8Array;
  /** A descriptor that gets standard output in place of `out`. */
  readonly stdout?: number;
  /** Words before the whole command: `setpriv`, `strace` and their like. */
  readonly under?: readonly string[];
}

/** Runs it with arguments that are text; a program that takes longer than a minute is killed. */
export function runWith(runner: Runner, args: readonly string[], options: RunOptions = {}): Run {
  return finished([...(options.under ?? []), ...runner.command, ...args], options);
}

/** The same with arguments that are byte strings, which Bun's own spawn would encode as UTF-8. */
export function runWithBytes(runner: Runner, args: readonly string[], options: RunOptions = {}): Run {
  return finished([...(options.under ?? []), ...throughShell(runner, args)], options);
}

/** Of one of the runners. */
export interface NamedRun extends Run {
  readonly name: string;
}

/** Runs all of them at once with the same arguments, byte strings. */
export async function runUnderEach(args: readonly string[], cwd: string, under = runners): Promise<NamedRun[]> {
  return Promise.all(
    under.map(async (runner) => {
      const child = Bun.spawn(throughShell(runner, args), {
        cwd,
        stdin: null,
        stdout: "pipe",
        stderr: "pipe",
        ...LIMIT,
      });
      const [out, err] = await Promise.all([new Response(child.stdout).bytes(), new Response(child.stderr).bytes()]);
      await child.exited;
      const signal = child.signalCode === null ? null : String(child.signalCode);
      return {
        name: runner.name,
        code: child.exitCode,
        signal,
        out: Buffer.from(out),
        err: Buffer.from(err).toString("latin1"),
      };
    }),
  );
}

const LIMIT = { timeout: 60_000, killSignal: "SIGKILL" } as const;

function throughShell(runner: Runner, args: readonly string[]): string[] {
  const words = args.map((word) => `$'${word.replace(/[^A-Za-z0-9]/g, escaped)}'`);
  const command = runner.command.map((word) => `'${word}'`);
  return ["bash", "-c", `exec ${[...command, ...words].join(" ")}`];
}

function escaped(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

function finished(command: string[], { cwd, stdin, stdout }: RunOptions): Run {
  const child = Bun.spawnSync(command, {
    ...(cwd === undefined ? {} : { cwd }),
    stdin: stdin ?? null,
    stdout: stdout ?? "pipe",
    stderr: "pipe",
    ...LIMIT,
  });
  return {
    code: child.exitCode,
    signal: child.signalCode === undefined ? null : String(child.signalCode),
    out: stdout === undefined ? Buffer.from(present(child.stdout)) : Buffer.alloc(0),
    err: child.stderr.toString("latin1"),
  };
}
