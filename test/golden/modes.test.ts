// Who may read what is written: the permissions and the owner of a file that is replaced, and of what may hold secrets.

import { beforeAll, describe, expect, test } from "bun:test";
import { chownSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/folder.ts";
import { buildRunners, type Run, runners, runWith } from "../support/run.ts";
import { makeTree } from "../support/tree.ts";

const folder = temporaryFolder();

beforeAll(buildRunners, 600_000);

function mode(name: string): string {
  return (statSync(folder.in(name)).mode & 0o7777).toString(8);
}

describe.each(runners.map((runner) => [runner.name, runner] as const))("%s", (_, runner) => {
  const run = (...words: string[]): Run =>
    runWith(runner, words, { cwd: folder.path, under: ["sh", "-c", 'umask 022; exec "$@"', "sh"] });
  const done = (...words: string[]): void => {
    const { code, err } = run(...words);
    expect({ code, err }).toEqual({ code: 0, err: "" });
  };
  const tree = (): void =>
    makeTree(folder.in("tree"), [
      ["model", "m\0"],
      [
        "options",
        [
          ["security-password", "secret"],
          ["security-mode", ""],
        ],
      ],
    ]);

  test("a file that is replaced keeps its permissions and its owner", () => {
    tree();
    done("dtedit", "--secrets", "tree", "blob");
    for (const permissions of [0o600, 0o640, 0o604]) {
      rmSync(folder.in("kept"), { force: true });
      writeFileSync(folder.in("kept"), "", { mode: permissions });
      // Only root can give files away.
      if (process.geteuid?.() === 0) chownSync(folder.in("kept"), 1000, 1001);
      const { uid, gid } = statSync(folder.in("kept"));
      done("dtedit", "--secrets", "blob", "kept");
      expect(mode("kept")).toBe(permissions.toString(8));
      expect(statSync(folder.in("kept"))).toMatchObject({ uid, gid });
      done("dtedit", "--secrets", "--boot-cpu", "1", "kept", "kept");
      expect([mode("kept"), statSync(folder.in("kept")).uid]).toEqual([permissions.toString(8), uid]);
    }
  });

  test("secrets of a blob are left empty, unless they are asked for", () => {
    tree();
    done("dtedit", "--secrets", "tree", "blob");
    const emptied = "/options/security-password: left empty (--secrets copies it)\n";
    for (const [tool, ...words] of [
      ["fs2dt", "-b", "0", "blob"],
      ["dtdump", "blob"],
      ["dtedit", "blob", "-"],
    ] as const) {
      const { code, out, err } = run(tool, ...words);
      expect({ code, err }).toEqual({ code: 0, err: `${tool}: ${emptied}` });
      expect(out.includes("secret")).toBe(false);
      expect(run(tool, "--secrets", ...words)).toMatchObject({ code: 0, err: "" });
    }
    expect(run("dtedit", "--secrets", "blob", "-").out.includes("secret")).toBe(true);
  });

  test("what has secrets in it is its owner's alone, what has none is everybody's to read", () => {
    tree();
    done("dtedit", "--secrets", "tree", "new");
    expect(mode("new")).toBe("600");
    done("dtedit", "--secrets", "-O", "dts", "tree", "new.dts");
    expect(mode("new.dts")).toBe("600");
    done("dtedit", "--secrets", "-O", "dir", "tree", "new.dir");
    expect(
      ["model", "options/security-password", "options/security-mode"].map((name) => mode(join("new.dir", name))),
    ).toEqual(["644", "600", "644"]);
    expect(run("dtedit", "tree", "plain").code).toBe(0);
    expect(mode("plain")).toBe("644");
  });

  test("saved segments are their owner's alone", () => {
    writeFileSync(folder.in("image"), new Uint8Array(0x1000));
    done("loadem", "--no-checks", "--qemu", "saved", "-t", "62", "-a", "0x100000", "-e", "-f", "image");
    const modes = readdirSync(folder.in("saved")).map((name) => [name, mode(join("saved", name))]);
    expect(Object.fromEntries(modes)).toEqual({ run: "700", "segment-0": "600", start: "600" });
  });
});
