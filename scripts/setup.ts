// Finds out which Debian packages a job needs and this machine lacks, says so in one line, and installs them.

import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Failure, usage } from "../src/failure.ts";
import { firstError } from "./apt.ts";
import { endWith } from "./command.ts";
import type { GuestMachine, Toolchain } from "./machines/machine.ts";
import {
  bunTargets,
  emulatorOf,
  type MachineName,
  machines,
  type SmallTarget,
  smallTargets,
  type Target,
  toolchainOf,
  toolchains,
} from "./machines/machines.ts";
import { withProgress } from "./progress.ts";

/** What proves that a package is there, a program in PATH or a file, whose path may have stars, where it is not the program of its name. */
const WITNESSES = new Map([
  ["device-tree-compiler", "dtc"],
  // Where it is, is in nobody's PATH but root's.
  ["e2fsprogs", "/sbin/mke2fs"],
  ["libclang-rt-dev", "/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer*.a"],
  ["libc6-dev", "/usr/include/stdlib.h"],
  ["qemu-user", "qemu-ppc64"],
  ["xz-utils", "xz"],
  ...toolchains.flatMap(({ compiler, libc, prefix }) => [
    [compiler, `${prefix}gcc`] as const,
    [libc, `/usr/${prefix.slice(0, -1)}/lib/libc.a`] as const,
  ]),
  ...machines.flatMap(({ guest: { emulator, firmware } }) => [
    [emulator.package, emulator.program] as const,
    ...(firmware === undefined ? [] : [[firmware.package, firmware.file] as const]),
  ]),
]);

/**
 * musl, QuickJS and the compiler of its bytecode are built for the target; the last is run here, under
 * emulation.
 */
const ENGINE = ["gcc", "libc6-dev", "make", "xz-utils"];
/** Linux' own build needs a host compiler, and these for its configuration and its device tree compiler. */
const KERNEL = ["gcc", "libc6-dev", "make", "flex", "bison", "bc", "xz-utils"];

/** Debian has a cross compiler's package for other machines only; on the machine itself it is gcc. */
function compilerFor(tools: Toolchain): string {
  return emulatorOf(tools).length === 0 ? "gcc" : tools.compiler;
}

/** The same of glibc. */
function libcFor(tools: Toolchain): string {
  return emulatorOf(tools).length === 0 ? "libc6-dev" : tools.libc;
}

function engineFor(tools: Toolchain): string[] {
  return [...ENGINE, compilerFor(tools), ...(emulatorOf(tools).length === 0 ? [] : ["qemu-user"])];
}

function packagesOf({ emulator, firmware }: GuestMachine): string[] {
  return [emulator.package, ...(firmware === undefined ? [] : [firmware.package])];
}

export type Job =
  | "bench"
  | `bench-${SmallTarget}`
  | "corpus"
  | "faults"
  | "fuzz"
  | "test"
  | `engine-${Target}`
  | `kernel-${SmallTarget}`
  | `guest-${MachineName}`
  | `stub-${MachineName}`;

/** Debian packages by what they are needed for. */
const JOBS = new Map<Job, readonly string[]>([
  ["bench", ["gcc", "libc6-dev", "device-tree-compiler", "strace"]],
  ["corpus", ["device-tree-compiler", "cpp"]],
  ["faults", ["gcc", "libc6-dev"]],
  ["fuzz", ["clang", "libc6-dev", "libclang-rt-dev"]],
  ["test", ["cpio", "device-tree-compiler", "e2fsprogs", "gdb-multiarch", "osslsigncode", "qemu-user", "strace"]],
  // Bun and glibc come ready made.
  ...bunTargets.map((name) => [`engine-${name}`, []] as const),
  ...smallTargets.map((name) => [`engine-${name}`, engineFor(toolchainOf(name))] as const),
  ...smallTargets.map((name) => {
    const tools = toolchainOf(name);
    return [`bench-${name}`, [compilerFor(tools), libcFor(tools)]] as const;
  }),
  ...smallTargets.map((name) => [`kernel-${name}`, [...KERNEL, compilerFor(toolchainOf(name))]] as const),
  ...machines.map(({ name, guest }) => [`guest-${name}`, packagesOf(guest)] as const),
  ...machines.map(({ name, tools }) => [`stub-${name}`, [compilerFor(tools)]] as const),
]);

export const EVERY_JOB = [...JOBS.keys()];

