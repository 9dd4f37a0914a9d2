// What --json and --svg make of a plan.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { abis } from "../../src/sys/abi.ts";
import { engine as host } from "../../src/sys/bun.ts";
import { errno } from "../../src/sys/errno.ts";
import type { CallName } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type LoadRun, loadem, type Pretended } from "../support/loading.ts";
import { present } from "../support/present.ts";
import { faultOf } from "../support/svg.ts";
import { cells } from "../support/tree.ts";

const folder = temporaryFolder();
const DOCUMENT = join(import.meta.dir, "../../docs/plan-json.md");

const KERNEL = Buffer.alloc(0x3000, 0x60);
KERNEL.write("run0", 0x5c);

/** A machine that has something of everything that there is a member for. */
const RICH: Pretended = {
  files: {
    "/proc/device-tree/rtas/linux,rtas-base": cells(0x1fff0000),
    "/proc/device-tree/rtas/rtas-size": cells(0x10000),
    "/proc/device-tree/chosen/linux,crashkernel-base": cells(0, 0x2000_0000),
    "/proc/device-tree/chosen/linux,crashkernel-size": cells(0, 0x1000_0000),
  },
};

/** Files may be written here, in the test's folder alone. */
function run(pretended: Pretended, line: string): LoadRun {
  const pass = (name: CallName) => (args: Parameters<typeof host.syscall>[1][]) =>
    host.syscall(abis[host.machine].call[name], ...args);
  writeFileSync(folder.in("kernel"), KERNEL);
  writeFileSync(folder.in("initrd"), new Uint8Array(0x1235).fill(7));
  const words = line.replaceAll(/@(\w+)/g, (_, name: string) => folder.in(name)).split(" ");
  const on: Pretended["on"] = {
    renameat2: (args) => pass("renameat2")([...args]),
    unlinkat: (args) => pass("unlinkat")([...args]),
    ...pretended.on,
  };
  return loadem(folder.path, { ...pretended, on }, ...words);
}

const USUAL =
  "-r 0x1000 -a 0x5000000 -e -w -f @initrd -a 0x6000000 -c 0x100 -f @kernel -z 0x20000 -a 0x9000000 -f @initrd -4 -f @kernel " +
  "--poke 0x10=5 -a 0xa000000 -z 0x1000";

/** `segments[].files[].name`, and null where an object may stand too. */
function pathsOf(json: unknown, path = ""): string[] {
  if (Array.isArray(json))
    return json.flatMap((each) => (typeof each === "object" ? pathsOf(each, `${path}[]`) : [path]));
  if (typeof json !== "object" || json === null) return [path];
  return Object.entries(json).flatMap(([name, value]) => pathsOf(value, path === "" ? name : `${path}.${name}`));
}

