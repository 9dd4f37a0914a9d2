// Which Debian packages are missing, and how they are installed.

import { beforeEach, expect, test } from "bun:test";
import { chmodSync, existsSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingPackages } from "../../scripts/setup.ts";
import { temporaryFolder } from "../support/folder.ts";

const SETUP = join(import.meta.dir, "../../scripts/setup.ts");
const folder = temporaryFolder({ on: "disk" });
let bin = "";

beforeEach(() => {
  bin = folder.path;
});

function addProgram(name: string, text = "#!/bin/sh\n"): void {
  writeFileSync(join(bin, name), text);
  chmodSync(join(bin, name), 0o755);
}

test("a package is missing while its program is in no folder of PATH, or cannot be executed", () => {
  expect(missingPackages(["stub-ppc64"], `/nonexistent:${bin}`)).toEqual(["gcc-powerpc64-linux-gnu"]);
  addProgram("powerpc64-linux-gnu-gcc");
  expect(missingPackages(["stub-ppc64"], `/nonexistent:${bin}`)).toEqual([]);
  chmodSync(join(bin, "powerpc64-linux-gnu-gcc"), 0o644);
  expect(missingPackages(["stub-ppc64"], bin)).toEqual(["gcc-powerpc64-linux-gnu"]);
});

test("what several jobs need is named once, in order", () => {
  const missing = missingPackages(["kernel-ppc64", "engine-ppc64"], bin);
  expect(missing).toEqual([...new Set(missing)].sort());
  expect(missing).toContain("gcc-powerpc64-linux-gnu");
  expect(missing).toContain("flex");
  expect(missing).toContain("qemu-user");
});

test("without apt, set-up names what is needed in one line and stops with exit code 1", () => {
  const { stderr, exitCode } = Bun.spawnSync([process.execPath, SETUP, "stub-ppc64"], { env: { PATH: bin } });
  expect(stderr.toString()).toBe(
    "setup: no apt-get here: these Debian packages, or their like, are needed: gcc-powerpc64-linux-gnu\n",
  );
  expect(exitCode).toBe(1);
});

test("without the rights to install, set-up says what root must type", () => {
  const program = `process.getuid = () => 1000; process.argv.splice(1, 1, "${SETUP}");
    const { ensure } = await import("${SETUP}");
    await ensure("stub-ppc64").catch((error) => { process.stdout.write(error.message); });`;
  addProgram("apt-get", "#!/bin/sh\ntouch $(dirname $0)/called\n");
  const { stdout } = Bun.spawnSync([process.execPath, "-e", program], { env: { PATH: bin } });
  expect(stdout.toString()).toBe("not root: needed: apt-get install --no-install-recommends gcc-powerpc64-linux-gnu");
  expect(existsSync(join(bin, "called"))).toBe(false);
});

function addFakeApt(script: string): void {
  for (const tool of ["env", "sh", "touch", "chmod", "echo"]) symlinkSync(Bun.which(tool) ?? "", join(bin, tool));
  addProgram("apt-get", `#!/bin/sh\necho "$@" >> ${bin}/calls\n${script}\n`);
}

async function runAsRoot(): Promise<{ stderr: string; exitCode: number; calls: string }> {
  const program = `process.getuid = () => 0;
    const { ensure } = await import("${SETUP}");
    const report = (error) => { process.stderr.write(error.message); process.exit(error.exitCode); };
    await ensure("stub-ppc64").catch(report);`;
  const { stderr, exitCode } = Bun.spawnSync([process.execPath, "-e", program], { env: { PATH: bin } });
  return { stderr: stderr.toString(), exitCode, calls: await Bun.file(join(bin, "calls")).text() };
}

function makeGcc(): string {
  return `touch ${bin}/powerpc64-linux-gnu-gcc; chmod +x ${bin}/powerpc64-linux-gnu-gcc`;
}

test("as root, the missing packages are installed, without recommended ones or new lists, and none is removed", async () => {
  addFakeApt(makeGcc());
  const { stderr, exitCode, calls } = await runAsRoot();
  expect(calls).toBe("-q -y install --no-install-recommends --no-remove gcc-powerpc64-linux-gnu\n");
  expect(stderr).toBe("setup: installing Debian packages: gcc-powerpc64-linux-gnu\n");
  expect(exitCode).toBe(0);
});

test("when the installation fails, the package lists are fetched and it is tried once more", async () => {
  addFakeApt(`case "$*" in *update) touch ${bin}/updated;; *) [ -e ${bin}/updated ] || exit 100; ${makeGcc()};; esac`);
  const { exitCode, calls } = await runAsRoot();
  const install = "-q -y install --no-install-recommends --no-remove gcc-powerpc64-linux-gnu\n";
  expect(calls).toBe(`${install}-q -y update\n${install}`);
  expect(exitCode).toBe(0);
});

test("an installation that fails is reported with apt's first error", async () => {
  addFakeApt('echo "E: Unable to locate package" >&2; exit 100');
  const { stderr, exitCode } = await runAsRoot();
  expect(stderr).toContain("apt-get update: exit code 100; Unable to locate package");
  expect(exitCode).toBe(1);
});

test("an installation after which a program is still missing is an error", async () => {
  addFakeApt("");
  const { stderr, exitCode } = await runAsRoot();
  expect(stderr).toContain("gcc-powerpc64-linux-gnu: installed, yet its program or file is not found");
  expect(exitCode).toBe(1);
});
