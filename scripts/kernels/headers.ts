// Compiles the headers that nearly every file of Linux includes once for a kernel, instead of once for each of its files.
//
// A file of Linux takes 0.4 s to compile, and 0.3 s of that go into 500 headers, the same in all. GCC keeps them compiled
// if they come first, and if no macro is defined before them that they use. kbuild defines the names of each file on the
// command line: here they follow the headers, in a file of their own.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../src/failure.ts";
import { runTool } from "../tool.ts";

/** Each brings dozens of others. The first two are what kbuild puts before every file. */
const HEADERS = [
  "linux/kconfig.h",
  "linux/compiler_types.h",
  "linux/module.h",
  "linux/mm.h",
  "linux/device.h",
  "linux/uaccess.h",
  "linux/slab.h",
  "linux/interrupt.h",
  "linux/seq_file.h",
  "linux/vmalloc.h",
  "linux/sched/signal.h",
];

/** Files that use a name of their own which one of the headers defines as a macro, or are of 32 bits in a kernel of 64. */
const APART = ["lib/sort.o", "arch/powerpc/kernel/vdso/vgettimeofday-32.o"];

/** Compiled in the first step of every build, with the flags that all C files have. */
const SAMPLE = "kernel/.bounds.s.cmd";

/**
 * Compiles the headers, and returns what make has to be told to use them: definitions of variables.
 * @param output the build's folder, in which `make prepare` has been run
 */
export async function compileHeaders(output: string, env: Record<string, string>): Promise<string[]> {
  const header = join(output, "all.h");
  // The assembler's files and linker scripts are given it as well.
  const lines = ["#ifndef __ASSEMBLY__", ...HEADERS.map((name) => `#include <${name}>`), "#endif", ""];
  await writeFile(header, lines.join("\n"));
  const compiler = compilerIn(await readFile(join(output, SAMPLE), "utf8"));
  await runTool(["sh", "-c", `${compiler} -x c-header "$0" -o "$0.gch"`, header], { cwd: output, env });
  return [
    `NOSTDINC_FLAGS=-nostdinc $(if $(filter ${APART.join(" ")},$@),,-include ${header})`,
    `modname_flags=$(if $(filter %.o,$@),${NAMES.map(define).join("")}-include $@.h)`,
    // They are among the names.
    "basename_flags=",
    "modfile_flags=",
  ];
}

/** As scripts/Makefile.lib has them, in the language of make. */
const NAMES = [
  ["KBUILD_BASENAME", '"$(call name-fix-token,$(basetarget))"'],
  ["KBUILD_MODNAME", '"$(call name-fix-token,$(modname))"'],
  ["__KBUILD_MODNAME", "kmod_$(call name-fix-token,$(modname))"],
  ["KBUILD_MODFILE", '"$(modfile)"'],
] as const;

/** Puts a line into the object's own header. */
function define([name, value]: (typeof NAMES)[number], index: number): string {
  return `$(file ${index === 0 ? ">" : ">>"}$@.h,$(pound)define ${name} ${value})`;
}

/** The compiler and its flags, out of a command that make has kept: without input, output, names and headers. */
export function compilerIn(kept: string): string {
  const command = /^(?:saved)?cmd_\S+ := (.*?) -fverbose-asm /m.exec(kept)?.[1];
  if (command === undefined) throw new Failure(SAMPLE, "holds no command of the compiler");
  return command.replace(/ (-Wp,-MMD,\S+|-include \S+|-D(__)?KBUILD_\w+=('[^']*'|\S+))/g, "");
}
