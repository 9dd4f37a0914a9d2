// What the next kernel is handed, made before its place is known: a device tree blob, or on x86-64 a zero page.

import { confineTree, findHandOver, tellCoreHeader } from "../arch/hand-overs.ts";
import { MIB } from "../arch/x86_64/qemu-memory.ts";
import type { SetupHeader } from "../arch/x86_64/setup-header.ts";
import { dropInitrd, moveInitrd, SEEDS, setBootargs, setInitrd } from "../devicetree/edit/chosen.ts";
import type { Edit } from "../devicetree/edit/edits.ts";
import { MAX_BLOB } from "../devicetree/format.ts";
import type { ReadRules } from "../devicetree/from/directory.ts";
import { child, type DeviceTree, property } from "../devicetree/tree.ts";
import { bytesText } from "../devicetree/value-text.ts";
import { Failure, hex } from "../failure.ts";
import { LIVE_BLOB, LIVE_TREE } from "../kexec/live-paths.ts";
import { type MemoryRange, rangeOfSize } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import { nextBootParams, placeBootParams } from "./next-boot-params.ts";
import { makeNextTree, placeNextTree, readNextTree } from "./next-tree.ts";

export interface NextArgument {
  /** For messages. */
  readonly name: string;
  /** Of a file that has it. */
  readonly fileName: string;
  /** Bytes, wherever it lies. */
  readonly size: number;
  /** What it is the blob of; undefined where it is none. After `place` it tells of that address, and of that initrd. */
  readonly tree?: DeviceTree;
  /** The bytes for this address, and an initrd of the size that was told. */
  place(address: bigint, initrd: MemoryRange | undefined): Uint8Array;
  /**
   * The command that writes the same bytes: a program and its arguments. After `place` alone.
   * @param file where it finds the tree that the kernel's own file has
   */
  words(address: bigint, initrd: MemoryRange | undefined, file?: ByteString): readonly ByteString[];
}

/** What is said of it without a place. */
export interface ArgumentNeeds {
  readonly commandLine: ByteString;
  /** Bytes; undefined: there is none. */
  readonly initrdSize: bigint | undefined;
  /** The memory of a crash kernel; undefined: it is none. */
  readonly usable: readonly MemoryRange[] | undefined;
  /** Where its ELF core header is; undefined: it has none. */
  readonly coreHeader: MemoryRange | undefined;
}

export interface TreeWishes {
  /** A directory or a blob; undefined: the running machine's. */
  readonly source: ByteString | undefined;
  /** The blob that `source` is then only the name of. */
  readonly bytes: Uint8Array | undefined;
  readonly rules: ReadRules;
  /** In their order, after those that this makes itself. */
  readonly edits: readonly Edit[];
  /** The same as arguments of fs2dt. */
  readonly words: readonly ByteString[];
}

/** As fs2dt writes a blob unasked. */
const FORM = { version: 17, padding: 0, maxSize: MAX_BLOB } as const;

/** Where an initrd lies until its place is known: where none can be. */
const NOWHERE = 1n << 63n;

/** A tree that was read, and nothing more. */
export interface WishedTree {
  readonly source: ByteString;
  readonly tree: DeviceTree;
}

/** @throws Failure where it cannot be read */
export function readWishedTree(system: System, { source = liveSource(system), bytes, rules }: TreeWishes): WishedTree {
  return { source, tree: readNextTree(system, { source, bytes, rules }) };
}

/** @throws Failure where the tree cannot be edited */
export function nextTreeArgument(
  system: System,
  wishes: TreeWishes,
  needs: ArgumentNeeds,
  { source, tree: read }: WishedTree,
): NextArgument {
  const { commandLine, initrdSize, usable = [], coreHeader } = needs;
  const nowhere = rangeOfSize(NOWHERE, initrdSize ?? 0n);
  let drops = false;
  const own: Edit[] = [
    (tree) => setBootargs(tree, commandLine),
    (tree) => {
      if (initrdSize !== undefined) setInitrd(tree, nowhere);
      else if (tellsOfInitrd(tree)) {
        drops = true;
        dropInitrd(tree);
      }
    },
    ...usable.slice(-1).map(
      (range): Edit =>
        (tree) =>
          confineTree(tree, range),
    ),
    ...(coreHeader === undefined ? [] : [(tree: DeviceTree) => tellCoreHeader(tree, coreHeader)]),
  ];
  const { tree, bytes } = makeNextTree(
    system,
    {
      source,
      bytes: wishes.bytes,
      rules: wishes.rules,
      edits: [...own, ...wishes.edits],
      address: 0n,
      check: false,
      form: FORM,
    },
    read,
  );
  return {
    name: "device tree",
    fileName: "tree",
    size: bytes.length,
    tree,
    place(address, initrd) {
      if (initrd !== undefined) moveInitrd(tree, nowhere, initrd);
      return placeNextTree(tree, address, FORM);
    },
    words: (address, initrd, file = source) => [
      ...["fs2dt", "-b", hex(address), "-B", commandLine],
      ...(initrd === undefined ? [] : ["-i", `${hex(initrd.start)},${hex(initrd.end)}`]),
      ...(drops ? ["--no-initrd"] : []),
      ...usable.slice(-1).flatMap((range) => ["--usable", sizedRange(range)]),
      ...wordsOfCoreHeader(coreHeader),
      ...wishes.words,
      ...seedWords(tree, wishes.words),
      file,
    ],
  };
}

