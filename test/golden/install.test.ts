// --install on a real file system.

import { beforeAll, expect, test } from "bun:test";
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { build } from "../../scripts/build.ts";
import { applets } from "../../src/applets/table.ts";
import { temporaryFolder } from "../support/folder.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
/** What /proc/self/exe is while the program runs under Bun. */
const EXECUTABLE = realpathSync(process.execPath);
const NAMES = applets.map(({ name }) => name);

const folder = temporaryFolder({ on: "disk" });
let small: string;
beforeAll(async () => {
  small = await build("x64-small");
}, 600_000);

function install(...args: string[]): { code: number; out: string; err: string } {
  const command = [process.execPath, MAIN, "--install", ...args];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: folder.path });
  return { code: exitCode, out: stdout.toString(), err: stderr.toString().replaceAll(folder.path, "@") };
}

test("every applet becomes a link to the executable", () => {
  expect(install(folder.path)).toEqual({ code: 0, out: "", err: "" });
  expect(readdirSync(folder.path).sort()).toEqual([...NAMES].sort());
  for (const name of NAMES) expect(readlinkSync(folder.in(name))).toBe(EXECUTABLE);
});

test("installing again changes nothing and is no error", () => {
  install(".");
  expect(install(".")).toEqual({ code: 0, out: "", err: "" });
});

test("what is in the way stays and is named, the other links are made, and the exit code is 1", () => {
  writeFileSync(folder.in("cat"), "mine");
  symlinkSync("/else", folder.in("ls"));
  mkdirSync(folder.in("echo"));
  expect(install(folder.path)).toEqual({
    code: 1,
    out: "",
    err: [
      "kexecbox: @/cat: left alone: it is no link",
      "kexecbox: @/echo: left alone: it is no link",
      "kexecbox: @/ls: left alone: it is a link to /else",
      "",
    ].join("\n"),
  });
  expect(readFileSync(folder.in("cat"), "utf8")).toBe("mine");
  expect(readlinkSync(folder.in("ls"))).toBe("/else");
  expect(readdirSync(folder.path).sort()).toEqual([...NAMES].sort());
});

test("a directory that is not there, or is none, is an error", () => {
  writeFileSync(folder.in("file"), "");
  const none = "kexecbox: none: ENOENT (no such file or directory)\n";
  const file = "kexecbox: file: ENOTDIR (not a directory)\n";
  expect(install("none")).toEqual({ code: 1, out: "", err: none });
  expect(install("file")).toEqual({ code: 1, out: "", err: file });
});

test("no directory and two of them are usage errors", () => {
  expect(install()).toEqual({ code: 2, out: "", err: "kexecbox: --install: needs DIR\n" });
  expect(install("a", "b")).toEqual({ code: 2, out: "", err: "kexecbox: b: --install takes one DIR\n" });
});

test("beside the executable the links are relative, and each is the applet it is named after", () => {
  copyFileSync(small, folder.in("kexecbox"));
  expect(Bun.spawnSync(["./kexecbox", "--install", "."], { cwd: folder.path }).exitCode).toBe(0);
  for (const name of NAMES) {
    expect(readlinkSync(folder.in(name))).toBe("kexecbox");
    if (name === "echo") continue;
    const { stdout } = Bun.spawnSync([`./${name}`, "--help"], { cwd: folder.path });
    expect(stdout.toString()).toStartWith(`usage: ${name}`);
  }
  expect(Bun.spawnSync(["./echo", "a"], { cwd: folder.path }).stdout.toString()).toBe("a\n");
});
