// npm run boot: boots a guest, kexecs into a second kernel, and says what happened.

import { rename } from "node:fs/promises";
import { join } from "node:path";
import { EXIT, Failure } from "../src/failure.ts";
import { parseScript } from "../src/script/parse.ts";
import { type Choices, HELP, parseChoices } from "./boot/choices.ts";
import { crashFor } from "./boot/crash.ts";
import { judgeCrash } from "./boot/examine.ts";
import { gdbAdvice, gdbSocket } from "./boot/gdb.ts";
import { type FirstKernel, firstKernel, type NextKernel, nextKernel } from "./boot/kernels.ts";
import { memoryOf, type Scene, type Special, sceneFor } from "./boot/scene.ts";
import { type Step, Timeline, type Verdict } from "./boot/timeline.ts";
import { cacheFolder, inTemporaryFolder } from "./cache.ts";
import { endWith } from "./command.ts";
import { type ConsoleLine, type GuestRun, runGuest, runInteractively } from "./guest.ts";
import { machineOf } from "./machines/machines.ts";
import { ensure } from "./setup.ts";

const LAST_LINES = 25;

export interface Boot {
  readonly verdict: Verdict;
  readonly steps: readonly Step[];
  readonly run: GuestRun;
  /** The whole console, kept where the boot failed. */
  readonly log: string | undefined;
}

export interface Kernels {
  readonly first: FirstKernel;
  readonly next: NextKernel;
}

export async function kernelsFor(choices: Choices): Promise<Kernels> {
  const first = await firstKernel(choices);
  return { first, next: await nextKernel(choices, first) };
}

/** One boot from start to end. `onStep` gets each step as it happens. */
export async function boot(
  choices: Choices,
  { first, next }: Kernels,
  special: Special,
  onStep: (step: Step) => void,
): Promise<Boot> {
  return inTemporaryFolder(async (folder) => {
    const crash = choices.crash === undefined ? undefined : await crashFor(choices, next, folder, memoryOf(choices));
    const scene = await sceneFor(choices, first, next, folder, { ...special, ...crash?.special });
    const steps: Step[] = [];
    const add = (step: Step): void => {
      steps.push(step);
      onStep(step);
    };
    const timeline = new Timeline(scene.nonce, add, choices.direct);
    const log = join(folder, "console");
    if (choices.gdb) say(adviceFor(choices, next, scene, folder));
    // Whoever debugs takes the time that it takes.
    const timeout = choices.gdb ? undefined : choices.timeout;
    const onLine = (line: ConsoleLine): void => {
      timeline.read(line);
      crash?.onLine(line.text);
    };
    const run = await runGuest(scene.guest, { timeout, log, onLine });
    const ended = timeline.verdict(run.end);
    const verdict = crash === undefined || !ended.passed ? ended : await judgeCrash(crash, choices.smp, run, add);
    if (verdict.passed && crash !== undefined) await special.onDump?.(crash.disk);
    if (verdict.passed) return { verdict, steps, run, log: undefined };
    const kept = join(cacheFolder(), `boot-${scene.nonce}.log`);
    await rename(log, kept);
    return { verdict, steps, run, log: kept };
  });
}

async function interact(choices: Choices, { first, next }: Kernels, special: Special): Promise<number> {
  return inTemporaryFolder(async (folder) => {
    const scene = await sceneFor(choices, first, next, folder, special);
    const { guest, script } = scene;
    if (choices.gdb) say(adviceFor(choices, next, scene, folder));
    if (choices.direct) {
      say("The guest's console: Ctrl-A X ends it.\n");
      await runInteractively(guest);
      return EXIT.done;
    }
    const append = `${guest.append} -- --prompt`;
    say(`The guest's console: Ctrl-A X ends it. The next kernel is /vmlinux.kexec; this takes you there:\n\n${script}`);
    await runInteractively({ ...guest, append });
    return EXIT.done;
  });
}

function adviceFor(choices: Choices, next: NextKernel, { addresses }: Scene, folder: string): string {
  return gdbAdvice(machineOf(choices.target), gdbSocket(folder), addresses, next.symbols);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function showStep({ seconds, what }: Step): void {
  say(`${seconds.toFixed(2).padStart(7)} s  ${what}`);
}

function showFailure({ run, log }: Boot): void {
  say(`  The console's last lines; the whole of it is ${log}`);
  for (const { text } of run.lines.slice(-LAST_LINES)) say(`  | ${text}`);
}

async function readScript(path: string): Promise<string> {
  const text = await Bun.file(path)
    .bytes()
    .catch((error: NodeJS.ErrnoException) => {
      throw new Failure(path, `cannot be read: ${error.code}`);
    });
  const script = Buffer.from(text).toString("latin1");
  // A mistake in it is better reported here than by a machine that stops.
  parseScript(path, script);
  return script;
}

async function main(args: readonly string[]): Promise<number> {
  const choices = parseChoices(args);
  if (choices === undefined) {
    process.stdout.write(HELP);
    return EXIT.done;
  }
  const { name } = machineOf(choices.target);
  await ensure(`guest-${name}`, ...(choices.payload ? ([`stub-${name}`] as const) : []));
  const script = choices.script === undefined ? undefined : await readScript(choices.script);
  const special: Special = script === undefined ? {} : { script: () => script };
  const kernels = await kernelsFor(choices);
  const { first, next } = kernels;
  const both = next.title === first.title ? first.title : `${first.title} to ${next.title}`;
  const titles = choices.direct ? `${next.title}, nothing before it` : both;
  say(`${choices.target} on ${choices.cpu}, ${choices.smp} cpus: ${titles}`);
  if (choices.interactive) return interact(choices, kernels, special);
  return choices.runs === 1 ? bootOnce(choices, kernels, special) : bootOften(choices, kernels, special);
}

async function bootOnce(choices: Choices, kernels: Kernels, special: Special): Promise<number> {
  const result = await boot(choices, kernels, special, showStep);
  const { passed, reason } = result.verdict;
  if (!passed) showFailure(result);
  say(`${passed ? "PASS" : "FAIL"} ${reason}`);
  return passed ? EXIT.done : EXIT.input;
}

async function bootOften(choices: Choices, kernels: Kernels, special: Special): Promise<number> {
  let passes = 0;
  for (let run = 1; run <= choices.runs; run++) {
    const result = await boot(choices, kernels, special, () => {});
    const { passed, reason } = result.verdict;
    if (passed) passes++;
    say(`${String(run).padStart(4)}  ${passed ? "pass" : "fail"}  ${result.run.seconds.toFixed(2)} s  ${reason}`);
    if (!passed) showFailure(result);
  }
  say(`${passes === choices.runs ? "PASS" : "FAIL"} ${passes} of ${choices.runs}`);
  return passes === choices.runs ? EXIT.done : EXIT.input;
}

if (import.meta.main) await endWith("boot", () => main(process.argv.slice(2)));
