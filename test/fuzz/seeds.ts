// What the fuzzers begin with: inputs of each target that are sound, made here or by the generators of the tests.

import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import type { Node } from "../../src/devicetree/tree.ts";
import { SEED } from "../support/arbitraries.ts";
import { bzImage } from "../support/bzimage.ts";
import { blobOf, changes, copied, deviceTrees, mutate } from "../support/device-trees.ts";
import {
  arm64Image,
  code,
  elf,
  fit,
  packedForms,
  portableExecutable,
  riscvImage,
  strangers,
  uImage,
  zboot,
} from "../support/forms.ts";
import { listSeeds } from "../support/hostile-dumps.ts";
import { efiImage, signedImage, uImageOf, unifiedImage, zbootImage } from "../support/kernel-files.ts";
import { ARM64, PPC64, RISCV64, X86_64 } from "../support/kexec-machines.ts";
import { USUAL } from "../support/loading.ts";
import { lineFiles } from "../support/option-lines.ts";
import { soundBlobs } from "../support/sound-blobs.ts";
import { cells } from "../support/tree.ts";
import type { Belongings } from "./belongings.ts";

function text(value: string): Uint8Array {
  return Buffer.from(value, "latin1");
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function node(name: string, properties: Readonly<Record<string, Uint8Array | string>>, children: Node[] = []): Node {
  const listed = Object.entries(properties).map(([name, value]) => ({
    name,
    value: typeof value === "string" ? text(value) : value,
  }));
  return { name, properties: listed, children };
}

/** A partition with memory in blocks, a device with interrupts, and what a kernel was told: all that checks and edits look at. */
function richTree(): Uint8Array {
  const root = node(
    "",
    { "#address-cells": cells(2), "#size-cells": cells(2), compatible: "qemu,pseries\0", name: "\0" },
    [
      node("chosen", {
        bootargs: "quiet\0",
        "linux,initrd-start": cells(0, 0x2000000),
        "linux,initrd-end": cells(0, 0x2100000),
        "kaslr-seed": cells(1, 2),
      }),
      node("aliases", { serial0: "/vdevice/vty@71000000\0", alias: "&1\0" }),
      node("memory@0", { device_type: "memory\0", reg: cells(0, 0, 0, 0x10000000) }),
      node("ibm,dynamic-reconfiguration-memory", {
        "ibm,lmb-size": cells(0, 0x10000000),
        "ibm,dynamic-memory": cells(1, 0, 0x10000000, 0x80000001, 0, 0, 8),
      }),
      node("cpus", { "#address-cells": cells(1), "#size-cells": cells(0) }, [
        node("PowerPC,POWER9@0", { device_type: "cpu\0", reg: cells(0), "ibm,ppc-interrupt-server#s": cells(0, 1) }),
      ]),
      node("rtas", {
        "linux,rtas-base": cells(0x3000000),
        "rtas-size": cells(0x1000),
        "linux,rtas-entry": cells(0x3000000),
      }),
      node(
        "vdevice",
        {
          "#address-cells": cells(1),
          "#size-cells": cells(0),
          "interrupt-controller": "",
          "#interrupt-cells": cells(2),
          phandle: cells(1),
        },
        [
          node("vty@71000000", {
            reg: cells(0x71000000),
            interrupts: cells(1, 0),
            "interrupt-parent": cells(1),
            phandle: cells(2),
          }),
        ],
      ),
      node("reserved-memory", { "#address-cells": cells(2), "#size-cells": cells(2), ranges: "" }, [
        node("linux,pool@4000000", { reg: cells(0, 0x4000000, 0, 0x1000), "no-map": "" }),
      ]),
      node("options", { "security-password": "secret\0", "security-mode": "full\0" }),
      node("psci", { method: "hvc\0" }),
    ],
  );
  return blobOf({ root, reservations: [{ start: 0x2000000n, end: 0x2100000n }], address: undefined, bootCpu: 0 });
}

const sample = <T>(from: fc.Arbitrary<T>, numRuns: number): T[] => fc.sample(from, { seed: SEED, numRuns });

function listBlobs(): Uint8Array[] {
  return [...soundBlobs.values(), richTree(), ...sample(deviceTrees(), 12).map((tree) => blobOf(tree))];
}

const EDITS = [
  'set /chosen/bootargs="x"\nset /chosen/n=<1 &{/memory@0}>, "a", [00], /bits/ 64 <1>, &{/}\ndelete /chosen/kaslr-seed\n',
  "add-node /n@1\nset /n@1/reg=<0 1>\nset &{/n@1}/phandle=<9>\nset &9/x\ndelete-node &9\n",
  "bootargs console=hvc0 quiet\ninitrd initrd@0x2000000\nreserve 0x1000,0x2000,0x5000,0x10\nunreserve 0x1000,0x2000\n",
  "no-initrd\nusable 0x2000000,0x1000000\nelfcorehdr 0x2100000,0x1000\nboot-cpu 8\nseeds\n# nothing\n\n",
  "delete-node /vdevice/vty\nset serial0/x\n",
  'set /a\\x2fb/c="\\x00"\ndelete-node /cpus\n',
];

function listPatches(): Uint8Array[] {
  const pairs = sample(fc.tuple(deviceTrees(), changes(1, 6)), 12).map(([tree, some]) =>
    joined(blobOf(tree), blobOf(mutate(copied(tree), some))),
  );
  const [rich, sound] = [richTree(), new Uint8Array(soundBlobs.get(17) ?? [])];
  return [...pairs, joined(rich, sound), joined(sound, rich), joined(rich, rich)];
}

const VALUES = [
  '"a\\n\\x41\\101\\"\\\\", "b"',
  "<1 0x2 03 -1 &label &{/a/b} &0x1f>, <>",
  "[00 ff aB], []",
  "/bits/ 8 <1 255 -128>, /bits/ 16 <0xffff>, /bits/ 64 <0xffffffffffffffff>",
  "&label, &{/a/b@1}, &5",
];

const SCRIPTS = [
  "# a script\nfs2dt -b 0x1000 /proc/device-tree > tree | loadem -a 1 -f tree\n- cat < a >> b\n",
  'a \'b c\' "d \\" \\\\ e" f\\ g \\\n  h\n',
  "cat<out|tr a-z A-Z>>out2 # nothing\n\\\n#b\\\na\n",
  "- x | y | z > 'a'\"b\"c\n2 > a\n",
];

/** What the machines have on which commands are tried. */
export function listBelongings(): Belongings {
  const ofMachines = Object.entries({ ppc64: PPC64, ppc64le: PPC64, aarch64: ARM64, riscv64: RISCV64, x86_64: X86_64 });
  const own = {
    ...lineFiles,
    tree: richTree(),
    kernel: bzImage(),
    Image: arm64Image(),
    "Image.riscv64": riscvImage(),
    vmlinux: flatElf(21, true),
    dump: listSeeds()[0]?.bytes ?? new Uint8Array(0),
    unified: unifiedOf(bzImage(), 0x8664),
    edits: text(EDITS[0] ?? ""),
    initrd: new Uint8Array(0x1235).fill(7),
    "/sys/kernel/kexec_crash_loaded": "0\n",
  };
  return new Map([
    ...ofMachines.flatMap(([machine, { files }]) => listFiles(machine, { ...USUAL, ...files, ...MEMORY })),
    ...listFiles("*", own),
  ]);
}

const MEMORY = { "/proc/meminfo": "MemTotal:        2097152 kB\nMemAvailable:   1048576 kB\n" };

function listFiles(
  machine: string,
  files: Readonly<Record<string, Uint8Array | string | undefined>>,
): [string, Uint8Array][] {
  return Object.entries(files).flatMap(([path, content]): [string, Uint8Array][] => {
    if (content === undefined) return [];
    return [[`${machine} ${path}`, new Uint8Array(typeof content === "string" ? text(content) : content)]];
  });
}

/** An ELF file with one PT_LOAD of 4 KiB. */
function flatElf(machine: number, bigEndian: boolean): Buffer {
  const bytes = elf({ machine, bigEndian });
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const little = !bigEndian;
  view.setBigUint64(24, 0xc000000000000000n, little);
  view.setBigUint64(32, 64n, little);
  view.setUint16(54, 56, little);
  view.setUint16(56, 1, little);
  view.setUint32(64, 1, little);
  view.setUint32(68, 7, little);
  for (const [index, value] of [0x1000n, 0xc000000000000000n, 0n, 0x800n, 0x1800n].entries())
    view.setBigUint64(72 + 8 * index, value, little);
  return bytes;
}

function unifiedOf(kernel: Uint8Array, machine: number): Buffer {
  return unifiedImage(machine, [
    [".osrel", text("ID=x\n")],
    [".cmdline", text("quiet root=/dev/sda\0")],
    [".dtb", richTree()],
    [".initrd", text("070701")],
    [".linux", kernel],
  ]);
}

function listKernels(): Uint8Array[] {
  const image = new Uint8Array(arm64Image());
  const efi = efiImage(new Uint8Array(0x400).fill(9), 0x4000);
  return [
    ...[bzImage({ setupSects: 4, kernel: new Uint8Array(0x200).fill(1) }), image.subarray(0, 0x100), efi],
    ...[flatElf(21, true), flatElf(21, false), flatElf(183, false)],
    ...[unifiedOf(bzImage({ setupSects: 4, kernel: new Uint8Array(0x200) }), 0x8664), unifiedOf(efi, 0xaa64)],
    ...[
      zbootImage(0xaa64, "gzip", gzipSync(efi), efi.length),
      zbootImage(0xaa64, "zstd22", zstdCompressSync(efi), efi.length),
    ],
    ...[zbootImage(0xaa64, "xzkern", text("\xfd7zXZ\0"), 3), zboot("lz4", 0xaa64), zboot("gzip")],
    ...[signedImage(efi, new Uint8Array(64).fill(3)), uImageOf(1, gzipSync(image)), uImage(2, 0), fit()],
    ...[
      gzipSync(flatElf(21, true)),
      zstdCompressSync(flatElf(21, false)),
      gzipSync(gzipSync(image.subarray(0, 0x100))),
    ],
    ...[
      portableExecutable(0x8664, [".linux", ".initrd", ".cmdline"]),
      ...strangers.slice(0, 2).map(([, bytes]) => bytes),
    ],
    ...[...code.slice(0, 2).map(([, bytes]) => bytes), ...packedForms.map(([, , bytes]) => bytes)].map((bytes) =>
      bytes.subarray(0, 0x100),
    ),
  ].map((bytes) => new Uint8Array(bytes));
}

/** Written by `xz --check=crc32`, `xz --format=lzma`. */
const XZ =
  "fd377a585a0000016922de360200210116000000742fe5a3e000ff00125d0030e9b8fff8000000000000000000000000b1c5ad92000128800200009f5c9f3d1f000000000159";

function listPacked(): Uint8Array[] {
  const bytes = Buffer.from("kexecbox ".repeat(40));
  const frames = [
    gzipSync(bytes),
    joined(gzipSync(bytes), gzipSync(bytes)),
    zstdCompressSync(bytes),
    joined(zstdCompressSync(bytes), zstdCompressSync(bytes)),
  ];
  return [...frames, Buffer.from(XZ, "hex"), ...packedForms.map(([, , form]) => form.subarray(0, 64))].map(
    (each) => new Uint8Array(each),
  );
}

const LINES = [
  "ppc64 dtedit --set /chosen/x=<1> -O dts tree -",
  "ppc64le dtedit -i initrd@0x2000000 -B x tree new",
  "aarch64 dtedit -O dir tree new",
  "ppc64 dtdiff --patch tree tree",
  "ppc64 dtdump -a tree /chosen",
  "ppc64 dtcheck --skip reg-format tree",
  "ppc64 fs2dt -b 0x1000000 -V 2 --pad 64 --from edits tree",
  "x86_64 kexec -n --append x --initrd initrd kernel",
  "x86_64 kexec -l --json kernel",
  "x86_64 kexec -p --plan --svg s.svg kernel",
  "x86_64 kexec --qemu dir kernel",
  "x86_64 kexec -s kernel",
  "x86_64 kexec -S",
  "x86_64 kexec -u",
  "x86_64 kexec -e",
  "aarch64 kexec -n --dtb tree Image",
  "ppc64 kexec -n --dtb tree --mem-min 0x1000000 vmlinux",
  "ppc64 loadem -n -a 0x1000000 -e -f page -z 16 -a 0x2000000 -c 0x100 -f odd -4 -r 0x1000 --no-checks",
  "ppc64 kexec -n vmlinux",
  "ppc64le kexec -n --reuse-cmdline --initrd initrd vmlinux",
  "ppc64 kexec -S",
  "ppc64 fs2dt -b 0x1000000 -i initrd@0x2000000 /proc/device-tree",
  "ppc64le dtdump -a /proc/device-tree",
  "ppc64 dtdiff /proc/device-tree tree",
  "ppc64 loadem -n -a 0x1000000 -e -f vmlinux",
  "aarch64 kexec -n Image",
  "riscv64 kexec -n Image.riscv64",
  "riscv64 loadem -n -r 0x1000 -a 0x90000000 -f blob -a 0x90200000 -e -f Image.riscv64",
  "ppc64 loadem --json -n -a 0x1000000 -w --poke 0x5c=1 --endian little -e -s",
  "x86_64 loadem -a 0x1000000 -e -f page --diagnose",
  "x86_64 zeropage -b 0x4400100 -B x -i 0x4600000,0x469e5c4 --rsdp 0 --seed 00 kernel",
  "x86_64 zeropage --qemu 1024 -b 0x1000 -v kernel",
  "x86_64 elfcorehdr -b 0x10000000 --without 0x1000,0x1000 -v",
  "x86_64 vmcore --copy out dump",
  "x86_64 vmcore --json dump",
  "x86_64 vmcore-dmesg dump",
  "ppc64 v2wrap --machine arm64",
  "x86_64 cat edits tree",
  "x86_64 echo a b",
  "x86_64 ls /sys",
  "x86_64 init",
  "x86_64 insmod page a=b",
  "x86_64 poweroff",
  "x86_64 --list",
  "x86_64 kexec --help",
  "x86_64 fs2dt --version",
].map((line) => text(line.split(" ").join("\n")));

const FACTS = [
  "00001000-0009fbff : System RAM\n00100000-7ffdffff : System RAM\n  01000000-01ffffff : Kernel code\n  10000000-1fffffff : Crash kernel\n",
  "quiet root=/dev/sda crashkernel=256M mem=1G\n",
  "MemTotal: 2097152 kB\nMemAvailable: 1048576 kB\n",
  "Name:\tx\nCapEff:\t000001ffffffffff\n",
  "0\n",
].join("\0");

/** Only the live tree's files, which come last, and are odd: none has a byte that is zero. */
const TREE_FACTS = ["\0".repeat(12), "\x01".repeat(16), "memory", "\x01\x01\x01\x01", "\x03", "", "\x01"].join("\0");

/** By the name of the target. */
export const seeds: Readonly<Record<string, () => Uint8Array[]>> = {
  blobs: listBlobs,
  edits: () => EDITS.map((edits) => joined(richTree(), text(edits))),
  patches: listPatches,
  values: () => VALUES.map(text),
  scripts: () => SCRIPTS.map(text),
  lines: () => LINES,
  kernels: listKernels,
  packed: listPacked,
  dumps: () => listSeeds().map(({ bytes }) => bytes),
  facts: () => [text(FACTS), text("\0quiet\0"), text(TREE_FACTS)],
};
