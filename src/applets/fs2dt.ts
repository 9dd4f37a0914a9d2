// fs2dt: a directory such as /proc/device-tree, or a blob such as /sys/firmware/fdt, as a device tree blob on standard output.

import { archs } from "../arch/archs.ts";
import { type Applet } from "../cli/applet.ts";
import { type Arguments, parse } from "../cli/options.ts";
import { addressOf } from "../cli/values.ts";
import { refuseWhatFails } from "../devicetree/check/checks.ts";
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
  summary: "Flattens a directory's device tree into the blob a kernel expects",
  operands: "DIR|FILE",
  options: [
    {
      short: "b",
      long: "address",
      value: "ADDR",
      help: "where the blob will lie, a multiple of 8; it reserves itself there; required",
    },
    ...blobOptions,
    ...editOptions,
    ...readOptions,
    { long: "check", help: "refuses a tree that dtcheck finds errors in" },
    { short: "v", long: "verbose", help: "says on standard error what was written" },
  ],
  notes: `
DIR is followed if it is a symbolic link, nothing below it is; its nodes are
sorted by unit address. FILE is a blob, - one on standard input:
/sys/firmware/fdt on a machine with ACPI, which has no directory. The reserve
map holds the pairs linux,rtas-base + rtas-size, linux,tce-base +
linux,tce-size, linux,initrd-start + linux,initrd-end and opal-base-address +
opal-runtime-size, then the blob itself. The blob is written whole or not at
all.

${EDIT_NOTES}

A tree of arm64 gets a fresh kaslr-seed and a fresh rng-seed; the tables that
a GICv3 goes on using (the kernel's log names them) are reserved, and what was
meant for the running kernel alone is left out: linux,elfcorehdr,
linux,usable-memory-range, linux,ima-kexec-buffer, linux,booted-from-kexec, and
linux,initrd-start and -end unless -i sets them.

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
    if (request.check) refuseWhatFails(tree, notice);
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