describe("--json", () => {
  test("prints the members that docs/plan-json.md has, all of them and no others", () => {
    const iomem = [
      "00000000-0fffffff : System RAM",
      "  01000000-01ffffff : Kernel code",
      "  02000000-02ffffff : reserved",
      "  0c000000-0dffffff : Crash kernel",
      "20000000-2fffffff : Reserved",
      "",
    ].join("\n");
    const lines = [
      run(RICH, `-n --json --no-checks ${USUAL}`),
      run({ machine: "x86_64", files: { "/proc/iomem": iomem } }, "-n --no-checks --json -a 0x4000000 -e -f @kernel"),
    ].map(({ out }) => JSON.parse(out.toString()));
    const empty = ["unchecked", "commands"];
    const ranges = ["runningKernel", "crashkernel", "crashkernelLow", "keptInitrd"];
    const printed = new Set(
      lines.flatMap((json) => pathsOf(json)).map((path) => path.replace(/^(\w+)\.(start|end)$/, "$1")),
    );
    const told = [...readFileSync(DOCUMENT, "utf8").matchAll(/^\| `([^`]+)` \| /gm)].map(([, path]) => present(path));
    expect([...printed, ...empty].toSorted()).toEqual([...told].toSorted());
    expect(new Set(told).size).toBe(told.length);
    for (const json of lines) expect(Object.keys(json)).toContainValues([...ranges, ...empty, "refusal"]);
  });

  test("tells of the bytes as the kernel gets them", () => {
    const { code, err, out, loads } = run(RICH, `--json --no-checks ${USUAL}`);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const json = JSON.parse(out.toString());
    const [load] = loads;
    expect(BigInt(json.entry)).toBe(present(load).entry);
    expect(BigInt(json.flags)).toBe(present(load).flags);
    expect(json.segments.length).toBe(4);
    for (const [index, { bytes, mem, memsz }] of present(load).segments.entries()) {
      const told = json.segments[index];
      expect([told.start, told.end, told.memsz].map(BigInt)).toEqual([mem, mem + memsz, memsz]);
      expect(Number(told.bufsz)).toBe(bytes.length);
      expect(told.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
      const sizes = told.files.map(({ size }: { size: string }) => Number(size));
      expect(sizes.reduce((sum: number, size: number) => sum + size, 0)).toBe(bytes.length);
    }
    expect(json.segments[2].files).toEqual([
      { name: folder.in("initrd"), offset: "0x0", size: "0x1235" },
      { name: null, offset: "0x0", size: "0x3" },
      { name: folder.in("kernel"), offset: "0x0", size: "0x3000" },
    ]);
    expect(json.words).toEqual([
      {
        ...{ kind: "chain", segment: 0, at: "0x50000f8", size: 8, value: "0x6000000", endian: "big" },
        reason: "as the stub has it",
      },
      {
        ...{ kind: "poke", segment: 2, at: "0x9000010", size: 4, value: "0x5", endian: "big" },
        reason: "as the running machine",
      },
    ]);
    expect(json.uses).toEqual([{ start: "0x0", end: "0x23000", segment: 1, what: "copies itself here" }]);
    expect(json.taken).toEqual([{ start: "0x1fff0000", end: "0x20000000", name: "RTAS" }]);
    expect(json).toMatchObject({ elfMachine: 21, secondaries: 3, crash: false, arch: 0, pageSize: "0x1000" });
  });

  test("stands in place of what -n prints, and beside what -v tells", () => {
    const lines = (line: string) => {
      const { out, err } = run(RICH, line);
      return { out: out.toString().split("\n").length, isTold: err.includes("loadem: segment  start") };
    };
    expect(lines(`-n --json --no-checks ${USUAL}`)).toEqual({ out: 2, isTold: false });
    expect(lines(`-v --json --no-checks ${USUAL}`)).toEqual({ out: 2, isTold: true });
  });

  test("is printed before the checks, and shows what they refuse", () => {
    const { code, out, err } = run(RICH, "-n --json -a 0x5000000 -e -f @initrd");
    expect(code).toBe(1);
    expect(err).toContain("is not a multiple of");
    const { segments, refusal } = JSON.parse(out.toString());
    expect(segments[0].memsz).toBe("0x1235");
    expect(`loadem: ${refusal}\n`).toBe(err);
    for (const line of ["--no-checks -a 0x5000000", "-r 0x1000 -a 0x5000000"]) {
      const sound = run({}, `-n --json ${line} -e -f @initrd`);
      expect({ code: sound.code, err: sound.err }).toEqual({ code: 0, err: "" });
      expect(JSON.parse(sound.out.toString()).refusal).toBeNull();
    }
  });

  test("is ASCII, whatever the names", () => {
    writeFileSync(Buffer.from(folder.in("k\xe4\xff\n"), "latin1"), KERNEL);
    const { out } = run(RICH, `-n --json -r 0x1000 -a 0x5000000 -e -f ${folder.in("k\xe4\xff\n")}`);
    expect(out.toString("latin1")).toMatch(/^[ -~]*\n$/);
    expect(JSON.parse(out.toString()).segments[0].files[0].name).toBe(folder.in("k\xe4\xff\n"));
  });
});

test("what a terminal would obey is escaped wherever a plan tells of a file", () => {
  const name = folder.in("k\x1b[2J\xe4");
  writeFileSync(Buffer.from(name, "latin1"), KERNEL);
  for (const how of ["-n", "-v"]) {
    const { out, err } = run(RICH, `${how} --no-checks -r 0x1000 -a 0x5000000 -e -f ${name}`);
    const text = out.toString("latin1") + err;
    expect(text).toContain(`0x3000  0x3000  ${folder.path}/k\\x1b[2J\\xe4\n`);
    expect(text).not.toMatch(/[^ -~\n]/);
  }
});

describe("--svg", () => {
  test("writes one document that needs nothing from outside, with text as text", () => {
    const { code, err, out } = run(RICH, `-n --svg @plan.svg --no-checks ${USUAL}`);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.toString()).toContain("segment  start");
    const svg = readFileSync(folder.in("plan.svg"), "utf8");
    expect(faultOf(svg)).toBeUndefined();
    expect(svg).toStartWith('<svg xmlns="http://www.w3.org/2000/svg" ');
    expect(svg.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:|script|@import|href/);
    for (const text of ["4 segments, entry 0x5000000", "1 copies itself here, 140 KiB", "RTAS, 64 KiB"]) {
      expect(svg).toContain(`>${text}</text>`);
    }
    // Every pattern and marker that is used is there.
    for (const [, id] of svg.matchAll(/url\(#(\w+)\)/g)) expect(svg).toContain(`id="${id}"`);
  });

  test("is the same drawing: what is wrong is there, before the checks refuse it", () => {
    const { code, err } = run(RICH, "-n --svg @plan.svg -r 0x1000 -a 0x5000000 -e -f @kernel -a 0x5002000 -f @kernel");
    expect(code).toBe(1);
    expect(err).toContain("overlaps segment 0");
    expect(readFileSync(folder.in("plan.svg"), "utf8")).toContain(">segment 0, segment 1: the same memory</text>");
  });

  test("is whole or not at all", () => {
    writeFileSync(folder.in("plan.svg"), "old");
    const full: Pretended["on"] = {
      write: ([descriptor], call) => (Number(descriptor) > 2 ? -errno.ENOSPC : call.pass()),
    };
    const { code, err } = run({ ...RICH, on: full }, `-n --svg @plan.svg --no-checks ${USUAL}`);
    expect({ code, err }).toMatchObject({
      code: 1,
      err: `loadem: ${folder.in("plan.svg")}: ENOSPC (no space left on device)\n`,
    });
    expect(readFileSync(folder.in("plan.svg"), "utf8")).toBe("old");
    expect(existsSync(folder.in("plan.svg.1000"))).toBe(false);
  });

  test("does not replace what is to be loaded", () => {
    const { code, err, loads } = run(RICH, `--svg @initrd --no-checks ${USUAL}`);
    expect({ code, loads }).toEqual({ code: 1, loads: [] });
    expect(err).toBe(
      `loadem: ${folder.in("initrd")}: is to be loaded as ${folder.in("initrd")}: the picture needs another file\n`,
    );
    expect(readFileSync(folder.in("initrd")).length).toBe(0x1235);
  });

  test("goes with no jump and no unload", () => {
    expect(run(RICH, "-k --svg @plan.svg").code).toBe(2);
    expect(run(RICH, "-u --json").code).toBe(2);
    expect(existsSync(folder.in("plan.svg"))).toBe(false);
  });

  test("holds names that XML would take for its own", () => {
    writeFileSync(folder.in('<&">k'), KERNEL);
    run(RICH, `-n --svg @plan.svg -r 0x1000 -a 0x5000000 -e -f ${folder.in('<&">k')}`);
    const svg = readFileSync(folder.in("plan.svg"), "utf8");
    expect(faultOf(svg)).toBeUndefined();
    expect(svg).toContain('&lt;&amp;"&gt;k');
  });
});
