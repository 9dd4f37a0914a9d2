// A private apt that sees suites of the caller's choice: the machine's mirrors and keys, none of its state.

import { existsSync } from "node:fs";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Failure } from "../src/failure.ts";
import { inTemporaryFolder } from "./cache.ts";
import { withProgress } from "./progress.ts";
import { runTool } from "./tool.ts";

/**
 * What a private apt can see: these suites of the Debian archive ("bookworm-security" among them), for one
 * architecture.
 */
export interface Suites {
  names: readonly string[];
  /** Debian's name of it: "ppc64el", not "powerpc64le". */
  architecture: string;
}

/** Where the machine itself takes its packages from. */
interface Mirrors {
  main: string;
  /** Absent where the machine takes no security updates. */
  security: string | undefined;
}

/** apt-get and apt-cache with a configuration of their own, run in the folder `cwd`. */
export interface PrivateApt {
  run(command: readonly string[], cwd: string): Promise<string>;
}

const KEYRINGS = ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];

/** Settings of the machine that decide how a mirror is reached: proxies, certificates, old snapshots. */
const REACHING =
  /^Acquire::(https?|Retries|ForceIPv[46]|Queue-Mode|Check-Date|Check-Valid-Until|Proxy-Auto-Detect)\b.*;$/i;

function requireApt(): void {
  for (const tool of ["apt-get", "apt-cache", "apt-config"]) {
    if (Bun.which(tool) === null) throw new Failure(tool, "not found; fetching Debian packages needs apt");
  }
}

/**
 * Finds Debian's archives among what apt is configured to fetch.
 * @param targets lines `REPO_URI|RELEASE|COMPONENT|LABEL`. Where `apt-get update` has never been run, apt
 *   knows no labels and leaves "$(LABEL)"; such a line is judged by the rest, after all others.
 */
export function mirrorsFrom(targets: string): Mirrors {
  const lines = targets.split("\n").map((line) => line.split("|"));
  const withLabel = (wanted: string): string | undefined => lines.find(([, , , label]) => label === wanted)?.[0];
  const unlabelled = lines.filter(([, , component, label]) => component === "main" && label === "$(LABEL)");
  const main =
    withLabel("Debian") ??
    unlabelled.find(([uri = "", release = ""]) => /\/debian\/?$/.test(uri) && !isSecurity(release))?.[0];
  const security = withLabel("Debian-Security") ?? unlabelled.find(([, release = ""]) => isSecurity(release))?.[0];
  if (main === undefined) throw new Failure("apt", "no Debian mirror among this machine's package sources");
  return { main, security };
}

async function machineMirrors(): Promise<Mirrors> {
  const format = ["--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(LABEL)", "Created-By: Packages"];
  const fetched = await runTool(["apt-get", "indextargets", ...format]);
  const configured = await runTool(["apt-get", "indextargets", "--no-release-info", ...format]);
  return mirrorsFrom(fetched + configured);
}

function isSecurity(suite: string): boolean {
  return suite.endsWith("-security");
}

function mirrorOf(suite: string, mirrors: Mirrors): string | undefined {
  return isSecurity(suite) ? mirrors.security : mirrors.main;
}

/** The lines of a private sources list, of binary packages or sources; none for a suite without a mirror. */
export function sourcesList(kind: "deb" | "deb-src", mirrors: Mirrors, suites: Suites): string {
  return suites.names
    .map((name) => ({ name, uri: mirrorOf(name, mirrors) }))
    .filter(({ uri }) => uri !== undefined)
    .map(({ name, uri }) => `${kind} ${uri} ${name} main\n`)
    .join("");
}

/**
 * The private configuration. Neither /etc/apt/apt.conf nor apt.conf.d is read through it, because hooks there
 * (docker's images empty /var/cache/apt on every update) work on the machine's state.
 */
