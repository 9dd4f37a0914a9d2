// The small engine for one target: musl, QuickJS and our C host compiled from pinned sources, each kept in
// the cache.

import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import { Failure } from "../src/failure.ts";
import { inTemporaryFolder, makeOnce } from "./cache.ts";
import { type SourceTarball, sourceTarball } from "./debian.ts";
import { LEFT_OUT_HEADER, LEFT_OUT_KEY, leaveOut } from "./left-out.ts";
import { type Library, libraries } from "./libraries.ts";
import type { Toolchain } from "./machines/machine.ts";
import { emulatorFor, type SmallTarget, toolchainOf } from "./machines/machines.ts";
import { withProgress } from "./progress.ts";
import { runTool } from "./tool.ts";

export const MUSL: SourceTarball = {
  name: "musl",
  suite: "trixie",
  sha256: "a9a118bbe84d8764da0ea0d28b3ab3fae8477fc7e4085d90102b8596fc7c75e4",
};

export const QUICKJS: SourceTarball = {
  name: "quickjs",
  suite: "trixie",
  sha256: "ec81da5b3249ed648dbc7df4a1654988910e66a118d9b71cb63534216efcfbbe",
};

/**
 * The folders of musl's src/ that we link something from. A whole musl takes twice as long; a gap stops the
 * linker.
 */
const MUSL_FOLDERS = [
  "conf",
  "env",
  "errno",
  "exit",
  "fcntl",
  "internal",
  "linux",
  "locale",
  "malloc",
  "malloc/mallocng",
  "math",
  "mman",
  "misc",
  "multibyte",
  "process",
  "signal",
  "stat",
  "stdio",
  "string",
  "thread",
  "time",
  "unistd",
];

/** No shared library, and nothing of this machine's own libc or libgcc. */
const MUSL_SETTINGS = ["--disable-shared", "--prefix=/", "LIBCC=", "CFLAGS=-fno-ident", "LDFLAGS="];

const SYS_FOLDER = join(import.meta.dir, "../src/sys");

/** Wrapping is what the arithmetic of QuickJS relies on. */
const CODE_FLAGS = [
  "-std=gnu11",
  "-Os",
  "-fwrapv",
  "-ffunction-sections",
  "-fdata-sections",
  "-fno-asynchronous-unwind-tables",
  // On arm64 the other kind is on, too: 59 KB of tables that nothing reads.
  "-fno-unwind-tables",
  "-fno-stack-protector",
  "-fno-ident",
  "-D_GNU_SOURCE",
];

export const QUICKJS_FLAGS = [`-DCONFIG_VERSION="2025-04-26"`];

/**
 * quickjs.c is compiled for size too, but for what inside.c names. Yet functions of a few instructions, most of all those
 * that count references, go into their callers as -O2 has it.
 */
const QUICKJS_MAIN_FLAGS = ["--param=max-inline-insns-size=8"];

/**
 * Of our C and of the libraries that unpack: what reads other people's bytes. QuickJS as a whole would take 3 % more
 * instructions with it.
 */
const STACK_PROTECTOR = "-fstack-protector-strong";

const HOST_FLAGS = ["-Wall", "-Wextra", "-Werror", STACK_PROTECTOR];

/**
 * A static executable without paths, time or symbols in it. Its segments may fall into any page size (64 KiB
 * on ppc64), yet follow one another in the file without padding; relro would bring padding back, and musl's
 * static executables do not apply it.
 */
const LINK_FLAGS = [
  "-static",
  "--gc-sections",
  "--build-id=none",
  "-s",
  "-z",
  "noexecstack",
  "-z",
  "noseparate-code",
  "-z",
  "norelro",
  // The linker spends up to a page of this size in the file where that saves one in memory.
  "-z",
  "common-page-size=16",
];

/** For an executable that is loaded at any address, and moves itself there. Most relocations take two bits so. */
const PIE_FLAGS = ["-pie", "--no-dynamic-linker", "-z", "text", "-z", "pack-relative-relocs"];

/** Without quickjs.c: our inside.c stands for it, which includes it. */
export const QUICKJS_FILES = ["libregexp.c", "libunicode.c", "cutils.c", "dtoa.c"];
const QUICKJS_OBJECTS = [...QUICKJS_FILES, "inside.c"];

