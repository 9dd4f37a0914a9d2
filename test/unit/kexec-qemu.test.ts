// kexec --qemu: a kernel, its initrd and its command line become what starts in qemu, on any machine; and the raw
// commands make the same files.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { nodeOf, readBlob } from "../support/blob-reader.ts";
import { bzImage } from "../support/bzimage.ts";
import { runInside } from "../support/fake-engine.ts";
import { fileCalls } from "../support/file-calls.ts";
import { temporaryFolder } from "../support/folder.ts";
import { arm64Image, elf, riscvImage } from "../support/forms.ts";
import { type LoadRun, type Pretended, runPretended, WITHOUT_TREE } from "../support/loading.ts";
import { pseriesTree, riscvTree, virtTree } from "../support/qemu-trees.ts";
import { rawLinesOf, runRawLines } from "../support/raw-lines.ts";
import { cells, makeTree, type Tree } from "../support/tree.ts";

const folder = temporaryFolder();

/** Nothing of it is asked: there is no /proc. Every random byte is the same. */
function host(machine: "x86_64" | "aarch64" = "x86_64"): Pretended {
  const getrandom: NonNullable<Pretended["on"]>["getrandom"] = ([bytes, length]) => {
    (bytes as Uint8Array).fill(7);
    return Number(length);
  };
  const files = { ...WITHOUT_TREE, "/proc/cmdline": undefined, "/proc/meminfo": undefined };
  return { machine, files, on: { ...fileCalls(folder.path), getrandom } };
}

function kexec(machine: Pretended, line: string): LoadRun {
  const words = line.split(" ").map((word) => word.replace(/^@/, `${folder.path}/`));
  return runPretended(folder.path, machine, "kexec", ...words);
}

function said({ code, err }: LoadRun): string {
  expect(existsSync(folder.in("out"))).toBe(false);
  return `${code} ${err}`.replaceAll(`${folder.path}/`, "").trimEnd();
}

function filesIn(name: string): Record<string, string> {
  const names = readdirSync(folder.in(name)).sort();
  return Object.fromEntries(names.map((file) => [file, readFileSync(folder.in(name, file)).toString("latin1")]));
}

const CPU = [
  "cpu@0",
  [
    ["device_type", "cpu\0"],
    ["reg", cells(0)],
  ],
] as const;

/** As qemu dumps it: nobody has said where RTAS is, nor asked for XIVE. */
const PSERIES = pseriesTree(
  0x2000_0000,
  Uint8Array.of(0, 0),
  [],
  [
    ["interrupt-controller@1", [["compatible", "ibm,power-ivpe\0"]]],
    ["cpus", [CPU]],
  ],
);

const VIRT = virtTree([["cpus", [CPU]]]);

/** A blob, as from elsewhere. */
function dtb(tree: Tree): void {
  const path = folder.in(`tree${Bun.randomUUIDv7()}`);
  makeTree(path, tree);
  const { code, out } = runInside({}, "dtedit", path, "-");
  expect(code).toBe(0);
  writeFileSync(folder.in("dtb"), out);
}

function ppc64(): void {
  dtb(PSERIES);
  // An ELF file that loads its own first page at 0.
  const kernel = Buffer.alloc(0x2000);
  elf({ machine: 21, bigEndian: true }).copy(kernel);
  kernel.writeUInt16BE(2, 16);
  kernel.writeBigUInt64BE(64n, 32);
  kernel.writeUInt16BE(56, 54);
  kernel.writeUInt16BE(1, 56);
  kernel.writeUInt32BE(1, 64);
  kernel.writeBigUInt64BE(0x1000n, 72);
  kernel.writeBigUInt64BE(0n, 88);
  kernel.writeBigUInt64BE(0x1000n, 96);
  kernel.writeBigUInt64BE(0x2_0000n, 104);
  writeFileSync(folder.in("kernel"), kernel);
}

