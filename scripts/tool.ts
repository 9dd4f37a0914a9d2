// Runs other people's programs: quiet when they succeed, their last line in the error when they fail.

import { basename } from "node:path";
import { Failure } from "../src/failure.ts";
import { undoOnInterrupt } from "./interrupt.ts";

export interface ToolOptions {
  cwd?: string;
  /** Added to the environment of this process. */
  env?: Record<string, string>;
  /** Called with each whole line of standard output and standard error while the program runs. */
  onLine?: (line: string) => void;
  /** Gets everything the program printed, if it fails, before the Failure is thrown. */
  onFailure?: (output: string) => void;
  /**
   * Finds what went wrong in what a failed program printed; its last line if this is absent or finds nothing.
   */
  reason?: (output: string) => string;
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<string> {
  const decoder = new TextDecoder();
  const parts: string[] = [];
  let rest = "";
  for await (const chunk of stream) {
    const text = decoder.decode(chunk, { stream: true });
    parts.push(text);
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(onLine);
  }
  if (rest !== "") onLine(rest);
  return parts.join("");
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

/**
 * Runs a program to its end, without standard input, and returns what it wrote to standard output. Its
 * messages are in English (LC_ALL=C). It lives in a process group of its own, which is killed if this process
 * ends first.
 * @param command program and arguments; the program is looked up in PATH
 * @throws Failure (exit code 1) naming the program when it cannot be started, exits non-zero or dies of a
 * signal
 */
export async function runTool(command: readonly string[], options: ToolOptions = {}): Promise<string> {
  const name = basename(command[0] ?? "");
  const program = Bun.which(command[0] ?? "");
  if (program === null) throw new Failure(name, "not found; `npm run setup` installs what is missing");
  const child = Bun.spawn([program, ...command.slice(1)], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, LC_ALL: "C", ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
  const forget = undoOnInterrupt(() => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  });
  try {
    const onLine = options.onLine ?? (() => {});
    const [output, errors] = await Promise.all([readLines(child.stdout, onLine), readLines(child.stderr, onLine)]);
    const code = await child.exited;
    if (code === 0) return output;
    options.onFailure?.(output + errors);
    const how = child.signalCode === null ? `exit code ${code}` : `died of ${child.signalCode}`;
    const reason = options.reason?.(errors) || lastLine(errors) || lastLine(output);
    throw new Failure(name, reason === "" ? how : `${how}; ${reason}`);
  } finally {
    forget();
  }
}
