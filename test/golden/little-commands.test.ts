// cat, echo, ls and init as processes, and every command on a full disk.

import { beforeAll, describe, expect, test } from "bun:test";
import { closeSync, mkdirSync, openSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { applets } from "../../src/applets/table.ts";
import { temporaryFolder } from "../support/folder.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");

const folder = temporaryFolder({ lasts: "file", on: "disk" });
beforeAll(() => {
  writeFileSync(folder.in("one"), "1\xff\0\n", "latin1");
  writeFileSync(folder.in("two"), "2 without end of line");
});

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs kexecbox under Bun in the test's folder. */
function kexecbox(args: readonly string[], stdin = ""): Result {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, MAIN, ...args], {
    cwd: folder.path,
    stdin: Buffer.from(stdin),
  });
  return { code: exitCode, out: stdout.toString("latin1"), err: stderr.toString("latin1") };
}

describe("cat", () => {
  test("copies files one after the other, byte for byte", () => {
    expect(kexecbox(["cat", "one", "two", "one"])).toEqual({
      code: 0,
      out: "1\xff\0\n2 without end of line1\xff\0\n",
      err: "",
    });
  });

  test("copies standard input where no file is named, and where - is", () => {
    expect(kexecbox(["cat"], "typed").out).toBe("typed");
    expect(kexecbox(["cat", "two", "-"], "typed").out).toBe("2 without end of linetyped");
  });

  test("copies more than a pipe holds", () => {
    const much = "0123456789".repeat(100_000);
    expect(kexecbox(["cat"], much).out).toBe(much);
  });

  test("names what it cannot read, copies the rest, and ends with 1", () => {
    expect(kexecbox(["cat", "none", "two", "."])).toEqual({
      code: 1,
      out: "2 without end of line",
      err: "cat: none: ENOENT (no such file or directory)\ncat: .: EISDIR (is a directory)\n",
    });
  });
});

describe("echo", () => {
  test("prints its words with one blank between, whatever they look like", () => {
    expect(kexecbox(["echo", "a", "-b", "--", "--help", "", "c d"]).out).toBe("a -b -- --help  c d\n");
    expect(kexecbox(["echo"]).out).toBe("\n");
  });

  test("does not end the line when asked so first", () => {
    expect(kexecbox(["echo", "-n", "a", "-n"]).out).toBe("a -n");
    expect(kexecbox(["echo", "--no-newline", "a"]).out).toBe("a");
  });
});

describe("ls", () => {
  beforeAll(() => {
    const room = folder.in("room");
    mkdirSync(room);
    mkdirSync(join(room, "b"));
    writeFileSync(join(room, "a"), Buffer.alloc(12345));
    writeFileSync(join(room, "C"), "");
    writeFileSync(join(room, "\u00e9"), "1");
    symlinkSync("/no\twhere", join(room, "link"));
  });

  test("lists names in the order of their bytes, those not printable escaped", () => {
    expect(kexecbox(["ls", "room"])).toEqual({ code: 0, out: "C\na\nb\nlink\n\\xc3\\xa9\n", err: "" });
  });

  test("lists the working directory where none is named", () => {
    expect(kexecbox(["ls"]).out).toBe("one\nroom\ntwo\n");
  });

  test("tells what each one is, its size, and where links lead", () => {
    const lines = kexecbox(["ls", "-l", "room"]).out.split("\n");
    expect(lines[0]).toBe("file           0  C");
    expect(lines[1]).toBe("file       12345  a");
    expect(lines[2]).toMatch(/^directory +\d+ {2}b$/);
    expect(lines[3]).toBe("symlink        9  link -> /no\\x09where");
    expect(lines[4]).toBe("file           1  \\xc3\\xa9");
  });

  test("lists an empty directory as nothing", () => {
    expect(kexecbox(["ls", "-l", "room/b"])).toEqual({ code: 0, out: "", err: "" });
  });

  test("refuses what is no directory, and more than one", () => {
    const none = "ls: none: ENOENT (no such file or directory)\n";
    const one = "ls: one: ENOTDIR (not a directory)\n";
    expect(kexecbox(["ls", "none"])).toEqual({ code: 1, out: "", err: none });
    expect(kexecbox(["ls", "one"])).toEqual({ code: 1, out: "", err: one });
    expect(kexecbox(["ls", "a", "b"]).code).toBe(2);
  });
});

describe("init", () => {
  test("refuses to run on a machine that has a process 1 already", () => {
    // Should it not refuse, it must not be able to mount anything or to turn this machine off, even as root.
    const harmless = process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] : [];
    const command = [...harmless, process.execPath, MAIN, "init", "/x"];
    const { exitCode, stdout, stderr } = Bun.spawnSync(command, { timeout: 10_000 });
    expect(stdout.toString()).toBe("");
    expect(stderr.toString()).toMatch(/^init: process id [0-9]+: only process 1 may be init\n$/);
    expect(exitCode).toBe(2);
  });
});

describe("on a full disk", () => {
  const helpful = applets.map(({ name }) => `${name} --help`);
  // Of dtdiff 1 is an answer: that the trees differ.
  const commands = ["cat one", "echo a", "ls", "--list", "--help", ...helpful].map(
    (command) => [command, command.startsWith("dtdiff ") ? 2 : 1] as const,
  );
  test.each(commands)("%s ends with %d and one line", (command, code) => {
    const full = openSync("/dev/full", "w");
    try {
      const { exitCode, stderr } = Bun.spawnSync([process.execPath, MAIN, ...command.split(" ")], {
        cwd: folder.path,
        stdout: full,
        stderr: "pipe",
      });
      expect(exitCode).toBe(code);
      expect(stderr.toString()).toMatch(/^[a-z0-9-]+: standard output: ENOSPC \(no space left on device\)\n$/);
    } finally {
      closeSync(full);
    }
  });
});
