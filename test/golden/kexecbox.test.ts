// The executables under the names of their applets.

import { beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { version as VERSION } from "../../package.json";
import { readCommit } from "../../scripts/commit.ts";
import { isBunTarget, machineOf, targets, toolchainOf } from "../../scripts/machines/machines.ts";
import { applets } from "../../src/applets/table.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { arm64, buildRunners, fused, ppc, ppc64, ppc64le, type Run, riscv64, runWith, x64 } from "../support/run.ts";

beforeAll(buildRunners, 600_000);
const folder = temporaryFolder({ on: "disk" });

// Under bun src/main.ts the program has no file of its own, and so no name that it could be called by.
describe.each([
  ["Bun", fused],
  ["x64-small", x64],
  ["arm64-small", arm64],
  ["ppc64", ppc64],
  ["ppc64le", ppc64le],
  ["ppc", ppc],
  ["riscv64", riscv64],
] as const)("the executable for %s", (_, runner) => {
  const emulator = runner.command.slice(0, -1);

  function called(name: string, ...args: string[]): Run {
    return runWith({ ...runner, command: [...emulator, join(folder.path, name)] }, args);
  }

  test("called by an applet's name is that applet, whatever its first argument", () => {
    symlinkSync(present(runner.executable), folder.in("echo"));
    symlinkSync(present(runner.executable), folder.in("fs2dt"));
    expect(called("echo", "cat", "--list").out.toString()).toBe("cat --list\n");
    expect(called("fs2dt", "cat", "-x")).toMatchObject({
      code: 2,
      err: "fs2dt: argument 2 (-x): no such option: --help lists them\n",
    });
  });

  test("tells what it is", () => {
    const target = present(targets.find((name) => name === runner.name));
    const [engine, tools] = isBunTarget(target) ? ["bun", machineOf(target).tools] : ["quickjs", toolchainOf(target)];
    const line = `kexecbox ${VERSION} ${readCommit()} (${engine}, ${tools.uname})\n`;
    for (const words of [["--version"], ["-V"], ["loadem", "--version"], ["fs2dt", "--version"]])
      expect(runWith(runner, words)).toMatchObject({ code: 0, out: Buffer.from(line), err: "" });
  });

  test("copied to an applet's name is that applet", () => {
    copyFileSync(present(runner.executable), folder.in("echo"));
    expect(called("echo", "fs2dt").out.toString()).toBe("fs2dt\n");
  });

  test("called by any other name goes by its first argument", () => {
    symlinkSync(present(runner.executable), folder.in("box"));
    expect(called("box", "echo", "a").out.toString()).toBe("a\n");
    expect(called("box")).toMatchObject({
      code: 2,
      err: `kexecbox: no applet given: there are ${applets.map(({ name }) => name).join(" ")}\n`,
    });
  });
});
