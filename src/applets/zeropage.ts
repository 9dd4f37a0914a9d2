// zeropage: the zero page that an x86 kernel expects on entry, or the kernel out of a bzImage, on standard output.

import { SEED_SIZE, zeroPage } from "../arch/x86_64/boot-params.ts";
import { runningMachine } from "../arch/x86_64/running.ts";
import { HEADER_SPAN, type SetupHeader, setupHeader } from "../arch/x86_64/setup-header.ts";
import { type Applet } from "../cli/applet.ts";
import { type Arguments, parse } from "../cli/options.ts";
import { addressOf, numberOf } from "../cli/values.ts";
import { EXIT, Failure, hex, usage } from "../failure.ts";
import { INITRD_FORM, initrdRange } from "../options/initrd.ts";
import { formatRange, type MemoryRange } from "../range.ts";
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
      help: "Say where the zero page will lie, a multiple of 16. The command line and a random seed follow it. Required.",
    },
    {
      short: "B",
      long: "bootargs",
      value: "TEXT",
      help: "Set the next kernel's command line (default: the running kernel's).",
    },
    { short: "i", long: "initrd", value: INITRD_FORM, help: "Say where the next kernel's initrd will lie." },
    {
      long: "rsdp",
      value: "ADDR",
      help: "Set the ACPI root pointer (default: from EFI's system table, else from the running kernel's zero page).",
    },
    {
      long: "kernel",
      help: "Write the kernel itself instead: BZIMAGE without its setup sectors. No other option goes with it.",
    },
    { short: "v", long: "verbose", help: "Say on standard error what was written, and what the kernel needs." },
  ],
  notes: `
The zero page is made from BZIMAGE's setup header, the firmware's memory map
(/sys/firmware/memmap), and what the running kernel was told about ACPI and
the screen. It is written whole or not at all. -v says where the kernel may
lie, and how much memory it needs after its own bytes: give that to loadem -z.

  zeropage --kernel bzImage > kernel
  zeropage -b 0x5000100 -i 0x6000000,0x60d1a40 -B console=ttyS0 bzImage | \\
    loadem -a 0x5000000 -e -w -s -a 0x1000000 -c 0xf8 -f kernel \\
      -z 0x25f5840 -a 0x6000000 -f initrd -r 0x1000
`,
  run(system, args) {
    const request = requested(system, parse(zeropage.options, args));
    system.refuseTerminal();
    const image = openedImage(system, request.file);
    if (request.kind === "kernel") {
      system.writeAll(STDOUT, kernelIn(system, image), "standard output");
      return EXIT.done;
    }
    const running = runningMachine(system, request.rsdp);
    const commandLine = system.bytes(request.bootargs ?? runningCommandLine(system));
    const seed = system.random(SEED_SIZE);
    const bytes = zeroPage(image.header, { ...request, ...running, commandLine, seed });
    system.writeAll(STDOUT, bytes, "standard output");
    if (request.verbose) {
      const map = `${running.memoryMap.length} memory ranges`;
      const rsdp = running.rsdp === 0n ? "no RSDP" : `RSDP ${hex(running.rsdp)}`;
      system.say(`zeropage: ${map}, ${rsdp}, command line of ${commandLine.length} bytes, ${bytes.length} bytes`);
      describe(system, image, request.initrd);
    }
    return EXIT.done;
  },
};

interface PageRequest {
  readonly kind: "page";
  readonly file: ByteString;
  readonly address: bigint;
  readonly bootargs: ByteString | undefined;
  readonly initrd: MemoryRange | undefined;
  readonly rsdp: bigint | undefined;
  readonly verbose: boolean;
}

function requested(
  system: System,
  { given, operands }: Arguments,
): PageRequest | { readonly kind: "kernel"; readonly file: ByteString } {
  if (operands.length !== 1) throw usage("operands", `one bzImage is needed, ${operands.length} are given`);
  const file = operands[0]!;
  if (given.has("kernel")) {
    const other = [...given.keys()].find((name) => name !== "kernel");
    if (other !== undefined) throw usage(`--${other}`, "does not go with --kernel");
    return { kind: "kernel", file };
  }
  const initrd = given.get("initrd");
  const rsdp = given.get("rsdp");
  return {
    kind: "page",
    file,
    address: addressOf(given.get("address"), "zero page", 16n),
    bootargs: given.get("bootargs"),
    initrd: initrd === undefined ? undefined : initrdRange(system, initrd),
    rsdp: rsdp === undefined ? undefined : numberOf("--rsdp", rsdp),
    verbose: given.has("verbose"),
  };
}

interface OpenedImage {
  readonly file: ByteString;
  readonly descriptor: number;
  readonly size: number;
  readonly header: SetupHeader;
}

function openedImage(system: System, file: ByteString): OpenedImage {
  const { descriptor, status } = system.mustOpenFile(file);
  const size = Number(status.size);
  const start = new Uint8Array(HEADER_SPAN);
  const got = system.must(system.read(descriptor, start, 0, start.length), file);
  return { file, descriptor, size, header: setupHeader(file, start.subarray(0, got), size) };
}

/** A view of the mapped file: 14 MB of kernel cost no heap. */
function kernelIn(system: System, { file, descriptor, size, header }: OpenedImage): Uint8Array {
  const memory = system.allocate(size, file);
  system.mapOver(memory, 0, descriptor, size, file);
  return memory.subarray(header.kernelStart, size);
}

function runningCommandLine(system: System): ByteString {
  const place = "/proc/cmdline";
  const bytes = system.readIfThere(place);
  if (bytes === undefined) throw new Failure(place, "cannot be read: -B TEXT says the command line");
  return system.text(bytes).replace(/\n$/, "");
}

function describe(system: System, { header, size }: OpenedImage, initrd: MemoryRange | undefined): void {
  const { alignment, initSize, kernelStart, preferredAddress } = header;
  const length = size - kernelStart;
  const more = Math.max(0, initSize - length);
  const places = `${hex(preferredAddress)} or another multiple of ${hex(alignment)}`;
  system.say(`zeropage: the kernel is ${hex(length)} bytes and needs ${hex(more)} more (-z), at ${places}`);
  if (initrd !== undefined) system.say(`zeropage: the initrd is expected at ${formatRange(initrd)}`);
}

export default zeropage;
