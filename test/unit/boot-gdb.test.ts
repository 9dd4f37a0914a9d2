// What a person types to debug a boot.

import { expect, test } from "bun:test";
import { gdbAdvice, gdbWords, symbolsOf } from "../../scripts/boot/gdb.ts";
import { machineOf } from "../../scripts/machines/machines.ts";
import { Failure } from "../../src/failure.ts";

const ADDRESSES = { stub: 0x5000000, tree: 0x5000100, kernel: 0x6000000, initrd: 0x7000000 };

function commandsOf(...args: Parameters<typeof gdbAdvice>): string[] {
  return (
    gdbAdvice(...args)
      .match(/^ {4}\S.*$/gm)
      ?.map((line) => line.trim()) ?? []
  );
}

/** A big endian ELF file of 64 bits with one PT_LOAD, which has no bytes. */
function elfFile(machine: number, address: bigint): Uint8Array {
  const bytes = Buffer.alloc(64 + 56);
  bytes.write("\x7fELF\x02\x02\x01", "latin1");
  bytes.writeUInt16BE(machine, 18);
  bytes.writeBigUInt64BE(64n, 32);
  bytes.writeUInt16BE(56, 54);
  bytes.writeUInt16BE(1, 56);
  bytes.writeUInt32BE(1, 64);
  bytes.writeBigUInt64BE(address, 64 + 16);
  return bytes;
}

test("an ELF kernel's names are moved by numbers, modulo 2^64", () => {
  const elf = elfFile(21, 0xc000000000000000n);
  expect(commandsOf(machineOf("ppc64le"), "/x/gdb", ADDRESSES, symbolsOf("/k", elf))).toEqual([
    "gdb-multiarch -ex 'set architecture powerpc:common64' -ex 'set endian big' -ex 'target remote /x/gdb' -ex 'break *0x5000000'",
    "continue                                   to the stub",
    "symbol-file /k",
    "add-symbol-file /k -o 0x4000000006000000",
  ]);
});

test("of another file gdb finds out itself where its vmlinux begins", () => {
  const { file, base } = symbolsOf("/boot/Image", new Uint8Array(64));
  expect({ file, base }).toEqual({ file: "vmlinux", base: undefined });
  expect(commandsOf(machineOf("arm64-small"), "/x/gdb", ADDRESSES, { file, base }).slice(2)).toEqual([
    "symbol-file vmlinux",
    "add-symbol-file vmlinux -o 0x6000000-(long)&_text",
  ]);
});

test("where no stub is needed gdb stops at the kernel", () => {
  const { file, base } = symbolsOf("/boot/Image", new Uint8Array(64));
  expect(commandsOf(machineOf("riscv64"), "/x/gdb", ADDRESSES, { file, base }).slice(0, 2)).toEqual([
    "gdb-multiarch -ex 'set architecture riscv:rv64' -ex 'target remote /x/gdb' -ex 'break *0x6000000'",
    "continue                                   to the kernel",
  ]);
});

test("qemu waits, and a comma in the socket's name is doubled", () => {
  expect(gdbWords("/a,b/gdb")).toEqual([
    "-S",
    "-chardev",
    "socket,id=gdb,path=/a,,b/gdb,server=on,wait=off",
    "-gdb",
    "chardev:gdb",
  ]);
  expect(() => gdbWords(`/${"x".repeat(107)}`)).toThrow(Failure);
  expect(gdbWords(`/${"x".repeat(106)}`)).toHaveLength(5);
});
