// ls -l where the kernel does not tell all of a name.

import { expect, test } from "bun:test";
import { symlinkSync, writeFileSync } from "node:fs";
import { errno } from "../../src/sys/errno.ts";
import { type Answer, type FakeWorld, runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder();

function listed(on: NonNullable<FakeWorld["on"]>): { code: number; out: string; err: string } {
  writeFileSync(folder.in("a"), "four");
  symlinkSync("a", folder.in("b"));
  const { code, out, err } = runInside({ on }, "ls", "-l", folder.path);
  return { code, out: out.toString(), err };
}

test("lists kinds, sizes, and where a link leads", () => {
  expect(listed({})).toEqual({ code: 0, out: "file       4  a\nsymlink    1  b -> a\n", err: "" });
});

test.each([["statx"], ["readlinkat"]] as const)(
  "lists a name all the same of which %s fails, says so, and ends with 1",
  (call) => {
    const name = call === "statx" ? "a" : "b";
    const failing: Answer = (_, each) => (each.path.endsWith(`/${name}`) ? -errno.EIO : each.pass());
    const { code, out, err } = listed({ [call]: failing });
    expect({ code, err }).toEqual({ code: 1, err: `ls: ${name}: EIO (input/output error)\n` });
    expect(out).toBe(
      call === "statx" ? "unknown    ?  a\nsymlink    1  b -> a\n" : "file       4  a\nsymlink    1  b\n",
    );
  },
);
