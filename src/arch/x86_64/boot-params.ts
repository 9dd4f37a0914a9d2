// How struct boot_params, the zero page, is laid out, and what one says. Its setup header has its own file.
// Linux: Documentation/arch/x86/zero-page.rst, arch/x86/include/uapi/asm/bootparam.h.

import { type MemoryRange, rangeOfSize } from "../../range.ts";
import { FIELD, hasSetupHeader, type KernelNeeds, readKernelNeeds, viewOf } from "./setup-header.ts";

/** Bytes. The command line follows. */
export const BOOT_PARAMS_SIZE = 4096;

/** Offsets of what is in it besides the setup header. */
export const PARAM = {
  screenInfo: 0x000,
  screenInfoEnd: 0x040,
  /** acpi_rsdp_addr, 64 bits. */
  rsdp: 0x070,
  /** The upper 32 bits of fields in the setup header. */
  extRamdiskImage: 0x0c0,
  extRamdiskSize: 0x0c4,
  extCommandLine: 0x0c8,
  edidInfo: 0x140,
  edidInfoEnd: 0x1c0,
  e820Count: 0x1e8,
  /** Where the room for the setup header ends, and edd_mbr_sig_buffer begins. */
  headerRoomEnd: 0x290,
  e820Table: 0x2d0,
} as const;

/** Where the upper half of a number in the setup header is. */
const UPPER = {
  ramdiskImage: PARAM.extRamdiskImage,
  ramdiskSize: PARAM.extRamdiskSize,
  commandLine: PARAM.extCommandLine,
} as const;

/** struct boot_e820_entry: u64 address, u64 size, u32 type, packed. */
export const E820_ENTRY_SIZE = 20;

/** E820_MAX_ENTRIES_ZEROPAGE. What is more goes into setup_data of the type SETUP_E820_EXT. */
export const MOST_E820_ENTRIES = 128;

/** Types of setup_data. */
export const SETUP = { e820Extended: 1, rngSeed: 9 } as const;

/** struct setup_data: u64 next, u32 type, u32 length, then the data. */
export const SETUP_DATA_HEADER = 16;

export interface SetupData {
  /** SETUP_E820_EXT, 1, and its like (arch/x86/include/uapi/asm/setup_data.h). */
  readonly type: number;
  readonly data: Uint8Array;
}

export interface E820Entry extends MemoryRange {
  /** E820_TYPE_RAM, 1, and its like (arch/x86/include/asm/e820/types.h). */
  readonly type: number;
}

export interface BootParams extends KernelNeeds {
  /** Physical address of the command line. */
  readonly commandLine: bigint;
  readonly initrd: MemoryRange | undefined;
}

/** undefined where `bytes` do not begin with boot_params that have a kernel's setup header in them. */
export function readBootParams(bytes: Uint8Array): BootParams | undefined {
  if (bytes.length < BOOT_PARAMS_SIZE || !hasSetupHeader(bytes)) return undefined;
  const view = viewOf(bytes);
  const join = (name: keyof typeof UPPER): bigint =>
    (BigInt(view.getUint32(UPPER[name], true)) << 32n) + BigInt(view.getUint32(FIELD[name], true));
  const initrdSize = join("ramdiskSize");
  const initrd = rangeOfSize(join("ramdiskImage"), initrdSize);
  return {
    ...readKernelNeeds(bytes),
    commandLine: join("commandLine"),
    initrd: initrdSize === 0n ? undefined : initrd,
  };
}

/** Stores a number of which the setup header has room for the lower half only. */
export function storeHalves(
  bytes: Uint8Array,
  name: "ramdiskImage" | "ramdiskSize" | "commandLine",
  value: bigint,
): void {
  const view = viewOf(bytes);
  view.setUint32(FIELD[name], Number(value & 0xffff_ffffn), true);
  view.setUint32(UPPER[name], Number(value >> 32n), true);
}

/**
 * Makes boot_params and all behind them fit another address.
 * @returns whether that can be done: not where they point to what is elsewhere
 */
export function moveBootParams(bytes: Uint8Array, from: bigint, to: bigint): boolean {
  const params = readBootParams(bytes);
  if (params === undefined || readSetupData(bytes, from).lost !== 0n) return false;
  storeHalves(bytes, "commandLine", params.commandLine + to - from);
  const view = viewOf(bytes);
  for (let pointer: number = FIELD.setupData; ; ) {
    const next = view.getBigUint64(pointer, true);
    if (next === 0n) return true;
    view.setBigUint64(pointer, next + to - from, true);
    pointer = Number(next - from);
  }
}

/** Physical address of the ACPI root pointer; 0n where the kernel was told none. */
export function readRsdp(bootParams: Uint8Array): bigint {
  return viewOf(bootParams).getBigUint64(PARAM.rsdp, true);
}

export interface SetupDataList {
  readonly list: readonly SetupData[];
  /**
   * Physical address of the first one that is not all in those bytes, was there before, or lies over others; 0n where
   * the list ends.
   */
  readonly lost: bigint;
}

/**
 * What the setup header points to, as far as it lies in `bytes`, which begin with boot_params.
 * @param address physical, of those bytes
 */
export function readSetupData(bytes: Uint8Array, address: bigint): SetupDataList {
  const view = viewOf(bytes);
  const list: SetupData[] = [];
  const seen = new Set<bigint>();
  // Each byte is of one of them: where they lie over one another they could tell of more than anybody has memory for.
  let left = bytes.length;
  for (let next = view.getBigUint64(FIELD.setupData, true); ; ) {
    const at = Number(next - address);
    const start = at + SETUP_DATA_HEADER;
    if (next === 0n || seen.has(next) || at < 0 || start > bytes.length) return { list, lost: next };
    const data = bytes.subarray(start, start + view.getUint32(at + 12, true));
    left -= SETUP_DATA_HEADER + data.length;
    if (data.length < view.getUint32(at + 12, true) || left < 0) return { list, lost: next };
    list.push({ type: view.getUint32(at + 8, true), data });
    seen.add(next);
    next = view.getBigUint64(at, true);
  }
}

/** The memory map: what is in boot_params, then what `setupData` adds to that. */
export function readE820(bootParams: Uint8Array, setupData: readonly SetupData[]): E820Entry[] {
  const count = Math.min(viewOf(bootParams).getUint8(PARAM.e820Count), MOST_E820_ENTRIES);
  const table = bootParams.subarray(PARAM.e820Table, PARAM.e820Table + E820_ENTRY_SIZE * count);
  const more = setupData.filter(({ type }) => type === SETUP.e820Extended).map(({ data }) => data);
  return [table, ...more].flatMap(readEntries);
}

function readEntries(table: Uint8Array): E820Entry[] {
  const view = viewOf(table);
  return Array.from({ length: Math.floor(table.length / E820_ENTRY_SIZE) }, (_, index) => {
    const at = E820_ENTRY_SIZE * index;
    const range = rangeOfSize(view.getBigUint64(at, true), view.getBigUint64(at + 8, true));
    return { ...range, type: view.getUint32(at + 16, true) };
  });
}