function arm64(): void {
  dtb(VIRT);
  const image = Buffer.alloc(0x10_0000);
  arm64Image().copy(image);
  image.writeBigUInt64LE(0x16_0000n, 16);
  writeFileSync(folder.in("kernel"), image);
}

function riscv64(): void {
  dtb(riscvTree([["cpus", [CPU]]]));
  const image = Buffer.alloc(0x10_0000);
  riscvImage().copy(image);
  image.writeBigUInt64LE(0x16_0000n, 16);
  writeFileSync(folder.in("kernel"), image);
}

function x86_64(): void {
  writeFileSync(folder.in("kernel"), bzImage());
}

const MACHINES = [
  ["ppc64", ppc64, "--dtb=@dtb ", "qemu-system-ppc64", ["firmware", "rtas"]],
  ["arm64", arm64, "--dtb=@dtb ", "qemu-system-aarch64", []],
  ["riscv64", riscv64, "--dtb=@dtb ", "qemu-system-riscv64", ["start"]],
  ["x86-64", x86_64, "", "qemu-system-x86_64", ["start"]],
] as const;

describe.each(MACHINES)("of %s", (_, prepare, more, program, starters) => {
  test("everything that starts it is written, on a machine of another kind", () => {
    prepare();
    writeFileSync(folder.in("initrd"), Buffer.alloc(0x12345, 0x11));
    const tree = more.replace("=@", `=${folder.path}/`);
    for (const machine of ["x86_64", "aarch64"] as const) {
      const line = `--qemu @out ${tree}--append=quiet --initrd @initrd @kernel`;
      const run = kexec(host(machine), line);
      expect({ code: run.code, err: run.err }).toEqual({ code: 0, err: "" });
      expect(run.loads).toEqual([]);
      const files = filesIn("out");
      expect(Object.keys(files)).toEqual([...starters, "run", "segment-0", "segment-1", "segment-2"].sort());
      expect(files.run).toContain(`\nqemu=${program}\n`);
      expect(files["segment-2"]).toBe("\x11".repeat(0x12345));
      // The raw commands write the same.
      renameSync(folder.in("out"), folder.in(`by-kexec-${machine}`));
      const plan = kexec(host(machine), `--plan ${line}`);
      expect(existsSync(folder.in("out"))).toBe(false);
      runRawLines(folder.path, host(machine), rawLinesOf(plan.out.toString("latin1")));
      const raw = filesIn("out");
      for (const name of Object.keys(files).filter((each) => each !== "run")) expect(raw[name]).toBe(files[name] ?? "");
      renameSync(folder.in("out"), folder.in(`raw-${machine}`));
    }
  });

  test("the running machine's command line is none for it", () => {
    prepare();
    const tree = more.replace("=@", `=${folder.path}/`);
    expect(said(kexec(host(), `--qemu @out ${tree}@kernel`))).toBe(
      "2 kexec: --append: needed with --qemu: the running kernel's command line is another machine's",
    );
  });
});

test("a pseries tree gets RTAS at the end of memory, and asks for the XIVE that it has; both where it does not say", () => {
  ppc64();
  const line = `--qemu @out --dtb @dtb --append=quiet @kernel`;
  expect(kexec(host(), line)).toMatchObject({ code: 0, err: "" });
  const blob = readBlob(readFileSync(folder.in("out", "segment-0")).subarray(0x100));
  const rtas = nodeOf(blob.root, "/rtas");
  const value = (name: string) =>
    Buffer.from(rtas?.properties.find((each) => each.name === name)?.value ?? []).toString("hex");
  expect([value("linux,rtas-base"), value("linux,rtas-entry")]).toEqual(["1fff0000", "1fff0000"]);
  expect(readFileSync(folder.in("out", "run"), "latin1")).toContain("rtas,addr=0x1fff0000,");
  expect(readFileSync(folder.in("out", "firmware")).subarray(-4).toString("hex")).toBe("40400040");
});

