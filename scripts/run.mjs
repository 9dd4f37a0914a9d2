// The entry of every npm script, for a machine with nothing but node and npm: installs the node modules if they
// are not what package-lock.json says, then runs scripts/WORD.ts with Bun, which is one of them.

import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function die(message) {
  process.stderr.write(`kexecbox: ${message}\n`);
  process.exit(1);
}

function packagesIn(lockFile) {
  return JSON.parse(readFileSync(join(root, lockFile), "utf8")).packages;
}

/** npm leaves node_modules/.package-lock.json behind when, and only when, an install has succeeded. */
function modulesMatchTheLock() {
  if (!existsSync(join(root, "node_modules/.package-lock.json"))) return false;
  const wanted = packagesIn("package-lock.json");
  const present = packagesIn("node_modules/.package-lock.json");
  const names = new Set([...Object.keys(wanted), ...Object.keys(present)].filter((name) => name !== ""));
  return [...names].every((name) =>
    name in present
      ? wanted[name]?.version === present[name].version && wanted[name]?.integrity === present[name].integrity
      : wanted[name].optional === true,
  );
}

function isElf(file) {
  const start = Buffer.alloc(4);
  try {
    const descriptor = openSync(file, "r");
    readSync(descriptor, start, 0, 4, 0);
    closeSync(descriptor);
  } catch {
    return false;
  }
  return start.toString("latin1") === "\x7fELF";
}

/**
 * Bun's executable. Its package puts it into bun/bin in a script that some settings of npm (ignore-scripts)
 * and some versions do not run; a stub is there then, and the executable still in the package of its
 * platform.
 */
function findBun() {
  const modules = join(root, "node_modules");
  const scope = join(modules, "@oven");
  const platforms = existsSync(scope) ? readdirSync(scope).filter((name) => name.startsWith("bun-linux-")) : [];
  // Packages for glibc have no suffix, and npm before 9.3 installs those for musl too.
  platforms.sort((a, b) => a.length - b.length);
  const candidates = [join(modules, "bun/bin/bun.exe"), ...platforms.map((name) => join(scope, name, "bin/bun"))];
  return candidates.find(isElf);
}

function install() {
  process.stderr.write("kexecbox: installing node modules (npm ci) ...\n");
  const started = Date.now();
  // Nobody else's script is run for it, least of all as root.
  const npm = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    encoding: "utf8",
  });
  if (npm.error) die(`npm: ${npm.error.message}`);
  if (npm.status !== 0) {
    process.stderr.write(npm.stdout + npm.stderr);
    die(`npm ci: ${npm.signal ?? `exit code ${npm.status}`}`);
  }
  process.stderr.write(`kexecbox: node modules: done, ${Math.round((Date.now() - started) / 1000)} s\n`);
}

const [word, ...args] = process.argv.slice(2);
const script = join(root, "scripts", `${word}.ts`);
if (!/^[a-z]+$/.test(word ?? "") || !existsSync(script)) die(`${word}: no such script`);

if (!modulesMatchTheLock() || findBun() === undefined) install();
const bun = findBun();
if (bun === undefined) die("node_modules: npm ci brought no Bun for this machine (Linux on x64 or arm64 is needed)");

// npm goes to the package's folder; files are named as seen from where the person stands.
const child = spawn(bun, [script, ...args], { stdio: "inherit", cwd: process.env.INIT_CWD ?? process.cwd() });
// A terminal sends its signals to both; one that only reaches us is passed on. We end when the child has ended.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => die(`bun: ${error.message}`));
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
