// The setup header of a bzImage: what a kernel for x86 says of itself, and where in the file the kernel begins.
// Linux, Documentation/arch/x86/boot.rst; the offsets are those of its tables.

import { Failure, hex } from "../../failure.ts";
import formOf from "../../forms.ts";
import { EM_X86_64 } from "../../sys/abi.ts";

/** Offsets of its fields from the start of the file, and from that of boot_params. */
export const FIELD = {
  setupSectors: 0x1f1,
  systemSize: 0x1f4,
  videoMode: 0x1fa,
  jumpDistance: 0x201,
  magic: 0x202,
  version: 0x206,
  typeOfLoader: 0x210,
  loadFlags: 0x211,
  ramdiskImage: 0x218,
  ramdiskSize: 0x21c,
  commandLine: 0x228,
  highestInitrd: 0x22c,
  alignment: 0x230,
  relocatable: 0x234,
  extendedLoadFlags: 0x236,
  commandLineSize: 0x238,
  setupData: 0x250,
  preferredAddress: 0x258,
  initSize: 0x260,
} as const;

/** Where the header begins, in the file and in boot_params alike. */
export const HEADER_START = FIELD.setupSectors;

/** Where there is no bzImage. */
export const VMLINUX_INSTEAD = "begins with an ELF header, as a vmlinux does; the bzImage is arch/x86/boot/bzImage";

/** Bytes from the file's start that hold every header: its length is a byte, the distance of a jump from the magic. */
const HEADER_SPAN = FIELD.magic + 0x100;

const SECTOR = 512;
/** Of setup code where the header says 0. */
const DEFAULT_SECTORS = 4;
/** Of systemSize, in bytes. */
const PARAGRAPH = 16;
/** The first protocol with xloadflags, of Linux 3.8. */
const OLDEST_PROTOCOL = 0x20c;
const XLF_KERNEL_64 = 1;
const XLF_CAN_BE_LOADED_ABOVE_4G = 2;

/** Where memory ends for a kernel without XLF_CAN_BE_LOADED_ABOVE_4G. */
export const FOUR_GIB = 1n << 32n;

/** What a kernel needs, by its setup header. */
export interface KernelNeeds {
  /** The kernel's address is a multiple of it. */
  readonly alignment: number;
  /** The address it was linked for, LOAD_PHYSICAL_ADDR. A kernel that lies lower moves itself there. */
  readonly preferredAddress: bigint;
  /** Whether it runs at its preferred address alone, and moves itself there from anywhere: it is not relocatable. */
  readonly fixed: boolean;
  /** Bytes that it uses from where it runs on, before it looks at the memory map. */
  readonly initSize: number;
  /** Whether kernel, zero page, command line and initrd may lie above 4 GiB. */
  readonly above4G: boolean;
  /** initrd_addr_max: the last address of an initrd where none may lie above 4 GiB; 0 where the kernel says nothing. */
  readonly highestInitrd: number;
  /** The longest command line, without its NUL. */
  readonly commandLineSize: number;
}

export interface SetupHeader extends KernelNeeds {
  /** The header itself, to be copied to HEADER_START of boot_params. */
  readonly bytes: Uint8Array;
  /** Where in the file the kernel that gets loaded begins, after the setup code for real mode. It ends where the file does. */
  readonly kernelStart: number;
}

/** Whether a setup header stands at HEADER_START: in a bzImage, in boot_params. */
export function hasSetupHeader(bytes: Uint8Array): boolean {
  const kind = formOf(bytes)?.kind;
  return bytes.length >= HEADER_SPAN && (kind === "bzImage" || kind === "zero page");
}

/** Of bytes that have a setup header. */
export function readKernelNeeds(bytes: Uint8Array): KernelNeeds {
  const view = viewOf(bytes);
  return {
    alignment: view.getUint32(FIELD.alignment, true),
    preferredAddress: view.getBigUint64(FIELD.preferredAddress, true),
    fixed: view.getUint8(FIELD.relocatable) === 0,
    initSize: view.getUint32(FIELD.initSize, true),
    above4G: (view.getUint16(FIELD.extendedLoadFlags, true) & XLF_CAN_BE_LOADED_ABOVE_4G) !== 0,
    highestInitrd: view.getUint32(FIELD.highestInitrd, true),
    commandLineSize: view.getUint32(FIELD.commandLineSize, true),
  };
}

/**
 * @param file its name, for messages
 * @param start the first FORM_SPAN bytes of the file, or all there are
 * @param size bytes of the whole file
 * @throws Failure for what is no bzImage, has no 64-bit entry point, or is cut off
 */
export function readSetupHeader(file: string, start: Uint8Array, size: number): SetupHeader {
  const view = viewOf(start);
  const other = describeOther(start);
  if (other !== undefined) throw new Failure(file, `not a bzImage: ${other}`);
  const version = view.getUint16(FIELD.version, true);
  if (version < OLDEST_PROTOCOL) {
    throw new Failure(
      file,
      `boot protocol ${formatProtocol(version)}, at least ${formatProtocol(OLDEST_PROTOCOL)} is needed`,
    );
  }
  if ((view.getUint16(FIELD.extendedLoadFlags, true) & XLF_KERNEL_64) === 0) {
    throw new Failure(file, "a kernel without 64-bit entry point");
  }
  const kernelStart = ((view.getUint8(FIELD.setupSectors) || DEFAULT_SECTORS) + 1) * SECTOR;
  const kernelEnd = kernelStart + PARAGRAPH * view.getUint32(FIELD.systemSize, true);
  if (size < kernelEnd) throw new Failure(file, `cut off: ${size} bytes of at least ${kernelEnd}`);
  const headerEnd = FIELD.magic + view.getUint8(FIELD.jumpDistance);
  return { ...readKernelNeeds(start), bytes: start.slice(HEADER_START, headerEnd), kernelStart };
}

/** Also of boot_params, of which the setup header is a part. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** What is no bzImage; undefined for one. */
function describeOther(start: Uint8Array): string | undefined {
  const form = formOf(start);
  if (form?.kind === "bzImage" && start.length >= HEADER_SPAN) return undefined;
  if (form?.kind === "elf" && (form.machine ?? EM_X86_64) === EM_X86_64) {
    return VMLINUX_INSTEAD;
  }
  if (form !== undefined && form.kind !== "bzImage") return form.tell("bzImage");
  return start.length < HEADER_SPAN ? `${start.length} bytes` : `no boot sector with HdrS at ${hex(FIELD.magic)}`;
}

function formatProtocol(version: number): string {
  return `${version >> 8}.${String(version & 0xff).padStart(2, "0")}`;
}
