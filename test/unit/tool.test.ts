// Running other programs, telling progress, and undoing what was begun.

import { expect, test } from "bun:test";
import { withProgress } from "../../scripts/progress.ts";
import { runTool } from "../../scripts/tool.ts";
import { Failure } from "../../src/failure.ts";

const SCRIPTS = `${import.meta.dir}/../../scripts`;

test("standard output is returned whole, and the lines of both streams are told", async () => {
  const lines: string[] = [];
  const output = await runTool(["sh", "-c", "echo one; printf 'two\\nthree'; echo four >&2"], {
    onLine: (line) => lines.push(line),
  });
  expect(output).toBe("one\ntwo\nthree");
  expect(lines.sort()).toEqual(["four", "one", "three", "two"]);
});

test("a program that fails is named with its exit code and its last line", async () => {
  expect(runTool(["sh", "-c", "echo first >&2; echo last >&2; exit 3"])).rejects.toThrow("sh: exit code 3; last");
});

test("a program that dies of a signal has not succeeded", async () => {
  expect(runTool(["sh", "-c", "kill -9 $$"])).rejects.toThrow("sh: died of SIGKILL");
});

test("a program that is not there is an error with exit code 1", async () => {
  const error = await runTool(["no-such-program-here"]).catch((reason) => reason);
  expect(error).toBeInstanceOf(Failure);
  expect(error.exitCode).toBe(1);
  expect(error.place).toBe("no-such-program-here");
});

test("everything a failed program printed can be kept", async () => {
  let log = "";
  await runTool(["sh", "-c", "echo out; echo err >&2; exit 1"], {
    onFailure(output) {
      log = output;
    },
  }).catch(() => {});
  expect(log).toBe("out\nerr\n");
});

function progressOf(work: string): string {
  const program = `import { withProgress } from "${SCRIPTS}/progress.ts";
    await withProgress("step", ${work}).catch(() => {});`;
  return Bun.spawnSync([process.execPath, "-e", program]).stderr.toString();
}

test("a step that is done within two seconds prints nothing", () => {
  expect(progressOf("async (tell) => { tell('detail'); await Bun.sleep(1200); }")).toBe("");
});

test("away from a terminal, a slow step prints one line when found slow and one when done", () => {
  expect(progressOf("() => Bun.sleep(2700)")).toMatch(/^step \.\.\.\nstep: done, \d+ s\n$/);
});

test("of two steps, one within the other, only the inner one speaks", () => {
  const inner = 'withProgress("inner", () => Bun.sleep(2700))';
  expect(progressOf(`() => ${inner}`)).toMatch(/^inner \.\.\.\ninner: done, \d+ s\n$/);
});

test("a step gives back what its work gives, and its error", async () => {
  expect(await withProgress("step", async () => 7)).toBe(7);
  expect(withProgress("step", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
});

test("what was begun last is undone first, and what was finished is not undone", () => {
  const program = `import { undoOnInterrupt } from "${SCRIPTS}/interrupt.ts";
    undoOnInterrupt(() => console.log("folder"));
    undoOnInterrupt(() => console.log("finished"))();
    undoOnInterrupt(() => console.log("program"));
    process.kill(process.pid, "SIGHUP");
    setInterval(() => {}, 1000);`;
  const { stdout, exitCode } = Bun.spawnSync([process.execPath, "-e", program]);
  expect(stdout.toString()).toBe("program\nfolder\n");
  expect(exitCode).toBe(129);
});
