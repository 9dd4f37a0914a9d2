// What the small engine and Bun's executables do for a program, on every machine.

import { beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildFrom } from "../../scripts/build.ts";
import { smallEngine } from "../../scripts/engine.ts";
import {
  bunTargets,
  emulatorFor,
  smallTargets,
  type Target,
  targets,
  toolchainOf,
} from "../../scripts/machines/machines.ts";
import { abis } from "../../src/sys/abi.ts";
import { temporaryFolder } from "../support/folder.ts";

const PROGRAM = join(import.meta.dir, "engine-program.ts");

/** An empty cache means compiling three engines. */
const COLD_BUILD_MS = 15 * 60_000;
/** Seven starts of Bun, which a busy machine emulates in more than a minute. */
const EMULATED_MS = 300_000;

const folder = temporaryFolder({ lasts: "file", on: "disk" });
beforeAll(async () => {
  for (const target of targets) await buildFrom(target, PROGRAM, folder.in(target));
}, COLD_BUILD_MS);

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(command: readonly string[]): Result {
  const env = { ...process.env, ENGINE_TEST: "inherited" };
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { env });
  return { code: exitCode, out: stdout.toString("latin1"), err: stderr.toString("latin1") };
}

function underBun(...args: string[]): Result {
  return run([process.execPath, PROGRAM, ...args]);
}

function under(target: Target, ...args: string[]): Result {
  return run([...emulatorFor(target), folder.in(target), ...args]);
}

/** x64-small as a child of a shell that has set limits. */
function limited(limit: string, ...args: string[]): Result {
  const program = [...emulatorFor("x64-small"), folder.in("x64-small")];
  return run(["sh", "-c", `${limit}; exec "$@"`, "sh", ...program, ...args]);
}

/** The path of a new file. */
function fileOf(text: string, length: number): string {
  writeFileSync(folder.in("file"), text.repeat(length));
  return folder.in("file");
}

function succeeds(out: string): Result {
  return { code: 0, out, err: "" };
}

function outOfMemory(): Result {
  return { code: 1, out: "", err: "kexecbox: memory: out of memory\n" };
}

function internalError(message: string): Result {
  return { code: 70, out: "", err: `kexecbox: internal error: ${message}\n` };
}

/** What musl calls them on a machine of 32 bits: there are others too, with numbers of 32 bits, or with times of 64. */
const OTHER_NAMES = new Map([
  ["clock_gettime", "clock_gettime32"],
  ["ftruncate", "ftruncate64"],
  ["lseek", "_llseek"],
  ["mmap", "mmap2"],
]);

