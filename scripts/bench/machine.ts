// What the figures came from: the commit, the machine and the programs that were measured.

import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { QUICKJS } from "../engine.ts";
import { runTool } from "../tool.ts";

const ROOT = join(import.meta.dir, "../..");

export interface Origin {
  /** Followed by "+" if files differ from it. */
  readonly commit: string;
  readonly date: string;
  readonly cpu: string;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  /** Of Linux. */
  readonly kernel: string;
  readonly bun: string;
  /** By the hash of its source. */
  readonly quickjs: string;
  /** The versions of the programs that it is compared with or runs in; one that is absent has "absent". */
  readonly peers: Peers;
}

export type Peers = Readonly<Record<string, string>>;

export async function origin(peers: Peers): Promise<Origin> {
  return {
    commit: await commit(),
    date: new Date().toISOString(),
    cpu: cpuModel(),
    cpus: cpus().length,
    memory: totalmem(),
    kernel: release(),
    bun: Bun.version,
    quickjs: QUICKJS.sha256.slice(0, 12),
    peers,
  };
}

export async function peersHere(): Promise<Peers> {
  return { dtc: await versionOf("dtc"), "kexec-tools": await versionOf("kexec") };
}

async function commit(): Promise<string> {
  const git = (...words: string[]) => runTool(["git", "-C", ROOT, ...words]).catch(() => "");
  const hash = (await git("rev-parse", "--short=12", "HEAD")).trim();
  if (hash === "") return "unknown";
  return (await git("status", "--porcelain")) === "" ? hash : `${hash}+`;
}

function cpuModel(): string {
  // os.cpus() has no model of some machines.
  return /^(?:model name|cpu|Model)\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? process.arch;
}

/** The first number in what a program says of its version. */
export async function versionOf(program: string): Promise<string> {
  if (Bun.which(program) === null) return "absent";
  const told = await runTool([program, "--version"]);
  return /[0-9]+(\.[0-9]+)+/.exec(told)?.[0] ?? told.trim();
}
