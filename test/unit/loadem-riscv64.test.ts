// What loadem knows of a riscv64 machine, whose kernel itself hands the tree over, and of its kernels.

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type LoadRun, loadem, type Pretended, segmentOf, WITHOUT_TREE, withoutPlace } from "../support/loading.ts";
import { makeTree, type Tree } from "../support/tree.ts";

const folder = temporaryFolder();

const IOMEM = `10000000-100000ff : 10000000.serial
80000000-bfffffff : System RAM
  80000000-8007ffff : Reserved
  80202000-81ebefff : Kernel code
  a0000000-a00fffff : Reserved
  b0000000-b7ffffff : Crash kernel
`;

const VIRT: Pretended = {
  machine: "riscv64",
  files: { ...WITHOUT_TREE, "/proc/iomem": IOMEM, "/proc/meminfo": "MemTotal:  1048576 kB\n" },
};

/** An Image of 8 KiB that takes 4 MiB. */
function image(): Buffer {
  const bytes = Buffer.alloc(0x2000, 0x13);
  bytes.writeBigUInt64LE(0x20_0000n, 8);
  bytes.writeBigUInt64LE(0x40_0000n, 16);
  bytes.write("RISCV\0\0\0RSC\x05", 48, "latin1");
  return bytes;
}

const CPU: Tree = [
  ["device_type", "cpu\0"],
  ["riscv,isa", "rv64imafdc\0"],
];

function tree(address: string, ...options: string[]): Buffer {
  const path = folder.in(`tree${Bun.randomUUIDv7()}`);
  makeTree(path, [["cpus", [["cpu@0", CPU]]]]);
  return runInside({ machine: "riscv64" }, "fs2dt", "-b", address, ...options, path).out;
}

function load(words: string, stdin = tree("0x90000000")): LoadRun {
  writeFileSync(folder.in("Image"), image());
  writeFileSync(folder.in("page"), Buffer.alloc(0x1000, 1));
  const paths = words.split(" ").map((word) => word.replace(/^@/, `${folder.path}/`));
  return loadem(folder.path, { ...VIRT, stdin }, "-r", "0x1000", ...paths);
}

const KERNEL = "-a 0x80200000 -e -f @Image";
const TREE = "-a 0x90000000 -s";

/** What it says; nothing was loaded. */
function refusal({ code, err, changes }: LoadRun): string {
  expect({ code, changes }).toEqual({ code: 1, changes: [] });
  return withoutPlace(err)
    .replaceAll(`${folder.path}/`, "")
    .replace(/^loadem: (segment (\d) \(.*?\)|all segments): /, "$2 ")
    .trim();
}

test("a tree in a segment of its own, and an Image that is entered, are loaded as they are", () => {
  const { code, err, loads } = load(`${TREE} ${KERNEL}`);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(loads[0]?.entry).toBe(0x8020_0000n);
  expect(segmentOf(loads[0], 0).bytes.readUInt32BE(0)).toBe(0xd00dfeed);
  expect(segmentOf(loads[0], 1).bytes.equals(image())).toBe(true);
});

test("an entry at an odd byte is refused, and one at two bytes is none of loadem's business", () => {
  writeFileSync(folder.in("one"), "x");
  writeFileSync(folder.in("two"), "xy");
  expect(refusal(load(`${TREE} -a 0x84000000 -f @one -e -f @page`))).toBe(
    "loadem: entry 0x84000001: is not a multiple of 2",
  );
  expect(load(`${TREE} -a 0x84000000 -f @two -e -f @page`).err).not.toContain("multiple");
});

test("an image without a tree is refused, and one whose tree does not begin its segment", () => {
  const rule = "the kernel takes the first segment that begins with a device tree blob";
  expect(refusal(load(KERNEL))).toBe(`none begins with a device tree blob: ${rule}`);
  expect(refusal(load(`-a 0x90000000 -f @page -s ${KERNEL}`))).toBe(
    `0 its device tree blob is at 0x90001000, and ${rule}`,
  );
});

