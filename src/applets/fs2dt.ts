// fs2dt: a directory such as /proc/device-tree, or a blob such as /sys/firmware/fdt, as a device tree blob on standard output.

import { archs } from "../arch/archs.ts";
import { type Applet } from "../cli/applet.ts";
import { type Arguments, parse } from "../cli/options.ts";
import { addressOf } from "../cli/values.ts";
import { refuseErrors } from "../devicetree/check/checks.ts";
import { reportOddities } from "../devicetree/check/oddities.ts";
import { readTree } from "../devicetree/from/source.ts";
import { reservationsOf } from "../devicetree/reservations.ts";
import { blob } from "../devicetree/to/blob.ts";
import { type DeviceTree, propertyCount } from "../devicetree/tree.ts";
import { walk } from "../devicetree/walk.ts";
import { EXIT, usage } from "../failure.ts";
import { EDIT_NOTES, type Edit, editOptions, editsOf } from "../options/edits.ts";
import { type BlobForm, blobFormOf, blobOptions, noticesOf, readOptions, readRulesOf } from "../options/trees.ts";
import { formatRange, type MemoryRange, rangeOfSize, sameRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
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
      help: "Say where the blob will lie, a multiple of 8. It reserves its own memory. Required.",
    },
    ...blobOptions,
    ...editOptions,
    ...readOptions,
    { long: "check", help: "Write nothing if dtcheck finds an error." },
    { short: "v", long: "verbose", help: "Say on standard error what was written." },
  ],
  notes: `
DIR may be a symbolic link; links below it are not followed. Its nodes are
sorted by unit address. FILE is a blob, and - is a blob on standard input. A
machine with ACPI has no directory: take /sys/firmware/fdt there.

The reserve map holds linux,rtas-base + rtas-size, linux,tce-base +
linux,tce-size, linux,initrd-start to linux,initrd-end, opal-base-address +
opal-runtime-size, and the blob itself. The blob is written whole or not at
all.

${EDIT_NOTES}

A tree of arm64 gets a fresh kaslr-seed and rng-seed. The tables that a GICv3
keeps using are reserved; the kernel's log names them. What only the running
kernel was meant to see is left out: linux,elfcorehdr,
linux,usable-memory-range, linux,ima-kexec-buffer, linux,booted-from-kexec, and
the initrd's place unless -i sets it.

  fs2dt -b 0x5000100 /proc/device-tree > blob
  fs2dt -b 0x5000100 -i initrd@0x8000000 -B 'console=hvc0' /proc/device-tree
`,
  run(system, args) {
    const given = parse(fs2dt.options, args);
    const request = requested(system, given);
    system.refuseTerminal();
    const notice = noticesOf(system, "fs2dt");
    const tree = readTree(system, request.source, readRulesOf(given.given, notice));
    const owner = archs.find(({ handOver }) => handOver?.recognize(tree.root));
    owner?.handOver?.apply(system, tree, notice);
    for (const edit of request.edits) edit(tree);
    tree.address = request.address;
    tree.reservations = [...tree.reservations, ...without(reservationsOf(tree.root), tree.reservations)];
    reportOddities(tree.root, notice);
    if (request.check) refuseErrors(tree, notice);
    const bytes = blob(tree.root, { ...tree, ...request.form });
    system.writeAll(STDOUT, bytes, "standard output");
    if (request.verbose) describe(system, tree, bytes, request.form);
    return EXIT.done;
  },
};

interface Request {
  /** A directory or a blob. */
  readonly source: ByteString;
  readonly address: bigint;
  readonly form: BlobForm;
  readonly edits: readonly Edit[];
  readonly check: boolean;
  readonly verbose: boolean;
}

function requested(system: System, { given, inTurn, operands }: Arguments): Request {
  const address = addressOf(given.get("address"), "blob", 8n);
  if (operands.length !== 1) throw usage("operands", `one directory or blob is needed, ${operands.length} are given`);
  return {
    source: operands[0]!,
    address,
    form: blobFormOf(given),
    edits: editsOf(system, inTurn),
    check: given.has("check"),
    verbose: given.has("verbose"),
  };
}

function without(ranges: readonly MemoryRange[], others: readonly MemoryRange[]): MemoryRange[] {
  return ranges.filter((range) => !others.some((other) => sameRange(range, other)));
}

function describe(system: System, tree: DeviceTree, bytes: Uint8Array, { version }: BlobForm): void {
  let nodes = 0;
  let properties = 0;
  walk(tree.root, {
    enter(node) {
      nodes++;
      properties += propertyCount(node);
    },
  });
  system.say(`fs2dt: ${nodes} nodes, ${properties} properties, ${bytes.length} bytes, version ${version}`);
  for (const range of [...tree.reservations, rangeOfSize(tree.address!, BigInt(bytes.length))]) {
    system.say(`fs2dt: reserves ${formatRange(range)}`);
  }
}

export default fs2dt;
