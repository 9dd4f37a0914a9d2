// gdb on a boot: what makes qemu wait for it, and what a person types.

import { join } from "node:path";
import { type Elf, isElf, PT_LOAD, readElf } from "../../src/elf.ts";
import { Failure, hex } from "../../src/failure.ts";
import { doubleCommas } from "../guest.ts";
import type { Machine } from "../machines/machine.ts";
import { type Addresses, archOf } from "./addresses.ts";

/** Bytes of a socket's name, with its NUL (unix(7)). */
const LONGEST_NAME = 108;

/** Where a guest's gdb connects whose files are in `folder`. */
export function gdbSocket(folder: string): string {
  return join(folder, "gdb");
}

/** @throws Failure for a name that is too long for a socket */
export function gdbWords(socket: string): string[] {
  if (Buffer.byteLength(socket) >= LONGEST_NAME) throw new Failure(socket, "too long for the name of a socket");
  const device = `socket,id=gdb,path=${doubleCommas(socket)},server=on,wait=off`;
  return ["-S", "-chardev", device, "-gdb", "chardev:gdb"];
}

export interface Symbols {
  /** The file with them, for people. */
  readonly file: string;
  /** The virtual address that its first byte was linked for; undefined where the file itself does not say. */
  readonly base: bigint | undefined;
}

/** Of what was given as the kernel: an ELF file has them, a compressed one or an Image has not. */
export function symbolsOf(file: string, bytes: Uint8Array): Symbols {
  if (!isElf(bytes)) return { file: "vmlinux", base: undefined };
  return { file, base: firstAddress(readElf(file, bytes)) };
}

function firstAddress({ headers }: Elf): bigint | undefined {
  return headers.find(({ type }) => type === PT_LOAD)?.address;
}

/** What to type: gdb stops where the image is entered, and knows the kernel's names where they will be. */
export function gdbAdvice(machine: Machine, socket: string, addresses: Addresses, { file, base }: Symbols): string {
  const [what, entry] = archOf(machine).stub === undefined ? ["tree", addresses.kernel] : ["stub", addresses.stub];
  const commands = [...machine.guest.gdb, `target remote ${socket}`, `break *${hex(entry)}`];
  const kernel = BigInt(addresses.kernel);
  const offset = base === undefined ? `${hex(kernel)}-(long)&_text` : hex(BigInt.asUintN(64, kernel - base));
  return `qemu waits for gdb, with no time limit. The ${what} is at ${hex(addresses.stub)}, the kernel at ${hex(kernel)}:

    gdb-multiarch ${commands.map((command) => `-ex '${command}'`).join(" ")}
    continue                                   to the ${what === "stub" ? what : "kernel"}
    symbol-file ${file}
    add-symbol-file ${file} -o ${offset}
                                               the kernel's names, where it was linked to be, and where it is loaded
`;
}
