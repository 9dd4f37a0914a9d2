// Images of an initramfs, as Debian's cpio reads them, and the script that makes them.

import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { image } from "../../initramfs/image.ts";
import { sceneFor } from "../../scripts/boot/scene.ts";
import { kernelsFor } from "../../scripts/boot.ts";
import { executableFor } from "../../scripts/build.ts";
import { gzip, writeImage } from "../../scripts/initramfs.ts";
import { machineOf, targets } from "../../scripts/machines/machines.ts";
import { parseScript } from "../../src/script/parse.ts";
import { usual } from "../support/boots.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";

const folder = temporaryFolder({ on: "disk" });

const contents = {
  executable: Buffer.from("\x7fELF, let us say"),
  applets: ["fs2dt", "loadem", "init", "cat"],
  script: Buffer.from("fs2dt -b 0x5000100 /proc/device-tree > /tree\n"),
  files: [
    { path: "/vmlinux.kexec", content: Buffer.from("kernel"), mode: 0o644 },
    { path: "opt/tools/probe", content: Buffer.from("program"), mode: 0o755 },
  ],
} as const;

function cpio(bytes: Uint8Array, ...options: string[]): string[] {
  const { stdout, stderr, exitCode } = Bun.spawnSync(["cpio", "--quiet", "-n", ...options], {
    stdin: bytes,
    env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
  });
  expect(stderr.toString()).toBe("");
  expect(exitCode).toBe(0);
  return stdout
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/ +/g, " "));
}

describe("an image, as Debian's cpio lists it,", () => {
  test("holds the executable once, its names as links, device nodes, the script and what was added", () => {
    expect(cpio(Buffer.concat(image(contents)), "-t", "-v")).toEqual([
      "drwxr-xr-x 2 0 0 0 Jan 1 1970 dev",
      "drwxr-xr-x 2 0 0 0 Jan 1 1970 proc",
      "drwxr-xr-x 2 0 0 0 Jan 1 1970 sys",
      "drwxr-xr-x 2 0 0 0 Jan 1 1970 tmp",
      "crw------- 1 0 0 5, 1 Jan 1 1970 dev/console",
      "crw-rw-rw- 1 0 0 1, 3 Jan 1 1970 dev/null",
      "drwxr-xr-x 2 0 0 0 Jan 1 1970 bin",
      "-rwxr-xr-x 1 0 0 16 Jan 1 1970 bin/kexecbox",
      "lrwxrwxrwx 1 0 0 12 Jan 1 1970 init -> bin/kexecbox",
      "lrwxrwxrwx 1 0 0 8 Jan 1 1970 bin/fs2dt -> kexecbox",
      "lrwxrwxrwx 1 0 0 8 Jan 1 1970 bin/loadem -> kexecbox",
      "lrwxrwxrwx 1 0 0 8 Jan 1 1970 bin/init -> kexecbox",
      "lrwxrwxrwx 1 0 0 8 Jan 1 1970 bin/cat -> kexecbox",
      "lrwxrwxrwx 1 0 0 12 Jan 1 1970 fs2dt -> bin/kexecbox",
      "lrwxrwxrwx 1 0 0 12 Jan 1 1970 loadem -> bin/kexecbox",
      "-rw-r--r-- 1 0 0 45 Jan 1 1970 init.script",
      "-rw-r--r-- 1 0 0 6 Jan 1 1970 vmlinux.kexec",
      "drwxr-xr-x 3 0 0 0 Jan 1 1970 opt",
      "drwxr-xr-x 2 0 0 0 Jan 1 1970 opt/tools",
      "-rwxr-xr-x 1 0 0 7 Jan 1 1970 opt/tools/probe",
    ]);
  });

  test("has no script unless one is given, so that init goes to its prompt", () => {
    const { executable, applets } = contents;
    expect(cpio(Buffer.concat(image({ executable, applets })), "-t")).not.toContain("init.script");
  });
});

describe("an image, unpacked by Debian's cpio,", () => {
  test("leads from every link to the executable, and has the files' bytes", async () => {
    // The device nodes are left out: only root can make them.
    const { exitCode } = Bun.spawnSync(["cpio", "-i", "-d", "--quiet", "-f", "dev/*"], {
      cwd: folder.path,
      stdin: Buffer.concat(image(contents)),
    });
    expect(exitCode).toBe(0);
    const executable = statSync(folder.in("bin/kexecbox")).ino;
    for (const link of ["init", "fs2dt", "loadem", "bin/fs2dt", "bin/loadem", "bin/init", "bin/cat"]) {
      expect(readlinkSync(folder.in(link))).not.toStartWith("/");
      expect(statSync(folder.in(link)).ino).toBe(executable);
    }
    expect(readFileSync(folder.in("init.script")).equals(contents.script)).toBe(true);
    expect(readFileSync(folder.in("opt/tools/probe"), "utf8")).toBe("program");
  });
});

