// Which commit the executables are built from, as --version tells it.

import { dirname, join } from "node:path";

const ROOT = join(import.meta.dir, "..");

/** Fixed, where git itself takes more digits in a larger clone: the same commit must give the same bytes. */
const DIGITS = 7;

let known: string | undefined;

/** `fb54174`, `fb54174-dirty` where a file that git knows has been changed since, `unknown` where no git can tell. */
export function readCommit(): string {
  known ??= findCommit(ROOT);
  return known;
}

/** That of the clone in `folder`, and of no other that this one lies in. */
export function findCommit(folder: string): string {
  if (Bun.which("git") === null) return "unknown";
  const { exitCode, stdout } = Bun.spawnSync(["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"], {
    cwd: folder,
    env: { ...process.env, GIT_CEILING_DIRECTORIES: dirname(folder) },
  });
  const [, digits, dirty = ""] = /^([0-9a-f]{40})(-dirty)?\n$/.exec(stdout.toString()) ?? [];
  return exitCode === 0 && digits !== undefined ? digits.slice(0, DIGITS) + dirty : "unknown";
}

/** What both bundlers put in place of KEXECBOX_COMMIT. */
export function defineCommit(): Record<string, string> {
  return { KEXECBOX_COMMIT: JSON.stringify(readCommit()) };
}
