// The modules of a kernel in the order in which they have to be loaded.

import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";
import { findModules } from "../../scripts/modules.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder({ on: "disk" });

/** A module as far as its .modinfo: an ELF file of two sections. */
function module(depends: string): Buffer {
  const names = "\0.modinfo\0.shstrtab\0";
  const info = `license=GPL\0depends=${depends}\0name=x\0`;
  const bytes = Buffer.alloc(64 + names.length + info.length + 3 * 64);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const table = 64 + names.length + info.length;
  bytes.write(names + info, 64, "latin1");
  bytes.writeBigUInt64LE(BigInt(table), 40);
  for (const [at, value] of [
    [58, 64],
    [60, 3],
    [62, 2],
  ] as const)
    bytes.writeUInt16LE(value, at);
  for (const [index, name, offset, size] of [
    [1, 1, 64 + names.length, info.length],
    [2, 10, 64, names.length],
  ] as const) {
    bytes.writeUInt32LE(name, table + 64 * index);
    bytes.writeBigUInt64LE(BigInt(offset), table + 64 * index + 24);
    bytes.writeBigUInt64LE(BigInt(size), table + 64 * index + 32);
  }
  return bytes;
}

function write(path: string, content: Uint8Array | string): void {
  mkdirSync(dirname(folder.in(path)), { recursive: true });
  writeFileSync(folder.in(path), content);
}

function modules(...wanted: readonly string[]): Promise<string[]> {
  return findModules(folder.path, wanted).then(
    (found) => found.map(({ name, content }) => `${name}${content[0] === 0x7f ? "" : ", packed"}`),
    (error) => [String(error.message).replace(folder.path, "@")],
  );
}

test("what a module needs comes first, once, and unpacked, whatever it is compressed with", async () => {
  write("modules.builtin", "kernel/lib/crc16.ko\n");
  write("kernel/a-disk.ko.xz", Bun.spawnSync(["xz", "-c"], { stdin: module("bus_core,ring,crc16") }).stdout);
  write("kernel/deep/ring.ko.zst", Bun.zstdCompressSync(module("bus_core")));
  write("kernel/deep/bus-core.ko.gz", gzipSync(module("")));
  write("kernel/bus-pci.ko", module("bus-core"));
  expect(await modules("bus_pci", "a_disk")).toEqual(["bus_core", "bus_pci", "ring", "a_disk"]);
  expect(await modules("a-disk")).toEqual(["bus_core", "ring", "a_disk"]);
});

test("what is built in is left out", async () => {
  write("modules.builtin", "kernel/drivers/block/virtio_blk.ko\n");
  expect(await modules("virtio-blk")).toEqual([]);
});

test("what is built in is told by a list in a folder below, as in Debian's packages", async () => {
  write("modules.builtin", "");
  write("usr/lib/modules/7.3.4/modules.builtin", "kernel/drivers/virtio/virtio_pci.ko\n");
  expect(await modules("virtio_pci")).toEqual([]);
});

test("one that is not there is told with who needs it, and so is what is no module", async () => {
  write("kernel/disk.ko", module("ring"));
  expect(await modules("disk")).toEqual(["@: no module ring, which disk needs"]);
  expect(await modules("none")).toEqual(["@: no module none, which is asked for"]);
  write("kernel/text.ko", "text");
  expect(await modules("text")).toEqual(["kernel/text.ko: is no kernel module"]);
});