const GATHER_FILES = ["area.c", "files.c", "gather.c", "order.c", "strings.c"].map((name) => `gather/${name}`);
const ENGINE_FILES = [
  "host/arena.c",
  "host/context.c",
  "host/int128.c",
  "host/engine.c",
  "host/program.c",
  "host/sha256.c",
  "host/sys.c",
  ...GATHER_FILES,
  "guard/guard.c",
];
/** Compiled where the libraries' headers are at hand. */
const UNPACK_FILES = ["host/unpack.c"];
const COMPILER_FILES = ["host/bc.c", "host/context.c", "host/int128.c"];

/** What an executable is made with. */
export interface SmallEngine {
  /** Changes when anything does that goes into an executable besides its program. */
  key: string;
  /** The folder of its libc's headers. */
  headers: string;
  /** Compiles a program to two files of bytecode in its folder. A Failure speaks of the program by its name. */
  compileModules(program: SmallProgram): Promise<void>;
  /** Makes the executable `output` in `folder` of the bytecode there. */
  link(output: string, folder: string): Promise<void>;
}

/** ES modules, by their names in `folder`. */
export interface SmallProgram {
  readonly name: string;
  readonly folder: string;
  /** Read where they lie in the executable; the first one is run. */
  readonly atHand: readonly string[];
  /** Unpacked all at once when the first of them is asked for. */
  readonly packed: readonly string[];
}

/** Files of bytecode; the last is what the executable has of the second. */
const BYTECODE = { atHand: "at-hand.bc", packed: "packed.bc", compressed: "packed.zst" } as const;

/** The highest level, and a checksum: what is damaged must not be run. */
const COMPRESSION = {
  params: { [constants.ZSTD_c_compressionLevel]: 22, [constants.ZSTD_c_checksumFlag]: 1 },
};

interface Compiler extends Toolchain {
  command: readonly string[];
  /** What is linked last, by their paths. */
  libraries: readonly string[];
  /** Changes when the tools do. */
  identity: string;
}

async function compilerFor(target: SmallTarget): Promise<Compiler> {
  const toolchain = toolchainOf(target);
  const where = toolchain.pie ? ["-fPIE"] : [];
  const command = [`${toolchain.prefix}gcc`, ...toolchain.abi, ...where, ...toolchain.compact];
  const tools = ["gcc", "ld"].map((name) => `${toolchain.prefix}${name}`);
  const versions = await Promise.all(tools.map((tool) => runTool([tool, "--version"])));
  const { libgcc } = toolchain;
  const libraries = libgcc === undefined ? [] : [(await runTool([...command, `-print-file-name=${libgcc}`])).trim()];
  return { ...toolchain, command, libraries, identity: [...command, ...versions].join("\n") };
}

async function unpack(tarball: SourceTarball, into: string): Promise<void> {
  await runTool(["tar", "-xf", await sourceTarball(tarball), "--strip-components=1", "-C", into]);
}

/**
 * Where the compiler keeps what it needs meanwhile: it is killed on Ctrl-C, and only our own temporary folders
 * are removed then.
 */
function scratchIn(folder: string): { TMPDIR: string } {
  return { TMPDIR: folder };
}

/** Lends `work` musl's sources, unpacked and configured. */
async function withMuslTree(compiler: Compiler, work: (folder: string) => Promise<void>): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    await unpack(MUSL, folder);
    await runTool(
      [
        "sh",
        "./configure",
        ...MUSL_SETTINGS,
        `--target=${compiler.musl}`,
        `CC=${compiler.command.join(" ")}`,
        `AR=${compiler.prefix}ar`,
        `RANLIB=${compiler.prefix}ranlib`,
      ],
      { cwd: folder },
    );
    await work(folder);
  });
}

function muslHeaders(compiler: Compiler): Promise<string> {
  return makeOnce("musl-headers", [MUSL.sha256, compiler.identity, ...MUSL_SETTINGS], (made) =>
    withMuslTree(compiler, async (folder) => {
      await runTool(["make", `DESTDIR=${made}`, "install-headers"], { cwd: folder });
    }),
  );
}

function muslLibrary(compiler: Compiler): Promise<string> {
  const folders = ["./crt", ...[...MUSL_FOLDERS, ...(compiler.muslFolders ?? [])].map((name) => `./src/${name}`)];
  return makeOnce("musl", [MUSL.sha256, compiler.identity, ...MUSL_SETTINGS, ...folders], (made) =>
    withMuslTree(compiler, async (folder) => {
      const parts = ["libc.a", startOf(compiler), "crti.o", "crtn.o"].map((name) => `lib/${name}`);
      const make = ["make", `-j${availableParallelism()}`, `SRC_DIRS=${folders.join(" ")}`];
      await runTool([...make, ...parts], { cwd: folder, env: scratchIn(folder) });
      await runTool(["cp", ...parts, made], { cwd: folder });
    }),
  );
}

