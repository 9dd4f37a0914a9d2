// What the next kernel on x86-64 needs besides a stub: its boot_params, and the kernel itself, out of a bzImage.

import { confineMap, cutFromMap, isRam } from "../arch/x86_64/e820.ts";
import { makeBootParams, SEED_SIZE } from "../arch/x86_64/make-boot-params.ts";
import { kernelPiece } from "../arch/x86_64/placement.ts";
import { qemuMemoryMap } from "../arch/x86_64/qemu-memory.ts";
import { type Running, readRunning } from "../arch/x86_64/running.ts";
import { readSetupHeader, type SetupHeader } from "../arch/x86_64/setup-header.ts";
import { Failure, hex } from "../failure.ts";
import { openKernel } from "../kernels/kernel.ts";
import { readIomem } from "../kexec/iomem.ts";
import { setParameter } from "../kexec/parameters.ts";
import { FORM_SPAN, type Piece } from "../kexec/piece.ts";
import { STUB_SIZE } from "../kexec/stub.ts";
import { type MemoryRange, roundDown, roundUp, subtractRanges } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import { readCommandLine } from "./command-line.ts";
import { findAddress } from "./placement.ts";

/** An open bzImage, out of whatever it came in. */
export interface BzImage {
  readonly header: SetupHeader;
  /** The kernel without its setup sectors. */
  readonly pieces: readonly Piece[];
}

/** @throws Failure for what cannot be read, or is no bzImage with a 64-bit entry point */
export function openBzImage(system: System, file: ByteString): BzImage {
  const { setup, pieces, kind, layers, head, length } = openKernel(system, file);
  if (setup !== undefined) return { header: setup, pieces };
  if (kind === "flat" && layers.length === 1) readSetupHeader(file, head.subarray(0, FORM_SPAN), length);
  throw new Failure(file, `not a bzImage: ${layers.join(", ")}`);
}

export interface NextBootParamsWishes {
  /** Where boot_params will lie, a multiple of 16. */
  readonly address: bigint;
  /** The next kernel's command line; undefined: the running one's. */
  readonly bootargs: ByteString | undefined;
  readonly initrd: MemoryRange | undefined;
  /** Physical address of the ACPI root pointer; undefined: as the running kernel knows it. */
  readonly rsdp: bigint | undefined;
  /** Bytes of memory of qemu's machine that it is for; undefined: it is for the running one. */
  readonly qemuMemory?: bigint | undefined;
  /** The memory of a crash kernel, besides what is below 1 MiB; undefined: all that there is. */
  readonly usable?: readonly MemoryRange[] | undefined;
  /** Where a crash kernel's ELF core header is, which is no memory to it; undefined: it has none. */
  readonly coreHeader?: MemoryRange | undefined;
  /** SEED_SIZE bytes; undefined: random ones. */
  readonly seed?: Uint8Array | undefined;
}

export interface NextBootParams {
  /** boot_params, the command line, the seed. */
  readonly bytes: Uint8Array;
  readonly commandLine: Uint8Array;
  readonly running: Running;
  readonly seed: Uint8Array;
}

/** @throws Failure where the running machine does not tell enough, or this kernel cannot take it */
export function nextBootParams(
  system: System,
  { header }: Pick<BzImage, "header">,
  wishes: NextBootParamsWishes,
): NextBootParams {
  const { usable, qemuMemory, rsdp, coreHeader } = wishes;
  const running = qemuMemory === undefined ? readRunning(system, rsdp) : runningInQemu(qemuMemory, rsdp);
  const confined = usable === undefined ? running.memoryMap : confineMap(running.memoryMap, usable);
  const memoryMap = coreHeader === undefined ? confined : cutFromMap(confined, coreHeader);
  const line = wishes.bootargs ?? readCommandLine(system, "-B");
  const next = {
    running: { ...running, memoryMap },
    commandLine: system.bytes(
      coreHeader === undefined ? line : setParameter(line, "elfcorehdr", hex(coreHeader.start)),
    ),
    seed: wishes.seed ?? system.random(SEED_SIZE),
  };
  return { ...next, bytes: placeBootParams(header, next, wishes) };
}

/** What SeaBIOS tells. It leaves the root pointer where every kernel finds it, and of the screen it has nothing to tell. */
function runningInQemu(memory: bigint, rsdp = 0n): Running {
  return { memoryMap: qemuMemoryMap(memory), rsdp, bootParams: undefined };
}

/** The same for another place, of it or of its initrd. */
export function placeBootParams(
  header: SetupHeader,
  { running, commandLine, seed }: Omit<NextBootParams, "bytes">,
  { address, initrd }: Pick<NextBootParamsWishes, "address" | "initrd">,
): Uint8Array {
  const { memoryMap, rsdp, bootParams } = running;
  return makeBootParams(header, { address, initrd, memoryMap, rsdp, commandLine, seed, running: bootParams });
}

/**
 * The lowest address from the kernel's preferred one on where all that it needs is memory, not in use, and neither its
 * initrd's nor that of the stub and of what `next` holds. undefined: nowhere.
 */
export function findKernelAddress(
  system: System,
  { header }: Pick<BzImage, "header">,
  { bytes, running }: NextBootParams,
  { address, initrd, qemuMemory }: NextBootParamsWishes,
): bigint | undefined {
  const iomem = qemuMemory === undefined ? readIomem(system) : undefined;
  const { memory, taken } = iomem ?? { memory: running.memoryMap.filter(isRam), taken: [] };
  const page = BigInt(system.pageSize);
  const own = {
    start: roundDown(address < STUB_SIZE ? 0n : address - BigInt(STUB_SIZE), page),
    end: roundUp(address + BigInt(bytes.length), page),
  };
  return findAddress(subtractRanges(memory, [...taken, own, ...(initrd === undefined ? [] : [initrd])]), {
    ...kernelPiece(header),
  });
}
