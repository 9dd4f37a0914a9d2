// npm run soak: boots kernels from one another until something fails that fails one time in a thousand.

import { randomInt } from "node:crypto";
import { loadavg } from "node:os";
import { EXIT } from "../src/failure.ts";
import { CAUSES, parseChoices } from "./boot/choices.ts";
import { boot, kernelsFor } from "./boot.ts";
import { build } from "./build.ts";
import { endWith } from "./command.ts";
import { undoOnInterrupt } from "./interrupt.ts";
import { addRecord, openRecord } from "./json-lines.ts";
import { defaultKernel, hasDisk, machineOf, type Target } from "./machines/machines.ts";
import { ensure } from "./setup.ts";
import { withBurners } from "./soak/burners.ts";
import { chainOf } from "./soak/chain.ts";
import { HELP, parseSoak, type SoakChoices } from "./soak/choices.ts";
import { type ChainRecord, shownChain, summary, triedIn } from "./soak/record.ts";
import { type ChainRun, runChain } from "./soak/run.ts";

/** What one chain is of. */
interface Kind {
  readonly course: readonly Target[];
  readonly smp: number;
  readonly starved: SoakChoices["starving"][number];
}

/** In the order in which chains take them. */
function kindsOf({ courses, smps, starving }: SoakChoices): Kind[] {
  return courses.flatMap((course) => smps.flatMap((smp) => starving.map((starved) => ({ course, smp, starved }))));
}

async function runKind(choices: SoakChoices, { course, smp, starved }: Kind, boots: number): Promise<ChainRecord> {
  const { ways, small, timeout } = choices;
  const starving = starved === "never" ? undefined : { cpu: randomInt(smp), how: starved };
  const chain = await chainOf({ targets: course, ways, smp, small, boots });
  const started = performance.now();
  const recordOf = ({ passed, failure, seconds, cpuSeconds }: ChainRun): ChainRecord => ({
    ...{ time: new Date().toISOString(), course, smp, starved: starving ?? null, ways, kernels: chain.titles },
    ...{ tried: failure === undefined ? passed : passed + 1, passed, failure: failure ?? null },
    ...{ seconds, cpuSeconds: cpuSeconds ?? null, load: loadavg()[0] ?? 0 },
  });
  let passed = 0;
  const forget = undoOnInterrupt(() => {
    const seconds = (performance.now() - started) / 1000;
    if (passed > 0) addRecord(choices.record, recordOf({ passed, failure: undefined, seconds, cpuSeconds: undefined }));
  });
  try {
    return recordOf(await runChain(chain, { timeout, starving }, (soFar) => (passed = soFar)));
  } finally {
    forget();
  }
}

/** A panic, its crash kernel, and the dump. @param turn how often its kind has had its turn: the next cause with each */
async function runCrash(choices: SoakChoices, { course, smp }: Kind, turn: number): Promise<ChainRecord> {
  const { timeout } = choices;
  const [target = "ppc64le"] = course;
  const causes = CAUSES.filter((cause) => cause !== "nmi" || machineOf(target).guest.nmi);
  const cause = causes[turn % causes.length] ?? "sysrq";
  const small = choices.small && hasDisk(defaultKernel({ target, small: true }));
  const words = ["--target", target, "--smp", `${smp}`, "--crash", cause, "--timeout", `${timeout}`];
  const own = parseChoices([...words, ...(small ? ["--small"] : [])]);
  if (own === undefined) throw new Error("this is no --help");
  const kernels = await kernelsFor(own);
  const { verdict, run, log } = await boot(own, kernels, {}, () => {});
  const { passed, reason } = verdict;
  return {
    ...{ time: new Date().toISOString(), course, smp, starved: null, ways: [cause] },
    ...{ kernels: [kernels.first.title], tried: 1, passed: passed ? 1 : 0 },
    failure: passed ? null : { kernel: 1, reason, folder: log ?? "" },
    ...{ seconds: run.seconds, cpuSeconds: null, load: loadavg()[0] ?? 0 },
  };
}

async function soak(choices: SoakChoices): Promise<number> {
  const records = await openRecord<ChainRecord>(choices.record, choices.resume);
  const kinds = kindsOf(choices);
  let [number, left] = [records.length, choices.boots - triedIn(records)];
  const runNext = async (): Promise<void> => {
    while (left > 0) {
      const boots = Math.min(left, choices.length);
      left -= boots;
      const kind = kinds[number % kinds.length] as Kind;
      const turn = Math.floor(number++ / kinds.length);
      const record = await (choices.crash ? runCrash(choices, kind, turn) : runKind(choices, kind, boots));
      // What comes behind a failure in its chain was not tried.
      left += boots - record.tried;
      records.push(record);
      addRecord(choices.record, record);
      process.stdout.write(`${`${triedIn(records)}`.padStart(6)}  ${shownChain(record)}\n`);
    }
  };
  await withBurners(choices.burners, () => Promise.all(Array.from({ length: choices.jobs }, runNext)));
  for (const line of summary(records)) process.stdout.write(`${line}\n`);
  return records.every(({ failure }) => failure === null) ? EXIT.done : EXIT.input;
}

async function main(args: readonly string[]): Promise<number> {
  const choices = parseSoak(args);
  if (choices === undefined) {
    process.stdout.write(HELP);
    return EXIT.done;
  }
  const machines = new Set(choices.courses.flat().map((target) => machineOf(target).name));
  for (const name of machines) await ensure(`guest-${name}`);
  // Before several chains want them at once.
  for (const target of new Set(choices.courses.flat())) await build(target);
  return soak(choices);
}

if (import.meta.main) await endWith("soak", () => main(process.argv.slice(2)));
