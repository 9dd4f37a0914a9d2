// Pipes and FIFOs in place of files, and descriptors that are closed: what comes late is waited for, what cannot be read or
// written is an error, on every engine.

import { beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { temporaryFolder } from "../support/folder.ts";
import { buildRunners, type Runner, runners } from "../support/run.ts";
import { cells, makeTree } from "../support/tree.ts";

const folder = temporaryFolder({ lasts: "file" });
const TREE = folder.in("tree");

beforeAll(async () => {
  makeTree(TREE, [
    ["model", "pipes\0"],
    ["cpus", [["cpu@0", [["reg", cells(0)]]]]],
  ]);
  writeFileSync(folder.in("edits"), "delete /model\n");
  await buildRunners();
}, 600_000);

/** What a line of bash does in which `kb` is the program. */
function bash(runner: Runner, line: string): { code: number | null; out: string; err: string } {
  const kb = runner.command.map((word) => `'${word}'`).join(" ");
  const script = `kb() { ${kb} "$@"; }; cd '${folder.path}'; ${line}`;
  const { exitCode, stdout, stderr } = Bun.spawnSync(["bash", "-c", script], { timeout: 60_000 });
  return { code: exitCode, out: stdout.toString("latin1"), err: stderr.toString("latin1") };
}

const SAME = { code: 0, out: "", err: "" };

test.each(runners.map((runner) => [runner.name, runner] as const))("%s reads what pipes bring late", (_, runner) => {
  const late = "(sleep 0.1; kb fs2dt -b 0 tree)";
  expect(bash(runner, `kb dtdiff <${late} <${late}`)).toEqual(SAME);
  expect(bash(runner, `${late} | kb dtdiff /dev/stdin <(kb fs2dt -b 0 tree)`)).toEqual(SAME);
  expect(bash(runner, `${late} | kb dtdiff - <(kb fs2dt -b 0 tree)`)).toEqual(SAME);
  const edit = "kb dtedit --from <(sleep 0.1; cat edits) tree - | kb dtdump -";
  const edited = bash(runner, edit);
  expect(edited).toMatchObject({ code: 0, err: "" });
  expect(edited.out).toContain("cpu@0");
  expect(edited.out).not.toContain("model");
});

test.each(runners.map((runner) => [runner.name, runner] as const))("%s waits for a FIFO's writer", (name, runner) => {
  const fifo = `mkfifo ${name}; (sleep 0.1; kb fs2dt -b 0 tree > ${name}) & kb dtdiff ${name} <(kb fs2dt -b 0 tree)`;
  expect(bash(runner, fifo)).toEqual(SAME);
});

test.each(runners.map((runner) => [runner.name, runner] as const))(
  "%s reads standard input that says EAGAIN where it has nothing yet",
  (_, runner) => {
    // Perl, which every Debian has, makes it so.
    const blocking = "fcntl(STDIN, F_SETFL, O_NONBLOCK | fcntl(STDIN, F_GETFL, 0)); exec @ARGV";
    const words = runner.command.map((word) => `'${word}'`).join(" ");
    const line = `(sleep 0.3; kb fs2dt -b 0 tree) | perl -MFcntl -e '${blocking}' ${words} dtdump -`;
    const { code, out, err } = bash(runner, line);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain('model = "pipes"');
  },
);

/** All but Bun's own program, which opens /dev/null in place of what is closed. */
const executables = runners
  .filter(({ executable }) => executable !== undefined)
  .map((each) => [each.name, each] as const);

test.each(executables)("%s fails where what it prints has no place to go", (_, runner) => {
  const places = {
    "--list": "kexecbox",
    "v2wrap --machine ppc64": "v2wrap",
    "fs2dt -b 0 tree": "fs2dt",
    "dtdump tree": "dtdump",
    ls: "ls",
  };
  for (const [words, name] of Object.entries(places)) {
    const err = `${name}: standard output: EBADF (bad file descriptor)\n`;
    expect({ words, ...bash(runner, `kb ${words} >&-`) }).toEqual({ words, code: 1, out: "", err });
  }
});

test.each(executables)("%s fails where there is no standard input", (_, runner) => {
  for (const words of ["cat", "dtdump -"]) {
    const err = `${words.split(" ")[0]}: standard input: EBADF (bad file descriptor)\n`;
    expect(bash(runner, `kb ${words} <&-`)).toEqual({ code: 1, out: "", err });
  }
});
