// fs2dt: a directory such as /proc/device-tree as a device tree blob on standard output.

import { numberOf, pairOf, parse, type Applet, type Arguments } from "../applet.ts";
import { blob, MAX_BLOB, versions, type Version } from "../devicetree/blob.ts";
import { treeFromDirectory } from "../devicetree/directory.ts";
import { setBootargs, setInitrd, setUsableMemory } from "../devicetree/edits.ts";
import { reportOddities } from "../devicetree/oddities.ts";
import { reservationsOf } from "../devicetree/reservations.ts";
import { visit, type Node } from "../devicetree/tree.ts";
import { EXIT, hex, shown, usage } from "../failure.ts";
import { rangeOfSize, shownRange, type MemoryRange } from "../range.ts";
import { STDOUT, type System } from "../sys/system.ts";

const DEFAULT_VERSION: Version = 17;

export const fs2dt: Applet = {
  name: "fs2dt",
  summary: "Flattens a directory's device tree into the blob a kernel expects",
  operands: "DIR",
  options: [
    { short: "b", long: "address", value: "ADDR", help: "where the blob will lie, a multiple of 8; it reserves itself there; required" },
    { short: "V", long: "version", value: "N", help: "format 2, 3, 16 or 17 (default 17; the fs2dt of 2005 wrote 2)" },
    { short: "B", long: "bootargs", value: "TEXT", help: "replaces the next kernel's command line, /chosen/bootargs" },
    { short: "i", long: "initrd", value: "START,END", help: "sets linux,initrd-start and linux,initrd-end, and reserves that memory" },
    { long: "usable", value: "START,SIZE", help: "confines a crash kernel to this memory" },
    { long: "secrets", help: "copies security-* properties, otherwise left empty" },
    { long: "strict", help: "a symbolic link in the tree is an error, otherwise passed over" },
    { long: "max-size", value: "BYTES", help: "refuses a larger blob (default 2147483647)" },
    { short: "v", long: "verbose", help: "says on standard error what was written" },
  ],
  notes: `
DIR is followed if it is a symbolic link, nothing below it is. Nodes are sorted
by unit address. The reserve map holds the pairs linux,rtas-base + rtas-size,
linux,tce-base + linux,tce-size, linux,initrd-start + linux,initrd-end and
opal-base-address + opal-runtime-size, then the blob itself. The blob is
written whole or not at all.

  fs2dt -b 0x5000100 /proc/device-tree > blob
`,
  run(system, args) {
    const request = requested(parse(fs2dt.options, args));
    if (system.isTerminal(STDOUT)) throw usage("standard output", "refusing to write binary to a terminal");
    const notice = (place: string, fact: string) => system.say(`fs2dt: ${shown(place)}: ${fact}`);
    const root = treeFromDirectory(system, request.directory, { ...request, notice });
    const reservations = [...edit(root, request), ...reservationsOf(root)];
    reportOddities(root, notice);
    const bytes = blob(root, { ...request, reservations });
    system.writeAll(STDOUT, bytes, "standard output");
    if (request.verbose) describe(system, root, bytes, request, reservations);
    return EXIT.done;
  },
};

interface Request {
  readonly directory: string;
  readonly address: bigint;
  readonly version: Version;
  readonly bootargs: string | undefined;
  readonly initrd: MemoryRange | undefined;
  readonly usable: MemoryRange | undefined;
  readonly secrets: boolean;
  readonly strict: boolean;
  readonly maxSize: number;
  readonly verbose: boolean;
}

function requested({ given, operands }: Arguments): Request {
  const address = given.get("address");
  if (address === undefined) throw usage("-b", "missing: the address at which the blob will lie");
  if (operands.length !== 1) throw usage("operands", `one directory is needed, ${operands.length} are given`);
  return {
    directory: operands[0]!,
    address: alignedAddress(address),
    version: versionOf(given.get("version")),
    bootargs: given.get("bootargs"),
    initrd: initrdOf(given.get("initrd")),
    usable: usableOf(given.get("usable")),
    secrets: given.has("secrets"),
    strict: given.has("strict"),
    maxSize: maxSizeOf(given.get("max-size")),
    verbose: given.has("verbose"),
  };
}

function alignedAddress(text: string): bigint {
  const address = numberOf("-b", text);
  if (address % 8n !== 0n) throw usage("-b", `${hex(address)} is not a multiple of 8`);
  return address;
}

function versionOf(text: string | undefined): Version {
  if (text === undefined) return DEFAULT_VERSION;
  const version = versions.find((known) => BigInt(known) === numberOf("-V", text));
  if (version === undefined) throw usage("-V", `${text} is none of ${versions.join(" ")}`);
  return version;
}

function initrdOf(text: string | undefined): MemoryRange | undefined {
  if (text === undefined) return undefined;
  const [start, end] = pairOf("-i", text, "START,END");
  if (end <= start) throw usage("-i", `the end ${hex(end)} is not above the start ${hex(start)}`);
  return { start, end };
}

function usableOf(text: string | undefined): MemoryRange | undefined {
  if (text === undefined) return undefined;
  const [start, size] = pairOf("--usable", text, "START,SIZE");
  if (size === 0n || start + size > 1n << 64n) throw usage("--usable", `no memory has ${hex(size)} bytes at ${hex(start)}`);
  return rangeOfSize(start, size);
}

function maxSizeOf(text: string | undefined): number {
  if (text === undefined) return MAX_BLOB;
  const size = numberOf("--max-size", text);
  if (size > BigInt(MAX_BLOB)) throw usage("--max-size", `${size} is more than ${MAX_BLOB}`);
  return Number(size);
}

/** Changes the tree as asked and returns the memory that these changes take. */
function edit(root: Node, { bootargs, initrd, usable }: Request): MemoryRange[] {
  if (bootargs !== undefined) setBootargs(root, bootargs);
  if (initrd !== undefined) setInitrd(root, initrd);
  return usable === undefined ? [] : setUsableMemory(root, usable);
}

function describe(
  system: System, root: Node, bytes: Uint8Array, request: Request, reservations: readonly MemoryRange[],
): void {
  let nodes = 0;
  let properties = 0;
  visit(root, {
    enter(node) {
      nodes++;
      properties += node.properties.length;
    },
  });
  const own = rangeOfSize(request.address, BigInt(bytes.length));
  system.say(`fs2dt: ${nodes} nodes, ${properties} properties, ${bytes.length} bytes, version ${request.version}`);
  for (const range of [...reservations, own]) {
    system.say(`fs2dt: reserves ${shownRange(range)}`);
  }
}
