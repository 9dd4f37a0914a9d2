// The same faults inside this process: the program as functions, on an engine that pretends the other machines too.

import { createHash } from "node:crypto";
import { closeSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../src/failure.ts";
import { run } from "../../src/kexecbox.ts";
import type { Argument } from "../../src/sys/engine.ts";
import { System } from "../../src/sys/system.ts";
import { bzImage } from "../../test/support/bzimage.ts";
import { FakeEngine, type FakeWorld } from "../../test/support/fake-engine.ts";
import { arm64Image, riscvImage } from "../../test/support/forms.ts";
import { ARM64, RISCV64, WITH_CRASHKERNEL, X86_64 } from "../../test/support/kexec-machines.ts";
import { type Pretended, pretendedWorld } from "../../test/support/loading.ts";
import { lineFiles } from "../../test/support/option-lines.ts";
import { present } from "../../test/support/present.ts";
import { inTemporaryFolder } from "../cache.ts";
import { type Call, type Fault, NO_FAULT } from "./injector.ts";
import { describeEnd, REFUSALS, type Reference, type Result } from "./judge.ts";
import { Counts, type Finding } from "./report.ts";

interface InsideJob {
  readonly machine: Pretended;
  readonly line: string;
}

const MACHINES = [
  [WITH_CRASHKERNEL, "vmlinux"],
  [ARM64, "Image"],
  [RISCV64, "Image.riscv64"],
  [X86_64, "bzImage"],
] as const;

/** What depends on the machine. Only the processes themselves can write files, and die of signals. */
export const insideJobs: readonly InsideJob[] = MACHINES.flatMap(([machine, kernel]) =>
  [
    `kexec -l --initrd=IN/initrd --append=quiet IN/${kernel}`,
    `kexec -p --initrd=IN/initrd --append=quiet IN/${kernel}`,
    `kexec -a -l --initrd=IN/initrd --append=quiet IN/${kernel}`,
    machine === RISCV64
      ? "loadem -r 0x10000 -a 0x90000000 -f IN/blob -a 0x90200000 -e -f IN/initrd"
      : `loadem -r 0x10000 -a ${machine === ARM64 ? "0x40000000" : "0x8000000"} -e -f IN/initrd`,
    "elfcorehdr -v",
    "kexec -S",
    ...(machine === X86_64 ? [] : ["fs2dt -v -b 0 /proc/device-tree", "dtdump -a /proc/device-tree"]),
  ].map((line) => ({ machine, line })),
);

/** Does one fault to one call. */
class FaultyEngine extends FakeEngine {
  readonly made: Call[] = [];
  readonly #held = new Set<number>();

  constructor(
    world: FakeWorld,
    readonly fault: Fault,
  ) {
    super(world);
  }

  override syscall(number: number, ...args: Argument[]): number {
    const { at, kind, value } = this.fault;
    const isIt = this.made.length + 1 === at;
    const name = this.nameOf(number);
    const path = typeof args[1] === "string" ? args[1] : "";
    const call = { name, args: args.slice(0, 3).map((arg) => (typeof arg === "number" ? arg : 0)), path, result: 0 };
    this.made.push(call);
    const index = this.made.length - 1;
    if (isIt && kind === "short") args[2] = value;
    if (isIt && kind === "errno" && name !== "close") return -value;
    const result = super.syscall(number, ...args);
    if (OPENS.includes(name) && result >= 0) this.#held.add(result);
    if (name === "close") this.#held.delete(Number(args[0]));
    this.made[index] = { ...call, result };
    return isIt && kind === "errno" ? -value : result;
  }

  /** What is open at the end of a process the kernel closes. */
  end(): void {
    for (const descriptor of this.#held) closeSync(descriptor);
    this.#held.clear();
  }
}

const OPENS = ["openat", "openat2", "memfd_create"];

/** What the jobs read. */
function makeInputs(folder: string): void {
  const kernel = Buffer.alloc(0x20_0000, 0x60);
  kernel.write("run0", 0x5c, "latin1");
  writeFileSync(join(folder, "vmlinux"), kernel);
  const image = Buffer.alloc(0x10_0000);
  arm64Image().copy(image);
  image.writeBigUInt64LE(0x16_0000n, 16);
  writeFileSync(join(folder, "Image"), image);
  const riscv = Buffer.alloc(0x10_0000);
  riscvImage().copy(riscv);
  riscv.writeBigUInt64LE(0x16_0000n, 16);
  writeFileSync(join(folder, "Image.riscv64"), riscv);
  writeFileSync(join(folder, "blob"), present(lineFiles.blob));
  writeFileSync(join(folder, "bzImage"), bzImage());
  writeFileSync(join(folder, "initrd"), new Uint8Array(0x2001).fill(0x11));
}

/**
 * Runs jobs under faults.
 * @param choose the faults, by the calls of a job
 * @param tell gets each fault and what became of it
 */
export async function runJobsInside(
  wanted: readonly InsideJob[],
  choose: (calls: readonly Call[]) => readonly Fault[],
  tell: (finding: Finding) => void,
): Promise<Counts> {
  const counts = new Counts();
  await inTemporaryFolder(async (folder) => {
    makeInputs(folder);
    for (const { machine, line } of wanted) {
      const go = (fault: Fault) => runOnce(folder, machine, line, fault);
      const good = go(NO_FAULT);
      if (describeEnd(good.end) !== "exit code 0") throw new Failure(line, `${describeEnd(good.end)}: ${good.err}`);
      const reference: Reference = { good, before: new Map(), refusals: REFUSALS, unknown: /unknown.*/g };
      counts.addJob(good.calls);
      const faults = choose(good.calls).filter(({ kind }) => kind === "errno" || kind === "short");
      for (const fault of faults) tell(counts.add(line, reference, go(fault), fault));
    }
  });
  return counts;
}

function runOnce(folder: string, machine: Pretended, line: string, fault: Fault): Result {
  const { world, loads, fileLoads } = pretendedWorld(folder, machine);
  const engine = new FaultyEngine({ ...world, on: { ...world.on, getrandom: fillAlike, geteuid: () => 0 } }, fault);
  const end = endOf(() => run(new System(engine), ["kexecbox", ...line.replaceAll("IN/", `${folder}/`).split(" ")]));
  engine.end();
  rmSync(present(world.root), { recursive: true });
  return {
    ...end,
    acts: [...loads, ...fileLoads].map((load) => createHash("sha256").update(Bun.inspect(load)).digest("hex")),
    isArmed: false,
    hit: fault.at > engine.made.length ? undefined : engine.made[fault.at - 1]?.name,
    calls: engine.made,
    out: engine.stdout,
    err: end.err + engine.stderr,
    files: new Map(),
  };
}

/** The same random bytes in each run. */
function fillAlike([bytes, length]: readonly Argument[]): number {
  (bytes as Uint8Array).fill(0x5a);
  return Number(length);
}

/** What is thrown would end the program as a fault of ours. */
function endOf(work: () => number): Pick<Result, "end" | "err"> {
  try {
    return { end: { kind: "exit", code: work() }, err: "" };
  } catch (error) {
    return { end: { kind: "exit", code: 70 }, err: `internal error: ${error}\n` };
  }
}