export function configuration(folder: string, machine: string, trusted: string, suites: Suites): string {
  const own: Record<string, string> = {
    "Dir::State": join(folder, "state"),
    "Dir::State::status": join(folder, "status"),
    "Dir::Cache": join(folder, "cache"),
    "Dir::Log": join(folder, "log"),
    "Dir::Etc::main": "/dev/null",
    "Dir::Etc::parts": "/dev/null",
    "Dir::Etc::preferences": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
    "Dir::Etc::sourcelist": join(folder, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::trusted": trusted,
    "Dir::Etc::trustedparts": join(folder, "keys"),
    "APT::Architecture": suites.architecture,
    // Root's cache is closed to the user _apt, and apt says so at length.
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
  };
  const lines = Object.entries(own).map(([name, value]) => `${name} "${value}";`);
  const reaching = machine.split("\n").filter((line) => REACHING.test(line));
  return [...reaching, ...lines, `APT::Architectures { "${suites.architecture}"; };`, ""].join("\n");
}

/** Every key the machine trusts, and Debian's own keyring, which newer releases keep apart from those. */
async function linkKeys(into: string, trustedParts: string): Promise<void> {
  const parts = existsSync(trustedParts) ? (await readdir(trustedParts)).map((name) => join(trustedParts, name)) : [];
  for (const key of [...parts, ...KEYRINGS].filter((path) => existsSync(path))) {
    await symlink(key, join(into, basename(key)));
  }
}

/** The first error that apt-get printed: the last one is seldom more than "some failed". */
export function firstError(output: string): string {
  return /^E: (.*)$/m.exec(output)?.[1] ?? "";
}

/** Of these suites, those of which apt has no lists. */
async function suitesWithoutLists(apt: PrivateApt, suites: Suites, folder: string): Promise<string[]> {
  const present = (await apt.run(["apt-get", "indextargets", "--format", "$(RELEASE)|$(FILENAME)"], folder))
    .split("\n")
    .map((line) => line.split("|"))
    .filter(([, file = ""]) => existsSync(file))
    .map(([release]) => release);
  return suites.names.filter((name) => !present.includes(name));
}

/**
 * Fetches the package lists. A mirror that is out of step is common for security updates of the rarer
 * architectures; then they are done without, and that is said.
 */
async function fetchLists(apt: PrivateApt, suites: Suites, folder: string): Promise<void> {
  let reason = "";
  await withProgress(`package lists of Debian ${suites.names.join(", ")}`, async () => {
    try {
      await apt.run(["apt-get", "-q", "update"], folder);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      reason = error.fact;
    }
  });
  const missing = await suitesWithoutLists(apt, suites, folder);
  if (missing.some((name) => !isSecurity(name))) {
    throw new Failure(`Debian ${missing.join(", ")}`, `the package lists could not be fetched; ${reason}`);
  }
  if (missing.length > 0) process.stderr.write(`doing without ${missing.join(", ")}: ${reason}\n`);
}

/**
 * Sets up a private apt, fetches its package lists and lends it to `work`. All of it lives in a temporary
 * folder: nothing of the machine's own apt is written, and two processes never meet.
 */
export async function withPrivateApt<T>(
  kind: "deb" | "deb-src",
  suites: Suites,
  work: (apt: PrivateApt) => Promise<T>,
): Promise<T> {
  requireApt();
  const mirrors = await machineMirrors();
  const reachable = {
    ...suites,
    names: suites.names.filter((name) => mirrorOf(name, mirrors) !== undefined),
  };
  const settings = await runTool(["apt-config", "dump"]);
  const keys = await runTool(["apt-config", "shell", "A", "Dir::Etc::trusted/f", "B", "Dir::Etc::trustedparts/d"]);
  const [trusted = "", trustedParts = ""] = Array.from(keys.matchAll(/'(.*)'/g), ([, path]) => path);
  return inTemporaryFolder(async (folder) => {
    for (const name of ["state/lists/partial", "cache/archives/partial", "log", "keys"]) {
      await mkdir(join(folder, name), { recursive: true });
    }
    await linkKeys(join(folder, "keys"), trustedParts);
    await writeFile(join(folder, "status"), "");
    await writeFile(join(folder, "sources.list"), sourcesList(kind, mirrors, reachable));
    await writeFile(join(folder, "apt.conf"), configuration(folder, settings, trusted, reachable));
    const env = { APT_CONFIG: join(folder, "apt.conf") };
    const apt = {
      run: (command: readonly string[], cwd: string) => runTool(command, { cwd, env, reason: firstError }),
    };
    await fetchLists(apt, reachable, folder);
    return work(apt);
  });
}
