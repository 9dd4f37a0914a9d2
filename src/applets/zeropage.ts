// zeropage: the zero page that an x86 kernel expects on entry, or the kernel out of a bzImage, on standard output.

import { SEED_SIZE } from "../arch/x86_64/make-boot-params.ts";
import type { KernelNeeds } from "../arch/x86_64/setup-header.ts";
import type { Applet } from "../cli/applet.ts";
import { type Arguments, parse } from "../cli/options.ts";
import { addressOf, numberOf } from "../cli/values.ts";
import { EXIT, hex, usage } from "../failure.ts";
import { pieceSize } from "../kexec/piece.ts";
import { INITRD_FORM, parseInitrd } from "../options/initrd.ts";
import { qemuMemoryOf } from "../options/qemu-memory.ts";
import { RANGES, rangeOf, rangesOf } from "../options/ranges.ts";
import { formatRange } from "../range.ts";
import { writePieces } from "../recipes/extract-kernel.ts";
import {
  type BzImage,
  findKernelAddress,
  type NextBootParams,
  type NextBootParamsWishes,
  nextBootParams,
  openBzImage,
} from "../recipes/next-boot-params.ts";
import type { ByteString } from "../sys/engine.ts";
import { STDOUT, type System } from "../sys/system.ts";

const zeropage: Applet = {
  name: "zeropage",
  summary: "Write the boot_params (zero page) that an x86-64 kernel expects",
  operands: "-b ADDR BZIMAGE > FILE",
  options: [
    {
      short: "b",
      long: "address",
      value: "ADDR",
      help: "Set the zero page's address, a multiple of 16. The command line and a random seed follow the page. Required.",
    },
    {
      short: "B",
      long: "bootargs",
      value: "TEXT",
      help: "Set the next kernel's command line (default: the running kernel's).",
    },
    { short: "i", long: "initrd", value: INITRD_FORM, help: "Set the memory of the next kernel's initrd." },
    {
      long: "rsdp",
      value: "ADDR",
      help: "Set the ACPI root pointer (default: from EFI's system table, else from the running kernel's zero page).",
    },
    {
      long: "usable",
      value: RANGES,
      help: "Confine a crash kernel to this memory and what is below 1 MiB: the rest is left out of the memory map.",
    },
    {
      long: "elfcorehdr",
      value: "START,SIZE",
      help: "Tell a crash kernel where the ELF core header is: set elfcorehdr= on its command line, and leave that memory out of the memory map.",
    },
    {
      long: "qemu",
      value: "MIB",
      help: "Make it for qemu's q35 with so much memory and its BIOS, not for the running machine. -B is required then.",
    },
    { long: "seed", value: "HEX", help: "Set the 32 bytes of the next kernel's random seed (default: random ones)." },
    {
      long: "kernel",
      help: "Write the kernel itself instead: BZIMAGE without its setup sectors. No other option goes with it.",
    },
    { short: "v", long: "verbose", help: "Print on standard error what was written, and what the kernel needs." },
  ],
  notes: `
The zero page is made from BZIMAGE's setup header, the firmware's memory map
(/sys/firmware/memmap), and what the running kernel was told about ACPI and
the screen. It is written whole or not at all. -v says where the kernel may
lie, and how much memory it needs after its own bytes: give that to loadem -z.

  zeropage --kernel bzImage > kernel
  zeropage -b 0x5000100 -i initrd@0x6000000 -B console=ttyS0 bzImage | \\
    loadem -a 0x5000000 -e -w -s -a 0x1000000 -c 0xf8 -f kernel \\
      -z 0x25f5840 -a 0x6000000 -f initrd -r 0x1000
`,
  run(system, args) {
    const request = parseRequest(system, parse(zeropage.options, args));
    system.refuseTerminal();
    const image = openBzImage(system, request.file);
    if (request.wishes === undefined) {
      writePieces(system, image.pieces, STDOUT, "standard output");
      return EXIT.done;
    }
    const next = nextBootParams(system, image, request.wishes);
    system.writeAll(STDOUT, next.bytes, "standard output");
    if (request.verbose) describe(system, image, next, request.wishes);
    return EXIT.done;
  },
};

