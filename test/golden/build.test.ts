// Builds: the same bytes from the same source, in files that name nothing of this machine.

import { beforeAll, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { buildFrom } from "../../scripts/build.ts";
import { cacheFolder } from "../../scripts/cache.ts";
import { emulatorFor, machineOf, smallTargets, type Target, targets } from "../../scripts/machines/machines.ts";
import { PF_W, PT_INTERP, PT_LOAD, readElf } from "../../src/elf.ts";
import { Failure } from "../../src/failure.ts";
import { temporaryFolder } from "../support/folder.ts";
import { damagePacked } from "../support/packed.ts";
import { present } from "../support/present.ts";

const ROOT = join(import.meta.dir, "../..");

/** An empty cache means compiling three engines; and a busy machine is no reason to fail. */
const COLD_BUILD_MS = 15 * 60_000;

const folder = temporaryFolder({ lasts: "file", on: "disk" });
beforeAll(async () => {
  writeFileSync(folder.in("empty.ts"), "export {};\n");
  for (const target of smallTargets) await buildFrom(target, folder.in("empty.ts"), folder.in(target));
}, COLD_BUILD_MS);

function build(...args: string[]): { code: number | null; out: string; err: string } {
  const command = [process.execPath, join(ROOT, "scripts/build.ts"), ...args];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

const whole = new Map<Target, Promise<string>>();

/** The program for a target: built once, for all tests that look at it. */
function wholeProgram(target: Target): Promise<string> {
  const output = folder.in("here", target);
  const made = whole.get(target) ?? buildFrom(target, join(ROOT, "src/main.ts"), output).then(() => output);
  whole.set(target, made);
  return made;
}

let programs = 0;

/**
 * Builds the program `text` for x64-small: "built", or the refusal. In a folder of its own, because within
 * one process the bundler may not see a file that joined a folder it knows.
 */
async function buildOf(text: string, others: Readonly<Record<string, string>> = {}): Promise<string> {
  const place = folder.in(`program-${programs++}`);
  mkdirSync(place);
  const files = { ...others, "main.ts": text };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(place, name), content);
  try {
    await buildFrom("x64-small", join(place, "main.ts"), join(place, "program"));
    return "built";
  } catch (error) {
    expect(existsSync(join(place, "program"))).toBe(false);
    return error instanceof Failure ? `${basename(error.place)}: ${error.fact}` : String(error);
  }
}

/** A second clone, as far as the build looks at it. */
function copyOfTheSources(name: string): string {
  const copy = folder.in("a", name);
  for (const part of ["package.json", "package-lock.json", "scripts", "src", "stub", "node_modules/minimist"]) {
    cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  }
  return copy;
}

test(
  "two builds of one source are the same byte for byte, wherever source and result lie",
  async () => {
    const copy = copyOfTheSources("second clone");
    for (const target of targets) {
      const [here, there] = [await wholeProgram(target), folder.in("elsewhere", "deeper", target)];
      await buildFrom(target, join(copy, "src/main.ts"), there);
      expect(readFileSync(here).equals(readFileSync(there))).toBe(true);
    }
  },
  COLD_BUILD_MS,
);

test(
  "the small engine and its program are the same from another folder, cache, umask, time zone and language",
  () => {
    const cache = folder.in("cache");
    mkdirSync(join(cache, "kexecbox"), { recursive: true });
    // What is downloaded is known by its hash. All that is compiled is compiled again.
    symlinkSync(join(cacheFolder(), "source"), join(cache, "kexecbox/source"));
    const clones = ["here", "elsewhere/and deeper"].map((name) => copyOfTheSources(name));
    const ways = [
      {},
      { XDG_CACHE_HOME: cache, TZ: "Asia/Kathmandu", LANG: "tr_TR.UTF-8", HOME: cache, USER: "nobody" },
    ];
    const programs = clones.map((clone, index) => {
      const command = `umask ${index === 0 ? "022" : "077"}; exec "$@"`;
      const { exitCode, stderr } = Bun.spawnSync(
        ["sh", "-c", command, "sh", process.execPath, "scripts/build.ts", "x64-small"],
        { cwd: clone, env: { ...process.env, ...ways[index] } },
      );
      expect({ exitCode, stderr: exitCode === 0 ? "" : stderr.toString() }).toEqual({ exitCode: 0, stderr: "" });
      return readFileSync(join(clone, "dist/kexecbox-x64-small"));
    });
    expect(readdirSync(join(cache, "kexecbox"))).toEqual(expect.arrayContaining(["host", "musl", "quickjs", "unpack"]));
    expect(programs[0]?.equals(present(programs[1]))).toBe(true);
  },
  COLD_BUILD_MS,
);

test(
  "an applet is a file and a row of the table, whatever its name",
  async () => {
    const copy = copyOfTheSources("with true");
    const table = join(copy, "src/applets/table.ts");
    writeFileSync(
      join(copy, "src/applets/true.ts"),
      `export default { name: "true", summary: "Do nothing", operands: "", options: [], run: () => 0 };\n`,
    );
    const rows = readFileSync(table, "utf8").replace("= [", "= [\n  yes,");
    writeFileSync(table, `import yes from "./true.ts";\n${rows}`);
    const program = folder.in("with-true");
    await buildFrom("x64-small", join(copy, "src/main.ts"), program);
    expect(Bun.spawnSync([program, "true"])).toMatchObject({ exitCode: 0 });
    expect(Bun.spawnSync([program, "--list"]).stdout.toString()).toStartWith("true\n");
    expect(Bun.spawnSync([program, "true", "--help"]).stdout.toString()).toStartWith("usage: true\n");
  },
  COLD_BUILD_MS,
);

test("an executable names neither the folder it was built in nor the cache", async () => {
  const bytes = readFileSync(folder.in("ppc64")).toString("latin1");
  const paths = [ROOT, folder.path, "/kexecbox", "/.cache/", "/home/", "/root/"];
  expect(paths.filter((path) => bytes.includes(path))).toEqual([]);
  // Bun itself names paths of whoever built it, and calls the program inside /$bunfs/root/NAME, wherever it was built.
  const fused = readFileSync(join(ROOT, "dist/kexecbox-x64")).toString("latin1").replaceAll("/$bunfs/root/", "");
  expect([ROOT, folder.path, "/.cache/kexecbox"].filter((path) => fused.includes(path))).toEqual([]);
});

test.each(smallTargets)(
  "the program for %s weighs less than 1 MiB and runs",
  async (target) => {
    const output = await wholeProgram(target);
    expect(statSync(output).size).toBeLessThan(1_048_576);
    expect(statSync(output).mode & 0o777).toBe(0o755);
    const { exitCode, stdout } = Bun.spawnSync([...emulatorFor(target), output, "--list"]);
    expect(exitCode).toBe(0);
    expect(stdout.toString().split("\n")).toContain("fs2dt");
  },
  COLD_BUILD_MS,
);

test.each(smallTargets)("a damaged packed part of %s ends what needs it, and nothing else", async (target) => {
  const program = folder.in(`damaged-${target}`);
  writeFileSync(program, damagePacked(readFileSync(await wholeProgram(target))), { mode: 0o755 });
  const run = (...words: string[]) => Bun.spawnSync([...emulatorFor(target), program, ...words]);
  expect(run("--list")).toMatchObject({ exitCode: 0 });
  const { exitCode, stdout, stderr } = run("dtcheck", "--help");
  expect({ exitCode, stdout: stdout.toString(), stderr: stderr.toString() }).toEqual({
    exitCode: 70,
    stdout: "",
    stderr: expect.stringMatching(
      /^kexecbox: internal error: the packed part of this executable is damaged; kexecbox 0.*\n$/,
    ),
  });
});

test.each(smallTargets)("%s needs no interpreter and can be mapped in pages of its machine", (target) => {
  const page = BigInt(machineOf(target).largestPage);
  const { headers } = readElf(target, readFileSync(folder.in(target)));
  expect(headers.some(({ type }) => type === PT_INTERP)).toBe(false);
  const loads = headers.filter(({ type }) => type === PT_LOAD);
  expect(loads.length).toBe(2);
  for (const { offset, address } of loads) expect(offset % page).toBe(address % page);
  const [code, data] = loads;
  expect(present(code).flags & PF_W).toBe(0);
  expect((present(code).address + present(code).memorySize - 1n) / page).toBeLessThan(present(data).address / page);
});

test("modules of Bun and Node are refused by name, with or without a prefix", async () => {
  for (const name of ["node:fs", "fs", "fs/promises", "bun", "bun:ffi"]) {
    const text = `import * as module from ${JSON.stringify(name)};\nglobalThis.module = module;\n`;
    expect(await buildOf(text)).toBe(`main.ts: imports "${name}", which the small engine does not have`);
  }
});

test("the refusal names the file that imports, not the program it belongs to", async () => {
  const inner = 'export { readFileSync } from "node:fs";\n';
  const text = 'import { readFileSync } from "./inner.ts";\nreadFileSync("x");\n';
  const refusal = await buildOf(text, { "inner.ts": inner });
  expect(refusal).toBe('inner.ts: imports "node:fs", which the small engine does not have');
});

test("a module of QuickJS other than qjs:sys is refused", async () => {
  const refusal = await buildOf('import * as os from "qjs:os";\nos.exit();\n');
  expect(refusal).toContain('imports "qjs:os", and the small engine has only qjs:sys');
});

test("globals that the engine lacks are refused, in inner functions too; typeof is not", async () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the template is in the program that is built
  const nested = "const later = () => [1].map((one) => new TextEncoder().encode(`${one}`));\nlater();\n";
  expect(await buildOf(nested)).toBe("main.ts: uses TextEncoder, which the small engine does not have");
  expect(await buildOf("console.log(Date.now(), Date);\n")).toBe(
    "main.ts: uses console, which the small engine does not have; " + "uses Date, which the small engine does not have",
  );
  expect(await buildOf('if (typeof setTimeout !== "undefined") throw new Error("there");\n')).toBe("built");
});

