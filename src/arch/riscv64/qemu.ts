// How an image is started in qemu's virt machine with no kernel before it: OpenSBI, which qemu brings, enters code of ours,
// which hands the tree over as Linux's kexec does (stub/riscv64/README.md). The other harts wait in OpenSBI.

import startWords from "../../../stub/riscv64/qemu-start.hex" with { type: "text" };
import { childCells, rangesValue, u32Value } from "../../devicetree/cells.ts";
import { isCpu } from "../../devicetree/check/check.ts";
import { treeFromBlob } from "../../devicetree/from/blob.ts";
import { RESERVED_MEMORY, reservedMemory } from "../../devicetree/kept-memory.ts";
import { allMemoryOf, isMemoryName } from "../../devicetree/memory.ts";
import { stringsOf } from "../../devicetree/strings.ts";
import { child, childOrNew, type DeviceTree, type Node, property, setProperty } from "../../devicetree/tree.ts";
import { bytesText } from "../../devicetree/value-text.ts";
import { ET_EXEC, encodeHeaders, PF_R, PF_W, PF_X, PT_LOAD, sizeOfHeaders } from "../../elf.ts";
import { Failure, hex } from "../../failure.ts";
import { addressOf, type KexecImage } from "../../kexec/image.ts";
import { parseWords } from "../../kexec/stub.ts";
import {
  contains,
  formatRanges,
  type MemoryRange,
  mergeRanges,
  min,
  roundDown,
  roundUp,
  sizeOfRanges,
  subtractRanges,
} from "../../range.ts";
import { EM_RISCV } from "../../sys/abi.ts";
import type { ByteString } from "../../sys/engine.ts";
import type { QemuMachine, QemuShape } from "../arch.ts";

const MEMORY = 0x8000_0000n;

/** What OpenSBI keeps to itself, and a hart outside of it may not touch. */
const FIRMWARE = { start: MEMORY, end: MEMORY + 0x8_0000n, name: "OpenSBI" };

/** As OpenSBI itself calls it in the tree that it makes. */
const FIRMWARE_NODE = "mmode_resv0@80000000";

/** Where virt puts its own tree: at the end of memory, but below 3 GiB (hw/riscv/boot.c riscv_compute_fdt_addr). */
const HIGHEST_TREE = 0xc000_0000n;
const TREE_STEP = 0x20_0000n;

const PAGE = 0x1000n;

/** Offsets in our code of what is written into it. */
const START = { tree: 0x10, entry: 0x18 } as const;

export const riscv64: QemuMachine = {
  program: "qemu-system-riscv64",
  memoryStart: MEMORY,
  describe(told, place) {
    return told === undefined ? shapeOf(undefined, place) : shapeOf(treeFromBlob(told, place, isAsked).root, place);
  },
  adjust: reserveFirmware,
};

/** The children of the root that are looked at here. */
function isAsked(name: ByteString): boolean {
  return ["cpus", RESERVED_MEMORY].includes(name) || isMemoryName(name);
}

function shapeOf(root: Node | undefined, place: string): QemuShape {
  const memory = root === undefined ? [] : mergeRanges(allMemoryOf(root));
  const cpus = (root && child(root, "cpus")?.children.filter(isCpu)) ?? [];
  const taken = [FIRMWARE, ...memory.slice(0, 1).map(ownTree)];
  return {
    machine: ["virt"],
    cpu: "rv64",
    smp: [String(cpus.length || 1)],
    memory,
    memorySize: sizeOfRanges(memory),
    memoryWords: [],
    taken,
    unchecked: root === undefined ? [] : listUnchecked(root),
    find() {
      const fact = root && (refuseMemory(memory) ?? refuseFirmware(root));
      return fact === undefined ? undefined : { place, fact };
    },
    start(image, entry) {
      const free = subtractRanges(memory.length > 0 ? memory : [{ start: MEMORY, end: HIGHEST_TREE }], taken);
      return { files: [{ name: "start", bytes: makeStart(image, entry, free), at: "kernel" }], words: [] };
    },
  };
}

function ownTree({ start, end }: MemoryRange) {
  const highest = start < HIGHEST_TREE ? min(end, HIGHEST_TREE) : end;
  return { start: roundDown(highest - 1n, TREE_STEP), end: highest, name: "qemu's own device tree" };
}

