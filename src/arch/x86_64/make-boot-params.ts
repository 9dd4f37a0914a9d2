// Makes what a kernel for x86-64 is handed on entry: boot_params, then the command line and the setup_data that they point to.
// Linux: Documentation/arch/x86/zero-page.rst, boot.rst.

import { Failure, hex } from "../../failure.ts";
import { checkedRange, type MemoryRange, roundUp } from "../../range.ts";
import {
  BOOT_PARAMS_SIZE,
  E820_ENTRY_SIZE,
  type E820Entry,
  MOST_E820_ENTRIES,
  PARAM,
  SETUP,
  SETUP_DATA_HEADER,
  type SetupData,
  storeHalves,
} from "./boot-params.ts";
import { RESERVED } from "./e820.ts";
import { reachOf } from "./placement.ts";
import { FIELD, HEADER_START, type SetupHeader, viewOf } from "./setup-header.ts";

/** Bytes of random seed: what the kernel's pool holds (drivers/char/random.c, BLAKE2S_HASH_SIZE). */
export const SEED_SIZE = 32;

const VIDEO_MODE_NORMAL = 0xffff;
/** No number was assigned to us. */
const LOADER_UNDEFINED = 0xff;
const LOADED_HIGH = 1;
/** What Linux maps of one setup_data: NR_FIX_BTMAPS pages of 4 KiB (arch/x86/include/asm/fixmap.h), begun anywhere in the first. */
const MOST_SETUP_DATA = 63 * 4096;
const MOST_EXTENDED = Math.floor((MOST_SETUP_DATA - SETUP_DATA_HEADER) / E820_ENTRY_SIZE);

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
 * boot_params, command line with its NUL, then setup_data: the rest of the memory map where there is one, the seed. Each of
 * these begins at a multiple of 16. What is not told stays 0: the efi_info above all, which without its SETUP_EFI data
 * hangs the kernel silently.
 * @throws Failure for what this kernel cannot take
 */
export function makeBootParams(header: SetupHeader, wishes: BootParamsWishes): Uint8Array {
  const { address, commandLine, initrd, rsdp, running, seed } = wishes;
  const memoryMap = enoughEntries(wishes.memoryMap);
  const rest = memoryMap.slice(MOST_E820_ENTRIES);
  const setupData = [
    ...(rest.length === 0 ? [] : [{ type: SETUP.e820Extended, data: encodeE820(rest) }]),
    { type: SETUP.rngSeed, data: seed },
  ];
  const setupDataAt = alignUp(BOOT_PARAMS_SIZE + commandLine.length + 1);
  const size = setupData.reduce((end, { data }) => alignUp(end) + SETUP_DATA_HEADER + data.length, setupDataAt);
  const bytes = new Uint8Array(size);
  const own = checkedRange(
    address,
    address + BigInt(bytes.length),
    () => new Failure(hex(address), `a zero page of ${hex(bytes.length)} bytes ends above 2^64`),
  );
  refuseWhatDoesNotFit(header, wishes, own.end);
  const view = viewOf(bytes);
  if (running !== undefined) copyScreen(bytes, running);
  bytes.set(header.bytes.subarray(0, PARAM.headerRoomEnd - HEADER_START), HEADER_START);
  view.setBigUint64(PARAM.rsdp, rsdp, true);
  view.setUint16(FIELD.videoMode, VIDEO_MODE_NORMAL, true);
  view.setUint8(FIELD.typeOfLoader, LOADER_UNDEFINED);
  view.setUint8(FIELD.loadFlags, view.getUint8(FIELD.loadFlags) & LOADED_HIGH);
  storeHalves(bytes, "ramdiskImage", initrd?.start ?? 0n);
  storeHalves(bytes, "ramdiskSize", initrd === undefined ? 0n : initrd.end - initrd.start);
  storeHalves(bytes, "commandLine", address + BigInt(BOOT_PARAMS_SIZE));
  const table = memoryMap.slice(0, MOST_E820_ENTRIES);
  view.setUint8(PARAM.e820Count, table.length);
  bytes.set(encodeE820(table), PARAM.e820Table);
  bytes.set(commandLine, BOOT_PARAMS_SIZE);
  writeSetupData(bytes, setupData, setupDataAt, address);
  return bytes;
}

function alignUp(size: number): number {
  return Number(roundUp(BigInt(size), 16n));
}

/** Linux takes a table of one entry for none (append_e820_table), and one without bytes for nothing. */
function enoughEntries(memoryMap: readonly E820Entry[]): readonly E820Entry[] {
  const [only, ...others] = memoryMap;
  if (only === undefined || others.length > 0) return memoryMap;
  return [only, { start: only.end, end: only.end, type: RESERVED }];
}

function encodeE820(entries: readonly E820Entry[]): Uint8Array {
  const bytes = new Uint8Array(E820_ENTRY_SIZE * entries.length);
  const view = viewOf(bytes);
  for (const [index, { start, end, type }] of entries.entries()) {
    const at = E820_ENTRY_SIZE * index;
    view.setBigUint64(at, start, true);
    view.setBigUint64(at + 8, end - start, true);
    view.setUint32(at + 16, type, true);
  }
  return bytes;
}

/** The list, from `at` on, and the pointer to it. */
function writeSetupData(bytes: Uint8Array, list: readonly SetupData[], at: number, address: bigint): void {
  const view = viewOf(bytes);
  let pointer: number = FIELD.setupData;
  let next = at;
  for (const { type, data } of list) {
    const start = alignUp(next);
    view.setBigUint64(pointer, address + BigInt(start), true);
    view.setUint32(start + 8, type, true);
    view.setUint32(start + 12, data.length, true);
    bytes.set(data, start + SETUP_DATA_HEADER);
    // `next` is the first of its fields.
    pointer = start;
    next = start + SETUP_DATA_HEADER + data.length;
  }
}

function copyScreen(bytes: Uint8Array, running: Uint8Array): void {
  const { screenInfo, screenInfoEnd, edidInfo, edidInfoEnd } = PARAM;
  bytes.set(running.subarray(screenInfo, screenInfoEnd), screenInfo);
  bytes.set(running.subarray(edidInfo, edidInfoEnd), edidInfo);
}

function refuseWhatDoesNotFit(header: SetupHeader, wishes: BootParamsWishes, end: bigint): void {
  const { commandLine, initrd, memoryMap } = wishes;
  if (commandLine.length > header.commandLineSize) {
    throw new Failure("command line", `${commandLine.length} bytes, this kernel takes ${header.commandLineSize}`);
  }
  const most = MOST_E820_ENTRIES + MOST_EXTENDED;
  if (memoryMap.length > most) {
    throw new Failure("memory map", `${memoryMap.length} ranges, Linux reads ${most} at most`);
  }
  const reach = reachOf(header);
  if (reach === undefined) return;
  const highest = initrd === undefined || initrd.end < end ? end : initrd.end;
  if (highest > reach.all) {
    throw new Failure(hex(highest), "this kernel takes nothing above 4 GiB (XLF_CAN_BE_LOADED_ABOVE_4G is not set)");
  }
  if (initrd !== undefined && initrd.end > reach.initrd) {
    throw new Failure(hex(initrd.end), `the initrd has to end by ${hex(reach.initrd)} (initrd_addr_max)`);
  }
}
