// Finds out which Debian packages a job needs and this machine lacks, says so in one line, and installs them.

import { accessSync, constants, existsSync } from "node:fs";
import { arch } from "node:os";
import { delimiter, join } from "node:path";
import { Failure, usage } from "../src/failure.ts";
import { firstError } from "./apt.ts";
import { endWith } from "./command.ts";
import { withProgress } from "./progress.ts";

/** Debian packages, each with what proves that it is there: a program in PATH, or a file. */
const WITNESSES = {
  bc: "bc",
  bison: "bison",
  cpio: "cpio",
  "device-tree-compiler": "dtc",
  flex: "flex",
  gcc: "gcc",
  "gcc-aarch64-linux-gnu": "aarch64-linux-gnu-gcc",
  "gcc-powerpc64-linux-gnu": "powerpc64-linux-gnu-gcc",
  "gcc-powerpc64le-linux-gnu": "powerpc64le-linux-gnu-gcc",
  "gcc-x86-64-linux-gnu": "x86_64-linux-gnu-gcc",
  "libc6-dev": "/usr/include/stdlib.h",
  "libc6-dev-ppc64el-cross": "/usr/powerpc64le-linux-gnu/lib/libc.a",
  make: "make",
  ovmf: "/usr/share/ovmf/OVMF.fd",
  "qemu-efi-aarch64": "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd",
  "qemu-system-arm": "qemu-system-aarch64",
  "qemu-system-data": "/usr/share/qemu/vof.bin",
  "qemu-system-ppc": "qemu-system-ppc64",
  "qemu-system-x86": "qemu-system-x86_64",
  "qemu-user": "qemu-ppc64",
  strace: "strace",
  "xz-utils": "xz",
} as const;

export type Package = keyof typeof WITNESSES;

/**
 * musl, QuickJS and the compiler of its bytecode are built for the target; the last is run here, under
 * emulation.
 */
const ENGINE = ["gcc", "libc6-dev", "make", "xz-utils"] as const;
/** Linux' own build needs a host compiler, and these for its configuration and its device tree compiler. */
const KERNEL = ["gcc", "libc6-dev", "make", "flex", "bison", "bc", "xz-utils"] as const;

const JOBS = {
  bench: ["gcc", "libc6-dev", "device-tree-compiler", "strace"],
  "bench-guest": ["gcc-powerpc64le-linux-gnu", "libc6-dev-ppc64el-cross"],
  // Debian has a cross compiler's package for other machines only; on the machine itself it is gcc.
  // Bun and glibc come ready made.
  "engine-arm64": [],
  "engine-arm64-small": [...ENGINE, "qemu-user", ...(arch() === "arm64" ? [] : (["gcc-aarch64-linux-gnu"] as const))],
  "engine-ppc64": [...ENGINE, "gcc-powerpc64-linux-gnu", "qemu-user"],
  "engine-ppc64le": [...ENGINE, "gcc-powerpc64le-linux-gnu", "qemu-user"],
  "engine-x64": [],
  "engine-x64-small": [...ENGINE, ...(arch() === "x64" ? [] : (["gcc-x86-64-linux-gnu"] as const))],
  "guest-arm64": ["qemu-system-arm", "qemu-efi-aarch64"],
  "guest-ppc64": ["qemu-system-ppc", "qemu-system-data"],
  "guest-x64": ["qemu-system-x86", "ovmf"],
  "kernel-ppc64": [...KERNEL, "gcc-powerpc64-linux-gnu"],
  "kernel-ppc64le": [...KERNEL, "gcc-powerpc64le-linux-gnu"],
  "stub-arm64": ["gcc-aarch64-linux-gnu"],
  "stub-ppc64": ["gcc-powerpc64-linux-gnu"],
  "stub-x64": [arch() === "x64" ? "gcc" : "gcc-x86-64-linux-gnu"],
  test: ["cpio", "device-tree-compiler", "qemu-user", "strace"],
} as const satisfies Record<string, readonly Package[]>;

export type Job = keyof typeof JOBS;

export const EVERY_JOB = Object.keys(JOBS) as Job[];

function isPresent(witness: string, path: string): boolean {
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
export function missingPackages(jobs: readonly Job[], path: string): Package[] {
  const needed = new Set(jobs.flatMap((job): readonly Package[] => JOBS[job]));
  return [...needed].filter((name) => !isPresent(WITNESSES[name], path)).sort();
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

async function install(packages: readonly Package[]): Promise<void> {
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
  const command = ["install", "--no-install-recommends", ...packages];
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
  const path = process.env["PATH"] ?? "";
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

if (import.meta.main) {
  const names = process.argv.slice(2);
  await endWith("setup", () => ensure(...(names.length === 0 ? EVERY_JOB : jobsNamed(names))));
}
