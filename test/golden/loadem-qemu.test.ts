// loadem --qemu as a process, under each engine: the same files everywhere, and in them what the segments are made of.

import { beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { runTool } from "../../scripts/tool.ts";
import { builtInStub } from "../../src/arch/stubs.ts";
import { hex } from "../../src/failure.ts";
import { bzImage } from "../support/bzimage.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { buildRunners, bun, type Runner, runners, runWith } from "../support/run.ts";

const folder = temporaryFolder({ on: "disk" });

beforeAll(buildRunners, 300_000);

const STUB = 0x48000000;
const KERNEL = 0x4a000000n;

/** A blob of this source, which reserves itself behind the stub. */
async function blob(source: string): Promise<Buffer> {
  writeFileSync(
    folder.in("tree.dts"),
    `/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; ${source} chosen { }; };`,
  );
  await runTool(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", folder.in("tree.dtb"), folder.in("tree.dts")]);
  return runWith(bun, ["fs2dt", "-b", hex(STUB + 0x100), folder.in("tree.dtb")]).out;
}

function memory(start: number, size: number): string {
  return `memory@${start.toString(16)} { device_type = "memory"; reg = <0 ${hex(start)} 0 ${hex(size)}>; };`;
}

/** What a runner writes, by the names of the files, in a directory of its own. */
function files(runner: Runner, line: string, stdin: Buffer): Record<string, string> {
  const out = folder.in(`out-${runner.name}`);
  const { code, signal, err } = runWith(runner, ["loadem", "--qemu", out, ...line.split(" ")], {
    stdin,
    cwd: folder.path,
  });
  expect({ runner: runner.name, code, signal, err }).toEqual({ runner: runner.name, code: 0, signal: null, err: "" });
  const names = readdirSync(out).sort();
  return Object.fromEntries(names.map((name) => [name, readFileSync(`${out}/${name}`).toString("latin1")]));
}

/** What all runners write. */
function filesOfAll(line: string, stdin: Buffer): Record<string, string> {
  const first = files(bun, line, stdin);
  for (const runner of runners.slice(1)) {
    expect({ runner: runner.name, ...files(runner, line, stdin) }).toEqual({ runner: runner.name, ...first });
  }
  return first;
}

/** The stub with its kernel's address, and on ppc64 with no cpu to wait for. */
function stub(name: "ppc64" | "arm64" | "x86_64"): Buffer {
  const bytes = Buffer.from(builtInStub("", name));
  if (name === "ppc64") bytes.writeUInt32BE(0x7fff0000, 0xf4);
  if (name === "ppc64") bytes.writeBigUInt64BE(KERNEL, 0xf8);
  else bytes.writeBigUInt64LE(KERNEL, 0xf8);
  return bytes;
}

function latin1(...parts: readonly Buffer[]): string {
  return Buffer.concat(parts).toString("latin1");
}

/** Large enough to be mapped, not read. */
const kernel = Buffer.alloc(0x12_3456, "kernel ");
const initrd = Buffer.from("initrd");

function line(type: number, chain: string, more = ""): string {
  const segments = `-a ${hex(STUB)} -e -w -s -a ${hex(KERNEL)} -c ${chain} -f kernel${more} -a 0x4e000000 -f initrd -4`;
  return `-t ${type} -r 0x10000 ${segments} -a 0x4f000000 -z 0x10000`;
}

test("every engine writes the same files on every machine, of the bytes that the segments are made of", async () => {
  writeFileSync(folder.in("kernel"), kernel);
  writeFileSync(folder.in("initrd"), initrd);
  const rtas = "rtas { rtas-size = <0x1000>; linux,rtas-base = <0x5fff0000>; linux,rtas-entry = <0x5fff0000>; };";
  const pseries = await blob(`compatible = "qemu,pseries"; ${rtas} ${memory(0, 0x60000000)}`);
  const ppc64 = filesOfAll(line(21, "0x100"), pseries);
  expect(Object.keys(ppc64)).toEqual(["firmware", "rtas", "run", "segment-0", "segment-1", "segment-2"]);
  expect(ppc64["segment-0"]).toBe(latin1(stub("ppc64"), pseries));
  expect(ppc64["segment-1"]).toBe(latin1(kernel));
  expect(ppc64["segment-2"]).toBe(latin1(initrd, Buffer.alloc(2)));
  const virt = await blob(`compatible = "linux,dummy-virt"; ${memory(0x40000000, 0x20000000)}`);
  const arm64 = filesOfAll(line(183, "0xf8"), virt);
  expect(arm64["segment-0"]).toBe(latin1(stub("arm64"), virt));
  writeFileSync(folder.in("bzImage"), bzImage({ initSize: 0x20_0000 }));
  const page = pageOfAll("-b 0x48000100 --qemu 2048 -B quiet --seed", "5a".repeat(32), "bzImage");
  const x86 = filesOfAll(line(62, "0xf8", " -z 0x200000"), page);
  expect(x86["segment-0"]).toBe(latin1(stub("x86_64"), page));
}, 300_000);

/** What zeropage writes under all runners. */
function pageOfAll(options: string, ...more: readonly string[]): Buffer {
  const [first, ...others] = runners.map((runner) =>
    runWith(runner, ["zeropage", ...options.split(" "), ...more], { cwd: folder.path }),
  );
  for (const other of others) expect(other).toEqual(present(first));
  return present(first).out;
}
