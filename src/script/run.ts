// Runs scripts: starts the programs of each pipeline with their descriptors, and waits for all of them.

import { Failure } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { CWD, O_APPEND, O_CREAT, O_TRUNC, O_WRONLY, STDERR, STDIN, STDOUT, type System } from "../sys/system.ts";
import { parseScript } from "./parse.ts";
import type { Command, Output, Pipeline } from "./pipeline.ts";

export interface Shell {
  readonly system: System;
  /** The path of the program that a command's first word means; undefined when there is none. */
  find(word: ByteString): ByteString | undefined;
  /** Called after each pipeline: process 1 has to wait for the orphans of others. */
  reap(): void;
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
  for (const pipeline of parseScript(name, text)) {
    announce(pipeline);
    try {
      runPipeline(shell, pipeline);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const failure = new Failure(`${name}:${pipeline.line}`, `${error.place}: ${error.fact}`, error.exitCode);
      if (!pipeline.mayFail) throw failure;
      shell.goOn(failure);
    }
  }
}

/**
 * Starts all programs, then waits for all of them.
 * @throws Failure that names every program that ended by a signal or with an exit code other than 0, or the one that
 *   could not be started
 */
export function runPipeline(shell: Shell, pipeline: Pipeline): void {
  const { system } = shell;
  const programs = pipeline.commands.map((words): Program => ({ path: findProgram(shell, words[0]), words }));
  const started: number[] = [];
  try {
    startAll(system, programs, pipeline, started);
  } catch (error) {
    // Those that run find their pipe closed and end.
    for (const pid of started) system.wait(pid);
    throw error;
  }
  const ends = started.map((pid) => describeEnd(system.must(system.wait(pid), `process ${pid}`)));
  shell.reap();
  const [first, ...others] = programs.flatMap(({ words }, row) =>
    ends[row] === undefined ? [] : [{ name: words[0], end: ends[row] }],
  );
  if (first === undefined) return;
  throw new Failure(first.name, [first.end, ...others.map(({ name, end }) => `${name}: ${end}`)].join(", "));
}

interface Program {
  readonly path: ByteString;
  readonly words: Command;
}

function findProgram(shell: Shell, word: ByteString): ByteString {
  const path = shell.find(word);
  if (path === undefined) throw new Failure(word, "no such command");
  return path;
}

/** Adds each process id to `started` as soon as there is one. */
function startAll(system: System, programs: readonly Program[], pipeline: Pipeline, started: number[]): void {
  const open: number[] = [];
  function keep(descriptor: number, place: string): number {
    open.push(system.must(descriptor, place));
    return descriptor;
  }
  try {
    const { input, output } = pipeline;
    let stdin = input === undefined ? STDIN : keep(system.open(CWD, input, 0), input);
    const last = output === undefined ? STDOUT : keep(openOutput(system, output), output.path);
    for (const [row, { path, words }] of programs.entries()) {
      const pipe = row === programs.length - 1 ? undefined : system.pipe();
      const stdout = pipe === undefined ? last : keep(pipe.write, "pipe");
      const pid = system.engine.spawn(path, words, stdin, stdout, STDERR);
      if (pipe !== undefined) stdin = keep(pipe.read, "pipe");
      started.push(system.must(pid, words[0]));
    }
  } finally {
    // Before anybody waits: a reader sees the end of a pipe only after all descriptors of its writing side are closed.
    for (const descriptor of open) system.close(descriptor);
  }
}

function openOutput(system: System, { path, how }: Output): number {
  return system.open(CWD, path, O_WRONLY | O_CREAT | (how === "append" ? O_APPEND : O_TRUNC));
}

/** What a status of wait4(2) says; undefined when all is well. */
function describeEnd(status: number): string | undefined {
  const signal = status & 0x7f;
  if (signal !== 0) return `signal ${signal}`;
  const code = (status >> 8) & 0xff;
  return code === 0 ? undefined : `exit ${code}`;
}
