// Runs a cell of the matrix: one guest, from its first kernel to its last.

import { Failure } from "../../src/failure.ts";
import { type Choices, parseChoices } from "../boot/choices.ts";
import { boot, kernelsFor } from "../boot.ts";
import { machineOf } from "../machines/machines.ts";
import { ensure } from "../setup.ts";
import { chainOf, type Way as SoakWay } from "../soak/chain.ts";
import { runChain } from "../soak/run.ts";
import { type Cell, nameOf, type Way } from "./cells.ts";

export interface Result {
  /** The cell's name. */
  readonly name: string;
  readonly passed: boolean;
  /** In words, whether it passed or not. */
  readonly reason: string;
  readonly seconds: number;
  /** The console, or the folder that has it, of one that failed. */
  readonly log: string | null;
}

/** Kernels of a chain that come after its first. */
const AFTER_FIRST = 2;

/** How the kernels of a chain are loaded. */
const CHAINS: Readonly<Partial<Record<Way, readonly SoakWay[]>>> = { chain: ["kexec"], file: ["file"] };

/** Whatever is wrong is its result. @param timeout seconds that a guest may take, or a kernel of a chain */
export async function runCell(cell: Cell, timeout: number): Promise<Result> {
  const started = performance.now();
  const found = await bootCell(cell, timeout).catch((error: unknown) => {
    if (!(error instanceof Failure)) throw error;
    return { passed: false, reason: error.message, log: null };
  });
  return { name: nameOf(cell), ...found, seconds: (performance.now() - started) / 1000 };
}

type Found = Omit<Result, "name" | "seconds">;

/** What `npm run boot` would be told. */
export function choicesOf({ row, way }: Cell, timeout: number): Choices {
  const own = way === "crash" ? ["--crash"] : way === "direct" ? ["--direct"] : [];
  const words = ["--target", row.target, ...row.options.split(" "), ...own, "--timeout", `${timeout}`];
  const choices = parseChoices(words);
  if (choices === undefined) throw new Error("this is no --help");
  return choices;
}

async function bootCell(cell: Cell, timeout: number): Promise<Found> {
  const choices = choicesOf(cell, timeout);
  await ensure(`guest-${machineOf(choices.target).name}`);
  const ways = CHAINS[cell.way];
  if (ways !== undefined) return bootChain(choices, ways, timeout);
  const { verdict, log } = await boot(choices, await kernelsFor(choices), {}, () => {});
  return { ...verdict, log: log ?? null };
}

async function bootChain({ target, smp, small }: Choices, ways: readonly SoakWay[], timeout: number): Promise<Found> {
  const chain = await chainOf({ targets: [target], ways, smp, small, boots: AFTER_FIRST });
  const { passed, failure } = await runChain(chain, { timeout, starving: undefined });
  if (failure === undefined) return { passed: true, reason: `${passed + 1} kernels`, log: null };
  return { passed: false, reason: `kernel ${failure.kernel}: ${failure.reason}`, log: failure.folder };
}
