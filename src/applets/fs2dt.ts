// fs2dt: a directory such as /proc/device-tree, or a blob such as /sys/firmware/fdt, as a device tree blob on standard output.

import { numberOf, pairOf, parse, type Applet, type Arguments } from "../applet.ts";
import { blob, MAX_BLOB, versions, type Version } from "../devicetree/blob.ts";
import { openDirectory, treeFromDirectory } from "../devicetree/directory.ts";
import { setBootargs, setInitrd, setUsableMemory } from "../devicetree/edits.ts";
import { treeFromBlob } from "../devicetree/from-blob.ts";
import { dropStale, isArm64Tree, setSeeds } from "../devicetree/handover.ts";
import { hasIts, lpiTables } from "../devicetree/lpi-tables.ts";
import { reportOddities } from "../devicetree/oddities.ts";
import { reservationsOf } from "../devicetree/reservations.ts";
import { child, property, visit, type Node } from "../devicetree/tree.ts";
import { EXIT, Failure, hex, shown, usage } from "../failure.ts";
import { rangeOfSize, shownRange, type MemoryRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { errno, errnoText } from "../sys/errno.ts";
import { CWD, O_NONBLOCK, STDOUT, type System } from "../sys/system.ts";

const DEFAULT_VERSION: Version = 17;

/** Bytes of a blob that is read. Linux maps at most 2 MiB of one (arch/arm64/include/asm/boot.h MAX_FDT_SIZE). */
const LARGEST_SOURCE = 64 * 1024 * 1024;

export const fs2dt: Applet = {
  name: "fs2dt",
  summary: "Flattens a directory's device tree into the blob a kernel expects",
  operands: "DIR|FILE",
  options: [
    { short: "b", long: "address", value: "ADDR", help: "where the blob will lie, a multiple of 8; it reserves itself there; required" },
    { short: "V", long: "version", value: "N", help: "format 1, 2, 3, 16 or 17 (default 17; the fs2dt of 2005 wrote 2)" },
    { short: "B", long: "bootargs", value: "TEXT", help: "replaces the next kernel's command line, /chosen/bootargs" },
    { short: "i", long: "initrd", value: "START,END", help: "sets linux,initrd-start and linux,initrd-end, and reserves that memory" },
    { long: "usable", value: "START,SIZE", help: "confines a crash kernel to this memory" },
    { long: "reserve", value: "START,SIZE[,START,SIZE]...", help: "reserves more memory" },
    { long: "seeds", help: "sets a fresh kaslr-seed and rng-seed in any tree" },
    { long: "secrets", help: "copies security-* properties, otherwise left empty" },
    { long: "strict", help: "a symbolic link in the tree is an error, otherwise passed over" },
    { long: "max-size", value: "BYTES", help: "refuses a larger blob (default 2147483647)" },
    { short: "v", long: "verbose", help: "says on standard error what was written" },
  ],
  notes: `
DIR is followed if it is a symbolic link, nothing below it is. FILE is a blob
of version 16 or 17: /sys/firmware/fdt on a machine with ACPI, which has no
directory. Nodes of a DIR are sorted by unit address. The reserve map holds the
pairs linux,rtas-base + rtas-size, linux,tce-base + linux,tce-size,
linux,initrd-start + linux,initrd-end and opal-base-address +
opal-runtime-size, then the blob itself. The blob is written whole or not at
all.

A tree of arm64 gets a fresh kaslr-seed and a fresh rng-seed; the tables that
a GICv3 goes on using (the kernel's log names them) are reserved, and what was
meant for the running kernel alone is left out: linux,elfcorehdr,
linux,usable-memory-range, linux,ima-kexec-buffer, linux,booted-from-kexec, and
linux,initrd-start and -end unless -i sets them.

  fs2dt -b 0x5000100 /proc/device-tree > blob
`,
  run(system, args) {
    const request = requested(parse(fs2dt.options, args));
    if (system.isTerminal(STDOUT)) throw usage("standard output", "refusing to write binary to a terminal");
    const notice = (place: string, fact: string) => system.say(`fs2dt: ${shown(place)}: ${fact}`);
    const { root, reservations: taken } = readSource(system, request, notice);
    const arm64 = isArm64Tree(root);
    const found = [...taken, ...request.reserve, ...(arm64 ? forArm64(system, root, notice) : [])];
    if (request.seeds || arm64) setSeeds(root, (length) => system.random(length));
    const reservations = [...found, ...edit(root, request), ...reservationsOf(root)];
    reportOddities(root, notice);
    const bytes = blob(root, { ...request, reservations, bootCpu: 0, padding: 0 });
    system.writeAll(STDOUT, bytes, "standard output");
    if (request.verbose) describe(system, root, bytes, request, reservations);
    return EXIT.done;
  },
};

interface Request {
  /** A directory or a blob. */
  readonly source: ByteString;
  readonly address: bigint;
  readonly version: Version;
  readonly bootargs: string | undefined;
  readonly initrd: MemoryRange | undefined;
  readonly usable: MemoryRange | undefined;
  readonly reserve: readonly MemoryRange[];
  readonly seeds: boolean;
  readonly secrets: boolean;
  readonly strict: boolean;
  readonly maxSize: number;
  readonly verbose: boolean;
}

function requested({ given, operands }: Arguments): Request {
  const address = given.get("address");
  if (address === undefined) throw usage("-b", "missing: the address at which the blob will lie");
  if (operands.length !== 1) throw usage("operands", `one directory or blob is needed, ${operands.length} are given`);
  return {
    source: operands[0]!,
    address: alignedAddress(address),
    version: versionOf(given.get("version")),
    bootargs: given.get("bootargs"),
    initrd: initrdOf(given.get("initrd")),
    usable: usableOf(given.get("usable")),
    reserve: reserveOf(given.get("reserve")),
    seeds: given.has("seeds"),
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
  return text === undefined ? undefined : memoryOf("--usable", text);
}

function memoryOf(place: string, text: string): MemoryRange {
  const [start, size] = pairOf(place, text, "START,SIZE");
  if (size === 0n || start + size > 1n << 64n) throw usage(place, `no memory has ${hex(size)} bytes at ${hex(start)}`);
  return rangeOfSize(start, size);
}

function reserveOf(text: string | undefined): MemoryRange[] {
  if (text === undefined) return [];
  const numbers = text.split(",");
  return numbers.flatMap((_, index) =>
    index % 2 === 0 ? [memoryOf("--reserve", numbers.slice(index, index + 2).join(","))] : []);
}

function maxSizeOf(text: string | undefined): number {
  if (text === undefined) return MAX_BLOB;
  const size = numberOf("--max-size", text);
  if (size > BigInt(MAX_BLOB)) throw usage("--max-size", `${size} is more than ${MAX_BLOB}`);
  return Number(size);
}

type Notice = (place: ByteString, fact: string) => void;

interface Source {
  readonly root: Node;
  /** What a blob's reserve map holds besides. */
  readonly reservations: readonly MemoryRange[];
}

function readSource(system: System, request: Request, notice: Notice): Source {
  const { source } = request;
  const directory = openDirectory(system, source);
  if (directory !== -errno.ENOTDIR) {
    return { root: treeFromDirectory(system, source, { ...request, notice }, directory), reservations: [] };
  }
  const descriptor = system.must(system.open(CWD, source, O_NONBLOCK), source);
  const bytes = system.readAll(descriptor, LARGEST_SOURCE);
  system.close(descriptor);
  if (typeof bytes === "number") throw new Failure(source, errnoText(bytes));
  const { root, reservations, size } = treeFromBlob(bytes, source);
  // Of the two that a blob of ours had for itself and for its initrd, one is over and the other comes from the tree.
  const initrds = reservationsOf(root);
  const isOver = ({ start, end }: MemoryRange) =>
    end - start === BigInt(size) || initrds.some((range) => range.start === start && range.end === end);
  return { root, reservations: reservations.filter((range) => !isOver(range)) };
}

/** Drops what the running kernel was told for itself alone; returns the memory that hardware goes on using. */
function forArm64(system: System, root: Node, notice: Notice): MemoryRange[] {
  dropStale(root);
  if (!hasIts(root) || wasToldNoLpis(system, root)) return [];
  const tables = lpiTables(system);
  if (tables.length === 0) {
    notice("/", "a GICv3 ITS, but the kernel's log names no LPI tables: --reserve, or irqchip.gicv3_nolpi=1 at its boot");
  }
  return tables;
}

/** Made for kernels that start others (Documentation/admin-guide/kernel-parameters.txt). */
function wasToldNoLpis(system: System, root: Node): boolean {
  const bootargs = property(child(root, "chosen"), "bootargs") ?? new Uint8Array(0);
  return /\birqchip\.gicv3_nolpi=[1yY]/.test(system.text(bootargs));
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
