// The language of init under every engine.

import { beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { buildFrom } from "../../scripts/build.ts";
import { emulatorFor, smallTargets } from "../../scripts/machines/machines.ts";
import { temporaryFolder } from "../support/folder.ts";

const ENTRY = join(import.meta.dir, "script-runner.ts");
const ENGINES = ["bun", ...smallTargets] as const;

const folder = temporaryFolder({ lasts: "file", on: "disk" });
beforeAll(async () => {
  for (const target of smallTargets) await buildFrom(target, ENTRY, folder.in(target));
}, 600_000);

function run(engine: (typeof ENGINES)[number], script: string): { code: number; out: string; err: string } {
  const command = engine === "bun" ? [process.execPath, ENTRY] : [...emulatorFor(engine), folder.in(engine)];
  const stdin = Buffer.from(script, "latin1");
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: folder.path, stdin });
  return { code: exitCode, out: stdout.toString("latin1"), err: stderr.toString("latin1") };
}

test.each(ENGINES)("%s runs words, quotes, pipes and redirections as they are meant", (engine) => {
  expect(
    run(
      engine,
      [
        "# a script",
        "printf '%s|' a 'b c' \"d \\\" \\\\ e\" f\\ g \\",
        "  h\xff > out",
        "cat<out|tr a-z A-Z>>out2 # appended to nothing",
        "cat out2",
        "rm out out2",
      ].join("\n"),
    ),
  ).toEqual({
    code: 0,
    out: 'A|B C|D " \\ E|F G|H\xff|',
    err: [
      '+ printf "%s|" a "b c" "d \\" \\\\ e" "f g" h\\xff > out',
      "+ cat < out | tr a-z A-Z >> out2",
      "+ cat out2",
      "+ rm out out2",
      "",
    ].join("\n"),
  });
});

test.each(ENGINES)("%s stops at the first failure, and names each program that failed", (engine) => {
  expect(run(engine, "true\nfalse | true | sh -c 'kill -9 $$'\necho never\n")).toEqual({
    code: 1,
    out: "",
    err: '+ true\n+ false | true | sh -c "kill -9 $$"\nscript:2: false: exit 1, sh: signal 9\n',
  });
});

test.each(ENGINES)("%s runs what && and || leave of a line, and refuses what is text to no shell", (engine) => {
  expect(run(engine, "false || printf a && printf b; false && printf c || printf d")).toEqual({
    code: 0,
    out: "abd",
    err: [
      "+ false",
      "goes on: script:1: false: exit 1",
      "+ || printf a",
      "+ && printf b",
      "+ false",
      "goes on: script:1: false: exit 1",
      "+ || printf d",
      "",
    ].join("\n"),
  });
  expect(run(engine, "printf a\nprintf *")).toEqual({
    ...{ code: 1, out: "" },
    err: "script:2:8: * means nothing here; in quotes it is text\n",
  });
});

test.each(ENGINES)("%s passes on more than a pipe holds", (engine) => {
  expect(run(engine, "head -c 1000000 /dev/zero | cat | wc -c").out.trim()).toBe("1000000");
});

test.each(ENGINES)("%s lets a program that nobody reads die of SIGPIPE", (engine) => {
  expect(run(engine, "yes | head -n 1").err).toEndWith("script:1: yes: signal 13\n");
});

test.each(ENGINES)("%s names what cannot be run", (engine) => {
  expect(run(engine, "/none").err).toEndWith("script:1: /none: ENOENT (no such file or directory)\n");
  expect(run(engine, "cat < /none/x").err).toEndWith("script:1: /none/x: ENOENT (no such file or directory)\n");
});
