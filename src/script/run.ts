// Runs scripts: starts the programs of each pipeline with their descriptors, and waits for all of them.

import { Failure, failureFrom } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { errno } from "../sys/errno.ts";
import {
  CWD,
  O_APPEND,
  O_CREAT,
  O_TRUNC,
  O_WRONLY,
  SIGKILL,
  SIGTERM,
  STDERR,
  STDIN,
  STDOUT,
  type System,
  WNOHANG,
} from "../sys/system.ts";
import { parseScript } from "./parse.ts";
import type { Command, Output, Pipeline } from "./pipeline.ts";

export interface Shell {
  readonly system: System;
  /** The path of the program that a command's first word means; undefined when there is none. */
  find(word: ByteString): ByteString | undefined;
  /** Waits until all of these children have ended: their statuses as wait4(2) has them, or -errno, in this order. */
  wait(pids: readonly number[]): readonly number[];
  /** Does what may take long while no child of ours runs. */
  rest<T>(work: () => T): T;
  /** Gets the failure of a line that may fail. */
  goOn(failure: Failure): void;
}

/**
 * Runs a script up to its first pipeline that fails and may not. A script with a syntax error does not run at all.
 * @param name what errors call the script
 * @param announce called with each pipeline before it starts
 * @throws Failure whose place is `name:line`, or `name:line:column` of a syntax error
 */
export function runScript(shell: Shell, name: string, text: ByteString, announce: (pipeline: Pipeline) => void): void {
  const inLine = ({ place, fact, exitCode }: Failure, { line }: Pipeline) =>
    new Failure(`${name}:${line}`, `${place}: ${fact}`, exitCode);
  runLines(shell, parseScript(name, text), announce, (failure, pipeline, isLast) => {
    if (isLast && !pipeline.mayFail) throw inLine(failure, pipeline);
    shell.goOn(inLine(failure, pipeline));
  });
}

/**
 * Runs pipelines in order: of a line those that `&&` and `||` leave.
 * @param tell gets why a pipeline failed, and whether its line fails by that: else another one is run for it
 */
export function runLines(
  shell: Shell,
  pipelines: readonly Pipeline[],
  announce: (pipeline: Pipeline) => void,
  tell: (failure: Failure, pipeline: Pipeline, isLast: boolean) => void,
): void {
  let failed: { readonly failure: Failure; readonly pipeline: Pipeline } | undefined;
  for (const pipeline of pipelines) {
    if (pipeline.after === (failed === undefined ? "||" : "&&")) continue;
    if (failed !== undefined) tell(failed.failure, failed.pipeline, pipeline.after === undefined);
    failed = undefined;
    announce(pipeline);
    try {
      runPipeline(shell, pipeline);
    } catch (error) {
      const failure = failureFrom(error);
      if (failure === undefined) throw error;
      failed = { failure, pipeline };
    }
  }
  if (failed !== undefined) tell(failed.failure, failed.pipeline, true);
}

/** Milliseconds that a program gets to end once it is asked to, and between two looks whether it has. */
const PATIENCE = 2000;
const PAUSE = 10;

/** By a file's permissions: by anybody. Without it root cannot either. */
const EXECUTABLE = 0o111;

/**
 * Starts all programs, then waits for all of them. Of a line of which one cannot be started none is, as far as that can be known.
 * @throws Failure that names every program that ended by a signal or with an exit code other than 0, or the one that
 *   could not be started, or the file that did not take its output
 */