test("an Image is refused anywhere but at a multiple of 2 MiB", () => {
  expect(refusal(load(`${TREE} -a 0x80201000 -e -f @Image`))).toBe(
    "1 a riscv64 Image has to begin at a multiple of 0x200000",
  );
});

test("an Image is refused where it grows over a segment, over what is taken, out of memory, or out of the crash kernel's", () => {
  const takes = (range: string) => `the kernel takes ${range} (image_size)`;
  expect(refusal(load(`${TREE} ${KERNEL} -a 0x805ff000 -f @page`))).toBe(
    `2 ${takes("0x80200000-0x80600000")}: over this segment`,
  );
  expect(refusal(load(`${TREE} -a 0x9fe00000 -e -f @Image`))).toBe(
    `1 ${takes("0x9fe00000-0xa0200000")}, over 0xa0000000-0xa0100000: Reserved`,
  );
  expect(refusal(load(`${TREE} -a 0xbfe00000 -e -f @Image`))).toBe(
    `1 ${takes("0xbfe00000-0xc0200000")}, not all of it memory`,
  );
  expect(refusal(load("-p -a 0xb0000000 -s -a 0xb7e00000 -e -f @Image", tree("0xb0000000")))).toBe(
    `1 ${takes("0xb7e00000-0xb8200000")}, not within the crash kernel's memory 0xb0000000-0xb8000000`,
  );
});

test("OpenSBI's memory is refused", () => {
  expect(refusal(load(`-a 0x80000000 -s ${KERNEL}`, tree("0x80000000")))).toBe(
    "0 lies over 0x80000000-0x80080000, which is taken: Reserved",
  );
});

test("the tree's initrd is held against what is loaded, and its size against what Linux maps", () => {
  const initrd = tree("0x90000000", "-i", "0x91000000,0x91001000");
  expect(refusal(load(`${TREE} ${KERNEL}`, initrd))).toStartWith(
    "0 the tree tells of an initrd at 0x91000000-0x91001000, which no segment holds",
  );
  expect(load(`${TREE} ${KERNEL} -a 0x91000000 -f @page`, initrd).code).toBe(0);
  expect(refusal(load(`${TREE} ${KERNEL}`, tree("0x90000000", "--pad", "2097152")))).toMatch(
    /^0 the device tree blob has 0x[0-9a-f]+ bytes, and Linux maps no more than 0x200000 of one$/,
  );
});

test("an initrd in the last 2 MiB of the kernel's, behind its own memory, is refused", () => {
  const image = (size: bigint) => {
    const bytes = Buffer.alloc(0x2000, 0x13);
    bytes.writeBigUInt64LE(size, 16);
    bytes.write("RISCV\0\0\0RSC\x05", 48, "latin1");
    return bytes;
  };
  writeFileSync(folder.in("odd"), image(0x30_0000n));
  const words = (initrd: string) => `${TREE} -a 0x80200000 -e -f @odd -a ${initrd} -f @page`;
  const told = (initrd: string) => tree("0x90000000", "-i", `${initrd},0x${(Number(initrd) + 0x1000).toString(16)}`);
  expect(refusal(load(words("0x805ff000"), told("0x805ff000")))).toBe(
    "2 the kernel reserves 0x80200000-0x80600000 for itself, and takes no initrd from there",
  );
  expect(load(words("0x80600000"), told("0x80600000")).code).toBe(0);
});

test("the tree in place of the kernel is refused, without a word of a stub", () => {
  expect(refusal(load("-a 0x90000000 -e -s -a 0x80200000 -f @Image"))).toBe(
    "0 a device tree blob, no code: -e goes after the -a of the kernel",
  );
  expect(refusal(load(`-a 0x90000000 -s -e -z 0x1000 -a 0x80200000 -f @Image`))).toBe(
    "0 at 0x90000140: no bytes are entered: -e goes after the -a of the kernel",
  );
});

test("-w is refused: no stub is needed", () => {
  expect(load(`-a 0x90000000 -w -s ${KERNEL}`)).toMatchObject({
    code: 2,
    err: "loadem: -w: riscv64 needs no stub: the running kernel itself hands a tree over\n",
  });
});
