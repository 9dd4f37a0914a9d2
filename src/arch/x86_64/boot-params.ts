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

/** struct boot_e820_entry: u64 address, u64 size, u32 type, packed. */
export const E820_ENTRY_SIZE = 20;

/** E820_MAX_ENTRIES_ZEROPAGE. */
export const MOST_E820_ENTRIES = 128;

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
  const join = (low: number, high: number): bigint =>
    (BigInt(view.getUint32(high, true)) << 32n) + BigInt(view.getUint32(low, true));
  const initrdSize = join(FIELD.ramdiskSize, PARAM.extRamdiskSize);
  const initrd = rangeOfSize(join(FIELD.ramdiskImage, PARAM.extRamdiskImage), initrdSize);
  return {
    ...readKernelNeeds(bytes),
    commandLine: join(FIELD.commandLine, PARAM.extCommandLine),
    initrd: initrdSize === 0n ? undefined : initrd,
  };
}

/** Physical address of the ACPI root pointer; 0n where the kernel was told none. */
export function readRsdp(bootParams: Uint8Array): bigint {
  return viewOf(bootParams).getBigUint64(PARAM.rsdp, true);
}

export function readE820(bootParams: Uint8Array): E820Entry[] {
  const view = viewOf(bootParams);
  return Array.from({ length: Math.min(view.getUint8(PARAM.e820Count), MOST_E820_ENTRIES) }, (_, index) => {
    const at = PARAM.e820Table + E820_ENTRY_SIZE * index;
    const range = rangeOfSize(view.getBigUint64(at, true), view.getBigUint64(at + 8, true));
    return { ...range, type: view.getUint32(at + 16, true) };
  });
}