function isPresent(witness: string, path: string): boolean {
  if (witness.includes("*")) return !new Bun.Glob(witness.slice(1)).scanSync({ cwd: "/" }).next().done;
  if (witness.startsWith("/")) return existsSync(witness);
  return path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, witness), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * The packages that these jobs need and whose witness is missing, each once, in alphabetical order.
 * @param path folders of programs, as in $PATH; without sbin folders nothing here is missed
 */
export function missingPackages(jobs: readonly Job[], path: string): string[] {
  const needed = new Set(jobs.flatMap((job) => JOBS.get(job) ?? []));
  return [...needed].filter((name) => !isPresent(WITNESSES.get(name) ?? name, path)).sort();
}

/** How this process can become root: nothing to add, sudo, or not at all. */
function asRoot(): readonly string[] | undefined {
  if (process.getuid?.() === 0) return [];
  if (Bun.which("sudo") === null) return undefined;
  if (Bun.spawnSync(["sudo", "-n", "true"], { stdout: "ignore", stderr: "ignore" }).success) return ["sudo", "-n"];
  return process.stdin.isTTY && process.stderr.isTTY ? ["sudo"] : undefined;
}

/**
 * Runs apt-get on the machine. Not through `runTool`: that one kills its program when this process ends, and
 * dpkg must not be killed half way. A Ctrl-C at the terminal reaches apt-get itself, which stops between two
 * packages.
 */
async function aptGet(root: readonly string[], words: readonly string[]): Promise<void> {
  const child = Bun.spawn(
    [...root, "env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "apt-get", "-q", "-y", ...words],
    {
      stdin: root.includes("sudo") ? "inherit" : "ignore",
      stdout: "ignore",
      stderr: "pipe",
    },
  );
  const errors = await new Response(child.stderr).text();
  const code = await child.exited;
  if (code === 0) return;
  throw new Failure(`apt-get ${words[0]}`, `exit code ${code}; ${firstError(errors)}`);
}

async function install(packages: readonly string[]): Promise<void> {
  const list = packages.join(" ");
  if (Bun.which("apt-get") === null) {
    throw new Failure("no apt-get here", `these Debian packages, or their like, are needed: ${list}`);
  }
  const root = asRoot();
  if (root === undefined) {
    throw new Failure("not root", `needed: apt-get install --no-install-recommends ${list}`);
  }
  process.stderr.write(`setup: installing Debian packages: ${list}\n`);
  if (root.length === 1) Bun.spawnSync(["sudo", "-v"], { stdin: "inherit", stdout: "inherit", stderr: "inherit" });
  // A developer's gcc-multilib, with which cross compilers conflict, is not ours to take away.
  const command = ["install", "--no-install-recommends", "--no-remove", ...packages];
  await withProgress("setup: installing", async (tell) => {
    try {
      await aptGet(root, command);
    } catch {
      // The package lists may be missing or too old for the mirror.
      tell("fetching package lists first");
      await aptGet(root, ["update"]);
      tell("");
      await aptGet(root, command);
    }
  });
}

/**
 * Makes sure that everything these jobs need is installed. Cheap when it is: it only looks for files.
 * @throws Failure naming the packages when they cannot be installed from here (no apt, no rights)
 */
export async function ensure(...jobs: Job[]): Promise<void> {
  const path = process.env.PATH ?? "";
  const missing = missingPackages(jobs, path);
  if (missing.length === 0) return;
  await install(missing);
  const still = missingPackages(jobs, path);
  if (still.length > 0) throw new Failure(still.join(" "), "installed, yet its program or file is not found");
}

function jobsNamed(names: readonly string[]): Job[] {
  return names.map((name) => {
    const job = EVERY_JOB.find((known) => known === name);
    if (job === undefined) throw usage(name, `no such job; there are: ${EVERY_JOB.join(" ")}`);
    return job;
  });
}

const HELP = `usage: npm run setup [-- JOB...]

Install the Debian packages that these jobs need, and print their names.
Without JOB, install those of all jobs.

Jobs:
${EVERY_JOB.map((job) => `  ${job}`).join("\n")}
`;

async function main(names: readonly string[]): Promise<void> {
  await ensure(...(names.length === 0 ? EVERY_JOB : jobsNamed(names)));
}

if (import.meta.main) await endWith("setup", () => main(process.argv.slice(2)), HELP);
