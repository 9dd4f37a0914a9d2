// What is fuzzed: a function that reads bytes, and throws where a property of what it does with them does not hold. Plain
// ES2023, so that every engine can run it.

import { Failure, formatFailure } from "../../src/failure.ts";
import { run } from "../../src/kexecbox.ts";
import { type Host, type MemoryMachine, systemOn, type World } from "./machine.ts";

export interface Target {
  readonly name: string;
  /** What is held against it, for people. */
  readonly holds: string;
  /** Texts that are put into inputs. */
  readonly words: readonly string[];
  /** Whether inputs are lines of words rather than numbers. */
  readonly isText: boolean;
  /** Blocks of code that may run for each byte of an input. What takes the square of its length takes more. */
  readonly work: number;
  /**
   * What becomes of an input, in one line or more, the same on every engine.
   * @throws Error where something does not hold
   */
  attempt(host: Host, input: Uint8Array): string;
}

export function textOf(input: Uint8Array): string {
  let text = "";
  for (const byte of input) text += String.fromCharCode(byte);
  return text;
}

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** @throws Error that names what is not the same */
export function hold(what: string, found: string, wanted: string): void {
  if (found === wanted) return;
  let at = 0;
  while (found[at] === wanted[at]) at++;
  const part = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 40), at + 80));
  throw new Error(`${what}: ${part(found)} in place of ${part(wanted)}`);
}

/** What `work` gives, or the Failure as people read it; everything else that is thrown is a finding. */
export function orRefusal<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const text = formatFailure(error);
    if (!/^[ -~]+$/.test(text)) throw new Error(`a refusal that is not one line: ${JSON.stringify(text)}`);
    return text;
  }
}

export interface Outcome {
  readonly code: number;
  readonly out: Uint8Array;
  readonly err: string;
  readonly machine: MemoryMachine;
}

/** Commands whose exit code answers a question, or that go on behind an error, so that they print all the same; and those that show a plan with what is wrong with it. */
const ANSWERING = ["cat", "dtcheck", "dtdiff", "kexec", "loadem", "ls", "vmcore", "vmcore-dmesg"];

/** Runs a command, and holds what every command holds: a documented exit code, lines of text on standard error, and nothing half done. */
export function runCommand(world: World, words: readonly string[]): Outcome {
  const { machine, system } = systemOn(world);
  const code = run(system, ["kexecbox", ...words]);
  const [out, err] = [machine.stdout, machine.stderr];
  const told = `${JSON.stringify(words)}: exit code ${code}`;
  if (![0, 1, 2, 3].includes(code)) throw new Error(told);
  // Only loading is refused by a kernel.
  if (code === 3 && machine.refused.length === 0) throw new Error(`${told}, and the kernel was not asked`);
  if (!/^([ -~]+\n)*$/.test(err)) throw new Error(`${told}: not lines of text: ${JSON.stringify(err)}`);
  const tool = words[0] ?? "";
  const isAnswering = ANSWERING.includes(tool);
  if (code !== 0 && !isAnswering) {
    if (err === "") throw new Error(`${told}, and not a word`);
    if (out.length > 0) throw new Error(`${told}, and ${out.length} bytes were printed`);
  }
  if (code !== 0) refuseChanges(told, world, machine);
  return { code, out, err, machine };
}

function refuseChanges(told: string, { files }: World, machine: MemoryMachine): void {
  for (const [path, bytes] of machine.files)
    if (files?.get(path) !== bytes) throw new Error(`${told}, and ${JSON.stringify(path)} is there or has changed`);
  for (const path of files?.keys() ?? [])
    if (!machine.files.has(path)) throw new Error(`${told}, and ${JSON.stringify(path)} is gone`);
}

/** An outcome as one line. What --version says is each engine's own. */
export function summaryOf(host: Host, { code, out, err }: Outcome): string {
  if (textOf(out.subarray(0, 9)) === "kexecbox ") return `${code} --version ${err}`;
  return `${code} ${out.length} ${host.sha256(out).slice(0, 16)} ${JSON.stringify(err)}`;
}
