// What is entered but known never to be code: each machine puts these first among its checks, in its own words.

import { isFit } from "../devicetree/format.ts";
import { hex } from "../failure.ts";
import formOf, { type Form } from "../forms.ts";
import { blame, type Check, type EnteredCode, type Finding, findEnteredCode } from "./check.ts";
import type { MachineFacts } from "./facts.ts";
import type { KexecImage, Segment } from "./image.ts";
import { STUB_SIZE } from "./stub.ts";
import { isForStub } from "./stub-checks.ts";

/** What a machine's kernels come in. */
export interface KernelFile {
  /** The machine's name. */
  readonly machine: string;
  /** What is unpacked: `Image`. */
  readonly product: string;
  /** What has to be done with that, as the end of a sentence; "" where it can be entered. */
  readonly finish: string;
  /** The byte order of what can be entered; undefined: either. */
  readonly endian?: "little";
  /** Whether kernels are entered without a stub. */
  readonly isBare?: true;
  /** What there is to say of a form of this machine's own, "" where it can be entered; undefined: as everywhere. */
  judge?(form: Form, by: EnteredCode["by"]): string | undefined;
}

export function formCheck(own: KernelFile): Check {
  return { name: "form", errno: undefined, find: (image, facts) => enteredForm(image, facts, own) };
}

/** @param step what addresses of a machine's instructions are multiples of, in bytes */
export function entryAlignment(step: bigint): Check {
  return { name: "entry-alignment", errno: undefined, find: (image) => findUnalignedEntry(image, step) };
}

function findUnalignedEntry({ entry }: KexecImage, step: bigint): Finding | undefined {
  if (entry === undefined || entry % step === 0n) return undefined;
  return { place: `entry ${hex(entry)}`, fact: `is not a multiple of ${step}` };
}

function enteredForm(image: KexecImage, facts: MachineFacts, own: KernelFile): Finding | undefined {
  for (const code of findEnteredCode(image)) {
    const fact = judge(code, facts, own);
    if (fact === undefined) continue;
    const where = code.address === code.segment.start ? "" : `at ${hex(code.address)}: `;
    return blame(image, code.segment, where + fact);
  }
  return undefined;
}

function judge(code: EnteredCode, { elfMachine }: MachineFacts, own: KernelFile): string | undefined {
  const { by, segment, bytes } = code;
  if (bytes.length === 0) return tellZeros(by, segment, own);
  const form = formOf(bytes);
  if (form === undefined) return undefined;
  if (form.machine !== undefined && form.machine !== elfMachine)
    return `${form.what}, but this machine is ${own.machine}`;
  if (form.bigEndian && own.endian !== undefined) return `${form.what}, but code is entered in little endian here`;
  const fact = own.judge?.(form, by);
  if (fact !== undefined) return fact === "" ? undefined : fact;
  switch (form.kind) {
    case "elf":
      return "begins with an ELF header, not with code: objcopy -O binary makes what can be entered";
    case "device tree blob":
      if (isFit(bytes)) return "a FIT (U-Boot): dumpimage -T flat_dt takes the kernel out";
      return tellData(form, code, own);
    case "zero page":
    case "initramfs":
      return tellData(form, code, own);
    default:
      return form.tell(own.product, own.finish);
  }
}

const ENTER_KERNEL = "-e goes after the -a of the kernel";

/** What no file holds. Zeros may be entered by whoever wants that, but they are no kernel. */
function tellZeros(by: EnteredCode["by"], { bytes }: Segment, { isBare }: KernelFile): string | undefined {
  if (isBare) return isForStub(bytes) ? `no bytes are entered: ${ENTER_KERNEL}` : undefined;
  if (by === "stub") return "nothing but zeros, no kernel: -f puts it there";
  return by === "kexec" && isForStub(bytes) ? "no bytes are entered: -e -w goes before -s" : undefined;
}

/** Other code may want the address of such a thing. */
function tellData(
  { what, kind }: Form,
  { by, segment, address }: EnteredCode,
  { isBare }: KernelFile,
): string | undefined {
  if (by === "code") return undefined;
  if (isBare) return `${what}, no code: ${ENTER_KERNEL}`;
  if (by === "stub") return `${what}, no kernel: -c goes after the -a of the kernel`;
  const isBehindStub = address === segment.start + BigInt(STUB_SIZE);
  const advice = isBehindStub ? ": -e goes before the -w" : ": -w before it puts the stub there";
  return `${what}, no code${kind === "initramfs" ? "" : advice}`;
}
