// The zero page, struct boot_params: what a kernel for x86 is handed on entry, with the command line and the setup_data that
// it points to behind it. Linux: Documentation/arch/x86/zero-page.rst, boot.rst, arch/x86/include/uapi/asm/bootparam.h.

import { Failure, hex } from "../../failure.ts";
import { type MemoryRange, rangeOfSize, roundUp } from "../../range.ts";
import { type E820Entry, ENTRY_COUNT, ENTRY_SIZE, ENTRY_TABLE, MOST_ENTRIES } from "./e820.ts";
import { HEADER_START, hasSetupHeader, type KernelNeeds, kernelNeeds, type SetupHeader } from "./setup-header.ts";

/** Bytes. The command line follows right behind. */
export const ZERO_PAGE_SIZE = 4096;

/** Offset of acpi_rsdp_addr, 64 bits. */
export const RSDP_ADDRESS = 0x070;

/** Bytes of random seed: what the kernel's pool holds (drivers/char/random.c, BLAKE2S_HASH_SIZE). */
export const SEED_SIZE = 32;

/** What the kernel reads behind it is no longer the header (struct boot_params, edd_mbr_sig_buffer). */
const HEADER_ROOM_END = 0x290;

const SCREEN_INFO: readonly [number, number] = [0x000, 0x040];
const EDID_INFO: readonly [number, number] = [0x140, 0x1c0];
const EXT_RAMDISK_IMAGE = 0x0c0;
const EXT_RAMDISK_SIZE = 0x0c4;
const EXT_CMD_LINE_PTR = 0x0c8;
const VID_MODE = 0x1fa;
const TYPE_OF_LOADER = 0x210;
const LOADFLAGS = 0x211;
const RAMDISK_IMAGE = 0x218;
const RAMDISK_SIZE = 0x21c;
const CMD_LINE_PTR = 0x228;
const SETUP_DATA = 0x250;

const VID_MODE_NORMAL = 0xffff;
/** No number was assigned to us. */
const LOADER_UNDEFINED = 0xff;
const LOADED_HIGH = 1;
const SETUP_RNG_SEED = 9;
/** struct setup_data: u64 next, u32 type, u32 length, then the data. */
const SETUP_DATA_HEADER = 16;

export interface ZeroPageWishes {
  /** Where the zero page will lie, a multiple of 16. */
  readonly address: bigint;
  readonly commandLine: Uint8Array;
  readonly initrd: MemoryRange | undefined;
  readonly memoryMap: readonly E820Entry[];
  /** Physical address of the ACPI root pointer, 0n for none. */
  readonly rsdp: bigint;
  /** The running kernel's, for the screen that it found. */
  readonly bootParams: Uint8Array | undefined;
  /** SEED_SIZE random bytes for the next kernel's random numbers. */
  readonly seed: Uint8Array;
}

/**
 * Zero page, command line with its NUL, padding to a multiple of 16, seed. What is not told stays 0: the efi_info above all,
 * which without its SETUP_EFI data hangs the kernel silently.
 * @throws Failure for what this kernel cannot take
 */
export function zeroPage(header: SetupHeader, wishes: ZeroPageWishes): Uint8Array {
  const { address, commandLine, initrd, memoryMap, rsdp, bootParams, seed } = wishes;
  const commandLineEnd = ZERO_PAGE_SIZE + commandLine.length + 1;
  const seedAt = Number(roundUp(BigInt(commandLineEnd), 16n));
  const bytes = new Uint8Array(seedAt + SETUP_DATA_HEADER + seed.length);
  refuseWhatDoesNotFit(header, wishes, address + BigInt(bytes.length));
  const view = new DataView(bytes.buffer);
  for (const [start, end] of [SCREEN_INFO, EDID_INFO]) {
    if (bootParams !== undefined) bytes.set(bootParams.subarray(start, end), start);
  }
  bytes.set(header.bytes.subarray(0, HEADER_ROOM_END - HEADER_START), HEADER_START);
  view.setBigUint64(RSDP_ADDRESS, rsdp, true);
  view.setUint16(VID_MODE, VID_MODE_NORMAL, true);
  bytes[TYPE_OF_LOADER] = LOADER_UNDEFINED;
  bytes[LOADFLAGS]! &= LOADED_HIGH;
  const split = (value: bigint, low: number, high: number): void => {
    view.setUint32(low, Number(value & 0xffff_ffffn), true);
    view.setUint32(high, Number(value >> 32n), true);
  };
  split(initrd?.start ?? 0n, RAMDISK_IMAGE, EXT_RAMDISK_IMAGE);
  split(initrd === undefined ? 0n : initrd.end - initrd.start, RAMDISK_SIZE, EXT_RAMDISK_SIZE);
  split(address + BigInt(ZERO_PAGE_SIZE), CMD_LINE_PTR, EXT_CMD_LINE_PTR);
  writeMemoryMap(view, memoryMap);
  bytes.set(commandLine, ZERO_PAGE_SIZE);
  view.setBigUint64(SETUP_DATA, address + BigInt(seedAt), true);
  view.setUint32(seedAt + 8, SETUP_RNG_SEED, true);
  view.setUint32(seedAt + 12, seed.length, true);
  bytes.set(seed, seedAt + SETUP_DATA_HEADER);
  return bytes;
}

function writeMemoryMap(view: DataView, memoryMap: readonly E820Entry[]): void {
  view.setUint8(ENTRY_COUNT, memoryMap.length);
  memoryMap.forEach(({ start, end, type }, index) => {
    const at = ENTRY_TABLE + ENTRY_SIZE * index;
    view.setBigUint64(at, start, true);
    view.setBigUint64(at + 8, end - start, true);
    view.setUint32(at + 16, type, true);
  });
}

export interface ZeroPageFacts extends KernelNeeds {
  /** Physical address of the command line. */
  readonly commandLine: bigint;
  readonly initrd: MemoryRange | undefined;
}

/** What a zero page says; undefined where `bytes` do not begin with one that has a kernel's setup header in it. */
export function readZeroPage(bytes: Uint8Array): ZeroPageFacts | undefined {
  if (bytes.length < ZERO_PAGE_SIZE || !hasSetupHeader(bytes)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const whole = (low: number, high: number): bigint =>
    (BigInt(view.getUint32(high, true)) << 32n) + BigInt(view.getUint32(low, true));
  const initrdSize = whole(RAMDISK_SIZE, EXT_RAMDISK_SIZE);
  return {
    ...kernelNeeds(bytes),
    commandLine: whole(CMD_LINE_PTR, EXT_CMD_LINE_PTR),
    initrd: initrdSize === 0n ? undefined : rangeOfSize(whole(RAMDISK_IMAGE, EXT_RAMDISK_IMAGE), initrdSize),
  };
}

const FOUR_GIB = 1n << 32n;

function refuseWhatDoesNotFit(header: SetupHeader, wishes: ZeroPageWishes, end: bigint): void {
  const { commandLine, initrd, memoryMap } = wishes;
  if (commandLine.length > header.commandLineSize) {
    throw new Failure("command line", `${commandLine.length} bytes, this kernel takes ${header.commandLineSize}`);
  }
  if (memoryMap.length > MOST_ENTRIES) {
    throw new Failure("memory map", `${memoryMap.length} ranges, the zero page has room for ${MOST_ENTRIES}`);
  }
  if (header.above4G) return;
  const highest = initrd === undefined || initrd.end < end ? end : initrd.end;
  if (highest > FOUR_GIB) {
    throw new Failure(hex(highest), "this kernel takes nothing above 4 GiB (XLF_CAN_BE_LOADED_ABOVE_4G is not set)");
  }
}