test("a tree of qemu's riscv64 gets OpenSBI's memory, and one that has it stays as it is", () => {
  riscv64();
  const line = `--qemu @out --dtb @dtb --append=quiet @kernel`;
  const reserved = () => {
    expect(kexec(host(), line)).toMatchObject({ code: 0, err: "" });
    const tree = readFileSync(folder.in("out", "segment-0"));
    const nodes = readBlob(tree).root.children.find(({ name }) => name === "reserved-memory")?.children ?? [];
    return nodes.map(({ name, properties }) => [name, properties.map((each) => each.name)]);
  };
  expect(reserved()).toEqual([["mmode_resv0@80000000", ["no-map", "reg"]]]);
  dtb(
    riscvTree([
      ["cpus", [CPU]],
      [
        "reserved-memory",
        [
          ["#address-cells", cells(2)],
          ["#size-cells", cells(2)],
          ["mmode@80000000", [["reg", cells(0, 0x8000_0000, 0, 0x20_0000)]]],
        ],
      ],
    ]),
  );
  expect(reserved()).toEqual([["mmode@80000000", ["reg"]]]);
});

test("what it needs is asked for, and what is of the running machine is refused", () => {
  arm64();
  const options = "--qemu @out --append=quiet";
  expect(said(kexec(host(), `${options} @kernel`))).toBe(
    "1 kexec: kernel: for arm64, of which this machine has no tree: --dtb FILE gives one",
  );
  for (const option of ["--reuse-cmdline", "-p", "--diagnose", "--save=x"]) {
    expect(said(kexec(host(), `${options} --dtb @dtb ${option} @kernel`))).toMatch(
      /^2 kexec: --[a-z-]+: does not go with --qemu: it is of the running machine$/,
    );
  }
  expect(said(kexec(host(), `${options} -s @kernel`))).toBe(
    "2 kexec: --qemu: does not go with -s: the running kernel finds the places itself",
  );
  x86_64();
  expect(said(kexec(host("aarch64"), `${options} --dtb @dtb @kernel`))).toBe(
    "2 kexec: --dtb: no kernel for x86_64 is handed a device tree",
  );
});

test("a large initrd gets a machine that has room for it", () => {
  x86_64();
  writeFileSync(folder.in("initrd"), "070701");
  truncateSync(folder.in("initrd"), 0x1900_0000);
  const { code, out } = kexec(host(), "--plan --qemu @out --append=quiet --initrd @initrd @kernel");
  expect(code).toBe(0);
  expect(rawLinesOf(out.toString("latin1"))).toContain(" --qemu 1280 ");
});

describe("--qemu-memory says how much memory the machine has", () => {
  const line = "--qemu @out --append=quiet @kernel";

  test("on x86-64, in the zero page, the raw line and the script", () => {
    x86_64();
    const plan = kexec(host(), `--plan --qemu-memory=600 ${line}`);
    expect(rawLinesOf(plan.out.toString("latin1"))).toContain(" --qemu 600 ");
    expect(kexec(host(), `--qemu-memory=600 ${line}`).code).toBe(0);
    expect(filesIn("out").run).toContain("\nmemory=600\n");
  });

  test("and not where a tree says it, nor beyond what qemu has, nor without --qemu, nor too little for what is loaded", () => {
    x86_64();
    expect(said(kexec(host(), `--qemu-memory=2 ${line}`))).toMatch(
      /^2 kexec: --qemu-memory: 2 MiB are not 3 to [0-9]+$/,
    );
    expect(said(kexec(host(), "--qemu-memory=600 --append=quiet @kernel"))).toBe(
      "2 kexec: --qemu-memory: goes with --qemu alone",
    );
    expect(said(kexec(host(), `--qemu-memory=16 ${line}`))).toMatch(/^1 kexec: kernel: no room for its 0x/);
    arm64();
    expect(said(kexec(host(), `--qemu-memory=600 --dtb @dtb ${line}`))).toBe(
      "2 kexec: --qemu-memory: the tree says how much memory there is",
    );
  });
});
