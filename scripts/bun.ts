// The Bun engine for one target: an executable of `bun build --compile`, fused with Debian's glibc into one
// file.

import { createHash } from "node:crypto";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure } from "../src/failure.ts";
import { inTemporaryFolder, makeOnce } from "./cache.ts";
import { defineCommit } from "./commit.ts";
import { fuse, type NamedFile } from "./fuse.ts";
import { glibc, LIBRARIES } from "./glibc.ts";
import { type BunTarget, bunExecutable, machineOf } from "./machines/machines.ts";
import { withProgress } from "./progress.ts";
import { runTool } from "./tool.ts";

const ROOT = join(import.meta.dir, "..");

/** Version and integrity (`sha512-BASE64`) that package-lock.json has of an npm package. */
export async function readLock(name: string): Promise<{ version: string; integrity: string }> {
  const { packages } = JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8"));
  const found = packages[`node_modules/${name}`];
  if (found === undefined) throw new Failure("package-lock.json", `has no ${name}`);
  return found;
}

/** The path of Bun itself for `target`, from npm's registry and checked against package-lock.json. */
async function bunItself(target: BunTarget): Promise<string> {
  const name = bunExecutable(target).package;
  const { version, integrity } = await readLock(name);
  const entry = await makeOnce("bun", [name, version, integrity], (made) =>
    withProgress(`downloading ${name} ${version}`, () =>
      inTemporaryFolder(async (folder) => {
        await runTool(["npm", "pack", "--silent", `${name}@${version}`], { cwd: folder });
        const [tarball = ""] = await readdir(folder);
        const bytes = await readFile(join(folder, tarball));
        const hash = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
        if (hash !== integrity) throw new Failure(name, "its hash is not the one in package-lock.json");
        await runTool(["tar", "-xf", tarball, "package/bin/bun"], { cwd: folder });
        await rename(join(folder, "package/bin/bun"), join(made, "bun"));
      }),
    ),
  );
  return join(entry, "bun");
}

async function readNamed(path: string): Promise<NamedFile> {
  return { name: basename(path), bytes: new Uint8Array(await readFile(path)) };
}

/** What the executables for one target are made with. */
export interface BunEngine {
  /** Changes when anything does that goes into an executable besides its program. */
  readonly key: string;
  /** The folder of the libraries' terms: *.copyright, common-licenses/, and packages, which names versions. */
  readonly terms: string;
  /** The program as one ES module, as `make` puts it inside. */
  bundle(entry: string): Promise<string>;
  /** Makes the executable `output` of a bundled program. */
  make(program: string, output: string): Promise<void>;
}

/** Everything an executable for `target` is made from, but the program: from the cache, or downloaded now. */
export async function bunEngine(target: BunTarget): Promise<BunEngine> {
  const [bun, libraries] = [await bunItself(target), await glibc(target)];
  const { name: machine, largestPage } = machineOf(target);
  const sources = ["bun.ts", "glibc.ts", "fuse.ts", "dynamic-elf.ts", "../src/elf.ts", `../stub/fuse/${machine}.hex`];
  const texts = await Promise.all(sources.map((name) => readFile(join(import.meta.dir, name), "utf8")));
  const packages = await readFile(join(libraries, "packages"), "utf8");
  const parts = JSON.stringify([bunExecutable(target), largestPage]);
  return {
    key: [parts, basename(dirname(bun)), basename(libraries), packages, ...texts].join("\n"),
    terms: libraries,
    async bundle(entry) {
      const result = await Bun.build({
        entrypoints: [entry],
        target: "bun",
        format: "esm",
        minify: true,
        // Left to itself, the bundler puts in what it runs on.
        define: { "process.arch": JSON.stringify(target), ...defineCommit() },
        throw: false,
      });
      const [[log], [output]] = [result.logs, result.outputs];
      if (!result.success || output === undefined) throw new Failure(entry, log?.message ?? "cannot be bundled");
      return output.text();
    },
    async make(program, output) {
      await inTemporaryFolder(async (folder) => {
        // The names are inside the result.
        await Bun.write(join(folder, "kexecbox.js"), program);
        await compile(bun, folder);
        const executable = await readNamed(join(folder, "kexecbox"));
        const loader = await readNamed(join(libraries, bunExecutable(target).loader));
        const others = await Promise.all(LIBRARIES.map((name) => readNamed(join(libraries, name))));
        // In one write, by which it comes into the page cache in large pieces: a start takes 9 ms in place of 11.
        await writeFile(output, fuse(executable, loader, others));
      });
    },
  };
}

/** `folder`/kexecbox out of `folder`/kexecbox.js. No file in the folder where it runs may steer it. */
async function compile(bun: string, folder: string): Promise<void> {
  await runTool(
    [
      process.execPath,
      "build",
      "--compile",
      `--compile-executable-path=${bun}`,
      "--no-compile-autoload-dotenv",
      "--no-compile-autoload-bunfig",
      "--no-compile-autoload-tsconfig",
      "--no-compile-autoload-package-json",
      "--minify",
      "--bytecode",
      "--format=esm",
      "kexecbox.js",
      "--outfile=kexecbox",
    ],
    { cwd: folder },
  );
}