export function runPipeline(shell: Shell, pipeline: Pipeline): void {
  const { system } = shell;
  const programs = pipeline.commands.map((words): Program => ({ path: findProgram(shell, words[0]), words }));
  const { input, output } = openFiles(system, pipeline);
  const started: number[] = [];
  try {
    startAll(system, programs, [input, output], started);
  } catch (error) {
    endAll(system, started);
    if (output !== STDOUT) system.close(output);
    throw error;
  } finally {
    if (input !== STDIN) system.close(input);
  }
  const ends = shell.wait(started).map((status, row) => describeEnd(system.must(status, `process ${started[row]}`)));
  const [first, ...others] = programs.flatMap(({ words }, row) =>
    ends[row] === undefined ? [] : [{ name: words[0], end: ends[row] }],
  );
  // Not every program asks at its end whether all of it got there.
  if (pipeline.output !== undefined && first === undefined) system.finish(output, pipeline.output.path);
  else if (output !== STDOUT) system.close(output);
  if (first === undefined) return;
  throw new Failure(first.name, [first.end, ...others.map(({ name, end }) => `${name}: ${end}`)].join(", "));
}

interface Program {
  readonly path: ByteString;
  readonly words: Command;
}

/** @throws Failure for what execve(2) would not start, as far as the file's status tells that */
function findProgram({ system, find }: Shell, word: ByteString): ByteString {
  const path = find(word);
  if (path === undefined) throw new Failure(word, "no such command");
  const { kind, mode } = system.must(system.statusOfFile(path), word);
  if (kind !== "file") throw new Failure(word, `is a ${kind}, not a program`);
  if ((mode & EXECUTABLE) === 0) system.must(-errno.EACCES, word);
  return path;
}

/** What the first program reads, and the last one writes. An output is not made where there is no input. */
function openFiles(system: System, pipeline: Pipeline): { readonly input: number; readonly output: number } {
  const input = pipeline.input === undefined ? STDIN : system.mustOpen(pipeline.input, 0);
  if (pipeline.output === undefined) return { input, output: STDOUT };
  const output = openOutput(system, pipeline.output);
  if (output < 0 && input !== STDIN) system.close(input);
  return { input, output: system.must(output, pipeline.output.path) };
}

function openOutput(system: System, { path, how }: Output): number {
  return system.open(CWD, path, O_WRONLY | O_CREAT | (how === "append" ? O_APPEND : O_TRUNC));
}

/** Adds each process id to `started` as soon as there is one. */
function startAll(
  system: System,
  programs: readonly Program[],
  [input, output]: readonly [input: number, output: number],
  started: number[],
): void {
  const open: number[] = [];
  try {
    let stdin = input;
    for (const [row, { path, words }] of programs.entries()) {
      const pipe = row === programs.length - 1 ? undefined : system.pipe();
      if (pipe !== undefined) open.push(pipe.read, pipe.write);
      const pid = system.engine.spawn(path, words, stdin, pipe?.write ?? output, STDERR);
      started.push(system.must(pid, words[0]));
      if (pipe !== undefined) stdin = pipe.read;
    }
  } finally {
    // Before anybody waits: a reader sees the end of a pipe only after all descriptors of its writing side are closed.
    for (const descriptor of open) system.close(descriptor);
  }
}

/**
 * Ends programs whose line cannot be: one that reads the console, or sleeps, would not see that nobody reads what it writes. The
 * last one first, so that none takes the end of another for the end of its input.
 */
function endAll(system: System, pids: readonly number[]): void {
  for (const pid of pids.toReversed()) system.call("kill", pid, SIGTERM);
  const isRunning = (pid: number): boolean => system.waitForEnd(pid, WNOHANG) === 0;
  let running = pids.filter(isRunning);
  for (let waited = 0; running.length > 0 && waited < PATIENCE; waited += PAUSE) {
    system.sleep(PAUSE);
    running = running.filter(isRunning);
  }
  for (const pid of running) {
    system.call("kill", pid, SIGKILL);
    system.wait(pid);
  }
}

/** What a status of wait4(2) says; undefined when all is well. */
function describeEnd(status: number): string | undefined {
  const signal = status & 0x7f;
  if (signal !== 0) return `signal ${signal}`;
  const code = (status >> 8) & 0xff;
  return code === 0 ? undefined : `exit ${code}`;
}