describe.each(smallTargets)("%s", (target) => {
  const { uname } = toolchainOf(target);

  test("has the numbers of system calls that its libc has", async () => {
    const { headers } = await smallEngine(target);
    const text = await Bun.file(join(headers, "bits/syscall.h")).text();
    const known = new Map(
      Array.from(text.matchAll(/^#define __NR_(\w+)\s+(\d+)$/gm), ([, name, number]) => [name, Number(number)]),
    );
    const { call, word } = abis[uname];
    const nameOf = (name: string) => (word === 4 ? OTHER_NAMES.get(name) : undefined) ?? name;
    expect(Object.fromEntries(Object.keys(call).map((name) => [name, known.get(nameOf(name))]))).toEqual({ ...call });
  });

  test("names its machine", () => {
    expect(under(target, "machine", "one")).toEqual(succeeds(`${uname} machine,one\n`));
  });

  test(
    "calculates with integers of 64 to 256 bits as Bun does",
    () => {
      const result = under(target, "arithmetic");
      const expected = underBun("arithmetic").out.split("\n");
      expect(expected.length).toBe(2001);
      for (const [at, line] of result.out.split("\n").entries()) expect<string | undefined>(line).toBe(expected[at]);
      expect({ ...result, out: "" }).toEqual(succeeds(""));
    },
    EMULATED_MS,
  );

  test("matches regular expressions, compiled by the build and at run time", () => {
    const result = under(target, "expressions");
    expect(result).toEqual(
      succeeds(
        [
          '["Memory@123","Memory","123"]',
          "aBC",
          '["one","two","three"]',
          '[{"name":"cpu"},{"name":"cpu"}]',
          "[false,true,false,true]",
          "[false,false,true,false]",
          'a \\" b',
          "[true,true,false,false]",
          "",
        ].join("\n"),
      ),
    );
    expect(underBun("expressions")).toEqual(result);
  });

  test("prints numbers as Bun does, to the last digit", () => {
    const result = under(target, "numbers");
    expect(result.out).toStartWith("0.30000000000000004 1e+21 5e-324 1.7976931348623157e+308 0 ");
    expect(result).toEqual(underBun("numbers"));
  });

  test("raises two to powers without an error", () => {
    const expected = Array.from({ length: 54 }, (_, exponent) => `${1n << BigInt(exponent)}\n`);
    expect(under(target, "powers")).toEqual(succeeds(expected.join("")));
  });

  test("keeps every byte of its arguments and of text, UTF-8 or not", () => {
    const values = Array.from({ length: 255 }, (_, at) => at + 1);
    const argument = values.map((value) => `\\${value.toString(8).padStart(3, "0")}`).join("");
    // The shell makes the bytes, since Bun passes on nothing but UTF-8; an x keeps it from cutting newlines
    // off.
    const script = `argument=$(printf '${argument}x'); exec "$@" bytes "$argument" "" plain`;
    const command = (program: string[]): string[] => ["sh", "-c", script, "sh", ...program];
    const result = run(command([...emulatorFor(target), folder.in(target)]));
    const every = values.map((value) => value.toString(16).padStart(2, "0")).join("");
    expect(result).toEqual(
      succeeds(
        [
          `256 2e${every}782e true`,
          "0 2e2e true",
          "5 2e706c61696e2e true",
          "256 true",
          `256 00${every}`,
          "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
          "RangeError",
          "RangeError",
          "2e2e2e2e 2 2e2efeff",
          "",
        ].join("\n"),
      ),
    );
    expect(run(command([process.execPath, PROGRAM]))).toEqual(result);
  });

  test("digests bytes as node:crypto does", () => {
    const bytes = Uint8Array.from({ length: 4096 }, (_, at) => at * 7 + (at >> 8));
    const lines = [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 4095].map((length) => {
      const digest = createHash("sha256").update(bytes.subarray(1, 1 + length));
      return `${length} ${digest.digest("hex")}\n`;
    });
    expect(under(target, "digests")).toEqual(succeeds(lines.join("")));
    expect(underBun("digests")).toEqual(succeeds(lines.join("")));
  });

  test("counts the zeros from a place on, whatever its alignment", () => {
    const counts = [-1, 0, 7, 8, 9, 31, 32, 40, 63].flatMap((other) => {
      const end = (at: number, from: number, to: number) => (other >= from + at && other < to ? other : to) - from - at;
      return [...[0, 1, 3, 8, 33, 63, 64].map((at) => end(at, 0, 64)), end(2, 3, 41)];
    });
    const expected = succeeds(`${counts.map((count) => ` ${count}`).join("")}\nRangeError\n`);
    expect(under(target, "zeros")).toEqual(expected);
    expect(underBun("zeros")).toEqual(expected);
  });

  test("returns errors of the kernel as -errno, and refuses a NUL inside a string", () => {
    const result = under(target, "errors");
    expect(result).toEqual(succeeds("-2\n-9 -9\n-38\n-14\nTypeError\n"));
    expect(underBun("errors")).toEqual(result);
  });

  test("hands the kernel the first byte of a view, not of its buffer, and shows mapped memory", () => {
    const result = under(target, "arrays");
    expect(result).toEqual(succeeds("4\n4 ..3456....\n2\n65536 true 7\n"));
    expect(underBun("arrays")).toEqual(result);
  });

  test("refuses arguments no kernel takes, and characters that are no byte", () => {
    const [type, range] = ["TypeError", "RangeError"];
    const expected = [type, type, type, type, range, range].join(" ");
    expect(under(target, "refusals")).toEqual(succeeds(`${expected}\n`));
  });

  test("starts programs with three descriptors, the environment, and nothing else of ours", () => {
    const result = under(target, "programs");
    expect(result).toEqual(succeeds("true fed \xff b inherited n\xe4me 5 true\n-2 -13\n"));
    expect(underBun("programs")).toEqual(result);
  });

  test("starts programs that die of a broken pipe, although we ignore that signal", () => {
    const result = under(target, "brokenPipe");
    expect(result).toEqual(succeeds("13\n"));
    expect(underBun("brokenPipe")).toEqual(result);
  });

  test("starts a program whose descriptors change places", () => {
    expect(under(target, "crossed")).toEqual({ code: 0, out: "to-error\n", err: "to-output\n" });
  });

  test("holds signals, tells which came, and lets them act afterwards", () => {
    const result = under(target, "interrupts");
    expect(result).toEqual(succeeds("undefined\n0 15\n2\nignored\n"));
    expect(underBun("interrupts")).toEqual(result);
    expect(under(target, "interrupted")).toMatchObject({ out: "undefined\n0 15\n2\n" });
  });

  // qemu-ppc64 7.2 exchanges the halves of a fault's address: a static program of glibc gets it so, too. qemu-ppc gives its own
  // process' address. Guests show it, test/boot/adverse-machines.test.ts.
  const isFaultTold = target !== "ppc64" && target !== "ppc";
  test.skipIf(!isFaultTold)(
    "has zeros where a mapped file lost its pages, and tells of it, whether it looks itself or the kernel does",
    () => {
      const result = under(target, "torn", fileOf("x", 256 * 1024));
      const lines = result.out.split("\n");
      expect(lines[0]).toBe("120 120 whole");
      expect(lines[1]).toBe("120 0 whole");
      expect(lines[2]).toMatch(/^SEEN: became shorter while it was in use: 1 bytes are left of \d+$/);
      expect(lines[3]).toBe("0 0 1");
      expect(lines[4]).toMatch(/^SEEN: became shorter while it was in use: 1 bytes are left of \d+$/);
      expect({ ...result, out: "" }).toEqual(succeeds(""));
      expect(underBun("torn", fileOf("x", 256 * 1024))).toEqual(result);
    },
    EMULATED_MS,
  );

  test("maps no more files than it can guard", () => {
    const result = under(target, "manyMapped", fileOf("x", 256 * 1024));
    expect(result).toEqual(succeeds("64 63 120 0\n"));
    expect(underBun("manyMapped", fileOf("x", 256 * 1024))).toEqual(result);
  });

  test("dies of a bus error that is none of a mapped file's", () => {
    // That of qemu-ppc can lie in a mapped file by chance: it would get its zeros elsewhere, and the fault would come again for ever.
    for (const act of ["busErrorSent", ...(target === "ppc" ? [] : ["busErrorFault"])])
      expect(under(target, act, fileOf("x", 256 * 1024))).toMatchObject({ code: null, out: "" });
  });

  test("ends with the code it is told", () => {
    expect(under(target, "exit")).toEqual({ code: 42, out: "", err: "" });
  });

  test("ends with one line of printable ASCII and 70 when nothing catches what was thrown", () => {
    expect(under(target, "throw")).toEqual(internalError("line one line two ???"));
    expect(under(target, "throwText")).toEqual(internalError("plain"));
  });

  test("reports a promise that nobody waits for, and only such a one", () => {
    expect(under(target, "reject")).toEqual(internalError("nobody waits"));
    expect(under(target, "caught")).toEqual(succeeds("caught\n"));
    const forever = "the program waits for a promise that nothing will settle";
    expect(under(target, "forever")).toEqual(internalError(forever));
  });

  test("turns endless recursion into an error that can be caught, and has room for 2,000 levels", () => {
    expect(under(target, "overflow")).toEqual(succeeds("InternalError\n"));
    expect(under(target, "depth")).toEqual(succeeds("2000\n"));
  });
});

describe.each(bunTargets)("Bun's own executable for %s", (target) => {
  test(
    "does as Bun does with the source",
    () => {
      for (const act of ["arithmetic", "errors", "arrays", "brokenPipe", "crossed", "interrupts", "exit"]) {
        expect({ act, ...under(target, act) }).toEqual({ act, ...underBun(act) });
      }
    },
    EMULATED_MS,
  );

  test("names its machine, and keeps every byte of its arguments", () => {
    const machine = { x64: "x86_64", arm64: "aarch64" }[target];
    expect(under(target, "machine", "--version", "-e", "1")).toEqual(succeeds(`${machine} machine,--version,-e,1\n`));
  });

  test("lets a signal act that came while it was held", () => {
    expect(under(target, "interrupted")).toEqual({ code: null, out: "undefined\n0 15\n2\n", err: "" });
  });
});

/** e_type of elf.h, and whether an ld.so is asked for. */
function kindOf(target: Target): { readonly type: number; readonly interpreter: boolean } {
  const bytes = readFileSync(folder.in(target));
  const isBig = bytes[5] === 2;
  const short = (at: number) => (isBig ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at));
  const word = (at: number) => (isBig ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at));
  // e_phnum, the first program header, and the size of one.
  const [count, first, size] = bytes[4] === 1 ? [44, 52, 32] : [56, 64, 56];
  const types = Array.from({ length: short(count) }, (_, index) => word(first + size * index));
  return { type: short(16), interpreter: types.includes(3) };
}

