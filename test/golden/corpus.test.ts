// npm run corpus over a few trees, and over an executable that fails.

import { beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { examine } from "../../scripts/corpus/examine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { buildRunners, x64 } from "../support/run.ts";

const SCRIPT = join(import.meta.dir, "../../scripts/corpus.ts");
const folder = temporaryFolder({ on: "disk" });
beforeAll(buildRunners, 600_000);

const SOURCE = `/dts-v1/;
/memreserve/ 0x1000 0x2000;
/ {
  model = "a"; compatible = "acme,a"; #address-cells = <1>; #size-cells = <1>; acme,limit = <800000>;
  memory@0 { device_type = "memory"; reg = <0 0x40000000>; };
  pic: pic { interrupt-controller; #interrupt-cells = <1>; };
  uart@10 { reg = <0x10 4>; interrupt-parent = <&pic>; interrupts = <3>; odd = [01 02 03]; };
};
`;

function compiled(source: string): Buffer {
  return Bun.spawnSync(["dtc", "-q", "-q", "-f", "-I", "dts", "-O", "dtb"], { stdin: Buffer.from(source) }).stdout;
}

function corpus(...args: readonly string[]): { code: number; out: string; err: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, SCRIPT, ...args], {
    stdout: "pipe",
    stderr: "pipe",
  });
  // The last section tells times.
  return { code: exitCode, out: stdout.toString().replace(/^slowest.*/ms, ""), err: stderr.toString() };
}

describe("a folder of", () => {
  test("blobs and sources, some of them hostile, is examined, and nothing in it is changed", () => {
    mkdirSync(folder.in("trees/boards"), { recursive: true });
    mkdirSync(folder.in("include"));
    const put = (name: string, content: string | Uint8Array): void => writeFileSync(folder.in(name), content);
    const good = compiled(SOURCE);
    put("trees/boards/good.dtb", good);
    put("trees/boards/included.dts", `#include "limits.h"\n${SOURCE.replace("<800000>", "<LIMIT>")}`);
    put("include/limits.h", "#define LIMIT 900000\n");
    put("trees/plain.dts", SOURCE.replace("#address-cells = <1>;", ""));
    put("trees/broken.dts", "/dts-v1/;\n/ { x = <; };\n");
    put("trees/no tree.txt", "no tree");
    // Of a blob, its first half; a node's name that does not end; a header that tells of more than there is.
    put("trees/half", good.subarray(0, good.length / 2));
    put("trees/odd.dtb", Buffer.from(good.toString("latin1").replace("uart@10\0", "uart/10\0"), "latin1"));
    const before = readdirSync(folder.in("trees"), { recursive: true });

    const { code, out } = corpus("--include", folder.in("include"), "--show", "root", folder.in("trees"));
    expect(out).toMatch(
      /^5 trees:\n {2}3 trees\n {2}2 trees\/boards\n1 sources not compiled:\n {2}trees\/broken.dts: dtc: /,
    );
    expect(out).toContain("\n0 crashes\n0 wrong round trips\n2 refusals:\n");
    expect(out).toContain("  1 dtdump: tree: at 0x4: bad-totalsize: ");
    expect(out).toContain(": bad-node-name: ");
    expect(out).toContain("  root (warning): 1 in 1 trees\n");
    expect(code).toBe(0);
    expect(readdirSync(folder.in("trees"), { recursive: true })).toEqual(before);
  }, 120_000);

  test("nothing that is a tree is refused, and so is one that is not there", () => {
    writeFileSync(folder.in("text"), "text");
    expect(corpus(folder.path)).toEqual({
      code: 1,
      out: "",
      err: `corpus: ${folder.path}: no blob and no source is there\n`,
    });
    expect(corpus(folder.in("nonesuch"))).toMatchObject({
      code: 1,
      err: `corpus: ${folder.in("nonesuch")}: cannot be read: ENOENT\n`,
    });
  }, 60_000);
});

describe("of an executable that", () => {
  /** What is found wrong with one that does `instead` for a command in place of the real one. */
  async function faultsOf(command: string, instead: string, blob = compiled(SOURCE)): Promise<string[]> {
    const wrapper = folder.in("wrapper");
    writeFileSync(
      wrapper,
      `#!/bin/sh\nreal=${present(x64.executable)}\nif [ "$1" = ${command} ]; then ${instead}; fi\nexec $real "$@"\n`,
    );
    chmodSync(wrapper, 0o755);
    writeFileSync(folder.in("blob"), blob);
    mkdirSync(folder.in("place"));
    const { faults } = await examine(folder.in("blob"), [wrapper], folder.in("place"));
    return faults.map(({ kind, what }) => `${kind}: ${what}`);
  }

  test.each([
    ["does what it should", "none", "true", []],
    ["ends by a signal", "dtcheck", "kill -SEGV $$", ["crash: dtcheck: SIGSEGV; "]],
    [
      "has an internal error",
      "dtcheck",
      "echo dtcheck: internal error >&2; exit 70",
      ["crash: dtcheck: exit code 70; dtcheck: internal error"],
    ],
    [
      "leaves out a property of the source",
      "dtdump",
      '$real "$@" | sed "/odd =/d"; exit',
      ["round trip: dtdump: another tree", "round trip: dtdump --annotate: another tree"],
    ],
    [
      "writes no source",
      "dtdump",
      'case "$*" in *--json*) ;; *) echo "/ {"; exit;; esac',
      ["round trip: dtdump: dtc cannot compile it", "round trip: dtdump --annotate: dtc cannot compile it"],
    ],
    [
      "writes no JSON",
      "dtdump",
      'case "$*" in *--json*) echo "{"; exit;; esac',
      ["round trip: dtdump --json: no JSON"],
    ],
    [
      "finds differences where there are none",
      "dtdiff",
      "echo /x; exit 1",
      ["round trip: dtdiff: a copy differs", "round trip: dtdiff --patch: a copy differs"],
    ],
    [
      "loses a property of a directory",
      "fs2dt",
      'case "$*" in *dir) rm dir/model;; esac',
      ["round trip: fs2dt: another tree of the directory"],
    ],
  ])(
    "%s, that is said",
    async (_, command, instead, expected) => {
      expect(await faultsOf(command, instead)).toEqual(expected);
    },
    60_000,
  );

  test("takes with one command what another refuses, that is said", async () => {
    const half = compiled(SOURCE).subarray(0, 100);
    expect(await faultsOf("dtcheck", "exit 0", half)).toEqual(["round trip: dtcheck: takes what dtdump refuses"]);
  }, 60_000);
});
