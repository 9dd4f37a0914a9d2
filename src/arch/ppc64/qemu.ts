// How an image is started in qemu's pseries machine with no kernel before it: by firmware of our own, which negotiates
// what the next kernel's tree says was negotiated, and with RTAS where that tree says that it is (stub/ppc64/README.md).

import firmwareWords from "../../../stub/ppc64/qemu-firmware.hex" with { type: "text" };
import rtasWords from "../../../stub/ppc64/qemu-rtas.hex" with { type: "text" };
import { cellIn, numberIn, takerOf, u32Value } from "../../devicetree/cells.ts";
import { isCpu } from "../../devicetree/check/check.ts";
import { DYNAMIC_MEMORY } from "../../devicetree/drmem.ts";
import { treeFromBlob } from "../../devicetree/from/blob.ts";
import { allMemoryOf, isMemory, isMemoryName, memoryCells, memoryRanges } from "../../devicetree/memory.ts";
import { stringsOf, textOf } from "../../devicetree/strings.ts";
import { child, childOrNew, type DeviceTree, type Node, property, setProperty } from "../../devicetree/tree.ts";
import { hex } from "../../failure.ts";
import type { Finding } from "../../kexec/check.ts";
import type { KexecImage } from "../../kexec/image.ts";
import { parseWords } from "../../kexec/stub.ts";
import { largestOf } from "../../number.ts";
import {
  contains,
  type MemoryRange,
  mergeRanges,
  min,
  type NamedRange,
  rangeOfSize,
  roundDown,
  roundUp,
  sizeOfRanges,
  subtractRanges,
} from "../../range.ts";
import type { ByteString } from "../../sys/engine.ts";
import type { QemuFile, QemuMachine, QemuShape } from "../arch.ts";

/** Where qemu enters firmware, which it puts at 0. */
const FIRMWARE_START = 0x100;

const RTAS_PLACE = ["linux,rtas-base", "linux,rtas-entry"];

/** Offsets in our firmware of what is written into it. */
const FIRMWARE = { entry: 0x48, cpuVersion: 0x54, vector5: 0x71 } as const;

/**
 * x-vof: a small Open Firmware inside qemu in place of SLOF, seconds faster, which puts nothing into memory where other
 * firmware is given. The caps are mitigations that an emulated cpu cannot give; qemu
 * wants to hear that. Large hash pages: kernels on POWER8 start twice as fast.
 */
export const pseriesWords = [
  "pseries",
  "x-vof=on",
  "cap-cfpc=broken",
  "cap-sbbc=broken",
  "cap-ibs=broken",
  "cap-ccf-assist=off",
  "cap-hpt-max-page-size=16M",
] as const;

/** Where exception vectors lie, and before them our firmware. */
const LOW = { start: 0n, end: 0x10000n, name: "the exception vectors, and the firmware that starts the image" };

export const VECTOR_5 = "ibm,architecture-vec-5";

/** In that vector: XIVE in exploitation mode. A byte has the number that LoPAR gives it, and the first one is the length. */
const XIVE = { byte: 23, bit: 0x40 };

/** XIVE, radix with GTSE: what Linux asks for on POWER9. */
const XIVE_VECTOR = Uint8Array.from([0x19, ...Array<number>(22).fill(0), 0x40, 0x40, 0, 0x40]);

/** The same as fs2dt's --set has it. */
export const XIVE_AND_RADIX = `[19 ${"00".repeat(22)} 4040 0040]`;

const GIB = 1n << 30n;
const MIB = 1n << 20n;

export const ppc64: QemuMachine = {
  program: "qemu-system-ppc64",
  memoryStart: 0n,
  describe(told, place) {
    return shapeOf(told === undefined ? undefined : treeFromBlob(told, place, isAsked), place);
  },
  adjust({ root }) {
    return [...placeRtas(root), ...askForXive(root)];
  },
};

/** The children of the root that are looked at here. */
function isAsked(name: ByteString): boolean {
  const others: readonly ByteString[] = ["chosen", "cpus", "ibm,opal", "rtas", DYNAMIC_MEMORY];
  return others.includes(name) || isMemoryName(name) || name.startsWith("interrupt-controller");
}

