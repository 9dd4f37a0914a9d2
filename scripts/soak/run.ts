// Runs a chain: follows its guest from kernel to kernel, and keeps what is to be known of one that fails.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../src/failure.ts";
import { ours } from "../boot/direct.ts";
import { cacheFolder, inTemporaryFolder } from "../cache.ts";
import { LiveGuest } from "../live-guest.ts";
import { machineOf } from "../machines/machines.ts";
import type { Chain } from "./chain.ts";
import { hasFailed, Judge, toldBy, whyNothingCame } from "./judge.ts";
import { type Starving, starveWhile } from "./starve.ts";

export interface ChainRun {
  /** Kernels after the first that came up whole, one after the other. */
  readonly passed: number;
  readonly failure: ChainFailure | undefined;
  readonly seconds: number;
  /** Of a cpu, that qemu took; undefined where that was not asked. */
  readonly cpuSeconds: number | undefined;
}

export interface ChainFailure {
  /** The number of the kernel that did not come up, which is its place in the chain: the first is 0. */
  readonly kernel: number;
  readonly reason: string;
  /** The console, and the registers of all cpus. */
  readonly folder: string;
}

export interface Strain {
  /** Seconds that a kernel has to come up. */
  readonly timeout: number;
  /** What a virtual cpu has to bear; undefined: none. */
  readonly starving: Starving | undefined;
}

/** Between two looks at the registers. Milliseconds. */
const APART = 2000;

/** @param onBoot gets the number of kernels that have come up after the first, with each */
export async function runChain(
  chain: Chain,
  strain: Strain,
  onBoot: (passed: number) => void = () => {},
): Promise<ChainRun> {
  // An initrd belongs on a disk; the path of a socket has to be short.
  return inTemporaryFolder((disk) =>
    inTemporaryFolder((memory) => runIn({ disk, memory }, chain, strain, onBoot), "memory"),
  );
}

async function runIn(
  folders: { readonly disk: string; readonly memory: string },
  chain: Chain,
  { timeout, starving }: Strain,
  onBoot: (passed: number) => void,
): Promise<ChainRun> {
  const { choices, kernel, append, memory, nonces } = chain;
  const initrd = join(folders.disk, "initrd");
  await writeFile(initrd, chain.initrd);
  const { name: machine } = machineOf(choices.target);
  const { cpu, smp } = choices;
  const started = performance.now();
  const live = await LiveGuest.start(
    { machine, cpu, smp, memory, kernel, initrd, append },
    { monitor: join(folders.memory, "monitor") },
  );
  try {
    const found = await starveWhile(live, starving, () => follow(live, chain, timeout * 1000, onBoot));
    const { cpuSeconds } = live;
    const seconds = (performance.now() - started) / 1000;
    if (found.reason === undefined) return { passed: found.passed, failure: undefined, seconds, cpuSeconds };
    const folder = await keep(live, nonces[0] ?? "", folders.disk);
    return {
      passed: found.passed,
      failure: { kernel: found.kernel, reason: found.reason, folder },
      seconds,
      cpuSeconds,
    };
  } finally {
    await live.end();
  }
}

interface Found {
  readonly passed: number;
  readonly kernel: number;
  readonly reason: string | undefined;
}

async function follow(
  live: LiveGuest,
  { nonces, digest, choices }: Chain,
  patience: number,
  onBoot: (passed: number) => void,
): Promise<Found> {
  const judge = new Judge(choices.smp);
  const boots = nonces.length - 2;
  for (let kernel = 0; kernel <= boots; kernel++) {
    const passed = Math.max(0, kernel - 1);
    await live.shows((text) => toldBy(text, kernel) !== undefined || hasFailed(text), patience);
    const told = toldBy(live.text, kernel);
    const reason = told === undefined ? whyNothingCame(live) : judge.wrongIn(told, nonces[kernel] ?? "");
    if (reason !== undefined) return { passed, kernel, reason };
    onBoot(kernel);
  }
  await live.shows((text) => text.includes(digest) || hasFailed(text), patience);
  if (live.text.includes(digest)) return { passed: boots, kernel: boots, reason: undefined };
  const isOther = live.text.includes('"sha256"');
  const reason = isOther ? "its initramfs is not the one that was handed on" : whyNothingCame(live);
  return { passed: Math.max(0, boots - 1), kernel: boots, reason };
}

/** The console, where each cpu is, twice (one that moves is told from one that does not), and what the kernel logged. */
async function keep(live: LiveGuest, nonce: string, disk: string): Promise<string> {
  const folder = join(cacheFolder(), "soak", nonce);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "console"), live.text, "latin1");
  try {
    const words = { "command-line": "info registers -a" };
    await writeFile(join(folder, "registers-1"), `${await live.askMonitor("human-monitor-command", words)}`);
    await Bun.sleep(APART);
    await writeFile(join(folder, "registers-2"), `${await live.askMonitor("human-monitor-command", words)}`);
    const dump = join(disk, "memory");
    await live.askMonitor("dump-guest-memory", { paging: false, protocol: `file:${dump}` });
    await writeFile(join(folder, "kernel-log"), await ours(["vmcore-dmesg", dump]));
  } catch (error) {
    // The guest has ended meanwhile, or its memory has no log of a kernel: between two of them it has none.
    if (!(error instanceof Failure)) throw error;
    await writeFile(join(folder, "missing"), `${error.message}\n`);
  }
  return folder;
}
