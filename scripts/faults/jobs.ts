// What is done under faults: for each applet the work that people have it do, on a machine that is pretended.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { bzImage } from "../../test/support/bzimage.ts";
import { crashedCore } from "../../test/support/crashed-kernel.ts";
import { X86_64 } from "../../test/support/kexec-machines.ts";
import { USUAL } from "../../test/support/loading.ts";
import { cells, makeTree, type Tree } from "../bench/tree.ts";
import { runTool } from "../tool.ts";

export interface Job {
  /** The command line, in which IN/ is the folder of what jobs read. */
  readonly line: string;
  /** A file of that folder. */
  readonly stdin?: string;
  /** What is in the working directory before, by name. */
  readonly before?: Readonly<Record<string, string>>;
  /** Files of the pretended machine, over the usual ones. */
  readonly machine?: Readonly<Record<string, string>>;
  /** What it ends with, where that is not 0: an exit code, or `machine` where it does not come back from reboot(2). */
  readonly end?: 1 | "machine";
  /** How it says on standard output that it could not find something out. */
  readonly unknown?: RegExp;
  /** As process 1. */
  readonly isFirst?: true;
}

const NOT_CHECKED = /.*not checked:.*/g;

const LOADED = { "/sys/kernel/kexec_loaded": "1\n" };

/** What loads a kernel and jumps is done with a name of few letters in the lines below. */
const KERNEL = "--initrd=IN/initrd --append=quiet IN/bzImage";
const SEGMENTS = "-r 0x1000 -a 0x3000000 -e -f IN/initrd -a 0x4000000 -s";

export const jobs: readonly Job[] = [
  { line: "--list" },
  { line: "--install .", before: { cat: "is there" }, end: 1 },
  { line: "kexec --help" },
  { line: "cat IN/text - IN/edits", stdin: "text" },
  { line: "echo a b" },
  { line: "ls IN" },
  { line: "ls -l IN/tree" },
  { line: "v2wrap" },
  { line: "fs2dt -b 0x5000100 IN/tree" },
  { line: "fs2dt -v --check -b 0 --from IN/edits -", stdin: "tree.dtb" },
  { line: "fs2dt -b 0 IN/tree-of-links" },
  { line: "dtdump IN/tree" },
  { line: "dtdump -a -", stdin: "tree.dtb" },
  { line: "dtdump --json IN/tree.dtb" },
  { line: "dtdiff IN/tree IN/other.dtb", end: 1 },
  { line: "dtdiff --patch - IN/tree", stdin: "other.dtb", end: 1 },
  { line: "dtcheck IN/tree" },
  { line: "dtedit --set /a=<1> IN/tree.dtb out", before: { out: "before" } },
  { line: "dtedit -O dts IN/tree new" },
  { line: "dtedit -O dir IN/tree.dtb new" },
  { line: "dtedit --from IN/edits -O json - -", stdin: "tree.dtb" },
  { line: "zeropage -b 0x5000100 -B quiet -i IN/initrd@0x9000000 IN/bzImage" },
  { line: "zeropage -v -b 0x5000100 IN/bzImage" },
  { line: "zeropage --kernel IN/bzImage" },
  { line: "elfcorehdr -v" },
  { line: "vmcore IN/dump" },
  { line: "vmcore --json IN/dump" },
  { line: "vmcore --copy copy IN/dump" },
  { line: "vmcore --copy - IN/dump" },
  { line: "vmcore --copy console IN/dump" },
  { line: "vmcore-dmesg IN/dump" },
  { line: `loadem -v ${SEGMENTS}`, stdin: "text" },
  { line: `loadem -n ${SEGMENTS}`, stdin: "text", unknown: NOT_CHECKED },
  { line: `loadem --diagnose ${SEGMENTS}`, stdin: "text" },
  { line: "loadem -u" },
  { line: "loadem -k", machine: LOADED, end: "machine" },
  { line: `kexec -l -d ${KERNEL}` },
  { line: `kexec -p ${KERNEL}` },
  { line: `kexec -n ${KERNEL}`, unknown: NOT_CHECKED },
  { line: `kexec --plan --json ${KERNEL}`, unknown: /"unchecked":\[[^\]]*\]/g },
  { line: `kexec --save out ${KERNEL}` },
  { line: `kexec --qemu new ${KERNEL}` },
  { line: `kexec -s -l ${KERNEL}` },
  { line: `kexec -s -l --initrd=IN/text ${KERNEL}` },
  { line: `kexec -a -f ${KERNEL}`, machine: LOADED, end: "machine" },
  { line: "kexec --extract IN/bzImage" },
  { line: "kexec -e", machine: LOADED, end: "machine" },
  { line: "kexec -S", unknown: /.*unknown.*/g },
  { line: "kexec -u" },
  { line: "insmod IN/module.ko a=1" },
  { line: "poweroff --force", end: "machine" },
  { line: "init IN/script", isFirst: true, end: "machine" },
];

const TREE: Tree = [
  ["#address-cells", cells(1)],
  ["#size-cells", cells(1)],
  ["compatible", "made,for-faults\0"],
  ["model", "faults\0"],
  [
    "cpus",
    [
      ["#address-cells", cells(1)],
      ["#size-cells", cells(0)],
      [
        "cpu@0",
        [
          ["reg", cells(0)],
          ["device_type", "cpu\0"],
        ],
      ],
    ],
  ],
  [
    "memory@0",
    [
      ["reg", cells(0, 0x4000_0000)],
      ["device_type", "memory\0"],
    ],
  ],
  [
    "chosen",
    [
      ["bootargs", "quiet\0"],
      ["long", Buffer.alloc(9000, 0x5a)],
    ],
  ],
];

/** @returns the folder of what jobs read: files of every kind that they name */
export async function makeInputs(folder: string, kexecbox: readonly string[]): Promise<void> {
  const file = (name: string, content: Uint8Array | string) => writeFileSync(join(folder, name), content);
  mkdirSync(folder);
  makeTree(join(folder, "tree"), TREE);
  makeTree(join(folder, "tree-of-links"), [["a", [["b", "c\0"]]]]);
  await runTool(["ln", "-s", "/nowhere", join(folder, "tree-of-links/link")]);
  file("text", "text\n".repeat(900));
  file("edits", "set /b=<2>\ndelete /model\n");
  file("bzImage", bzImage({ initSize: 0x10_0000 }));
  file("initrd", Buffer.alloc(0x2001, 0x11));
  file("module.ko", Buffer.alloc(0x100, 0x22));
  file("script", `echo one | cat\n- ls /nonexistent\necho two > /dev/null\ncat < ${join(folder, "edits")}\n`);
  file("dump", dump());
  const edited = (...words: readonly string[]) => runTool([...kexecbox, "dtedit", ...words], { cwd: folder });
  await edited("tree", "tree.dtb");
  await edited("--set", '/model="other"', "--set", "/cpus/x=<7>", "tree.dtb", "other.dtb");
}

function dump(): Uint8Array {
  const notes = [{ name: "CORE", type: 1, contents: new Uint8Array(112 + 8 * 27 + 8) }];
  const records = Array.from({ length: 40 }, (_, index) => ({
    time: BigInt(index) * 1_000_000n,
    text: `line ${index}`,
  }));
  return crashedCore({ form: "ring", little: true, machine: 62, records, notes });
}

/** /proc and /sys of a job's machine. */
export function makeMachine(folder: string, machine: Job["machine"]): void {
  for (const [path, content] of Object.entries({ ...USUAL, ...X86_64.files, ...machine })) {
    if (content === undefined) continue;
    const place = join(folder, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, content);
  }
}
