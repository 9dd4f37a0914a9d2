import { afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../scripts/build.ts";
import { applets } from "../../src/kexecbox.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
/** What /proc/self/exe is while the program runs under Bun. */
const EXECUTABLE = realpathSync(process.execPath);
const NAMES = applets.map(({ name }) => name);

let folder: string;
let small: string;
beforeAll(async () => void (small = await build("x64-small")), 600_000);
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "kexecbox-install-"))));
afterEach(() => rmSync(folder, { recursive: true }));

function install(...args: string[]): { code: number; out: string; err: string } {
  const command = [process.execPath, MAIN, "--install", ...args];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: folder });
  return { code: exitCode, out: stdout.toString(), err: stderr.toString().replaceAll(folder, "@") };
}

test("every applet becomes a link to the executable", () => {
  expect(install(folder)).toEqual({ code: 0, out: "", err: "" });
  expect(readdirSync(folder).sort()).toEqual([...NAMES].sort());
  for (const name of NAMES) expect(readlinkSync(join(folder, name))).toBe(EXECUTABLE);
});

test("installing again changes nothing and is no error", () => {
  install(".");
  expect(install(".")).toEqual({ code: 0, out: "", err: "" });
});

test("what is in the way stays and is named, the other links are made, and the exit code is 1", () => {
  writeFileSync(join(folder, "cat"), "mine");
  symlinkSync("/else", join(folder, "ls"));
  mkdirSync(join(folder, "echo"));
  expect(install(folder)).toEqual({
    code: 1,
    out: "",
    err: [
      "kexecbox: @/cat: left alone: it is no link",
      "kexecbox: @/echo: left alone: it is no link",
      "kexecbox: @/ls: left alone: it is a link to /else",
      "",
    ].join("\n"),
  });
  expect(readFileSync(join(folder, "cat"), "utf8")).toBe("mine");
  expect(readlinkSync(join(folder, "ls"))).toBe("/else");
  expect(readdirSync(folder).sort()).toEqual([...NAMES].sort());
});

test("a directory that is not there, or is none, is an error", () => {
  writeFileSync(join(folder, "file"), "");
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
  copyFileSync(small, join(folder, "kexecbox"));
  expect(Bun.spawnSync(["./kexecbox", "--install", "."], { cwd: folder }).exitCode).toBe(0);
  for (const name of NAMES) {
    expect(readlinkSync(join(folder, name))).toBe("kexecbox");
    if (name === "echo") continue;
    const { stdout } = Bun.spawnSync([`./${name}`, "--help"], { cwd: folder });
    expect(stdout.toString()).toStartWith(`usage: ${name}`);
  }
  expect(Bun.spawnSync(["./echo", "a"], { cwd: folder }).stdout.toString()).toBe("a\n");
});
