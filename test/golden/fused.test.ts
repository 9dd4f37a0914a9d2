// Bun's own executables: whole in themselves, and deaf to everything outside that could steer Bun or ld.so.

import { beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, linkSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { executableFor } from "../../scripts/build.ts";
import { dynamicNames, fileHeader } from "../../scripts/dynamic-elf.ts";
import { bunTargets } from "../../scripts/machines/machines.ts";
import { PF_W, PF_X, PT_INTERP, PT_LOAD } from "../../src/elf.ts";
import { bzImage } from "../support/bzimage.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { buildRunners, fused, fusedElsewhere, type Run, type Runner, runWith, x64 } from "../support/run.ts";
import { makeTree } from "../support/tree.ts";

const isRoot = userInfo().uid === 0;
/** Namespaces of one's own: what is mounted or set in them ends with the program. */
const CONTAINED = ["unshare", ...(isRoot ? [] : ["--map-root-user"]), "--mount", "--pid", "--fork"];
const KERNEL_FILES = /^\/(proc|sys)\//;
/** Bun's clock asks for it, also where there is none. */
const TIME_ZONE = "/etc/localtime";

beforeAll(buildRunners, 600_000);
const folder = temporaryFolder({ on: "disk" });

function plain({ code, out, err }: Run): { code: number | null; out: string; err: string } {
  return { code, out: out.toString("latin1"), err };
}

describe.each(bunTargets)("the executable for %s", (target) => {
  test("names no interpreter, and has no segment that is writable code", () => {
    const path = executableFor(target);
    const { headers } = fileHeader(path, readFileSync(path));
    expect(headers.filter(({ type }) => type === PT_INTERP)).toEqual([]);
    expect(headers.filter(({ flags }) => (flags & PF_W) !== 0 && (flags & PF_X) !== 0)).toEqual([]);
    const page = target === "arm64" ? 0x10000 : 0x1000;
    const loads = headers.filter(({ type }) => type === PT_LOAD);
    expect(loads.every(({ offset, address }) => offset % page === address % page)).toBe(true);
    const starts = loads.map(({ address }) => address);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    // Bun itself must still find what it asks ld.so for.
    const original = readFileSync(path);
    original.writeBigUInt64LE(64n, 32);
    original.writeUInt16LE(9, 56);
    expect(dynamicNames(path, original).needed).toContain("libc.so.6");
  });
});

/** An order to each applet, which it carries out without doing anything, or does in a moment. */
const orders: Readonly<Record<string, readonly string[]>> = {
  kexec: ["--extract", "page"],
  fs2dt: ["-b", "0", "tree"],
  zeropage: ["--kernel", "bzImage"],
  loadem: ["-n", "--no-checks", "-a", "0x10000000", "-e", "-f", "page"],
  v2wrap: ["--machine", "ppc64"],
  elfcorehdr: [],
  vmcore: ["page"],
  "vmcore-dmesg": ["page"],
  dtdump: ["tree"],
  dtedit: ["tree", "-"],
  dtdiff: ["tree", "tree"],
  dtcheck: ["tree"],
  init: [],
  cat: ["page"],
  echo: ["a"],
  ls: ["-l", "tree"],
  poweroff: ["--help"],
  insmod: ["--help"],
};

const everyOrder = Object.entries(orders).map(([name, words]) => [name, ...words]);

function makeInputs(place = folder.path): void {
  makeTree(join(place, "tree"), [
    ["compatible", "x\0"],
    ["node@1", [["reg", "1"]]],
  ]);
  writeFileSync(join(place, "page"), "p".repeat(0x1000));
  writeFileSync(join(place, "bzImage"), bzImage());
}

test("the program has no applet that is not among the orders here", () => {
  expect(runWith(fused, ["--list"]).out.toString().trim().split("\n").sort()).toEqual(Object.keys(orders).sort());
});

describe("no file of the machine", () => {
  const lines = [["--help"], ["--list"], ...everyOrder, ["zeropage", "-b", "0", "bzImage"]];
  test.each(lines.map((words) => [words.join(" "), words] as const))("is opened by %s", (_, words) => {
    makeInputs();
    const trace = ["strace", "-f", "-y", "-o", folder.in("trace"), "-e", "trace=open,openat,openat2,execve"];
    const cwd = folder.path;
    const [big, small] = [runWith(fused, words, { cwd, under: trace }), runWith(x64, words, { cwd })];
    // A zero page ends in a random seed, and init names its own process.
    const told = ({ code, out, err }: Run) => ({ code, bytes: out.length, err: err.replace(/process id [0-9]+/, "") });
    expect(told(big)).toEqual(told(small));
    const lines = readFileSync(folder.in("trace"), "latin1").split("\n");
    expect(lines.filter((line) => line.includes("execve("))).toHaveLength(1);
    const opened = lines.flatMap((line) => / open(?:at|at2)?\(.*?"(.*?)"/.exec(line)?.[1] ?? []);
    const asked = opened.filter((path) => !KERNEL_FILES.test(path) && path !== TIME_ZONE);
    const own = ["tree", "page", "bzImage", "compatible", "node@1", "reg"];
    expect(asked.filter((path) => !own.includes(path))).toEqual([]);
    // Libraries come from descriptors, whose files are in memory.
    const fromMemory = lines.flatMap((line) => /"\/proc\/self\/fd\/.*<\/memfd:(.*?)>/.exec(line)?.[1] ?? []);
    expect(fromMemory).toEqual(["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "libgcc_s.so.1"]);
  });
});

/** A root for it with nothing but the executable and a place for /proc. */
function rootOf(runner: Runner): string {
  const root = folder.in(runner.name);
  if (existsSync(root)) return root;
  mkdirSync(join(root, "proc"), { recursive: true });
  try {
    linkSync(present(runner.executable), join(root, "box"));
  } catch {
    copyFileSync(present(runner.executable), join(root, "box"));
  }
  return root;
}

/** The executable alone in such a root, as somebody who is not root. */
function alone(runner: Runner, words: readonly string[], prepare = ""): Run {
  const leave = isRoot ? "chroot --userspec=65534:65534 ." : "chroot .";
  // The shell stays process 1.
  const script = `${prepare}\nmount -t proc proc proc && ${leave} /box "$@"; exit $?`;
  const inside = { name: runner.name, command: ["sh", "-c", script, "sh"], executable: runner.executable };
  return runWith(inside, words, { cwd: rootOf(runner), under: CONTAINED });
}

describe("alone in a file system, with /proc and nothing else", () => {
  test("it does what it is told, as a user without rights", () => {
    expect(plain(alone(fused, ["ls", "/"]))).toEqual({ code: 0, out: "box\nproc\n", err: "" });
    for (const runner of [fused, x64]) makeInputs(rootOf(runner));
    for (const words of [["--list"], ...everyOrder]) {
      const [here, small] = [fused, x64].map((runner) => plain(alone(runner, words)));
      expect({ words, ...here }).toEqual({ words, ...small });
    }
  });

  test("it does so where files in memory may not be executable", () => {
    const setting = "/proc/sys/vm/memfd_noexec";
    const prepare = `mount -t proc proc proc; echo 1 > proc/sys/vm/memfd_noexec || exit 9`;
    for (const value of [1, 2]) {
      const run = alone(fused, ["cat", setting], prepare.replace("1", `${value}`));
      // Kernels before 6.3 have no such setting.
      if (run.code === 9) return;
      expect(plain(run)).toEqual({ code: 0, out: `${value}\n`, err: "" });
    }
  });
});

test("without /proc it says so, in one line", () => {
  // The shell stays process 1.
  const hidden = ["sh", "-c", 'mount -t tmpfs none /proc && "$@"; exit $?', "sh"];
  const run = runWith(fused, ["--list"], { under: [...CONTAINED, ...hidden] });
  expect(plain(run)).toEqual({ code: 1, out: "", err: "kexecbox: /proc: not mounted\n" });
});

test("where files may not be as large as the libraries it says so, in one line", () => {
  const limited = ["bash", "-c", `trap '' XFSZ; ulimit -f 64; exec "$@"`, "bash"];
  const run = runWith(fused, ["--list"], { under: limited });
  expect(plain(run)).toEqual({ code: 1, out: "", err: "kexecbox: memory: no room for the libraries inside\n" });
});

test("as process 1 it mounts /proc itself", () => {
  const hidden = ["sh", "-c", 'umount -l /proc && exec "$@"', "sh"];
  const run = runWith(fused, ["cat", "/proc/1/comm"], { under: [...CONTAINED, ...hidden] });
  expect(plain(run)).toEqual({ code: 0, out: "kexecbox-x64\n", err: "" });
});

test("it runs where 0 and 2 are closed", () => {
  const closing = ["sh", "-c", 'exec "$@" <&- 2>&-', "sh"];
  const run = runWith(fused, ["echo", "a"], { under: closing });
  expect(plain(run)).toEqual({ code: 0, out: "a\n", err: "" });
});

test("it runs with few descriptors, with many open ones, and with long arguments of any number", () => {
  const few = runWith(fused, ["echo", "a"], { under: ["sh", "-c", 'ulimit -n 40; exec "$@"', "sh"] });
  expect(plain(few)).toEqual({ code: 0, out: "a\n", err: "" });
  const script = 'for n in $(seq 3 120); do eval "exec $n</dev/null"; done; exec "$@"';
  const many = runWith(fused, ["echo", "a"], { under: ["bash", "-c", script, "bash"] });
  expect(plain(many)).toEqual({ code: 0, out: "a\n", err: "" });
  for (const count of [0, 1, 2, 3, 2000]) {
    const words = Array.from({ length: count }, (_, index) => `${index}`.padStart(40, "x"));
    expect(plain(runWith(fused, ["echo", ...words]))).toEqual({ code: 0, out: `${words.join(" ")}\n`, err: "" });
  }
});

describe("it is not steered", () => {
  /** With this environment and nothing else, in the folder. */
  function runIn(environment: Readonly<Record<string, string>>, words: readonly string[] = ["echo", "a"]): Run {
    const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    return runWith(fused, words, { cwd: folder.path, under: ["env", "-i", ...settings] });
  }
  const unmoved = { code: 0, out: "a\n", err: "" };

  test("by variables of Bun, JavaScriptCore, mimalloc, ld.so and glibc", () => {
    writeFileSync(folder.in("evil.js"), "console.log('evil')");
    writeFileSync(folder.in("evil.so"), "not a library");
    const variables = {
      BUN_BE_BUN: "1",
      BUN_OPTIONS: "--preload=./evil.js",
      BUN_INSPECT: "ws://localhost:1/x",
      BUN_CONFIG_VERBOSE_FETCH: "1",
      BUN_JSC_dumpOptions: "2",
      BUN_JSC_useJIT: "false",
      NODE_OPTIONS: "--require ./evil.js",
      NODE_CHANNEL_FD: "1",
      MIMALLOC_VERBOSE: "1",
      MIMALLOC_SHOW_STATS: "1",
      LD_PRELOAD: folder.in("evil.so"),
      LD_LIBRARY_PATH: folder.path,
      LD_DEBUG: "all",
      LD_BIND_NOW: "1",
      LD_SHOW_AUXV: "1",
      LD_TRACE_LOADED_OBJECTS: "1",
      LD_AUDIT: folder.in("evil.so"),
      GLIBC_TUNABLES: "glibc.rtld.nns=x",
      MALLOC_PERTURB_: "1",
      TZ: "/etc/passwd",
    };
    for (const [name, value] of Object.entries(variables)) {
      expect({ name, ...plain(runIn({ [name]: value })) }).toEqual({ name, ...unmoved });
    }
    expect(plain(runIn(variables))).toEqual(unmoved);
  });

  test("by .env, bunfig.toml, package.json or tsconfig.json in the working directory or at home", () => {
    writeFileSync(folder.in("evil.js"), "console.log('evil')");
    writeFileSync(folder.in(".env"), "BUN_BE_BUN=1\nBUN_OPTIONS=--preload=./evil.js\n");
    writeFileSync(folder.in("bunfig.toml"), 'preload = ["./evil.js"]\n');
    writeFileSync(folder.in(".bunfig.toml"), 'preload = ["./evil.js"]\n');
    writeFileSync(folder.in("package.json"), '{"imports":{"#sys":"./evil.js"},"type":"commonjs"}');
    writeFileSync(folder.in("tsconfig.json"), '{"compilerOptions":{"paths":{"#sys":["./evil.js"]}}}');
    expect(plain(runIn({ HOME: folder.path, XDG_CONFIG_HOME: folder.path }))).toEqual(unmoved);
  });

  test("by arguments that Bun itself would take", () => {
    const words = ["--version", "--cwd=/", "--smol", "--inspect", "-e", "1", "run", "--", "--compile-exec-argv=x"];
    expect(plain(runIn({}, ["echo", ...words]))).toEqual({ ...unmoved, out: `${words.join(" ")}\n` });
    const own = expect.stringMatching(/^kexecbox .* \(bun, \w+\)\n$/);
    expect(plain(runIn({}, ["--version"]))).toEqual({ ...unmoved, out: own });
    expect(plain(runIn({}, ["-e", "1"]))).toMatchObject({ code: 2, out: "" });
  });
});

test("the other machine's executable does the same under emulation", () => {
  makeInputs();
  for (const words of [
    ["--list"],
    ["fs2dt", "-b", "0", "tree"],
    ["ls", "-l", "tree"],
    ["loadem", "-x"],
    ["cat", "none"],
  ]) {
    const [here, there] = [fused, fusedElsewhere].map((runner) => plain(runWith(runner, words, { cwd: folder.path })));
    expect({ words, ...there }).toEqual({ words, ...here });
  }
}, 60_000);
