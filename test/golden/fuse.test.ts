// The rewriter of executables on a little program in C, so that nothing of Bun's helps it along.

import { describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fuse, type NamedFile } from "../../scripts/fuse.ts";
import { assembleStart, toHexText } from "../../scripts/stubs.ts";
import { temporaryFolder } from "../support/folder.ts";
import { capture, present } from "../support/present.ts";

const folder = temporaryFolder({ lasts: "file", on: "disk" });

const PROGRAM = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
extern char **environ;
static __thread int own = 7;
static int filler[5000], data = 1;
static void *thread(void *unused) { own = 8; return &filler[4999]; }
static void goodbye(void) { puts("goodbye"); }
int main(int argc, char **argv)
{
    pthread_t other;
    void *result;
    atexit(goodbye);
    pthread_create(&other, 0, thread, 0);
    pthread_join(other, &result);
    for (int i = 0; i < argc; i++) printf("[%s]", argv[i]);
    printf(" %d %d %d %d\\n", own, *(int *)result, data, argv[argc] == 0);
    for (char **e = environ; *e; e++) printf("%.10s %zu\\n", *e, strlen(*e));
    printf("%.3f %d\\n", cos(argc * 0.0), dlsym(dlopen("libc.so.6", RTLD_NOW), "puts") == (void *)puts);
    printf("%p %ld %ld\\n", dlopen("libnone.so", RTLD_NOW), getauxval(AT_SECURE), getauxval(AT_ENTRY) & 0xfff);
    return 42;
}
`;

const LIBRARIES = ["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2"];
const ARM64 = process.arch === "arm64";
/** This machine's own, since the program is made with its compiler. */
const FOLDER = ARM64 ? "/lib/aarch64-linux-gnu" : "/lib/x86_64-linux-gnu";
const LOADER = ARM64 ? "ld-linux-aarch64.so.1" : "ld-linux-x86-64.so.2";

function file(path: string): NamedFile {
  return { name: basename(path), bytes: new Uint8Array(readFileSync(path)) };
}

function compiled(kind: "-no-pie" | "-pie" | "-static"): NamedFile {
  const [source, output] = [folder.in("program.c"), folder.in(`program${kind}`)];
  writeFileSync(source, PROGRAM);
  const flags = ["-O1", "-Wl,-z,max-page-size=65536", "-Wl,--no-as-needed"];
  const { stderr, exitCode } = Bun.spawnSync(["gcc", kind, ...flags, source, "-o", output, "-lm", "-lpthread", "-ldl"]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return { ...file(output), name: "program" };
}

const program = compiled("-no-pie");
const [loader, ...libraries] = [LOADER, ...LIBRARIES].map((name) => file(join(FOLDER, name))) as [
  NamedFile,
  ...NamedFile[],
];

/** With each byte string in place of another of the same length. */
function altered({ name, bytes }: NamedFile, from: string, to: string): NamedFile {
  const changed = Buffer.from(bytes);
  for (let at = changed.indexOf(from); at >= 0; at = changed.indexOf(from, at + 1)) changed.write(to, at, "latin1");
  return { name, bytes: changed };
}

test.each(["x86_64", "arm64"] as const)(
  "the prebuilt start for %s is what the assembler makes of its source",
  async (machine) => {
    const prebuilt = readFileSync(new URL(`../../stub/fuse/${machine}.hex`, import.meta.url), "latin1");
    expect(prebuilt).toBe(toHexText(await assembleStart(machine)));
  },
);

test("a program runs with its arguments, threads, libraries and end, and without its environment", () => {
  const path = folder.in("fused");
  writeFileSync(path, fuse(program, loader, libraries));
  chmodSync(path, 0o755);
  const preload = "LD_PRELOAD=".length + 4 * "/proc/self/fd///////////".length + 3;
  const entry = Number(Buffer.from(program.bytes).readBigUInt64LE(24)) & 0xfff;
  for (const words of [[], ["a"], ["a", "b c"], ["", "", ""]]) {
    const { stdout, stderr, exitCode } = Bun.spawnSync([path, ...words], { env: { LD_PRELOAD: "/none", HOME: "/" } });
    expect({ out: stdout.toString(), err: stderr.toString(), exitCode }).toEqual({
      out:
        `${[path, ...words].map((word) => `[${word}]`).join("")} 7 0 1 1\nLD_PRELOAD ${preload}\n1.000 1\n` +
        `(nil) 0 ${entry}\ngoodbye\n`,
      err: "",
      exitCode: 42,
    });
  }
});

test("the program stays what it was, but for three fields of its header", () => {
  const result = fuse(program, loader, libraries);
  const same = [
    [0, 24],
    [40, 56],
    [58, program.bytes.length],
  ] as const;
  for (const [from, to] of same) {
    expect(Buffer.compare(result.subarray(from, to), program.bytes.subarray(from, to))).toBe(0);
  }
});

describe("refused is", () => {
  /** As if it were for s390. */
  const foreign = ({ name, bytes }: NamedFile): NamedFile => ({ name, bytes: bytes.with(18, 22) });
  const refusal = (...given: Parameters<typeof fuse>) => expect(() => fuse(...given));

  test("a program that is no ELF file, of an unknown machine, or cut short", () => {
    const named = (bytes: Uint8Array): NamedFile => ({ name: "program", bytes });
    refusal(named(new Uint8Array(100)), loader, libraries).toThrow("program: not an ELF file");
    refusal(foreign(program), loader, libraries).toThrow("program: no stub for ELF machine 22");
    refusal(named(program.bytes.subarray(0, 0x1000)), loader, libraries).toThrow(
      /^program: the segment at 0x[0-9a-f]+ ends beyond the end of the file$/,
    );
  });

  test("a program that is position independent, or static", () => {
    refusal(compiled("-pie"), loader, libraries).toThrow("program: not linked to a fixed address (ET_EXEC)");
    refusal(compiled("-static"), loader, libraries).toThrow("program: no PT_INTERP: it needs no ld.so");
  });

  test("an ld.so that is a library, another machine's, or not the one that the program names", () => {
    refusal(program, present(libraries[0]), libraries).toThrow("libc.so.6: PT_INTERP or PT_TLS in it: no ld.so");
    refusal(program, present(libraries[2]), libraries).toThrow("libpthread.so.0: needs libraries: no ld.so");
    refusal(program, foreign(loader), libraries).toThrow(`${LOADER}: for ELF machine 22, not ${ARM64 ? 183 : 62}`);
    const other = LOADER.replace(/.$/, "9");
    refusal(altered(program, LOADER, other), loader, libraries).toThrow(`program: wants ${other}, not ${LOADER}`);
  });

  test("an ld.so that takes its orders from files we do not know", () => {
    refusal(program, altered(loader, "/etc/ld.so.preload", "/etc/ld.so.earlier"), libraries).toThrow(
      `${LOADER}: does not speak of /etc/ld.so.preload`,
    );
  });

  test("libraries of another glibc or another machine", () => {
    const [libc, ...rest] = libraries;
    const release = capture(/(GLIBC 2\.\d+)/, Buffer.from(present(libc).bytes).toString("latin1"));
    refusal(program, loader, [altered(present(libc), release, "GLIBC 9.99"), ...rest]).toThrow(
      /: not of the same glibc as the libraries: .*GLIBC 2.*GLIBC 9.99/,
    );
    refusal(program, loader, libraries.map(foreign)).toThrow("libc.so.6: no library of this machine");
  });

  test("a library that is missing", () => {
    refusal(program, loader, libraries.slice(0, 1)).toThrow("program: needs libm.so.6, which is not inside");
    refusal(program, loader, libraries.slice(1)).toThrow("program: needs libc.so.6, which is not inside");
  });
});
