// Input that is larger, deeper or longer than anybody writes: Bun and the small engine say the same of it, and neither ends in
// a fault of ours.

import { beforeAll, describe, expect, test } from "bun:test";
import { ftruncateSync, openSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { build } from "../../scripts/build.ts";
import { stringValue } from "../../src/devicetree/strings.ts";
import type { Node } from "../../src/devicetree/tree.ts";
import { shapes } from "../support/adversity.ts";
import { bzImage } from "../support/bzimage.ts";
import { blobOf } from "../support/device-trees.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { bun, type Run, runWith, x64 } from "../support/run.ts";
import { cells } from "../support/tree.ts";

const folder = temporaryFolder({ lasts: "file" });
beforeAll(async () => {
  await build("x64-small");
}, 600_000);

/** What both engines do alike. */
function alike(args: readonly string[]): Run {
  const [one, other] = [bun, x64].map((runner) => runWith(runner, args, { cwd: folder.path }));
  if (one === undefined || other === undefined) throw new Error("no engine");
  expect({ code: other.code, err: other.err }).toEqual({ code: one.code, err: one.err });
  expect(other.out.equals(one.out)).toBe(true);
  return one;
}

function node(name: string, properties: Readonly<Record<string, Uint8Array>>, children: Node[] = []): Node {
  return { name, properties: Object.entries(properties).map(([name, value]) => ({ name, value })), children };
}

function write(name: string, root: Node): void {
  writeFileSync(folder.in(name), blobOf({ root, reservations: [], address: undefined, bootCpu: 0 }));
}

/** More than a call has arguments in the small engine. */
const MANY = 66_000;

describe("numbers of 33,000 cells", () => {
  const counts = { "#address-cells": cells(33_000), "#size-cells": cells(1) };
  const reg = new Uint8Array(4 * 33_001).fill(0xff);
  const ranges = new Uint8Array(4 * (2 + 33_001)).fill(0xff);
  const bus = node("bus", { ...counts, ranges }, [node("dev@0", { reg })]);
  const memory = node("memory@0", { device_type: stringValue("memory"), reg });
  const reserved = node("reserved-memory", counts, [node("kept@0", { reg })]);
  const blocks = node("ibm,dynamic-reconfiguration-memory", { "ibm,lmb-size": reg, "ibm,dynamic-memory": reg });

  test.each([
    ["of a bus", node("", {}, [bus])],
    ["of the root's memory", node("", counts, [memory])],
    ["of kept memory", node("", {}, [reserved])],
    ["of a partition's blocks", node("", { "#size-cells": cells(33_000) }, [blocks])],
  ])("%s are shown as they are, and mean nothing", (_, root) => {
    write("tree", root);
    expect(alike(["dtdump", "tree"])).toMatchObject({ code: 0, err: "" });
    const { code, out } = alike(["dtdump", "-a", "tree"]);
    expect(code).toBe(0);
    expect(out.includes("reg = <0xffffffff 0xffffffff") && out.includes("0xffffffff>; /*")).toBe(false);
    expect(alike(["dtcheck", "tree"]).out.toString()).toContain("33000 cells [cells]");
    expect(alike(["fs2dt", "-b", "0", "tree"]).code).toBe(0);
    expect(alike(["fs2dt", "-b", "0", "--check", "tree"]).code).toBe(1);
  });
});

describe("a number of 400,000 digits", () => {
  test.each([
    ["in cells", `set /x=<${"9".repeat(400_000)}>`],
    ["in hexadecimal cells", `set /x=<0x${"f".repeat(400_000)}>`],
    ["as a range", `reserve ${"9".repeat(400_000)},1`],
    ["as an octal range", `reserve 0${"7".repeat(400_000)},1`],
    ["as a cpu", `boot-cpu ${"9".repeat(400_000)}`],
    ["as a phandle", `delete-node &${"9".repeat(400_000)}`],
  ])("%s is refused as a number", (_, line) => {
    write("tree", node("", {}));
    writeFileSync(folder.in("edits"), line);
    const { code, err } = alike(["dtedit", "--from", "edits", "tree", "out"]);
    expect(code).toBe(1);
    expect(err).toStartWith("dtedit: edits:1: ");
  });
});

describe(`${MANY} operands`, () => {
  const operands = Array<string>(MANY).fill("x");

  test.each([
    [["dtdump", ...operands], 2, "dtdump: operands: a source and perhaps a node are needed, 66000 are given\n"],
    [["dtdump", "--", ...operands], 2, "dtdump: operands: a source and perhaps a node are needed, 66000 are given\n"],
    [["loadem", "--", ...operands], 2, "loadem: 'x': not an option, and nothing else is expected\n"],
    [["cat", ...operands], 1, "cat: x: ENOENT (no such file or directory)\n".repeat(MANY)],
  ])("are counted, of which none is one", (args, code, err) => {
    const run = alike(args);
    expect(run.code).toBe(code);
    expect(run.err === err).toBe(true);
  });
});

test(`a directory of ${MANY} names is listed with their sizes`, () => {
  const many = folder.in("many");
  expect(Bun.spawnSync(["sh", "-c", `mkdir ${many} && cd ${many} && seq ${MANY} | xargs touch`]).exitCode).toBe(0);
  const { code, out } = alike(["ls", "-l", "many"]);
  expect(code).toBe(0);
  expect(out.toString().split("\n")).toHaveLength(MANY + 1);
});

test("a kernel of more than 2 GiB is taken out of its bzImage, which is mapped part by part", () => {
  const image = bzImage();
  const kernel = image.length - 0x3000;
  writeFileSync(folder.in("bzImage"), image);
  truncateSync(folder.in("bzImage"), 2 ** 31 + 2 ** 20);
  const nowhere = openSync("/dev/null", "w");
  for (const runner of [bun, x64]) {
    const { code, err } = runWith(runner, ["zeropage", "--kernel", "bzImage"], { cwd: folder.path, stdout: nowhere });
    expect({ code, err }).toEqual({ code: 0, err: "" });
  }
  // One that ends a little behind the end of the first part, with a byte of each kind there.
  const end = kernel + 256 * 2 ** 20;
  const file = openSync(folder.in("bzImage"), "r+");
  writeSync(
    file,
    Uint8Array.from({ length: 8192 }, (_, index) => index % 251),
    0,
    8192,
    end - 4096,
  );
  ftruncateSync(file, end + 4096);
  const whole = `tail -c +${kernel + 1} bzImage | cmp - kernel`;
  const made = Bun.spawnSync(["sh", "-c", `${x64.command.join(" ")} zeropage --kernel bzImage > kernel && ${whole}`], {
    cwd: folder.path,
  });
  expect(made.stdout.toString() + made.stderr.toString()).toBe("");
  expect(made.exitCode).toBe(0);
}, 120_000);

describe("input of a MiB takes the small engine seconds of a cpu, not minutes:", () => {
  /** Killed after that; what follows takes a tenth to a half of it. */
  const SECONDS = 6;

  function quick(...args: readonly string[]): Run {
    const run = runWith(x64, args, { cwd: folder.path, under: ["prlimit", `--cpu=${SECONDS}`] });
    expect(run.signal).toBeNull();
    expect([0, 1, 2]).toContain(run.code ?? -1);
    return run;
  }

  test.each(shapes.filter(({ edits }) => edits === undefined).map((shape) => [shape.name, shape] as const))(
    "%s",
    (_, shape) => {
      const tree = shape.tree(16_000);
      writeFileSync(folder.in("tree"), blobOf(tree));
      for (const command of [["dtcheck"], ["dtdump", "-a"], ["dtdump", "--json"], ["dtdiff", "tree"]])
        quick(...command, "tree");
      quick("fs2dt", "--check", "-b", "0", "tree");
    },
    120_000,
  );

  test("80,000 equal properties that are deleted", () => {
    write("tree", {
      name: "",
      properties: Array.from({ length: 80_000 }, () => ({ name: "p", value: new Uint8Array(0) })),
      children: [],
    });
    expect(quick("dtedit", "--delete", "/p", "tree", "out")).toMatchObject({ code: 0, err: "" });
  });

  test("30,000 aliases of a directory", () => {
    const make = "mkdir -p dir/aliases && cd dir/aliases && seq 30000 | xargs touch && printf 7 > 7";
    expect(Bun.spawnSync(["sh", "-c", make], { cwd: folder.path }).exitCode).toBe(0);
    expect(
      quick("dtcheck", "dir")
        .out.toString()
        .match(/names no node/g),
    ).toHaveLength(30_000);
  }, 60_000);

  test("a path of 120,000 slashes", () => {
    const path = `${"/".repeat(120_000)}x`;
    expect(quick("fs2dt", "-b", "0", path).err).toEndWith("ENAMETOOLONG (file name too long)\n");
    write("tree", node("", { path: stringValue(path) }, [node("aliases", { path: stringValue(path) })]));
    quick("dtcheck", "tree");
    expect(quick("dtedit", "--set", `${path}/y`, "tree", "out").code).toBe(1);
  });

  test("a file of edits with a million blanks in a line, between its words, and behind them", () => {
    const blanks = " ".repeat(2 ** 20);
    write("tree", node("", {}));
    writeFileSync(folder.in("edits"), `set /x=<1>${blanks}y`);
    expect(quick("dtedit", "--from", "edits", "tree", "out").code).toBe(1);
    writeFileSync(folder.in("edits"), `${blanks}set${blanks}/x=<1>${blanks}`);
    expect(quick("dtedit", "--from", "edits", "tree", "out").code).toBe(0);
  });

  test("memory of firmware in each hole of memory, to which a crash kernel is confined", () => {
    const { root } = present(shapes.find(({ name }) => name.includes("hole"))).tree(10_000);
    const keepers = Array.from({ length: 10_000 }, (_, index) =>
      node(`pci${index}`, {
        "linux,tce-base": cells(0, 0x10000 * index + 0x1000),
        "linux,tce-size": cells(0x1000),
      }),
    );
    root.children.push(...keepers);
    write("tree", root);
    expect(quick("dtedit", "--usable", "0x0,0x8000", "tree", "out")).toMatchObject({ code: 0, err: "" });
    expect(quick("fs2dt", "-b", "0", "tree").code).toBe(0);
  });
});

const filled = (length: number, byteAt: (at: number) => number) => Uint8Array.from({ length }, (_, at) => byteAt(at));
const noise = (length: number, by: number) => filled(length, (at) => Math.imul(at + by, 0x9e3779b1) >>> 24);

/** Each kind of value, of so many bytes or a few less. */
const longValues = (size: number): readonly (readonly [kind: string, root: Node])[] => [
  ["bytes", node("", { noise: noise(size - 1, 1) })],
  ["cells", node("", { noise: noise(size, 1) })],
  ["texts", node("", { compatible: filled(size, (at) => (at % 8 === 7 ? 0 : 0x61)) })],
  ["one text", node("", { bootargs: filled(size, (at) => (at === size - 1 ? 0 : 0x61)) })],
  ["a reg", node("", {}, [node("device@0", { reg: noise(size - 4, 1) })])],
];

/** Each kind of value as a file of edits has it, in so many characters. */
const longEdits = (size: number): readonly (readonly [kind: string, value: string])[] => [
  ["bytes", `[${"5a ".repeat(size / 3)}]`],
  ["cells", `<${"0x12345678 ".repeat(size / 11)}>`],
  ["one text", `"${"a".repeat(size)}"`],
  ["a text of escapes", `"${"\\n".repeat(size / 2)}"`],
];

/** What is done with a long value. */
const longJobs: readonly (readonly string[])[] = [
  ["dtdump", "one"],
  ["dtdump", "-a", "one"],
  ["dtdump", "--json", "one"],
  ["dtcheck", "one"],
  ["dtdiff", "one", "none"],
  ["dtdiff", "--patch", "none", "one"],
  ["dtedit", "one", "out"],
  ["dtedit", "-O", "dts", "one", "out"],
  ["dtedit", "-O", "json", "one", "out"],
  ["fs2dt", "-b", "0", "one"],
  ["fs2dt", "-b", "0", "-V", "2", "one"],
];

const PEAKS = join(import.meta.dir, "peak-program.ts");

interface Peak {
  readonly code: number;
  readonly err: string;
  readonly peak: number;
}

describe("a value of 16 MiB takes Bun 4 bytes of memory for each of its own at most:", () => {
  const SIZE = 2 ** 24;

  /** Each with its peak of memory, in bytes. */
  function measure(commands: readonly (readonly string[])[]): readonly Peak[] {
    const words = JSON.stringify(commands.map((args) => [...bun.command, ...args]));
    const { stdout } = Bun.spawnSync([process.execPath, PEAKS, words], { cwd: folder.path });
    return JSON.parse(stdout.toString());
  }

  test.each(longValues(SIZE))(
    "%s",
    (_, root) => {
      write("none", node("", { x: cells(1) }));
      write("one", root);
      const little = measure(longJobs.map((args) => args.map((word) => (word === "one" ? "none" : word))));
      const found = measure(longJobs);
      expect(found.map(({ err }) => err).join("")).toBe("");
      expect(found.filter(({ code }) => code !== 0 && code !== 1)).toEqual([]);
      const most = found.map(({ peak }, index) => (peak - (little[index]?.peak ?? 0)) / SIZE);
      expect(longJobs.filter((_, index) => !((most[index] ?? Infinity) <= 4))).toEqual([]);
      expect(Math.max(...most)).toBeGreaterThan(1);
    },
    240_000,
  );

  test.each(longEdits(SIZE))("%s in a file of edits", (_, value) => {
    write("none", node("", { x: cells(1) }));
    const peaks = ["<1>", value].map((each) => {
      writeFileSync(folder.in("edits"), `set /y=${each}\n`);
      const [found] = measure([["dtedit", "--from", "edits", "none", "out"]]);
      expect(found).toMatchObject({ code: 0, err: "" });
      return found?.peak ?? Infinity;
    });
    expect(((peaks[1] ?? Infinity) - (peaks[0] ?? 0)) / SIZE).toBeWithin(1, 4);
  });
});

describe("a value of 2 MiB takes 4 bytes of memory for each of its own at most:", () => {
  const SIZE = 2 ** 21;
  /** With what the program needs for the smallest tree. */
  const MOST = 4 * SIZE + 2 ** 22;

  test.each(longValues(SIZE))(
    "%s",
    (_, root) => {
      write("none", node("", { x: cells(1) }));
      write("one", root);
      const stdout = openSync("/dev/null", "w");
      for (const args of longJobs) {
        const { code, signal, err } = runWith(x64, args, {
          cwd: folder.path,
          stdout,
          under: ["prlimit", `--as=${MOST}`],
        });
        expect({ args, signal, err, isDone: code === 0 || code === 1 }).toEqual({
          args,
          signal: null,
          err: "",
          isDone: true,
        });
      }
    },
    240_000,
  );

  test.each(longEdits(SIZE))("%s in a file of edits", (_, value) => {
    write("none", node("", { x: cells(1) }));
    writeFileSync(folder.in("edits"), `set /y=${value}\n`);
    const under = ["prlimit", `--as=${MOST}`];
    const { code, err } = runWith(x64, ["dtedit", "--from", "edits", "none", "out"], { cwd: folder.path, under });
    expect({ code, err }).toEqual({ code: 0, err: "" });
  });

  test("a reg of more memory than anybody has", () => {
    const counts = { "#address-cells": cells(2), "#size-cells": cells(2) };
    write("much", node("", counts, [node("memory@0", { device_type: stringValue("memory"), reg: noise(SIZE, 1) })]));
    for (const args of [["dtcheck"], ["fs2dt", "-b", "0", "--check"]]) {
      const { code, out, err } = runWith(x64, [...args, "much"], {
        cwd: folder.path,
        under: ["prlimit", `--as=${MOST}`],
      });
      expect(code).toBe(1);
      expect(`${out}${err}`).toContain("131072 ranges are more than 32768");
    }
  });

  test("standard input that is loaded is never held twice", () => {
    const args = ["loadem", "-n", "--no-checks", "-a", "0x1000000", "-s"];
    // It grows by doubling what is mapped, of which no page is there before it is read to: twice its size is mapped, and no more.
    const { code, err } = runWith(x64, args, {
      cwd: folder.path,
      stdin: noise(2 ** 24, 1),
      under: ["prlimit", `--as=${2 ** 25 + 2 ** 22}`],
    });
    expect({ code, err }).toEqual({ code: 0, err: "" });
  });
});
