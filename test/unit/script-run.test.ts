// Pipelines and redirections of real programs.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Failure, failureOf } from "../../src/failure.ts";
import { runScript, type Shell } from "../../src/script/run.ts";
import { engine } from "../../src/sys/bun.ts";
import { errno } from "../../src/sys/errno.ts";
import { System } from "../../src/sys/system.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder({ on: "disk" });

const shell: Shell = {
  system: new System(engine),
  find: (word) => (word.includes("/") ? word : word === "missing" ? undefined : `/bin/${word}`),
  wait: (pids) => pids.map((pid) => shell.system.wait(pid)),
  rest: (work) => work(),
  goOn: ({ message }) => forgiven.push(message),
};

/** Failures of lines that may fail. */
const forgiven: string[] = [];

/** Runs a script in which @ stands for the test's folder: the lines that began, and how it ended. */
function run(text: string): { begun: number[]; end: string } {
  const begun: number[] = [];
  try {
    runScript(shell, "s", text.replaceAll("@", folder.path), ({ line }) => begun.push(line));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { begun, end: `${error.place}: ${error.fact}`.replaceAll(folder.path, "@") };
  }
  return { begun, end: "done" };
}

function file(name: string): string {
  return readFileSync(folder.in(name), "latin1");
}

test("a pipeline carries bytes from the first file through every program to the last one", () => {
  writeFileSync(folder.in("in"), "b\na\nc\n");
  expect(run("sort < @/in | head -n 2 | tr a-z A-Z > @/out").end).toBe("done");
  expect(file("out")).toBe("A\nB\n");
});

test("more than a pipe holds passes through, since all programs run at once", () => {
  const bytes = Buffer.alloc(3_000_000, "0123456789abcdef");
  writeFileSync(folder.in("in"), bytes);
  expect(run("cat @/in | cat | cat > @/out").end).toBe("done");
  expect(readFileSync(folder.in("out")).equals(bytes)).toBe(true);
});

test("> replaces what was in the file and >> keeps it", () => {
  run("echo one two > @/out\necho x > @/out\necho y >> @/out\necho z >> @/new");
  expect(file("out")).toBe("x\ny\n");
  expect(file("new")).toBe("z\n");
});

test("a program gets its arguments byte for byte, also empty ones and bytes that are not UTF-8", () => {
  expect(run("printf '[%s]' '' 'a b' \xff\xfe > @/out").end).toBe("done");
  expect(file("out")).toBe("[][a b][\xff\xfe]");
});

test("a script stops at its first failing line and names the line, the program and its exit code", () => {
  const { begun, end } = run("true\n\nsh -c 'exit 3'\necho never > @/out");
  expect(end).toBe("s:3: sh: exit 3");
  expect(begun).toEqual([1, 3]);
  expect(readdirSync(folder.path)).toEqual([]);
});

describe("of a line of several pipelines", () => {
  test("&& runs the next one where the one before it did not fail, and || where it did", () => {
    forgiven.length = 0;
    const script = [
      "true && echo a >> @/out || echo b >> @/out",
      "false && echo c >> @/out || echo d >> @/out",
      "missing || sh -c 'exit 2' || echo e >> @/out && echo f >> @/out",
      "true || echo g >> @/out",
    ];
    expect(run(script.join("\n")).end).toBe("done");
    expect(file("out")).toBe("a\nd\ne\nf\n");
    expect(forgiven).toEqual(["s:2: false: exit 1", "s:3: missing: no such command", "s:3: sh: exit 2"]);
  });

  test("the last one that was run decides whether the script goes on", () => {
    expect(run("echo a > @/out && false\necho b > @/out").end).toBe("s:1: false: exit 1");
    expect(run("false && echo b > @/out\necho c > @/out").end).toBe("s:1: false: exit 1");
    expect(run("false || sh -c 'exit 4'\necho d > @/out").end).toBe("s:1: sh: exit 4");
    expect(file("out")).toBe("a\n");
    expect(run("- false && echo e > @/out\necho f > @/out").end).toBe("done");
    expect(file("out")).toBe("f\n");
  });

  test("a semicolon makes two lines of it", () => {
    expect(run("echo a > @/out; false; echo b > @/out").end).toBe("s:1: false: exit 1");
    expect(file("out")).toBe("a\n");
    expect(run("- false; echo c > @/out").end).toBe("done");
    expect(file("out")).toBe("c\n");
  });
});

test("a script goes on after a line that may fail, and tells of it", () => {
  forgiven.length = 0;
  expect(run("- sh -c 'exit 3'\n- missing\n- true\necho x > @/out").end).toBe("done");
  expect(forgiven).toEqual(["s:1: sh: exit 3", "s:2: missing: no such command"]);
  expect(file("out")).toBe("x\n");
});

test("a pipeline fails when any of its programs fails, and each of those is named", () => {
  expect(run("sh -c 'exit 3' | cat > @/out").end).toBe("s:1: sh: exit 3");
  expect(run("true | false | true | sh -c 'exit 4'").end).toBe("s:1: false: exit 1, sh: exit 4");
});

test("a program that dies of a signal fails the line", () => {
  expect(run("sh -c 'kill -9 $$'").end).toBe("s:1: sh: signal 9");
});

test("a program whose reader has ended gets SIGPIPE, so that an endless one ends too", () => {
  expect(run("yes | true").end).toBe("s:1: yes: signal 13");
});

test("a program sees the end of its input as soon as the one before has ended", () => {
  // The last program lives on: if we or it held the pipe's writing end, wc would wait for ever.
  expect(run("echo a | wc -l | sh -c 'read n; echo $n; cat' > @/out").end).toBe("done");
  expect(file("out").trim()).toBe("1");
});

