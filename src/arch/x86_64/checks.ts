// What can be known to be wrong with an x86-64 image that our stub enters, by the zero page behind the stub.
// Linux, Documentation/arch/x86/boot.rst: kernel_alignment, init_size, xloadflags.

import { hex } from "../../failure.ts";
import type { Segment } from "../../kexec/image.ts";
import { STUB_SIZE } from "../../kexec/stub.ts";
import { contains, formatRange, rangeOfSize } from "../../range.ts";
import { BOOT_PARAMS_SIZE, type BootParams, readBootParams } from "./boot-params.ts";
import { hasSetupHeader } from "./setup-header.ts";

interface Wrong {
  readonly segment: Segment;
  readonly fact: string;
}

const FOUR_GIB = 1n << 32n;

/**
 * @param stub the segment that begins with the stub
 * @param kernel the address in the stub, which lies in another of `segments`
 */
export function wrongWithZeroPage(stub: Segment, kernel: bigint, segments: readonly Segment[]): Wrong | undefined {
  const address = stub.start + BigInt(STUB_SIZE);
  const page = readBootParams(stub.bytes.subarray(STUB_SIZE));
  if (page === undefined) {
    const fact = `no zero page at ${hex(address)}, behind the ${hex(STUB_SIZE)} bytes of the stub: zeropage makes it`;
    return { segment: stub, fact };
  }
  const behind = { start: address + BigInt(BOOT_PARAMS_SIZE), end: stub.start + BigInt(stub.bytes.length) };
  if (!contains(behind, rangeOfSize(page.commandLine, 1n))) {
    const fact = `its command line is expected at ${hex(page.commandLine)}, outside this segment`;
    return { segment: stub, fact: `${fact}: was it made with zeropage -b ${hex(address)}?` };
  }
  return wrongWithInitrd(stub, page, segments) ?? wrongWithKernel(kernel, page, segments);
}

function wrongWithInitrd(stub: Segment, { initrd }: BootParams, segments: readonly Segment[]): Wrong | undefined {
  if (initrd === undefined || segments.some((segment) => contains(segment, initrd))) return undefined;
  return { segment: stub, fact: `the zero page tells of an initrd at ${formatRange(initrd)}, which no segment holds` };
}

function wrongWithKernel(address: bigint, page: BootParams, segments: readonly Segment[]): Wrong | undefined {
  const segment = segments.find((each) => contains(each, rangeOfSize(address, 1n)))!;
  const wrong = (fact: string): Wrong => ({ segment, fact });
  if (hasSetupHeader(segment.bytes)) {
    return wrong(
      "is a whole bzImage, with code for real mode at its start: zeropage --kernel gives what can be entered",
    );
  }
  if (address % BigInt(page.alignment) !== 0n) {
    return wrong(
      `the kernel's address ${hex(address)} is not a multiple of ${hex(page.alignment)}, its kernel_alignment`,
    );
  }
  if (!page.above4G && segment.end > FOUR_GIB) return wrong("this kernel cannot be loaded above 4 GiB");
  const end = address + BigInt(page.initSize);
  if (segment.end >= end) return undefined;
  // Without it the old kernel may have its page tables there, on which the new one still runs when it writes there.
  const more = end - segment.start - BigInt(segment.bytes.length);
  return wrong(
    `the kernel uses its memory up to ${hex(end)} before it looks around (init_size): -z ${hex(more)} keeps it free`,
  );
}
