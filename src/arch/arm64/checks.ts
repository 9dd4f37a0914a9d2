// What can be known to be wrong with an arm64 kernel's Image where it is to be loaded.
// Linux: Documentation/arm64/booting.rst ("Call the kernel image").

import { hex } from "../../failure.ts";
import type { Segment } from "../../kexec/image.ts";
import type { MachineFacts } from "../../kexec/machine.ts";
import { contains, formatRange, overlap, rangeOfSize } from "../../range.ts";
import { ARM64_ALIGNMENT, arm64Header, packedForm } from "./image.ts";

interface Wrong {
  readonly segment: Segment;
  readonly fact: string;
}

/** `kernel` is entered, or its address is stored in what is entered. Code without an Image's header may lie anywhere. */
export function wrongWithArm64Kernel(
  kernel: Segment,
  segments: readonly Segment[],
  { memory, taken }: MachineFacts,
): Wrong | undefined {
  const wrong = (fact: string): Wrong => ({ segment: kernel, fact });
  const packed = packedForm(kernel.bytes);
  if (packed !== undefined) return wrong(packed);
  const header = arm64Header(kernel.bytes);
  if (header === undefined) return undefined;
  const { textOffset, imageSize } = header;
  if ((kernel.start - textOffset) % ARM64_ALIGNMENT !== 0n) {
    const belongs = textOffset === 0n ? "at " : `${hex(textOffset)} bytes behind `;
    return wrong(`an arm64 Image has to begin ${belongs}a multiple of ${hex(ARM64_ALIGNMENT)}`);
  }
  const needed = rangeOfSize(kernel.start, imageSize);
  const uses = `the kernel takes ${formatRange(needed)} (image_size)`;
  const other = segments.find((segment) => segment !== kernel && overlap(segment, needed));
  if (other !== undefined) return { segment: other, fact: `${uses}: over this segment` };
  if (memory.length > 0 && !memory.some((range) => contains(range, needed)))
    return wrong(`${uses}, not all of it memory`);
  const hit = taken.find((range) => overlap(range, needed));
  return hit && wrong(`${uses}, over ${formatRange(hit)}: ${hit.name}`);
}