/** Flags that keep a folder's path out of what is compiled from it; the text of asserts would hold it. */
function withoutPath(folder: string): string {
  return `-ffile-prefix-map=${folder}=.`;
}

function includeFrom(folder: string): string[] {
  return ["-isystem", folder, withoutPath(folder)];
}

/** Compiles C files to objects in `cwd`, all at once. */
async function compile(
  compiler: Compiler,
  headers: string,
  files: readonly string[],
  flags: readonly string[],
  cwd: string,
): Promise<void> {
  const own = (await runTool([...compiler.command, "-print-file-name=include"])).trim();
  const include = ["-nostdinc", ...includeFrom(join(headers, "include")), "-isystem", own];
  await Promise.all(
    files.map((file) =>
      runTool([...compiler.command, ...CODE_FLAGS, withoutPath(dirname(file)), ...include, ...flags, "-c", file], {
        cwd,
        env: scratchIn(cwd),
      }),
    ),
  );
}

/** The names and contents of our C files, for a key. */
export async function hostSources(): Promise<{ name: string; text: string }[]> {
  const folders = await Promise.all(
    ["gather", "guard", "host"].map(async (folder) =>
      (await readdir(join(SYS_FOLDER, folder))).map((name) => `${folder}/${name}`),
    ),
  );
  const names = folders
    .flat()
    .filter((name) => /\.[chS]$/.test(name))
    .sort();
  return Promise.all(names.map(async (name) => ({ name, text: await readFile(join(SYS_FOLDER, name), "utf8") })));
}

function hostFiles(names: readonly string[]): string[] {
  return names.map((name) => join(SYS_FOLDER, name));
}

/** QuickJS's objects, and two headers for our C files: its own, and one of what it was left without. */
async function quickjsObjects(compiler: Compiler, headers: string): Promise<string> {
  const main = compiler.interpreter ?? QUICKJS_MAIN_FLAGS;
  const flags = [...CODE_FLAGS, ...QUICKJS_FLAGS, ...main];
  const inputs = [QUICKJS.sha256, basename(headers), compiler.identity, ...flags, LEFT_OUT_KEY];
  const own = (await hostSources()).filter(({ name }) => name.startsWith("host/inside"));
  return makeOnce("quickjs", [...inputs, ...own.flatMap(({ name, text }) => [name, text])], (made) =>
    inTemporaryFolder(async (folder) => {
      await unpack(QUICKJS, folder);
      await leaveOut(folder);
      const flags = [...QUICKJS_FLAGS, ...includeFrom(folder)];
      const files = QUICKJS_FILES.map((name) => join(folder, name));
      await Promise.all([
        compile(compiler, headers, files, flags, made),
        compile(compiler, headers, hostFiles(["host/inside.c"]), [...flags, ...main], made),
      ]);
      await copyFile(join(folder, "quickjs.h"), join(made, "quickjs.h"));
      await writeFile(join(made, "left-out.h"), LEFT_OUT_HEADER);
    }),
  );
}

/** What unpacks kernels: the libraries' objects, and ours. */
async function unpackObjects(compiler: Compiler, headers: string): Promise<string> {
  const own = (await hostSources()).filter(({ name }) => /^host\/(unpack|lzma)/.test(name));
  const inputs = [basename(headers), compiler.identity, ...CODE_FLAGS, ...HOST_FLAGS, JSON.stringify(libraries)];
  return makeOnce("unpack", [...inputs, ...own.flatMap(({ name, text }) => [name, text])], (made) =>
    inTemporaryFolder(async (folder) => {
      const include: string[] = [];
      for (const library of libraries)
        include.push(...(await compileLibrary(compiler, headers, library, folder, made)));
      await compile(compiler, headers, hostFiles(UNPACK_FILES), [...HOST_FLAGS, ...include, "-DZ_SOLO"], made);
    }),
  );
}

/** Compiles a library to objects in `made`, and returns what our files include it with. */
async function compileLibrary(
  compiler: Compiler,
  headers: string,
  library: Library,
  folder: string,
  made: string,
): Promise<string[]> {
  const tree = join(folder, library.tarball.name);
  await mkdir(tree);
  await unpack(library.tarball, tree);
  const include = library.include.flatMap((name) => includeFrom(join(tree, name)));
  const files = library.files.map((name) => join(tree, name));
  await compile(compiler, headers, files, [...library.flags, STACK_PROTECTOR, ...include], made);
  return include;
}