test("members of globals that the engine lacks are refused by their full name", async () => {
  const refusal = "main.ts: uses Math.sin, which the small engine does not have";
  expect(await buildOf("globalThis.half = Math.max(Math.sin(1), 0.5);\n")).toBe(refusal);
  expect(await buildOf("globalThis.half = [1].map(Math.sin);\n")).toBe(refusal);
});

test("methods that the engine was left without are refused, whoever has them", async () => {
  const refusal = "main.ts: uses a method toSorted, which the small engine does not have";
  expect(await buildOf("globalThis.sort = (list) => list.toSorted();\n")).toBe(refusal);
  expect(await buildOf("globalThis.sort = (list) => [list]?.toSorted?.();\n")).toBe(refusal);
  expect(await buildOf("globalThis.isToSorted = (list) => list.sorted === list.sort();\n")).toBe("built");
});

test("a file that cannot be bundled is an error, and leaves the executable that was there", async () => {
  const output = folder.in("kept");
  writeFileSync(output, "before");
  writeFileSync(folder.in("wrong.ts"), "import './missing.ts';\n");
  await expect(buildFrom("x64-small", folder.in("wrong.ts"), output)).rejects.toThrow("missing.ts");
  expect(readFileSync(output, "utf8")).toBe("before");
});

test("a build leaves nothing beside its result", async () => {
  const output = folder.in("alone", "program");
  await buildFrom("x64-small", folder.in("empty.ts"), output);
  expect(readdirSync(folder.in("alone"))).toEqual(["program"]);
});