interface Request {
  /** The bzImage. */
  readonly file: ByteString;
  /** undefined: the kernel itself is wanted. */
  readonly wishes: NextBootParamsWishes | undefined;
  readonly verbose: boolean;
}

function parseRequest(system: System, { given, operands }: Arguments): Request {
  const [file, ...more] = operands;
  if (file === undefined || more.length > 0) {
    throw usage("operands", `one bzImage is needed, ${operands.length} are given`);
  }
  if (given.has("kernel")) {
    const other = [...given.keys()].find((name) => name !== "kernel");
    if (other !== undefined) throw usage(`--${other}`, "does not go with --kernel");
    return { file, wishes: undefined, verbose: false };
  }
  const initrd = given.get("initrd");
  const rsdp = given.get("rsdp");
  const usable = given.get("usable");
  const coreHeader = given.get("elfcorehdr");
  const seed = given.get("seed");
  const qemu = given.get("qemu");
  if (qemu !== undefined && !given.has("bootargs")) {
    throw usage("-B", "needed with --qemu: the running kernel's command line is another machine's");
  }
  const wishes = {
    address: addressOf(given.get("address"), "zero page", 16n),
    bootargs: given.get("bootargs"),
    initrd: initrd === undefined ? undefined : parseInitrd(system, initrd),
    rsdp: rsdp === undefined ? undefined : numberOf("--rsdp", rsdp),
    qemuMemory: qemu === undefined ? undefined : qemuMemoryOf("--qemu", qemu),
    usable: usable === undefined ? undefined : rangesOf("--usable", usable),
    coreHeader: coreHeader === undefined ? undefined : rangeOf("--elfcorehdr", coreHeader),
    seed: seed === undefined ? undefined : parseSeed(seed),
  };
  return { file, wishes, verbose: given.has("verbose") };
}

function parseSeed(text: ByteString): Uint8Array {
  if (text.length !== 2 * SEED_SIZE || !/^[0-9a-f]*$/i.test(text)) {
    throw usage("--seed", `'${text}' is not ${2 * SEED_SIZE} hexadecimal digits`);
  }
  return Uint8Array.from({ length: SEED_SIZE }, (_, index) =>
    Number.parseInt(text.slice(2 * index, 2 * index + 2), 16),
  );
}

function describe(system: System, image: BzImage, next: NextBootParams, wishes: NextBootParamsWishes): void {
  const { commandLine, running, bytes } = next;
  const map = `${running.memoryMap.length} memory ranges`;
  const rsdp = running.rsdp === 0n ? "no RSDP" : `RSDP ${hex(running.rsdp)}`;
  system.say(`zeropage: ${map}, ${rsdp}, command line of ${commandLine.length} bytes, ${bytes.length} bytes`);
  const length = image.pieces.reduce((sum, piece) => sum + pieceSize(piece), 0);
  const more = Math.max(0, image.header.initSize - length);
  const where = describePlace(image.header, findKernelAddress(system, image, next, wishes));
  system.say(`zeropage: the kernel is ${hex(length)} bytes and needs ${hex(more)} more (-z), ${where}`);
  const { initrd } = wishes;
  if (initrd !== undefined) system.say(`zeropage: the initrd is expected at ${formatRange(initrd)}`);
}

/** @param address where there is room for the kernel */
function describePlace(
  { alignment, preferredAddress, fixed, above4G }: KernelNeeds,
  address: bigint | undefined,
): string {
  const start = hex(preferredAddress);
  const multiple = `multiple of ${hex(alignment)}`;
  const at = address === undefined ? "but has no room at" : "at";
  if (fixed) return `${at} ${start}, the one place for it`;
  const bound = above4G ? "" : " below 4 GiB";
  if (address === undefined) return `${at} a ${multiple} from ${start} on${bound}`;
  return `${at} ${hex(address)} or a higher ${multiple}${bound}`;
}

export default zeropage;
