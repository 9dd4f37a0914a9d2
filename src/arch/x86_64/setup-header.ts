// The setup header of a bzImage: what a kernel for x86 says of itself, and where in the file the kernel begins.
// Linux, Documentation/arch/x86/boot.rst; the offsets are those of its tables.

import { isElf } from "../../elf.ts";
import { Failure, hex } from "../../failure.ts";

/** Where the header begins, in the file and in the zero page alike. */
export const HEADER_START = 0x1f1;

/** Bytes from the file's start that hold every header: its length is a byte, counted from 0x202. */
export const HEADER_SPAN = 0x202 + 0x100;

const SECTOR = 512;
const BOOT_FLAG = 0xaa55;
/** "HdrS". */
const MAGIC = 0x53726448;
/** The first protocol with xloadflags, of Linux 3.8. */
const OLDEST_PROTOCOL = 0x20c;
const XLF_KERNEL_64 = 1;
const XLF_CAN_BE_LOADED_ABOVE_4G = 2;

/** What a kernel needs, by its setup header. */
export interface KernelNeeds {
  /** The kernel's address is a multiple of it. */
  readonly alignment: number;
  /** The address it was linked for. */
  readonly preferredAddress: bigint;
  /** Bytes from its address on that it uses before it looks at the memory map. */
  readonly initSize: number;
  /** Whether kernel, zero page, command line and initrd may lie above 4 GiB. */
  readonly above4G: boolean;
  /** The longest command line, without its NUL. */
  readonly commandLineSize: number;
}

export interface SetupHeader extends KernelNeeds {
  /** The header itself, to be copied to HEADER_START of the zero page. */
  readonly bytes: Uint8Array;
  /** Where in the file the kernel is that gets loaded, behind the setup code for real mode: up to its end. */
  readonly kernelStart: number;
}

/** Whether a setup header stands at HEADER_START: in a bzImage, in a zero page. */
export function hasSetupHeader(bytes: Uint8Array): boolean {
  const view = viewOf(bytes);
  return (
    bytes.length >= HEADER_SPAN && view.getUint16(0x1fe, true) === BOOT_FLAG && view.getUint32(0x202, true) === MAGIC
  );
}

/** Of bytes that have a setup header. */
export function kernelNeeds(bytes: Uint8Array): KernelNeeds {
  const view = viewOf(bytes);
  return {
    alignment: view.getUint32(0x230, true),
    preferredAddress: view.getBigUint64(0x258, true),
    initSize: view.getUint32(0x260, true),
    above4G: (view.getUint16(0x236, true) & XLF_CAN_BE_LOADED_ABOVE_4G) !== 0,
    commandLineSize: view.getUint32(0x238, true),
  };
}

/**
 * @param file its name, for messages
 * @param start the first HEADER_SPAN bytes of the file, or all there are
 * @param size bytes of the whole file
 * @throws Failure for what is no bzImage, has no 64-bit entry point, or is cut off
 */
export function setupHeader(file: string, start: Uint8Array, size: number): SetupHeader {
  const view = viewOf(start);
  if (!hasSetupHeader(start)) throw new Failure(file, `not a bzImage${whatItIs(start)}`);
  const version = view.getUint16(0x206, true);
  if (version < OLDEST_PROTOCOL) {
    throw new Failure(
      file,
      `boot protocol ${shownProtocol(version)}, at least ${shownProtocol(OLDEST_PROTOCOL)} is needed`,
    );
  }
  if ((view.getUint16(0x236, true) & XLF_KERNEL_64) === 0)
    throw new Failure(file, "a kernel without 64-bit entry point");
  const kernelStart = ((start[0x1f1]! || 4) + 1) * SECTOR;
  const kernelEnd = kernelStart + 16 * view.getUint32(0x1f4, true);
  if (size < kernelEnd) throw new Failure(file, `cut off: ${size} bytes of at least ${kernelEnd}`);
  return { ...kernelNeeds(start), bytes: start.slice(HEADER_START, 0x202 + start[0x201]!), kernelStart };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The kernels that people have instead. */
function whatItIs(start: Uint8Array): string {
  const view = viewOf(start);
  if (view.byteLength < HEADER_SPAN) return `: ${view.byteLength} bytes`;
  if (isElf(start)) return ": begins with an ELF header, as a vmlinux does; the bzImage is arch/x86/boot/bzImage";
  if (view.getUint16(0) === 0x1f8b) return ": compressed with gzip";
  return `: no boot sector with HdrS at ${hex(0x202)}`;
}

function shownProtocol(version: number): string {
  return `${version >> 8}.${String(version & 0xff).padStart(2, "0")}`;
}