test("an unknown target is a usage error that lists the known ones", () => {
  expect(build("x64-small", "ppc32")).toEqual({
    code: 2,
    out: "",
    err: "build: ppc32: no such target; there are: ppc64 ppc64le ppc arm64-small riscv64 x64-small arm64 x64\n",
  });
});

test(
  "npm run build does nothing while nothing has changed, and repairs a result that has",
  () => {
    const output = join(ROOT, "dist/kexecbox-x64-small");
    const said = /^dist\/kexecbox-x64-small: \d+ bytes\n$/;
    expect(build("x64-small").out).toMatch(said);
    const { mtimeMs, ino } = statSync(output);
    expect(build("x64-small").out).toMatch(said);
    expect(statSync(output)).toMatchObject({ mtimeMs, ino });
    const whole = readFileSync(output);
    writeFileSync(output, "damaged");
    expect(build("x64-small").code).toBe(0);
    expect(readFileSync(output).equals(whole)).toBe(true);
  },
  COLD_BUILD_MS,
);

test(
  "npm run build alone makes every target",
  () => {
    const { code, out } = build();
    expect(code).toBe(0);
    expect(out.split("\n").map((line) => line.split(":")[0])).toEqual([
      ...targets.map((target) => `dist/kexecbox-${target}`),
      "",
    ]);
  },
  COLD_BUILD_MS,
);

