// fs2dt: a directory such as /proc/device-tree, or a blob such as /sys/firmware/fdt, as a device tree blob on standard output.

import type { Applet } from "../cli/applet.ts";
import { type Arguments, parse } from "../cli/options.ts";
import { addressOf } from "../cli/values.ts";
import { type DeviceTree, propertyCount } from "../devicetree/tree.ts";
import { walk } from "../devicetree/walk.ts";
import { EXIT, usage } from "../failure.ts";
import { EDIT_NOTES, editOptions, parseEdits } from "../options/edits.ts";
import { blobOptions, noticeOn, parseBlobForm, parseReadRules, readOptions } from "../options/trees.ts";
import { formatRange, rangeOfSize } from "../range.ts";
import { makeNextTree, type NextTreeRequest } from "../recipes/next-tree.ts";
import { STDOUT, type System } from "../sys/system.ts";

const fs2dt: Applet = {
  name: "fs2dt",
  summary: "Flatten a device tree into the blob that a kernel expects",
  operands: "-b ADDR DIR|FILE > BLOB",
  options: [
    {
      short: "b",
      long: "address",
      value: "ADDR",
      help: "Set the blob's address, a multiple of 8. The blob reserves its own memory. Required.",
    },
    ...blobOptions,
    ...editOptions,
    ...readOptions,
    { long: "check", help: "Write nothing if dtcheck finds an error." },
    { short: "v", long: "verbose", help: "Print on standard error what was written." },
  ],
  notes: `
DIR may be a symbolic link; links below it are not followed. Its nodes are
sorted by unit address. FILE is a blob, and - is a blob on standard input. A
machine with ACPI has no directory: use /sys/firmware/fdt there.

The reserve map holds linux,rtas-base + rtas-size, linux,tce-base +
linux,tce-size, linux,initrd-start to linux,initrd-end, opal-base-address +
opal-runtime-size, and the blob itself. The blob is written whole or not at
all.

The running kernel's initrd is handed on unless -i or --no-initrd says
otherwise, though its memory has other things by now: a line says so where the
kernel was not told retain_initrd.

${EDIT_NOTES}

A tree of arm64 or riscv64 gets a fresh kaslr-seed and rng-seed. Properties that
are meant for the running kernel only are left out: linux,elfcorehdr,
linux,usable-memory-range, linux,ima-kexec-buffer, linux,booted-from-kexec, and
the initrd's two unless -i sets them. On arm64 the tables that a GICv3 keeps
using are reserved; the kernel's log names them.

In a tree of powerpc linux,crashkernel-base and -size are left out unless the
next kernel's command line has crashkernel=, or an edit has set them: it would
set that memory aside again. The same holds for a linux,memory-limit and mem=.

  fs2dt -b 0x5000100 -i initrd@0x9000000 -B 'console=hvc0' /proc/device-tree
  fs2dt -b 0x5000100 --no-initrd /proc/device-tree > blob
`,
  run(system, args) {
    const given = parse(fs2dt.options, args);
    const request = parseRequest(system, given);
    system.refuseTerminal();
    const { tree, bytes } = makeNextTree(system, request);
    system.writeAll(STDOUT, bytes, "standard output");
    if (given.given.has("verbose")) describe(system, tree, bytes, request);
    return EXIT.done;
  },
};

function parseRequest(system: System, { given, inTurn, operands }: Arguments): NextTreeRequest {
  const address = addressOf(given.get("address"), "blob", 8n);
  const [source, ...more] = operands;
  if (source === undefined || more.length > 0)
    throw usage("operands", `one directory or blob is needed, ${operands.length} are given`);
  return {
    source,
    address,
    form: parseBlobForm(given),
    edits: parseEdits(system, inTurn),
    rules: parseReadRules(given, noticeOn(system, "fs2dt")),
    check: given.has("check"),
  };
}

function describe(system: System, tree: DeviceTree, bytes: Uint8Array, { address, form }: NextTreeRequest): void {
  let nodes = 0;
  let properties = 0;
  walk(tree.root, {
    enter(node) {
      nodes++;
      properties += propertyCount(node);
    },
  });
  system.say(`fs2dt: ${nodes} nodes, ${properties} properties, ${bytes.length} bytes, version ${form.version}`);
  for (const range of [...tree.reservations, rangeOfSize(address, BigInt(bytes.length))]) {
    system.say(`fs2dt: reserves ${formatRange(range)}`);
  }
}

export default fs2dt;