function objects(folder: string, names: readonly string[]): string[] {
  return names.map((name) => join(folder, basename(name).replace(/\.[cS]$/, ".o")));
}

/** Of musl: where the executable begins. */
function startOf({ pie }: Compiler): string {
  return pie ? "rcrt1.o" : "crt1.o";
}

function linkFlags({ pie }: Compiler): string[] {
  return pie ? [...LINK_FLAGS, ...PIE_FLAGS] : LINK_FLAGS;
}

function linkCommand(compiler: Compiler, libc: string, parts: readonly string[], output: string): string[] {
  const start = objects(libc, [startOf(compiler), "crti.o"]);
  const end = [...objects(libc, ["libc.a"]), ...compiler.libraries, ...objects(libc, ["crtn.o"])];
  return [`${compiler.prefix}ld`, ...linkFlags(compiler), "-o", output, ...start, ...parts, ...end];
}

/** Our own C files as objects, and the compiler of bytecode as a program. */
async function hostObjects(compiler: Compiler, headers: string, libc: string, quickjs: string): Promise<string> {
  const sources = (await hostSources()).flatMap(({ name, text }) => [name, text]);
  const entries = [headers, libc, quickjs].map((entry) => basename(entry));
  const own = [...HOST_FLAGS, `-DMACHINE="${compiler.uname}"`];
  const flags = [...CODE_FLAGS, ...own, ...linkFlags(compiler)];
  const files = [...new Set([...ENGINE_FILES, ...COMPILER_FILES])];
  return makeOnce("host", [...entries, compiler.identity, ...flags, ...files, ...sources], async (made) => {
    await compile(compiler, headers, hostFiles(files), [...own, ...includeFrom(quickjs)], made);
    const parts = [...objects(made, COMPILER_FILES), ...objects(quickjs, QUICKJS_OBJECTS)];
    await runTool(linkCommand(compiler, libc, parts, "bc"), { cwd: made });
  });
}

/**
 * Everything an executable for `target` is made from, but the program: from the cache, or compiled now (half
 * a minute on two cores).
 */
export async function smallEngine(target: SmallTarget): Promise<SmallEngine> {
  const compiler = await compilerFor(target);
  return withProgress(`small engine for ${target}`, async (tell) => {
    tell("headers");
    const headers = await muslHeaders(compiler);
    tell("musl and QuickJS");
    const [libc, quickjs] = await Promise.all([muslLibrary(compiler), quickjsObjects(compiler, headers)]);
    tell("libraries");
    const unpacking = await unpackObjects(compiler, headers);
    tell("host");
    const host = await hostObjects(compiler, headers, libc, quickjs);
    const unpackers = [...UNPACK_FILES, ...libraries.flatMap(({ files }) => files)];
    const parts = [
      ...objects(host, ENGINE_FILES),
      ...objects(quickjs, QUICKJS_OBJECTS),
      ...objects(unpacking, unpackers),
    ];
    return {
      key: [host, unpacking].map((entry) => basename(entry)).join(" "),
      headers: join(headers, "include"),
      async compileModules({ name, folder, atHand, packed }) {
        let complaint = "";
        const onFailure = (output: string): void => {
          complaint = [...new Set(output.trim().split("\n"))].join("; ");
        };
        const parts = [BYTECODE.atHand, ...atHand, "--", BYTECODE.packed, ...packed];
        const compile = [...emulatorFor(target), join(host, "bc"), ...parts];
        try {
          await runTool(compile, { cwd: folder, onFailure });
        } catch (error) {
          if (complaint === "") throw error;
          throw new Failure(name, complaint);
        }
      },
      async link(output, folder) {
        const unpacked = await readFile(join(folder, BYTECODE.packed));
        await writeFile(join(folder, BYTECODE.compressed), zstdCompressSync(unpacked, COMPRESSION));
        const [app = ""] = hostFiles(["host/app.S"]);
        const files = [`-DAPP_FILE="${BYTECODE.atHand}"`, `-DPACKED_FILE="${BYTECODE.compressed}"`];
        const words = [...files, `-DUNPACKED_LENGTH=${unpacked.length}`];
        const assemble = [...compiler.command, ...words, "-c", app, "-o", "app.o"];
        await runTool(assemble, { cwd: folder, env: scratchIn(folder) });
        await runTool(linkCommand(compiler, libc, ["app.o", ...parts], output), { cwd: folder });
      },
    };
  });
}
