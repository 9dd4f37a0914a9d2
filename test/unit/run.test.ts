// scripts/run.mjs, the door from npm: modules, arguments, signals and exit codes.

import { beforeEach, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { temporaryFolder } from "../support/folder.ts";

const RUN = join(import.meta.dir, "../../scripts/run.mjs");
const NODE = Bun.which("node") ?? "";
const LOCK = {
  packages: {
    "": { name: "x" },
    "node_modules/a": { version: "1.0.0", integrity: "i" },
    "node_modules/b": { version: "1.0.0", optional: true },
  },
};
const INSTALLED = { packages: { "node_modules/a": LOCK.packages["node_modules/a"] } };
const folder = temporaryFolder({ on: "disk" });
let root = "";

beforeEach(() => {
  root = folder.path;
  put("scripts/hello.ts", "console.log('hello', ...process.argv.slice(2)); process.exit(7);");
  copyFileSync(RUN, join(root, "scripts/run.mjs"));
  put("package-lock.json", JSON.stringify(LOCK));
  put("bin/npm", `#!/bin/sh\necho "$@" > called; echo noise; exit 1\n`, 0o755);
  symlinkSync(NODE, join(root, "bin/node"));
});

function put(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  chmodSync(join(root, path), mode);
}

function putBun(path: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(process.execPath, join(root, path));
}

function run(...words: string[]): { stdout: string; stderr: string; exitCode: number } {
  const env = { PATH: `${root}/bin:/usr/bin:/bin` };
  const { stdout, stderr, exitCode } = Bun.spawnSync([NODE, join(root, "scripts/run.mjs"), ...words], {
    env,
    cwd: root,
  });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

test("a script gets its arguments, and its exit code is passed on, with nothing said", () => {
  put("node_modules/.package-lock.json", JSON.stringify(INSTALLED));
  putBun("node_modules/bun/bin/bun.exe");
  expect(run("hello", "a b", "--c")).toEqual({ stdout: "hello a b --c\n", stderr: "", exitCode: 7 });
  expect(existsSync(join(root, "called"))).toBe(false);
});

test("Bun is taken from its platform's package where install scripts were not run", () => {
  put("node_modules/.package-lock.json", JSON.stringify(INSTALLED));
  put("node_modules/bun/bin/bun.exe", "#!/bin/sh\necho install scripts were not run >&2\n", 0o755);
  put("node_modules/@oven/bun-linux-x64-musl/bin/bun", "\x7fELF of another libc", 0o755);
  putBun("node_modules/@oven/bun-linux-x64/bin/bun");
  expect(run("hello")).toEqual({ stdout: "hello\n", stderr: "", exitCode: 7 });
});

test("modules that are not there are installed first, without npm's own noise and without their scripts", () => {
  const installed = JSON.stringify(INSTALLED);
  put(
    "bin/npm",
    `#!/bin/sh
    echo "$@" > called; echo noise; echo noise >&2
    mkdir -p node_modules/bun/bin; echo '${installed}' > node_modules/.package-lock.json
    ln -s ${process.execPath} node_modules/bun/bin/bun.exe\n`,
    0o755,
  );
  const { stdout, stderr, exitCode } = run("hello");
  expect(readFileSync(join(root, "called"), "utf8")).toStartWith("ci --ignore-scripts ");
  expect(stderr).toMatch(
    /^kexecbox: installing node modules \(npm ci\) \.\.\.\nkexecbox: node modules: done, \d+ s\n$/,
  );
  expect([stdout, exitCode]).toEqual(["hello\n", 7]);
});

for (const [why, packages] of [
  ["of another version", { "node_modules/a": { version: "0.9.0", integrity: "i" } }],
  ["with other contents", { "node_modules/a": { version: "1.0.0", integrity: "j" } }],
  ["incomplete", {}],
  ["more than the lock names", { ...INSTALLED.packages, "node_modules/c": { version: "1.0.0" } }],
] as const) {
  test(`modules that are ${why} are installed anew; when npm fails, its words are shown`, () => {
    put("node_modules/.package-lock.json", JSON.stringify({ packages }));
    putBun("node_modules/bun/bin/bun.exe");
    const { stdout, stderr, exitCode } = run("hello");
    expect(stderr).toBe("kexecbox: installing node modules (npm ci) ...\nnoise\nkexecbox: npm ci: exit code 1\n");
    expect([stdout, exitCode]).toEqual(["", 1]);
  });
}

test("a word that names no script is refused, also one that leads out of the folder", () => {
  expect(run("nothing")).toEqual({ stdout: "", stderr: "kexecbox: nothing: no such script\n", exitCode: 1 });
  expect(run("../scripts/hello").stderr).toBe("kexecbox: ../scripts/hello: no such script\n");
  expect(run().exitCode).toBe(1);
});

test("a signal reaches the script, which may still clean up, and its exit code is passed on", async () => {
  put("node_modules/.package-lock.json", JSON.stringify(INSTALLED));
  putBun("node_modules/bun/bin/bun.exe");
  put(
    "scripts/wait.ts",
    "process.on('SIGTERM', () => { console.log('clean'); process.exit(143); });" +
      "setInterval(() => {}, 1000); console.log('ready');",
  );
  const child = Bun.spawn([NODE, join(root, "scripts/run.mjs"), "wait"], { stdout: "pipe" });
  let output = "";
  for await (const chunk of child.stdout) {
    output += new TextDecoder().decode(chunk);
    if (output === "ready\n") child.kill("SIGTERM");
  }
  expect(output).toBe("ready\nclean\n");
  expect(await child.exited).toBe(143);
});

test("a script that dies of a signal does not end in success", () => {
  put("node_modules/.package-lock.json", JSON.stringify(INSTALLED));
  putBun("node_modules/bun/bin/bun.exe");
  put("scripts/die.ts", "process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000);");
  expect(run("die").exitCode).toBe(137);
});