function refuseMemory(memory: readonly MemoryRange[]): string | undefined {
  if (memory.length === 1 && memory[0]?.start === MEMORY) return undefined;
  const has = memory.length === 0 ? "no memory" : `memory at ${formatRanges(memory)}`;
  return `it tells of ${has}, and that of qemu's virt is one range from ${hex(MEMORY)} on`;
}

/** The next kernel would die of the first byte that it reads or gives away there. */
function refuseFirmware(root: Node): string | undefined {
  if (isReserved(root)) return undefined;
  const words = describeFirmware(root).map(
    ({ word, value }) => `${word} ${/[<[#]/.test(value) ? `'${value}'` : value}`,
  );
  return `OpenSBI's memory ${hex(FIRMWARE.start)}-${hex(FIRMWARE.end)} is not reserved: fs2dt ${words.join(" ")} does`;
}

function isReserved(root: Node): boolean {
  return reservedMemory(root).some((range) => contains(range, FIRMWARE));
}

interface Word {
  readonly word: "--add-node" | "--set";
  readonly value: ByteString;
}

/** The options of fs2dt that reserve it, as the node says how it counts. */
function describeFirmware(root: Node): Word[] {
  const node = child(root, RESERVED_MEMORY);
  const own = `/${RESERVED_MEMORY}/${FIRMWARE_NODE}`;
  const { address, size } = childCells(node ?? root);
  const reg = bytesText(rangesValue([FIRMWARE], { address, size })).replaceAll(" ", "");
  const set = (value: ByteString): Word => ({ word: "--set", value });
  const fresh: Word[] = [
    { word: "--add-node", value: `/${RESERVED_MEMORY}` },
    set(`/${RESERVED_MEMORY}/#address-cells=<${address}>`),
    set(`/${RESERVED_MEMORY}/#size-cells=<${size}>`),
    set(`/${RESERVED_MEMORY}/ranges`),
  ];
  return [
    ...(node === undefined ? fresh : []),
    { word: "--add-node", value: own },
    set(`${own}/reg=${reg}`),
    set(`${own}/no-map`),
  ];
}

/** A tree that qemu dumps is one that OpenSBI has not seen yet. */
function reserveFirmware({ root }: DeviceTree): ByteString[] {
  if (isReserved(root)) return [];
  const words = describeFirmware(root).flatMap(({ word, value }) => [word, value]);
  const isNew = child(root, RESERVED_MEMORY) === undefined;
  const { address, size } = childCells(root);
  const node = childOrNew(root, RESERVED_MEMORY);
  if (isNew) {
    setProperty(node, "#address-cells", u32Value(address));
    setProperty(node, "#size-cells", u32Value(size));
    setProperty(node, "ranges", new Uint8Array(0));
  }
  const own = childOrNew(node, FIRMWARE_NODE);
  setProperty(own, "reg", rangesValue([FIRMWARE], childCells(node)));
  setProperty(own, "no-map", new Uint8Array(0));
  return words;
}

function listUnchecked(root: Node): string[] {
  const names = stringsOf(property(root, "compatible") ?? new Uint8Array(0));
  if (names.includes("riscv-virtio")) return [];
  return [
    `whether qemu's virt has the devices that the tree tells of is not checked: it is of ${names[0] ?? "no name"}`,
  ];
}

/** An ELF file with our code, which goes to the lowest page that is free: qemu tells OpenSBI to enter it there. */
function makeStart(image: KexecImage, entry: bigint, free: readonly MemoryRange[]): Uint8Array {
  const address = subtractRanges(free, image.segments)
    .map(({ start, end }) => ({ start: roundUp(start, PAGE), end }))
    .find(({ start, end }) => start + PAGE <= end)?.start;
  if (address === undefined) throw new Failure("qemu", `no ${hex(PAGE)} bytes are free for what starts the image`);
  const code = parseWords(startWords);
  const view = new DataView(code.buffer);
  view.setBigUint64(START.tree, image.handed === undefined ? 0n : addressOf(image.handed), true);
  view.setBigUint64(START.entry, entry, true);
  const offset = sizeOfHeaders(1);
  const size = BigInt(code.length);
  const load = {
    ...{ type: PT_LOAD, flags: PF_R | PF_W | PF_X, offset: BigInt(offset), address, physical: address },
    ...{ fileSize: size, memorySize: size, align: 1n },
  };
  const bytes = new Uint8Array(offset + code.length);
  bytes.set(encodeHeaders({ endian: "little", type: ET_EXEC, machine: EM_RISCV, headers: [load] }));
  bytes.set(code, offset);
  return bytes;
}
