// The commit that a build says it was made from.

import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { findCommit } from "../../scripts/commit.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder();

function git(...words: readonly string[]): string {
  const identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"];
  const { exitCode, stdout, stderr } = Bun.spawnSync(["git", ...identity, ...words], { cwd: folder.path });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return stdout.toString().trim();
}

test("a build is of the clone's own commit, marked where a file that git knows has been changed", () => {
  expect(findCommit(folder.path)).toBe("unknown");
  git("init", "-q");
  expect(findCommit(folder.path)).toBe("unknown");
  writeFileSync(folder.in("file"), "1");
  git("add", "file");
  git("commit", "-q", "-m", "first");
  const digits = git("rev-parse", "HEAD").slice(0, 7);
  expect(findCommit(folder.path)).toBe(digits);
  // A tag is no commit, and a file that git does not know is not built from.
  git("tag", "v1");
  writeFileSync(folder.in("notes"), "");
  expect(findCommit(folder.path)).toBe(digits);
  writeFileSync(folder.in("file"), "2");
  expect(findCommit(folder.path)).toBe(`${digits}-dirty`);
  // Sources that were unpacked into somebody's clone are not of its commit.
  mkdirSync(folder.in("inner"));
  expect(findCommit(folder.in("inner"))).toBe("unknown");
});
