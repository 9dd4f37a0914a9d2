// What can be known to be wrong with an x86-64 image that our stub enters, by the boot_params that follow the stub.
// Linux, Documentation/arch/x86/boot.rst: kernel_alignment, init_size, xloadflags.

import { hex } from "../../failure.ts";
import { blame, type Check, type Finding } from "../../kexec/check.ts";
import type { KexecImage, Segment } from "../../kexec/image.ts";
import { readKernelAddress, STUB_SIZE } from "../../kexec/stub.ts";
import { stubChecks } from "../../kexec/stub-checks.ts";
import { contains, formatRange, rangeOfSize } from "../../range.ts";
import { BOOT_PARAMS_SIZE, type BootParams, readBootParams } from "./boot-params.ts";
import { FOUR_GIB, hasSetupHeader } from "./setup-header.ts";

export const checks: readonly Check[] = [...stubChecks, { errno: undefined, find: stubWithoutBootParams }];

function stubWithoutBootParams(image: KexecImage): Finding | undefined {
  if (image.stub?.target.stub.followedBy !== "zero page") return undefined;
  const { segment, target } = image.stub;
  const address = segment.start + BigInt(STUB_SIZE);
  const params = readBootParams(segment.bytes.subarray(STUB_SIZE));
  if (params === undefined) {
    const fact = `no zero page at ${hex(address)}, after the ${hex(STUB_SIZE)} bytes of the stub: zeropage makes it`;
    return blame(image, segment, fact);
  }
  const rest = { start: address + BigInt(BOOT_PARAMS_SIZE), end: segment.start + BigInt(segment.bytes.length) };
  if (!contains(rest, rangeOfSize(params.commandLine, 1n))) {
    const fact = `its command line is expected at ${hex(params.commandLine)}, outside this segment`;
    return blame(image, segment, `${fact}: was it made with zeropage -b ${hex(address)}?`);
  }
  return (
    checkInitrd(image, segment, params) ?? checkKernel(image, readKernelAddress(target.stub, segment.bytes), params)
  );
}

function checkInitrd(image: KexecImage, stub: Segment, { initrd }: BootParams): Finding | undefined {
  if (initrd === undefined || image.segments.some((segment) => contains(segment, initrd))) return undefined;
  return blame(image, stub, `the zero page tells of an initrd at ${formatRange(initrd)}, which no segment holds`);
}

/** @param address of the kernel, as the stub has it */
function checkKernel(image: KexecImage, address: bigint, params: BootParams): Finding | undefined {
  const segment = image.segments.find((each) => contains(each, rangeOfSize(address, 1n)));
  // Then the stub has no kernel, and a check before this one has reported it.
  if (segment === undefined) return undefined;
  const wrong = (fact: string) => blame(image, segment, fact);
  if (hasSetupHeader(segment.bytes)) {
    return wrong(
      "is a whole bzImage, with code for real mode at its start: zeropage --kernel gives what can be entered",
    );
  }
  if (params.alignment !== 0 && address % BigInt(params.alignment) !== 0n) {
    return wrong(
      `the kernel's address ${hex(address)} is not a multiple of ${hex(params.alignment)}, its kernel_alignment`,
    );
  }
  if (!params.above4G && segment.end > FOUR_GIB) return wrong("this kernel cannot be loaded above 4 GiB");
  const end = address + BigInt(params.initSize);
  if (segment.end >= end) return undefined;
  // Without it the old kernel may have its page tables there, on which the new one still runs when it writes there.
  const more = end - segment.start - BigInt(segment.bytes.length);
  return wrong(
    `the kernel uses its memory up to ${hex(end)} before it looks around (init_size): -z ${hex(more)} keeps it free`,
  );
}