function shapeOf(tree: DeviceTree | undefined, place: string): QemuShape {
  const root = tree?.root;
  // What lies further up is devices', which the machine would have to be given as such.
  const memory = root === undefined ? [] : mergeRanges(allMemoryOf(root)).slice(0, 1);
  const threads = root === undefined ? [] : countThreads(root);
  const most = largestOf(threads, 1);
  return {
    machine: pseriesWords,
    cpu: cpuOf(root) ?? "POWER9",
    smp: [String(threads.reduce((sum, each) => sum + each, 0) || 1), ...(most > 1 ? [`threads=${most}`] : [])],
    memory,
    memorySize: sizeOfRanges(memory),
    memoryWords: root === undefined ? [] : hotplugWords(root, memory),
    taken: [LOW, ...(root === undefined ? [] : rtasMemory(root))],
    rma: root === undefined ? undefined : rmaOf(root),
    unchecked: root === undefined ? [] : listUnchecked(root, most),
    find(image) {
      if (tree === undefined) return undefined;
      return withOpal(tree.root, place) ?? wrongRtas(image, tree, place) ?? withoutXive(tree.root, place);
    },
    start(_image, entry) {
      const firmware: QemuFile = { name: "firmware", bytes: makeFirmware(root, entry), at: "bios" };
      const rtas = root && rtasOf(root)?.entry;
      if (rtas === undefined) return { files: [firmware], words: [] };
      return { files: [firmware, { name: "rtas", bytes: parseWords(rtasWords), at: rtas }], words: [] };
    },
  };
}

function cpusOf(root: Node): Node[] {
  return (child(root, "cpus")?.children ?? []).filter(isCpu);
}

/** `PowerPC,POWER9@0` is qemu's model POWER9. */
function cpuOf(root: Node | undefined): string | undefined {
  const [cpu] = root === undefined ? [] : cpusOf(root);
  return /^PowerPC,(POWER[0-9]+)/.exec(cpu?.name ?? "")?.[1];
}

/** Of each core. */
function countThreads(root: Node): number[] {
  return cpusOf(root).map((cpu) =>
    Math.max(1, Math.floor((property(cpu, "ibm,ppc-interrupt-server#s")?.length ?? 0) / 4)),
  );
}

function rmaOf(root: Node): MemoryRange | undefined {
  const cells = memoryCells(root);
  const nodes = root.children.filter((node) => isMemory(node));
  return memoryRanges(nodes, cells).find(({ start }) => start === 0n);
}

/** The hash table, of whose size the tree tells, has the size that the most memory needs. */
function hotplugWords(root: Node, memory: readonly MemoryRange[]): string[] {
  const capacity = property(child(root, "rtas"), "ibm,lrdr-capacity");
  const end = memory[0]?.end ?? 0n;
  if (capacity === undefined || capacity.length < 8) return [];
  // Where it would end, of which qemu begins what is gained at a multiple of 1 GiB.
  const most = takerOf(capacity)(2);
  const gained = most - roundUp(end, GIB);
  return gained <= 0n ? [] : [`maxmem=${(end + gained) / MIB}M`, "slots=32"];
}

function listUnchecked(root: Node, threads: number): string[] {
  const compatible = property(root, "compatible");
  const lines: string[] = [];
  if (compatible !== undefined && !stringsOf(compatible).includes("qemu,pseries")) {
    const name = textOf(compatible);
    lines.push(
      `whether qemu has the devices, and RTAS the numbers, that the tree tells of is not checked: it is of ${name}`,
    );
  }
  if (threads > 1)
    lines.push(`whether qemu can emulate ${threads} threads a core is not checked: without KVM it cannot`);
  return lines;
}

interface Rtas {
  readonly entry: bigint;
  /** What its base and its size tell; undefined where they do not. */
  readonly memory: MemoryRange | undefined;
}

/** undefined where the tree does not tell where it is entered. */
function rtasOf(root: Node): Rtas | undefined {
  const node = child(root, "rtas");
  const entry = numberIn(node, "linux,rtas-entry");
  const base = numberIn(node, "linux,rtas-base");
  const size = numberIn(node, "rtas-size");
  if (entry === undefined) return undefined;
  return { entry, memory: base === undefined || size === undefined ? undefined : rangeOfSize(base, size) };
}

function withOpal(root: Node, place: string): Finding | undefined {
  if (child(root, "ibm,opal") === undefined) return undefined;
  return { place, fact: "it is of a machine with OPAL: qemu has those, but they start by that firmware alone" };
}

