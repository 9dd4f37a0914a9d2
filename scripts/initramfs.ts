// Makes an initramfs to be used with any kernel: the executable as its init, a script, and added files.

import { constants } from "node:buffer";
import { existsSync, statSync } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";
import { release } from "node:os";
import { basename, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { checkSize, cpio } from "../initramfs/cpio.ts";
import { crashScript, moduleFiles } from "../initramfs/crash.ts";
import { type AddedFile, entries, shownEntry } from "../initramfs/image.ts";
import { applets } from "../src/applets/table.ts";
import { EXIT, Failure, usage } from "../src/failure.ts";
import { parseScript } from "../src/script/parse.ts";
import errnoText from "../src/sys/strerror.ts";
import { build, replaceFile } from "./build.ts";
import { endWith } from "./command.ts";
import { kernel } from "./kernels.ts";
import { kernelNames, targets } from "./machines/machines.ts";
import { findModules, modulesOf } from "./modules.ts";

const HELP = `usage: npm run initramfs -- --target TARGET [OPTION]...

Make an initramfs with kexecbox as its only program, and print what is in it.

  --target TARGET      Make it for this target:
                       ${targets.join(", ")}.
  --script FILE        Let init run this script, as /init.script (default: init
                       goes to a prompt).
  --crash              Make it for a crash kernel: init prints the log of the
                       kernel that crashed, copies the dump where
                       kexecbox.dump= on the command line says, if it does, and
                       restarts the machine. The script is printed too.
  --module NAME        Load this module first, and before it what it needs. Of
                       --crash alone. May be repeated.
  --modules DIR        Where modules are: DIR is like /lib/modules/RELEASE, or a
                       name that npm run kernels prints (default: those of the
                       running kernel).
  --add FILE[:PATH]    Add FILE, as PATH (default: /NAME). May be repeated.
  -o, --output FILE    Write it here (default: dist/initramfs-TARGET.cpio, with
                       .gz after it if compressed).
  --gzip               Compress it.
`;

/** Bytes in one write(2): Linux writes no more than 2 GiB. */
const MOST_AT_ONCE = 2 ** 30;

/** Gives an error of the file system the name of the file it is about. */
async function about<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    throw errno === undefined ? error : new Failure(path, errnoText(errno));
  }
}

/** A file of the host for the image: 0755 if its owner may execute it, else 0644. */
async function addedFile(path: string, pathInImage: string): Promise<AddedFile> {
  const { mode, size } = await about(path, stat(path));
  checkSize(path, size);
  return { path: pathInImage, content: await about(path, readFile(path)), mode: mode & 0o100 ? 0o755 : 0o644 };
}

/** A mistake in it is better reported here than by a machine that does not boot. */
async function readScript(path: string): Promise<Uint8Array> {
  const { content } = await addedFile(path, path);
  parseScript(path, Buffer.from(content).toString("latin1"));
  return content;
}

/** `FILE:PATH` or `FILE`; a PATH has no colon, a FILE may. */
function addedAs(text: string): Promise<AddedFile> {
  const [, path = text, pathInImage = basename(text)] = /^(.+):([^:]+)$/.exec(text) ?? [];
  return addedFile(path, pathInImage);
}

/**
 * Compressed, and the same bytes for the same input wherever that is done.
 * RFC 1952 2.3: bytes 4 to 7 are the time, byte 9 the operating system, of which 255 is an unknown one.
 * @throws Failure for more than one array can hold, which is 4 GiB
 */
export function gzip(chunks: readonly Uint8Array[]): Uint8Array {
  const size = chunks.reduce((sum, { length }) => sum + length, 0);
  if (size > constants.MAX_LENGTH) {
    throw new Failure("--gzip", `${size} bytes are more than the ${constants.MAX_LENGTH} that are compressed here`);
  }
  const compressed = gzipSync(Buffer.concat(chunks), { level: 9 });
  compressed.fill(0, 4, 8);
  compressed[9] = 255;
  return compressed;
}

/** One by one: given all of them, Bun 1.4.5 leaves zeros at the file's end, and no array holds more than 4 GiB. */
async function writeChunks(path: string, chunks: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, "w");
  try {
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        at += (await file.write(chunk, at, Math.min(chunk.length - at, MOST_AT_ONCE))).bytesWritten;
      }
    }
  } finally {
    await file.close();
  }
}

/** Whole or not at all. It takes the place of a file, but not of a directory or a device. */
export async function writeImage(path: string, chunks: readonly Uint8Array[]): Promise<void> {
  if (existsSync(path) && !statSync(path).isFile()) throw new Failure(path, "is there already, and no file");
  await about(
    path,
    replaceFile(path, (temporary) => writeChunks(temporary, chunks)),
  );
}

/** The folder of modules that was chosen. */
async function folderOf(choice: string | undefined): Promise<string> {
  const name = kernelNames.find((known) => known === choice);
  if (name === undefined) return choice ?? join("/lib/modules", release());
  const folder = await modulesOf(await kernel(name));
  if (folder === undefined) throw new Failure(name, "has no modules");
  return folder;
}

function choose(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        target: { type: "string" },
        script: { type: "string" },
        crash: { type: "boolean", default: false },
        module: { type: "string", multiple: true, default: [] },
        modules: { type: "string" },
        add: { type: "string", multiple: true, default: [] },
        output: { type: "string", short: "o" },
        gzip: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    return values;
  } catch (error) {
    throw usage("arguments", (error as Error).message.replace(/\. .*/s, ""));
  }
}

async function main(args: readonly string[]): Promise<number> {
  const chosen = choose(args);
  if (chosen.help) {
    process.stdout.write(HELP);
    return EXIT.done;
  }
  const target = targets.find((known) => known === chosen.target);
  if (target === undefined) throw usage("--target", `needs one of: ${targets.join(" ")}`);
  if (chosen.crash && chosen.script !== undefined) throw usage("--script", "does not go with --crash, which has one");
  if (!chosen.crash && chosen.module.length > 0) throw usage("--module", "goes with --crash alone");
  const modules = chosen.module.length === 0 ? [] : await findModules(await folderOf(chosen.modules), chosen.module);
  const files = [...moduleFiles(modules), ...(await Promise.all(chosen.add.map(addedAs)))];
  const own = chosen.crash ? Buffer.from(crashScript(modules.map(({ name }) => name))) : undefined;
  const script = chosen.script === undefined ? own : await readScript(chosen.script);
  const inside = entries({
    executable: await readFile(await build(target)),
    applets: applets.map(({ name }) => name),
    ...(script === undefined ? {} : { script }),
    files,
  });
  const chunks = cpio(inside);
  const whole = chosen.gzip ? [gzip(chunks)] : chunks;
  const output =
    chosen.output ??
    relative(".", join(import.meta.dir, `../dist/initramfs-${target}.cpio${chosen.gzip ? ".gz" : ""}`));
  await writeImage(output, whole);
  process.stdout.write(`${output}: ${whole.reduce((sum, { length }) => sum + length, 0)} bytes\n`);
  process.stdout.write(inside.map((entry) => `  ${shownEntry(entry)}\n`).join(""));
  if (own !== undefined) process.stdout.write(`\n${own}`);
  return EXIT.done;
}

if (import.meta.main) await endWith("initramfs", () => main(process.argv.slice(2)));
