// The script that starts an image in qemu: text that a person can read and change.

import type { QemuStart } from "../arch/arch.ts";
import { escapeText, hex } from "../failure.ts";
import type { KexecImage, Segment } from "../kexec/image.ts";
import { formatRange } from "../range.ts";

export interface QemuWords {
  readonly program: string;
  /** Values of -M, -cpu, -smp and -m. */
  readonly machine: string;
  readonly cpu: string;
  readonly smp: string;
  readonly memory: string;
  /** What told them, in words. */
  readonly source: string;
}

export const SCRIPT = "run";

/** What the file with a segment's bytes is called. */
export function segmentName(image: KexecImage, segment: Segment): string {
  return `segment-${image.segments.indexOf(segment)}`;
}

/** The segments that have bytes: of the others qemu's memory needs none, which is all zeros. */
export function segmentsWithBytes({ segments }: KexecImage): Segment[] {
  return segments.filter(({ bytes }) => bytes.length > 0);
}

/** @param entry where the image is entered */
export function qemuScript(image: KexecImage, entry: bigint, words: QemuWords, start: QemuStart): string {
  const files = [
    ...start.files.map(({ name, at }) => (typeof at === "bigint" ? loaderWord(name, at) : `-${at} "$folder/${name}"`)),
    ...segmentsWithBytes(image).map((segment) => loaderWord(segmentName(image, segment), segment.start)),
    ...(start.words.length === 0 ? [] : [start.words.join(" ")]),
  ];
  return `#!/bin/sh
# Starts in qemu, with no kernel before it, what kexec would enter. It is yours to change; arguments are added to
# qemu's, and of two that say the same the last counts: ./${SCRIPT} -m 2048 -S -gdb tcp::1234
#
${image.segments.map((segment) => `# ${describeSegment(image, segment)}\n`).join("")}# entry ${hex(entry)}

qemu=${words.program}
# As ${words.source}.
machine=${words.machine}
cpu=${words.cpu}
smp=${words.smp}
memory=${words.memory}

case $0 in
*/*) folder=\${0%/*} ;;
*) folder=. ;;
esac
# In a value of qemu's a comma is doubled.
files=$(printf '%s/' "$folder" | LC_ALL=C sed 's/,/,,/g')

exec "$qemu" -M "$machine" -cpu "$cpu" -smp "$smp" -m "$memory" \\
  -nodefaults -display none -serial mon:stdio -no-reboot \\
${files.map((line) => `  ${line} \\\n`).join("")}  "$@"
`;
}

function loaderWord(name: string, address: bigint): string {
  return `-device "loader,file=\${files}${name},addr=${hex(address)},force-raw=on"`;
}

function describeSegment(image: KexecImage, segment: Segment): string {
  const name = segment.bytes.length === 0 ? "no file" : segmentName(image, segment);
  return `${name}: ${formatRange(segment)}, ${escapeText(segment.from)}`;
}