/** Through RTAS the next kernel starts its other cpus, and turns the machine off. */
function wrongRtas(image: KexecImage, { root, reservations }: DeviceTree, place: string): Finding | undefined {
  if (child(root, "rtas") === undefined) return undefined;
  const wrong = (fact: string): Finding => ({ place, fact });
  const rtas = rtasOf(root);
  if (rtas?.memory === undefined) {
    const where = freeForRtas(image, root);
    if (where === undefined) return wrong("/rtas does not say where RTAS is (linux,rtas-base, linux,rtas-entry)");
    const set = (name: string) => `--set '/rtas/${name}=<${hex(where)}>'`;
    return wrong(`/rtas does not say where RTAS is: fs2dt ${set("linux,rtas-base")} ${set("linux,rtas-entry")} does`);
  }
  const { entry, memory } = rtas;
  const code = rangeOfSize(entry, BigInt(parseWords(rtasWords).length));
  if (!contains(memory, code)) return wrong(`linux,rtas-entry ${hex(entry)} is not in RTAS's memory`);
  if (reservations.some((range) => contains(range, memory))) return undefined;
  return wrong(`RTAS's memory is not reserved: fs2dt --reserve ${hex(memory.start)},${hex(memory.end - memory.start)}`);
}

/** What is taken, as segments are. */
function rtasMemory(root: Node): NamedRange[] {
  const memory = rtasOf(root)?.memory;
  return memory === undefined ? [] : [{ ...memory, name: "RTAS" }];
}

/** Where nothing is loaded yet: at the end of what a cpu reaches without MMU. */
function placeRtas(root: Node): ByteString[] {
  const rtas = child(root, "rtas");
  if (rtas === undefined || RTAS_PLACE.some((name) => property(rtas, name) !== undefined)) return [];
  const where = freeForRtas({ segments: [] }, root);
  if (where === undefined) return [];
  for (const name of RTAS_PLACE) setProperty(rtas, name, u32Value(Number(where)));
  return RTAS_PLACE.flatMap((name) => ["--set", `/rtas/${name}=<${hex(where)}>`]);
}

/** With radix, as Linux would ask for it. */
function askForXive(root: Node): ByteString[] {
  if (!lacksXive(root)) return [];
  setProperty(childOrNew(root, "chosen"), VECTOR_5, XIVE_VECTOR);
  return ["--set", `/chosen/${VECTOR_5}=${XIVE_AND_RADIX}`];
}

/** The uppermost place below 4 GiB that a cpu reaches without MMU. */
function freeForRtas({ segments }: Pick<KexecImage, "segments">, root: Node): bigint | undefined {
  const size = LOW.end;
  const rma = rmaOf(root);
  if (rma === undefined) return undefined;
  const free = subtractRanges([{ start: LOW.end, end: min(rma.end, 1n << 32n) }], segments);
  return free
    .map(({ start, end }) => ({ start, at: roundDown(end - size, size) }))
    .filter(({ start, at }) => at >= start)
    .at(-1)?.at;
}

function lacksXive(root: Node): boolean {
  const hasXive = root.children.some((node) =>
    stringsOf(property(node, "compatible") ?? new Uint8Array(0)).includes("ibm,power-ivpe"),
  );
  return hasXive && ((vectorOf(root)?.[XIVE.byte] ?? 0) & XIVE.bit) === 0;
}

/** qemu turns XIVE on for firmware that asks for it, and such a kernel has no other interrupts. */
function withoutXive(root: Node, place: string): Finding | undefined {
  if (!lacksXive(root)) return undefined;
  const advice = `fs2dt --set '/chosen/${VECTOR_5}=${XIVE_AND_RADIX}'`;
  return { place, fact: `it has XIVE (ibm,power-ivpe), but ${VECTOR_5} does not say that it was asked for: ${advice}` };
}

/** What was negotiated with the firmware that made the tree; undefined where the tree does not tell, or nothing was. */
function vectorOf(root: Node | undefined): Uint8Array | undefined {
  const value = property(root && child(root, "chosen"), VECTOR_5) ?? new Uint8Array(0);
  // The first byte counts those after the second.
  const vector = value.subarray(0, (value[0] ?? 0) + 2);
  return vector.length > (value[0] ?? 0) + 1 && vector.subarray(1).some((byte) => byte !== 0) ? vector : undefined;
}

function makeFirmware(root: Node | undefined, entry: bigint): Uint8Array {
  const code = parseWords(firmwareWords);
  const view = new DataView(code.buffer);
  const [cpu] = root === undefined ? [] : cpusOf(root);
  view.setBigUint64(FIRMWARE.entry, entry);
  view.setUint32(FIRMWARE.cpuVersion, (cpu && cellIn(cpu, "cpu-version")) ?? 0);
  const vector =
    vectorOf(root) ?? code.subarray(FIRMWARE.vector5, FIRMWARE.vector5 + 2 + (code[FIRMWARE.vector5] ?? 0));
  const bytes = new Uint8Array(FIRMWARE_START + FIRMWARE.vector5 + vector.length);
  bytes.set(code.subarray(0, FIRMWARE.vector5), FIRMWARE_START);
  bytes.set(vector, FIRMWARE_START + FIRMWARE.vector5);
  return bytes;
}
