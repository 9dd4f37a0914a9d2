// Whether what a program did under a fault is right: the same work all the same, or refused in a line and nothing half done.

import { EXIT } from "../../src/failure.ts";
import { errno } from "../../src/sys/errno.ts";
import { STDERR } from "../../src/sys/system.ts";
import type { Call, End, Fault, Ran } from "./injector.ts";

/** A run, and the files of its working directory at its end: what each is, by its name. */
export interface Result extends Ran {
  readonly files: ReadonlyMap<string, string>;
}

/** A job as it is without a fault. */
export interface Reference {
  readonly good: Result;
  /** The files that it begins with. */
  readonly before: Result["files"];
  /** The exit codes by which it may refuse. */
  readonly refusals: readonly number[];
  /** Whether it is process 1, which waits for ever where it cannot turn the machine off: without it the kernel panics. */
  readonly isFirst?: boolean;
  /** How it says on standard output that it did not find something out. */
  readonly unknown: RegExp | undefined;
}

/** What became of the work: done, done with something said, refused, ended by the signal, or it never came to the fault. */
export const outcomes = ["done", "said", "refused", "interrupted", "missed"] as const;
export type Outcome = (typeof outcomes)[number];

export interface Judged {
  readonly outcome: Outcome;
  /** What is wrong; empty where nothing is. */
  readonly wrong: readonly string[];
}

export const REFUSALS = [EXIT.input, EXIT.refused] as const;

/** `call` is the one that the fault is done to. */
export function judge(reference: Reference, ran: Result, fault: Fault, call: Call | undefined): Judged {
  const { good, before, refusals } = reference;
  const outcome = outcomeOf(reference, ran, fault, call);
  const wrong: string[] = [];
  const claim = (holds: boolean, what: string) => {
    if (!holds) wrong.push(what);
  };
  const isAfter = areSame(ran.files, good.files);
  const isOther = isOtherInput(fault, call);
  const isLost = fault.kind === "errno" && fault.value !== errno.EINVAL && endsWriting(good.calls, fault.at - 1);
  claim(isPlain(ran.err), "standard error has more than lines for people");
  switch (outcome) {
    case "done":
    case "missed":
      claim(outcome === "missed" || !isLost, "takes for written what the kernel says is lost");
      claim(isOther || Buffer.compare(ran.out, good.out) === 0, "prints something else and says nothing");
      claim(isOther || ran.acts.join() === good.acts.join(), `asks the kernel for something else: ${ran.acts.join()}`);
      claim(isOther || isAfter, `has other files and says nothing: ${list(ran.files)}`);
      break;
    case "said":
      claim([...ran.files.keys()].join() === [...good.files.keys()].join(), `has other files: ${list(ran.files)}`);
      break;
    case "refused":
      claim(ran.end.kind === "exit" ? refusals.includes(ran.end.code) : waitsRightly(reference, ran, call), "ends so");
      // What dtcheck finds in another tree is on standard output.
      claim(isReason(ran.err) || isOfStandardError(call) || (isOther && ran.out.length > 0), "gives no reason");
      break;
    case "interrupted":
      claim(isOf(ran.end, fault.value), "ends so");
  }
  if (outcome === "refused" || outcome === "interrupted") {
    claim(isAfter || areSame(ran.files, before), `leaves ${list(ran.files)}`);
    // What the kernel does not unload can only be told.
    claim(!ran.isArmed || / stays loaded\n$/.test(ran.err), "leaves a kernel loaded");
  }
  return { outcome, wrong };
}

function waitsRightly({ isFirst }: Reference, { end }: Result, call: Call | undefined): boolean {
  return isFirst === true && end.kind === "hangs" && call?.name === "reboot";
}

/** Whether a call is the close, or the fsync, of what was written before: the last by which a loss is told. */
function endsWriting(calls: readonly Call[], at: number): boolean {
  const call = calls[at];
  if (call?.name !== "close" && call?.name !== "fsync") return false;
  // Messages are not waited for.
  const [descriptor] = call.args;
  const writes = ({ name, args }: Call) => /^p?write/.test(name) && args[0] === descriptor && descriptor !== STDERR;
  const before = calls.slice(0, at);
  const opened = before.findLastIndex(({ name, result }) => /^openat2?$/.test(name) && result === descriptor);
  return before.slice(opened + 1).some(writes);
}

/** Who is told that a file ends, or is not there, or that there is no such call, takes that for what it is. */
function isOtherInput({ kind, value }: Fault, call: Call | undefined): boolean {
  if (kind === "short") return value === 0 && (call?.name === "read" || call?.name === "pread64");
  if (kind !== "errno") return false;
  // The console has gone, and is opened anew; it is mounted, or loaded, already.
  if (call?.name === "ioctl" && value === errno.EIO) return true;
  if (call?.name === "mount" && value === errno.EBUSY) return true;
  if (call?.name === "finit_module" && value === errno.EEXIST) return true;
  return value === errno.ENOENT || value === errno.ENOTDIR || value === errno.ENOSYS;
}

function outcomeOf({ good, unknown }: Reference, ran: Result, fault: Fault, call: Call | undefined): Outcome {
  if (ran.hit !== call?.name) return "missed";
  const says = ({ out, err }: Result) =>
    `${err}${Buffer.from(out)
      .toString("latin1")
      .match(unknown ?? /$^/g)
      ?.join()}`;
  if (describeEnd(ran.end) === describeEnd(good.end)) return says(ran) === says(good) ? "done" : "said";
  return fault.kind === "signal" ? "interrupted" : "refused";
}

export function describeEnd(end: End): string {
  switch (end.kind) {
    case "exit":
      return `exit code ${end.code}`;
    case "signal":
      return `signal ${end.number}`;
    default:
      return end.kind;
  }
}

/** Died of the signal, or answered it. */
function isOf(end: End, signal: number): boolean {
  return end.kind === "exit" ? end.code === 128 + signal : end.kind === "signal" && end.number === signal;
}

/** `tool: place: fact` at the end. */
function isReason(err: string): boolean {
  return /(^|\n)[\w-]+: [^\n]+: [^\n]+\n$/.test(err);
}

/** No fault of ours, no stack trace, no bytes that do something to a terminal. */
function isPlain(err: string): boolean {
  return /^([ -~]+\n)*$/.test(err) && !/internal error|^ +at /m.test(err);
}

/** What cannot be said there has no other place. */
function isOfStandardError(call: Call | undefined): boolean {
  return call?.name === "write" && call.args[0] === STDERR;
}

export function areSame(one: Result["files"], other: Result["files"]): boolean {
  return one.size === other.size && [...one].every(([name, content]) => other.get(name) === content);
}

function list(files: Result["files"]): string {
  return files.size === 0 ? "no file" : [...files.keys()].join(" ");
}