test.each([
  ["ppc64", 3],
  ["ppc64le", 3],
  ["x64-small", 3],
  ["arm64-small", 2],
  ["ppc", 2],
  ["riscv64", 2],
] as const)("of %s the file says whether it can be loaded at any address, and asks for no ld.so", (target, type) => {
  expect(kindOf(target)).toEqual({ type, interpreter: false });
});

describe("x64-small within limits", () => {
  test("knows a stack smaller than usual, also with many arguments on it", () => {
    const many = Array.from({ length: 4000 }, (_, at) => `argument-${at}`);
    expect(limited("ulimit -s 512", "overflow", ...many)).toEqual(succeeds("InternalError\n"));
  });

  test("reports in one line that memory ran out", () => {
    expect(limited("ulimit -v 50000", "exhaust")).toEqual(outOfMemory());
  });

  test("ends with 2 where it runs as a command of which 1 is an answer", () => {
    const own = folder.in("dtdiff");
    symlinkSync(folder.in("x64-small"), own);
    const command = [...emulatorFor("x64-small"), own, "exhaust"];
    expect(run(["sh", "-c", 'ulimit -v 50000; exec "$@"', "sh", ...command])).toEqual({ ...outOfMemory(), code: 2 });
  });

  test("lends what stands in for memory again and again to who goes on", () => {
    expect(limited("ulimit -v 8000", "shortages")).toEqual(succeeds("InternalError 20\n"));
  });

  test("turns a single array too large into an error that can be caught", () => {
    expect(limited("ulimit -v 50000", "tooLarge")).toEqual(succeeds("InternalError\n"));
  });

  test("frees garbage that refers to itself before memory runs out", () => {
    expect(limited("ulimit -v 200000", "cycles")).toEqual(succeeds("done\n"));
  });

  test("opens no file of its own, so that it runs where there is no other", () => {
    const program = [...emulatorFor("x64-small"), folder.in("x64-small")];
    const traced = run(["strace", "-f", "-e", "trace=%file", ...program, "numbers"]);
    const calls = traced.err.split("\n").filter((line) => line.includes("("));
    expect(calls.length).toBe(1);
    expect(calls[0]).toStartWith("execve(");
  });
});
