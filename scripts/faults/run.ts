// Runs jobs under faults, several at once, each in a directory of its own, and counts what became of them.

import { createHash } from "node:crypto";
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { EXIT, Failure } from "../../src/failure.ts";
import { inTemporaryFolder } from "../cache.ts";
import { type Call, type Fault, NO_FAULT, type Program, runInjected, type Surroundings } from "./injector.ts";
import { type Job, makeInputs, makeMachine } from "./jobs.ts";
import { areSame, describeEnd, judge, REFUSALS, type Reference, type Result } from "./judge.ts";
import { Counts, type Finding } from "./report.ts";

export interface Wishes {
  readonly injector: string;
  readonly executable: string;
  /** Whether Bun is its engine. */
  readonly isBun: boolean;
  readonly jobs: readonly Job[];
  /** The faults that are done, by the calls of a job. */
  choose(calls: readonly Call[]): readonly Fault[];
  /** How many run at once. */
  readonly workers: number;
  /** Whether each job is done a second time without a fault: it has to be the same. */
  readonly twice: boolean;
  /** Told of each fault, as it has been done. */
  tell(finding: Finding): void;
  /** Told of each job before it is done. */
  begin?(job: Job): void;
}

/** @throws Failure where a job is not the same twice without a fault, or does not end as it should */
export async function runJobs(wishes: Wishes): Promise<Counts> {
  const counts = new Counts();
  await inTemporaryFolder(async (folder) => {
    // One that is built anew meanwhile has other calls.
    const executable = join(folder, "kexecbox");
    copyFileSync(wishes.executable, executable);
    const program = { command: [executable], isBun: wishes.isBun };
    await makeInputs(join(folder, "in"), program.command);
    const machines = new Map<Job["machine"], string>();
    const machineOf = ({ machine }: Job): string => {
      const root = machines.get(machine) ?? join(folder, `machine-${machines.size}`);
      if (!machines.has(machine)) makeMachine(root, machine);
      machines.set(machine, root);
      return root;
    };
    for (const [index, job] of wishes.jobs.entries()) {
      wishes.begin?.(job);
      const place = join(folder, `${index}`);
      mkdirSync(place);
      await new JobRunner(wishes, program, job, place, join(folder, "in"), machineOf(job)).run(counts);
      rmSync(place, { recursive: true });
    }
  });
  return counts;
}

class JobRunner {
  readonly #words: readonly string[];

  constructor(
    readonly wishes: Wishes,
    readonly program: Program,
    readonly job: Job,
    readonly place: string,
    readonly inputs: string,
    readonly root: string,
  ) {
    this.#words = job.line.split(" ").map((word) => word.replace("IN", inputs));
  }

  async run(counts: Counts): Promise<void> {
    const { wishes, job } = this;
    const before = this.#prepare("reference");
    const good = await this.#go("reference", NO_FAULT, true);
    const reference = referenceOf(job, good, before);
    if (wishes.twice) await this.#doAgain(reference);
    counts.addJob(good.calls);
    const faults = [...wishes.choose(good.calls)];
    const work = async (_: unknown, index: number) => {
      const cwd = `${index}`;
      this.#prepare(cwd);
      for (let fault = faults.shift(); fault !== undefined; fault = faults.shift()) {
        const ran = await this.#go(cwd, fault);
        if (!areSame(ran.files, before)) this.#prepare(cwd);
        wishes.tell(counts.add(job.line, reference, ran, fault));
      }
    };
    await Promise.all(Array.from({ length: wishes.workers }, work));
  }

  async #doAgain(reference: Reference): Promise<void> {
    const { good } = reference;
    this.#prepare("reference");
    const again = await this.#go("reference", NO_FAULT, true);
    const { wrong } = judge(reference, again, NO_FAULT, undefined);
    if (wrong.length > 0 || good.err !== again.err || good.calls.length !== again.calls.length)
      throw new Failure(this.job.line, `is not the same twice: ${[...wrong, good.err, again.err].join("; ")}`);
  }

  /** Makes the working directory as the job finds it. */
  #prepare(name: string): Result["files"] {
    const cwd = join(this.place, name);
    rmSync(cwd, { recursive: true, force: true });
    mkdirSync(cwd);
    for (const [file, content] of Object.entries(this.job.before ?? {})) writeFileSync(join(cwd, file), content);
    return filesIn(cwd);
  }

  async #go(name: string, fault: Fault, tells = false): Promise<Result> {
    const { wishes, job, place } = this;
    const cwd = join(place, name);
    const surroundings: Surroundings = {
      cwd,
      stdin: job.stdin === undefined ? undefined : join(this.inputs, job.stdin),
      root: this.root,
      isFirst: job.isFirst === true,
      log: join(place, `${name}.log`),
      tells,
    };
    const program = { ...this.program, command: [...this.program.command, ...this.#words] };
    return { ...(await runInjected(wishes.injector, program, surroundings, fault)), files: filesIn(cwd) };
  }
}

/** @throws Failure where it does not end as it should */
function referenceOf(job: Job, good: Result, before: Result["files"]): Reference {
  const wanted = typeof job.end === "string" ? job.end : `exit code ${job.end ?? EXIT.done}`;
  if (describeEnd(good.end) !== wanted)
    throw new Failure(job.line, `ends with ${describeEnd(good.end)} without a fault: ${good.err}`);
  // As diff's, all trouble of dtdiff's is 2.
  const refusals = job.line.startsWith("dtdiff") ? [2] : REFUSALS;
  return { good, before, refusals, isFirst: job.isFirst === true, unknown: job.unknown };
}

/** Everything below a directory: its kind, who may do what with it, and its content. */
function filesIn(directory: string): Map<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: "latin1" }).sort();
  return new Map(names.map((name) => [name, describeFile(join(directory, name))]));
}

function describeFile(path: string): string {
  const status = lstatSync(path);
  const mode = status.mode.toString(8);
  if (status.isSymbolicLink()) return `${mode} ${readlinkSync(path)}`;
  if (status.isDirectory()) return mode;
  return `${mode} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
}