test("programs get no descriptors of a pipe but their own", () => {
  // Bun may have leaked some of its own to every child; more than these there must not be.
  run("ls /proc/self/fd < /dev/null > @/alone");
  run("ls /proc/self/fd < /dev/null | cat | cat > @/first");
  run("true < /dev/null | ls /proc/self/fd | cat > @/second");
  run("true < /dev/null | cat | ls /proc/self/fd > @/last");
  expect([file("first"), file("second"), file("last")]).toEqual(Array(3).fill(file("alone")));
});

test("nothing is run of a script that has a syntax error", () => {
  const { begun, end } = run("echo x > @/out\necho 'y");
  expect(end).toBe("s:2:6: unterminated '");
  expect(begun).toEqual([]);
  expect(readdirSync(folder.path)).toEqual([]);
});

test("nothing is started of a line that names an unknown command or a file that cannot be opened", () => {
  expect(run("touch @/out | missing").end).toBe("s:1: missing: no such command");
  expect(run("touch @/out < @/none").end).toBe("s:1: @/none: ENOENT (no such file or directory)");
  expect(run("touch @/out > @/none/x").end).toBe("s:1: @/none/x: ENOENT (no such file or directory)");
  expect(run("true < @/none > @/out").end).toBe("s:1: @/none: ENOENT (no such file or directory)");
  expect(readdirSync(folder.path)).toEqual([]);
});

/** Nobody waits so long; and it sees neither its input's end nor that nobody reads what it writes. */
const ENDLESS = "sleep 60";

describe("a program that cannot be started ends its line, wherever it stands, and nothing of the line goes on", () => {
  test.each([
    ["missing", "@/none", "@/none: ENOENT (no such file or directory)"],
    ["a directory", "@", "@: is a directory, not a program"],
    ["not executable", "@/plain", "@/plain: EACCES (permission denied)"],
    ["a device", "/dev/null", "/dev/null: is a device, not a program"],
    ["behind a file", "@/plain/x", "@/plain/x: ENOTDIR (not a directory)"],
  ])("%s: nothing is started", (_, program, fact) => {
    writeFileSync(folder.in("plain"), "x", { mode: 0o644 });
    for (const line of [
      program,
      `${program} | touch @/out`,
      `touch @/out | ${program}`,
      `touch @/out | ${program} | cat`,
    ])
      expect(run(line).end).toBe(`s:1: ${fact}`);
    expect(readdirSync(folder.path)).toEqual(["plain"]);
  });

  test.each([
    ["no program", "no program\n", "ENOEXEC (exec format error)"],
    ["of an interpreter that is not there", "#!/no/such/program\n", "ENOENT (no such file or directory)"],
  ])("%s: those before it are ended", (_, content, fact) => {
    writeFileSync(folder.in("text"), content, { mode: 0o755 });
    for (const line of ["@/text", `${ENDLESS} | @/text`, `yes | ${ENDLESS} | @/text | cat`, "@/text | touch @/out"])
      expect(run(line).end).toBe(`s:1: @/text: ${fact}`);
    expect(readdirSync(folder.path)).not.toContain("out");
  });

  test("a list of arguments that is too long", () => {
    const long = "x".repeat(200_000);
    expect(run(`${ENDLESS} | true ${long}`).end).toBe("s:1: true: E2BIG (argument list too long)");
  });

  test("one before it that does not end when it is asked to is ended all the same", () => {
    writeFileSync(folder.in("text"), "no program\n", { mode: 0o755 });
    const slow = new System({
      ...engine,
      spawn(path, ...rest) {
        while (path.endsWith("/text") && !existsSync(folder.in("deaf"))) Bun.sleepSync(1);
        return engine.spawn(path, ...rest);
      },
    });
    const line = `sh -c 'trap "" TERM; echo > @/deaf; exec sleep 60' | @/text`.replaceAll("@", folder.path);
    const end = failureOf(() => runScript({ ...shell, system: slow }, "s", line, () => {}));
    expect(end?.fact).toEndWith("/text: ENOEXEC (exec format error)");
  });
});

test("what its file system says only when a file is closed fails the line", () => {
  const { system } = shell;
  const full = new System({
    ...engine,
    syscall: (number, ...args) => (number === system.abi.call.fsync ? -errno.EDQUOT : engine.syscall(number, ...args)),
  });
  const end = (line: string): string | undefined =>
    failureOf(() => runScript({ ...shell, system: full }, "s", line.replaceAll("@", folder.path), () => {}))?.message;
  expect(end("echo x > @/out")?.replace(folder.path, "@")).toBe("s:1: @/out: EDQUOT (disk quota exceeded)");
  expect(end("sh -c 'exit 3' > @/out")).toBe("s:1: sh: exit 3");
  expect(end("true | true")).toBeUndefined();
});

test("no descriptor stays open, however lines end", () => {
  const open = () => readdirSync("/proc/self/fd").length;
  const lines = [
    "true | true | true > @/a",
    "false | @/none | true < @/b",
    "@/none < /dev/null > @/a | true",
    "cat < /dev/null | @/none > @/c",
    "true < @/none",
  ];
  lines.forEach(run);
  const before = open();
  for (let round = 0; round < 5; round++) lines.forEach(run);
  expect(open()).toBe(before);
});

test("no child is left behind, however lines end", () => {
  writeFileSync(folder.in("text"), "no program\n", { mode: 0o755 });
  const children = () => readFileSync("/proc/thread-self/children", "utf8").trim();
  const before = children();
  ["true | true", "yes | @/none", "yes | @/text", "false | sh -c 'exit 3' | true"].forEach(run);
  expect(children()).toBe(before);
});
