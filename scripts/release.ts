// npm run release: makes a version: checks and builds all, and sets the tag.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EXIT, Failure, usage } from "../src/failure.ts";
import { endWith } from "./command.ts";
import { deliver } from "./dist.ts";
import { runTool } from "./tool.ts";

const ROOT = join(import.meta.dir, "..");

const HELP = `usage: npm run release -- VERSION [--dry-run]

Make version VERSION, for example 0.2.0, from a clean tree on main:

  1. Check that CHANGELOG.md has a section "## VERSION, DATE", and that there is
     no tag vVERSION yet.
  2. Write the version into package.json and package-lock.json, and commit.
  3. Run all checks and tests.
  4. Make dist/kexecbox-VERSION, as npm run dist does.
  5. Tag the commit. Nothing is pushed.

First of all npm audit is asked whether a hole is known in a node module.

  --dry-run   Do step 1 and the audit only, and print what would follow.
  --no-audit  For a registry that does not answer such questions.
`;

/** A file of npm's in which a version stands, and how often. */
const VERSION_FILES = [
  { name: "package.json", times: 1 },
  { name: "package-lock.json", times: 2 },
] as const;

async function git(...words: readonly string[]): Promise<string> {
  return (await runTool(["git", ...words], { cwd: ROOT })).trim();
}

/** Whether CHANGELOG.md's text has the section of a version, with its date. */
export function hasSection(changelog: string, version: string): boolean {
  return changelog.split("\n").some((line) => {
    const [title, date = ""] = line.split(", ");
    return title === `## ${version}` && /^\d{4}-\d\d-\d\d$/.test(date);
  });
}

/** The text of package.json or of package-lock.json with another version of this package: in the first lines. */
export function withVersion(text: string, version: string, times: number): string {
  let left = times;
  return text.replace(/^( +"version": )"[^"]*"/gm, (line, start: string) =>
    left-- > 0 ? `${start}"${version}"` : line,
  );
}

/** @throws Failure where the tree is not what a release is made of */
async function verify(version: string): Promise<void> {
  const branch = await git("rev-parse", "--abbrev-ref", "HEAD");
  if (branch !== "main") throw new Failure(branch, "a release is made on main");
  const changed = await git("status", "--porcelain");
  if (changed !== "") throw new Failure("git status", `not clean: ${changed.split("\n").join(", ")}`);
  if ((await git("tag", "--list", `v${version}`)) !== "") throw new Failure(`v${version}`, "there is such a tag");
  if (!hasSection(await readFile(join(ROOT, "CHANGELOG.md"), "utf8"), version)) {
    throw new Failure("CHANGELOG.md", `has no line "## ${version}, YEAR-MONTH-DAY"`);
  }
}

async function commitVersion(version: string): Promise<void> {
  for (const { name, times } of VERSION_FILES) {
    const path = join(ROOT, name);
    await writeFile(path, withVersion(await readFile(path, "utf8"), version, times));
  }
  if ((await git("status", "--porcelain")) === "") return;
  const names = VERSION_FILES.map(({ name }) => name);
  await git("commit", "-m", `Release ${version}`, "-m", "CHANGELOG.md says what it brings.", "--", ...names);
}

/** Everything, in a process of its own, whose output is the person's to see. */
async function testAll(): Promise<void> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "test.ts")], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await child.exited) !== 0) throw new Failure("npm test", "failed; no tag was set, and the commit stays");
}

/**
 * What an answer of `npm audit --json` says: the modules with a known hole, each with how bad it is.
 * @throws Failure where it is no such answer, as of a registry that keeps no list of holes
 */
export function knownHoles(answer: string): string[] {
  const { vulnerabilities, message } = JSON.parse(answer === "" ? "{}" : answer);
  if (vulnerabilities === undefined) throw new Failure("npm audit", `no answer; ${message ?? "nothing was said"}`);
  const found = Object.entries<{ severity: string }>(vulnerabilities);
  return found.map(([name, { severity }]) => `${name} (${severity})`);
}

/** @throws Failure that names the node modules in which a hole is known, or says that nobody knows */
async function audit(): Promise<void> {
  const child = Bun.spawn(["npm", "audit", "--json"], { cwd: ROOT, stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  const holes = knownHoles(await new Response(child.stdout).text());
  if (holes.length > 0) throw new Failure("npm audit", `holes are known in ${holes.join(", ")}`);
}

async function main(words: readonly string[]): Promise<number> {
  const versions = words.filter((word) => !["--dry-run", "--no-audit"].includes(word));
  const [version] = versions;
  if (version === undefined || versions.length > 1) throw usage("release", "one VERSION is expected");
  if (!/^\d+\.\d+\.\d+$/.test(version)) throw usage(version, "not a version such as 0.2.0");
  await verify(version);
  if (!words.includes("--no-audit")) await audit();
  if (words.includes("--dry-run")) {
    process.stdout.write(`would commit the version, run npm test and npm run dist, and set v${version}\n`);
    return EXIT.done;
  }
  await commitVersion(version);
  await testAll();
  // The commit is part of an executable: these are not the ones that were there before.
  process.stdout.write(`${await deliver()}\n`);
  await git("tag", "-a", `v${version}`, "-m", `kexecbox ${version}`);
  process.stdout.write(`v${version} is set; git push --follow-tags publishes it\n`);
  return EXIT.done;
}

if (import.meta.main) await endWith("release", () => main(process.argv.slice(2)), HELP);