test("128-bit division and shift agree with BigInt on operands of every shape", () => {
  const driver = folder.in("driver.c");
  const program = folder.in("driver");
  writeFileSync(
    driver,
    `
    #include <stdio.h>
    typedef unsigned __int128 u128;
    u128 ours(u128, u128, u128 *); u128 our_quotient(u128, u128); u128 our_rest(u128, u128);
    u128 our_shift(u128, int);
    int main(void)
    {
        unsigned long long w[4];
        while (scanf("%llx %llx %llx %llx", &w[0], &w[1], &w[2], &w[3]) == 4) {
            u128 n = (u128)w[0] << 64 | w[1], d = (u128)w[2] << 64 | w[3], rest, q = ours(n, d, &rest);
            int bits, shifts = 1;
            for (bits = 0; bits < 128; bits++)
                shifts &= our_shift(n, bits) == n << bits;
            printf("%llx %llx %llx %llx %d\\n", (unsigned long long)(q >> 64), (unsigned long long)q,
                   (unsigned long long)(rest >> 64), (unsigned long long)rest,
                   our_quotient(n, d) == q && our_rest(n, d) == rest && shifts);
        }
    }`,
  );
  const names = ["-D__udivmodti4=ours", "-D__udivti3=our_quotient", "-D__umodti3=our_rest", "-D__ashlti3=our_shift"];
  const sources = [driver, join(ROOT, "src/sys/host/int128.c")];
  const flags = ["-O2", "-Wall", "-Wextra", "-Werror"];
  const compiled = Bun.spawnSync(["gcc", ...flags, ...names, ...sources, "-o", program]);
  expect(compiled.stderr.toString()).toBe("");

  // Words at the edges are where an estimated digit of the quotient is off by one or two.
  const edges = [
    0n,
    1n,
    2n,
    0x7fffffffn,
    0x80000000n,
    0xffffffffn,
    0x100000000n,
    0x7fffffffffffffffn,
    0x8000000000000000n,
    0x80000000ffffffffn,
    0xffffffff00000000n,
    0xfffffffffffffffen,
    0xffffffffffffffffn,
  ];
  const pairs = edges.flatMap((high) => edges.map((low) => [high, low] as const));
  const divisors = pairs.filter(([high, low]) => high + low > 0n);
  const cases = pairs.flatMap((n) => divisors.map((d) => [...n, ...d] as const));
  const input = cases.map((words) => words.map((word) => word.toString(16)).join(" ")).join("\n");
  const { stdout } = Bun.spawnSync([program], { stdin: Buffer.from(input) });
  const output = stdout.toString().trimEnd().split("\n");
  const mask = (1n << 64n) - 1n;
  const expected = cases.map(([nHigh, nLow, dHigh, dLow]) => {
    const [n, d] = [(nHigh << 64n) | nLow, (dHigh << 64n) | dLow];
    const words = [(n / d) >> 64n, (n / d) & mask, (n % d) >> 64n, (n % d) & mask];
    return `${words.map((word) => word.toString(16)).join(" ")} 1`;
  });
  expect(output.length).toBe(expected.length);
  expect(output.filter((line, at) => line !== expected[at])).toEqual([]);
});