/** Without /proc/device-tree a machine has its blob, if it has any tree: with ACPI there is not more of it. */
function liveSource(system: System): ByteString {
  const found = [LIVE_TREE, LIVE_BLOB].find((path) => !system.isMissing(path));
  if (found === undefined) throw new Failure(LIVE_TREE, `not there, nor ${LIVE_BLOB}: --dtb FILE gives a tree`);
  return found;
}

function tellsOfInitrd({ root }: DeviceTree): boolean {
  const chosen = child(root, "chosen");
  return ["linux,initrd-start", "linux,initrd-end"].some((name) => property(chosen, name) !== undefined);
}

/** Fresh seeds differ each time, so that the same bytes need these. */
function seedWords({ root }: DeviceTree, words: readonly ByteString[]): ByteString[] {
  const isFresh = findHandOver(root)?.setsSeeds === true || words.includes("--seeds") || words.includes("--from");
  const chosen = child(root, "chosen");
  return Object.keys(SEEDS).flatMap((name) => {
    const value = isFresh ? property(chosen, name) : undefined;
    return value === undefined ? [] : ["--set", `/chosen/${name}=${bytesText(value).replaceAll(" ", "")}`];
  });
}

/** Of fs2dt and of zeropage. */
function wordsOfCoreHeader(header: MemoryRange | undefined): ByteString[] {
  return header === undefined ? [] : ["--elfcorehdr", sizedRange(header)];
}

/** START,SIZE, as options have it. */
function sizedRange({ start, end }: MemoryRange): string {
  return `${hex(start)},${hex(end - start)}`;
}

export interface ZeroPageNeeds extends ArgumentNeeds {
  /** The bzImage, and its setup header. */
  readonly file: ByteString;
  readonly header: SetupHeader;
  /** Physical address of the ACPI root pointer; undefined: as the running kernel knows it. */
  readonly rsdp: bigint | undefined;
  /** Bytes of memory of qemu's machine that it is for; undefined: it is for the running one. */
  readonly qemuMemory?: bigint | undefined;
}

/** Where the page lies until its place is known: no kernel finds that too high. */
const SOMEWHERE = 0x10000n;

/** @throws Failure where the running machine does not tell enough, or this kernel cannot take it */
export function nextZeroPageArgument(system: System, needs: ZeroPageNeeds): NextArgument {
  const { file, header, commandLine, initrdSize, usable, coreHeader, rsdp, qemuMemory } = needs;
  const next = nextBootParams(
    system,
    { header },
    {
      address: SOMEWHERE,
      bootargs: commandLine,
      initrd: initrdSize === undefined ? undefined : rangeOfSize(0n, initrdSize),
      rsdp,
      qemuMemory,
      usable,
      coreHeader,
    },
  );
  return {
    name: "zero page",
    fileName: "zeropage",
    size: next.bytes.length,
    place: (address, initrd) => placeBootParams(header, next, { address, initrd }),
    words: (address, initrd) => [
      ...["zeropage", "-b", hex(address), "-B", commandLine],
      ...(initrd === undefined ? [] : ["-i", `${hex(initrd.start)},${hex(initrd.end)}`]),
      ...(usable === undefined ? [] : ["--usable", usable.map(sizedRange).join()]),
      ...wordsOfCoreHeader(coreHeader),
      ...(rsdp === undefined ? [] : ["--rsdp", hex(rsdp)]),
      ...(qemuMemory === undefined ? [] : ["--qemu", String(qemuMemory / MIB)]),
      ...["--seed", Array.from(next.seed, (byte) => byte.toString(16).padStart(2, "0")).join("")],
      file,
    ],
  };
}
