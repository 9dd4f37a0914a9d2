// Makes what a kernel for x86-64 is handed on entry: boot_params, then the command line and the setup_data that they point to.
// Linux: Documentation/arch/x86/zero-page.rst, boot.rst.

import { Failure, hex } from "../../failure.ts";
import { type MemoryRange, roundUp } from "../../range.ts";
import { BOOT_PARAMS_SIZE, E820_ENTRY_SIZE, type E820Entry, MOST_E820_ENTRIES, PARAM } from "./boot-params.ts";
import { FIELD, FOUR_GIB, HEADER_START, type SetupHeader } from "./setup-header.ts";

/** Bytes of random seed: what the kernel's pool holds (drivers/char/random.c, BLAKE2S_HASH_SIZE). */
export const SEED_SIZE = 32;

const VIDEO_MODE_NORMAL = 0xffff;
/** No number was assigned to us. */
const LOADER_UNDEFINED = 0xff;
const LOADED_HIGH = 1;
const SETUP_RNG_SEED = 9;
/** struct setup_data: u64 next, u32 type, u32 length, then the data. */
const SETUP_DATA_HEADER = 16;

export interface BootParamsWishes {
  /** Where boot_params will lie, a multiple of 16. */
  readonly address: bigint;
  readonly commandLine: Uint8Array;
  readonly initrd: MemoryRange | undefined;
  readonly memoryMap: readonly E820Entry[];
  /** Physical address of the ACPI root pointer, 0n for none. */
  readonly rsdp: bigint;
  /** The running kernel's boot_params, for the screen that it found. */
  readonly running: Uint8Array | undefined;
  /** SEED_SIZE random bytes for the next kernel's random numbers. */
  readonly seed: Uint8Array;
}

/**
 * boot_params, command line with its NUL, padding to a multiple of 16, seed. What is not told stays 0: the efi_info above
 * all, which without its SETUP_EFI data hangs the kernel silently.
 * @throws Failure for what this kernel cannot take
 */
export function makeBootParams(header: SetupHeader, wishes: BootParamsWishes): Uint8Array {
  const { address, commandLine, initrd, memoryMap, rsdp, running, seed } = wishes;
  const commandLineEnd = BOOT_PARAMS_SIZE + commandLine.length + 1;
  const seedAt = Number(roundUp(BigInt(commandLineEnd), 16n));
  const bytes = new Uint8Array(seedAt + SETUP_DATA_HEADER + seed.length);
  refuseWhatDoesNotFit(header, wishes, address + BigInt(bytes.length));
  const view = new DataView(bytes.buffer);
  if (running !== undefined) copyScreen(bytes, running);
  bytes.set(header.bytes.subarray(0, PARAM.headerRoomEnd - HEADER_START), HEADER_START);
  view.setBigUint64(PARAM.rsdp, rsdp, true);
  view.setUint16(FIELD.videoMode, VIDEO_MODE_NORMAL, true);
  view.setUint8(FIELD.typeOfLoader, LOADER_UNDEFINED);
  view.setUint8(FIELD.loadFlags, view.getUint8(FIELD.loadFlags) & LOADED_HIGH);
  const split = (value: bigint, low: number, high: number): void => {
    view.setUint32(low, Number(value & 0xffff_ffffn), true);
    view.setUint32(high, Number(value >> 32n), true);
  };
  split(initrd?.start ?? 0n, FIELD.ramdiskImage, PARAM.extRamdiskImage);
  split(initrd === undefined ? 0n : initrd.end - initrd.start, FIELD.ramdiskSize, PARAM.extRamdiskSize);
  split(address + BigInt(BOOT_PARAMS_SIZE), FIELD.commandLine, PARAM.extCommandLine);
  writeE820(view, memoryMap);
  bytes.set(commandLine, BOOT_PARAMS_SIZE);
  view.setBigUint64(FIELD.setupData, address + BigInt(seedAt), true);
  view.setUint32(seedAt + 8, SETUP_RNG_SEED, true);
  view.setUint32(seedAt + 12, seed.length, true);
  bytes.set(seed, seedAt + SETUP_DATA_HEADER);
  return bytes;
}

function copyScreen(bytes: Uint8Array, running: Uint8Array): void {
  const { screenInfo, screenInfoEnd, edidInfo, edidInfoEnd } = PARAM;
  bytes.set(running.subarray(screenInfo, screenInfoEnd), screenInfo);
  bytes.set(running.subarray(edidInfo, edidInfoEnd), edidInfo);
}

function writeE820(view: DataView, memoryMap: readonly E820Entry[]): void {
  view.setUint8(PARAM.e820Count, memoryMap.length);
  for (const [index, { start, end, type }] of memoryMap.entries()) {
    const at = PARAM.e820Table + E820_ENTRY_SIZE * index;
    view.setBigUint64(at, start, true);
    view.setBigUint64(at + 8, end - start, true);
    view.setUint32(at + 16, type, true);
  }
}

function refuseWhatDoesNotFit(header: SetupHeader, wishes: BootParamsWishes, end: bigint): void {
  const { commandLine, initrd, memoryMap } = wishes;
  if (commandLine.length > header.commandLineSize) {
    throw new Failure("command line", `${commandLine.length} bytes, this kernel takes ${header.commandLineSize}`);
  }
  if (memoryMap.length > MOST_E820_ENTRIES) {
    throw new Failure("memory map", `${memoryMap.length} ranges, the zero page has room for ${MOST_E820_ENTRIES}`);
  }
  if (header.above4G) return;
  const highest = initrd === undefined || initrd.end < end ? end : initrd.end;
  if (highest > FOUR_GIB) {
    throw new Failure(hex(highest), "this kernel takes nothing above 4 GiB (XLF_CAN_BE_LOADED_ABOVE_4G is not set)");
  }
}