describe("a compressed image", () => {
  const chunks = image({ ...contents, executable: Buffer.alloc(100_000, "executable") });

  test("is what gzip unpacks to the very same archive", () => {
    const compressed = gzip(chunks);
    expect(compressed.length).toBeLessThan(10_000);
    const { stdout, exitCode } = Bun.spawnSync(["gzip", "-d", "-c"], { stdin: compressed });
    expect(exitCode).toBe(0);
    expect(Buffer.concat(chunks).equals(stdout)).toBe(true);
  });

  test("of more than an array can hold is refused in words", () => {
    // The same bytes again and again: no more memory is needed.
    const large = [Buffer.from("first"), ...Array(17).fill(Buffer.alloc(2 ** 28)), Buffer.from("last")];
    expect(() => gzip(large)).toThrow(
      `--gzip: ${17 * 2 ** 28 + 9} bytes are more than the 4294967296 that are compressed here`,
    );
  });

  test("has neither a time nor a name of this system in its header", () => {
    // RFC 1952: magic, deflate, no flags, no time, best compression, unknown system
    expect([...gzip(chunks).subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
  });
});

describe("an added file", () => {
  test("may not take the place of what is in the image", () => {
    const files = [{ path: "/init", content: Buffer.from("x"), mode: 0o755 }] as const;
    expect(() => image({ ...contents, files })).toThrow("init: is there already");
  });
});

describe("the file of an image", () => {
  test("takes the place of an old one, byte for byte, and leaves nothing beside it", async () => {
    const path = folder.in("image");
    const chunks = image({ ...contents, executable: Buffer.alloc(1_000_000, "executable") });
    writeFileSync(path, Buffer.alloc(1_000_000, "old"));
    await writeImage(path, chunks);
    expect(readFileSync(path).equals(Buffer.concat(chunks))).toBe(true);
    expect(readdirSync(folder.path)).toEqual(["image"]);
  });

  test("does not take the place of a directory or a device", async () => {
    mkdirSync(folder.in("image"));
    await expect(writeImage(folder.in("image"), [])).rejects.toThrow("is there already, and no file");
    await expect(writeImage("/dev/full", [])).rejects.toThrow("/dev/full: is there already, and no file");
    expect(readdirSync(folder.path)).toEqual(["image"]);
  });
});

/** Of a line of `cpio -tv` the type and the path: `- bin/kexecbox`. */
function typeAndPath(line: string): string {
  return `${line[0]} ${line
    .replace(/ -> .*$/, "")
    .split(" ")
    .at(-1)}`;
}

function regularFiles(archive: Uint8Array): string[] {
  const files = cpio(archive, "-t", "-v")
    .map(typeAndPath)
    .filter((entry) => entry.startsWith("- "));
  return files.map((entry) => entry.slice(2));
}

describe.each(targets)("the initramfs of a boot with %s", (target) => {
  test("holds no program but one, and no file but it, the script, the next kernel and its initramfs", async () => {
    const choices = { ...usual, target, cpu: machineOf(target).guest.cpu };
    const { first, next } = await kernelsFor(choices);
    await sceneFor(choices, first, next, folder.path);
    const archive = readFileSync(folder.in("initrd"));
    const kernel = machineOf(target).name === "x86_64" ? "bzImage" : "vmlinux.kexec";
    expect(regularFiles(archive)).toEqual(["bin/kexecbox", "init.script", kernel, "initrd"]);
    const inner = Bun.spawnSync(["cpio", "--quiet", "-i", "--to-stdout", "initrd"], { stdin: archive }).stdout;
    expect(regularFiles(inner)).toEqual(["bin/kexecbox", "init.script"]);
  });
});

describe("npm run initramfs", () => {
  const script = join(import.meta.dir, "../../scripts/initramfs.ts");

  test("says what it has put into the archive: all that Debian's cpio finds there", async () => {
    const output = folder.in("my.cpio");
    writeFileSync(folder.in("boot.script"), "echo a\n");
    const added = ["--script", folder.in("boot.script"), "--add", `${script}:/opt/a`];
    const args = ["--target", "x64-small", ...added, "-o", output];
    const { stdout, exitCode } = Bun.spawnSync([process.execPath, script, ...args]);
    expect(exitCode).toBe(0);
    const archive = readFileSync(output);
    const [first, ...lines] = stdout.toString().trimEnd().split("\n");
    expect(first).toBe(`${output}: ${archive.length} bytes`);
    const paths = lines.map((line) => present(/^ {2}(\S+?)\/?(?:$|: | -> )/.exec(line)?.[1]));
    expect(paths).toEqual(cpio(archive, "-t"));
    const size = statSync(executableFor("x64-small")).size;
    expect(lines).toContain(`  bin/kexecbox: ${size} bytes`);
    expect(lines).toContain("  init -> bin/kexecbox");
    expect(lines).toContain("  opt/");
  });

  test("for a crash kernel prints the script that is in it, and adds the modules in order", () => {
    const output = folder.in("crash.cpio");
    const args = ["--target", "x64-small", "--crash", "--modules", "stock-x64", "--module", "virtio_blk", "-o", output];
    const { stdout, exitCode } = Bun.spawnSync([process.execPath, script, ...args]);
    expect(exitCode).toBe(0);
    const inside = Bun.spawnSync(["cpio", "--quiet", "-i", "--to-stdout", "init.script"], {
      stdin: readFileSync(output),
    });
    const text = inside.stdout.toString();
    expect(stdout.toString().endsWith(`\n\n${text}`)).toBe(true);
    const modules = [...text.matchAll(/^- insmod \/(modules\/\w+\.ko)$/gm)].map(([, path]) => path);
    expect(modules.at(-1)).toBe("modules/virtio_blk.ko");
    expect(regularFiles(readFileSync(output))).toEqual(["bin/kexecbox", "init.script", ...modules.map(String)]);
    expect(parseScript("crash", text).map(({ commands, mayFail = false }) => [commands[0]?.[0], mayFail])).toEqual([
      ["vmcore-dmesg", true],
      ...modules.map(() => ["insmod", true]),
      ["vmcore", true],
      ["poweroff", false],
    ]);
  });

  function refusal(...args: string[]): { code: number; err: string } {
    const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, script, ...args]);
    expect(stdout.toString()).toBe("");
    return { code: exitCode, err: stderr.toString() };
  }

  test("builds nothing for a target that it does not know, or with options it does not have", () => {
    const refused = { code: 2, err: `initramfs: --target: needs one of: ${targets.join(" ")}\n` };
    expect(refusal()).toEqual(refused);
    expect(refusal("--target", "vax")).toEqual(refused);
    expect(refusal("--nonesuch").code).toBe(2);
  });

  test("takes modules for a crash kernel alone, which has a script of its own", () => {
    expect(refusal("--target", "ppc64", "--crash", "--script", "x").err).toBe(
      "initramfs: --script: does not go with --crash, which has one\n",
    );
    expect(refusal("--target", "ppc64", "--module", "x").err).toBe("initramfs: --module: goes with --crash alone\n");
    expect(refusal("--target", "ppc64", "--crash", "--module", "x", "--modules", "small-ppc64").code).toBe(1);
  });

  test("names a file that it cannot read", () => {
    expect(refusal("--target", "ppc64", "--add", "/none:/x")).toEqual({
      code: 1,
      err: "initramfs: /none: ENOENT (no such file or directory)\n",
    });
  });

  test("names a file for which the format has no room, before it is read", () => {
    const path = folder.in("large");
    for (const size of [2 ** 32, 2 ** 32 + 1, 2 ** 40]) {
      writeFileSync(path, "");
      truncateSync(path, size);
      const err = `initramfs: ${path}: ${size} bytes; a file in a cpio archive ends below 4 GiB\n`;
      expect(refusal("--target", "ppc64", "--add", `${path}:/x`)).toEqual({ code: 1, err });
      expect(refusal("--target", "ppc64", "--script", path)).toEqual({ code: 1, err });
    }
  });

  test("tells a mistake in the script before any machine boots with it", async () => {
    const path = folder.in("script");
    writeFileSync(path, "echo a\necho 'b\n");
    expect(refusal("--target", "ppc64", "--script", path)).toEqual({
      code: 1,
      err: `initramfs: ${path}:2:6: unterminated '\n`,
    });
  });
});
