// The next kernel from what people say of it: this kernel, this initrd, this command line -> segments, each in its place.

import type { Arch, StayWord } from "../arch/arch.ts";
import { archs, findArch } from "../arch/archs.ts";
import { loadRules } from "../arch/load-rules.ts";
import type { Edit } from "../devicetree/edit/edits.ts";
import { Failure, hex } from "../failure.ts";
import formOf, { type FormKind } from "../forms.ts";
import type { Kernel } from "../kernels/kernel.ts";
import { ownArch } from "../kexec/calls.ts";
import { type MachineFacts, readFacts } from "../kexec/facts.ts";
import { LIVE_TREE } from "../kexec/live-paths.ts";
import { ReadTree } from "../kexec/live-tree.ts";
import { FORM_SPAN, type HeldPiece, openPiece, type Piece, pieceSize, readPiece } from "../kexec/piece.ts";
import { Plan } from "../kexec/plan.ts";
import { offsetOfArgument } from "../kexec/stub.ts";
import { type MemoryRange, max, rangeOfSize, roundUp } from "../range.ts";
import type { ByteString, Machine } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import { readCoreHeader } from "./core-header.ts";
import {
  type NextArgument,
  nextTreeArgument,
  nextZeroPageArgument,
  readWishedTree,
  type TreeWishes,
  type WishedTree,
} from "./next-argument.ts";
import { choosePlaces, memoryFor, type NextPlaces, placeCoreHeader } from "./next-places.ts";
import { qemuFacts, qemuMachineFor } from "./to-qemu.ts";

export interface NextKernelRequest {
  readonly kernel: Kernel;
  /** Files, one archive after the other; undefined: what the kernel's own file has. */
  readonly initrds: readonly ByteString[] | undefined;
  readonly commandLine: ByteString;
  readonly crash: boolean;
  /** Whether the running kernel is to mend a crash kernel's ELF core header. */
  readonly hotplug: boolean;
  /** Whether whatever it is given is taken. */
  readonly skipChecks: boolean;
  /** All segments lie in it. */
  readonly within: { readonly start: bigint | undefined; readonly end: bigint | undefined };
  /** Of machines whose kernels are handed a tree. */
  readonly tree: TreeWishes;
  /** Physical address of the ACPI root pointer; undefined: as the running kernel knows it. */
  readonly rsdp: bigint | undefined;
  /** A directory for what starts it in qemu; undefined: it is for the running machine, of which all is asked then. */
  readonly qemu?: ByteString | undefined;
  /** Bytes of memory of qemu's machine, where no tree says it; undefined: as much as what is loaded needs. */
  readonly qemuMemory?: bigint | undefined;
}

/** The machine that the next kernel is for. */
interface Site {
  readonly arch: Arch;
  readonly machine: Machine;
}

export interface NextKernel {
  readonly plan: Plan;
  readonly facts: MachineFacts;
  readonly places: NextPlaces;
  readonly argument: NextArgument;
  readonly initrd: readonly Piece[];
  /** Of a crash kernel; undefined where it has none. */
  readonly coreHeader: PlacedCoreHeader | undefined;
}

interface PlacedCoreHeader extends MemoryRange {
  readonly bytes: Uint8Array;
  /** Flags of kexec_load(2) for it. */
  readonly flags: number;
}

/**
 * Files are opened and measured, what the running machine says is read, and nothing else happens.
 * @throws Failure for what cannot be read, is for another machine, or fits nowhere
 */
export function planNextKernel(system: System, request: NextKernelRequest): NextKernel {
  const { kernel, crash, within } = request;
  const site = siteOf(system, request);
  if (!request.skipChecks) {
    refuseForeignKernel(site, kernel);
    refuseUnknownKernel(site, request);
  }
  const initrd = openInitrd(system, request);
  const initrdSize = initrd === undefined ? undefined : BigInt(initrd.length);
  const bounds = {
    ...(within.start === undefined ? {} : { memMin: within.start }),
    ...(within.end === undefined ? {} : { memMax: within.end }),
  };
  const { facts, argument, coreHeader } =
    request.qemu === undefined
      ? factsAndArgument(system, site, request, initrdSize, bounds)
      : qemuFactsAndArgument(system, site, request, initrdSize);
  const places = choosePlaces(site.machine, facts, {
    kernel,
    argumentSize: BigInt(offsetOfArgument(site.arch) + argument.size),
    initrdSize,
    commandLine: request.commandLine,
    crash,
    coreHeader,
    ...bounds,
  });
  const next = { places, argument, initrd: initrd?.pieces ?? [], coreHeader };
  const plan = buildPlan(site, request, next);
  plan.arch = archOf(system, site, request);
  return { plan, facts, ...next };
}

/** What the running kernel has to be told, or which machine of qemu's it is for. */
function archOf(system: System, { arch }: Site, { qemu }: NextKernelRequest): bigint {
  return qemu === undefined ? ownArch(system) : BigInt(arch.elfMachine);
}

/** For qemu the kernel says which machine it is; one that does not say it is for the running one. */
function siteOf(system: System, { qemu, kernel }: NextKernelRequest): Site {
  const own = qemu === undefined ? undefined : archs.find(({ elfMachine }) => elfMachine === kernel.machine);
  const arch = own ?? findArch(system.machine);
  if (arch === undefined) throw new Failure(system.machine, "no stub for it is built in");
  return { arch, machine: own === undefined ? system.machine : (own.machines[0] ?? system.machine) };
}

/**
 * Noise would be entered, too. Kernels of ppc64 alone come without a header, cut out of their ELF file; what is relocatable
 * of these is known by its word.
 */
function refuseUnknownKernel({ machine }: Site, { kernel, tree }: NextKernelRequest): void {
  const { file, kind, isAsItIs, head } = kernel;
  if (kind !== "flat" || !isAsItIs) return;
  const words = loadRules[machine].findStayWords?.(head);
  if (words === undefined) throw new Failure(file, "no header of a kernel: loadem loads any bytes");
  if (words.length === 0) tree.rules.notice(file, "no header of a kernel: its bytes are entered as they are");
}

/** The kernel would come up nowhere. */
function refuseForeignKernel({ arch }: Site, { file, machine, layers }: Kernel): void {
  if (machine === undefined || machine === arch.elfMachine) return;
  throw new Failure(file, `${layers.at(-1) ?? "a kernel"}, and this machine is ${arch.name}`);
}

type FactsAndArgument = Pick<NextKernel, "facts" | "argument" | "coreHeader">;

function factsAndArgument(
  system: System,
  site: Site,
  request: NextKernelRequest,
  initrdSize: bigint | undefined,
  bounds: Bounds,
): FactsAndArgument {
  const wished = handsOverTree(site) ? readWishedTree(system, request.tree) : undefined;
  const live = wished?.source === LIVE_TREE ? new ReadTree(wished.tree.root) : undefined;
  const facts = readFacts(system, loadRules[site.machine].facts, live);
  // Before all that is read for what is to lie there.
  memoryFor(facts, request.crash);
  const coreHeader = request.crash ? makeCoreHeader(system, site, request, facts, bounds) : undefined;
  const argument = makeArgument(system, site, { ...request, coreHeader }, facts, initrdSize, wished);
  return { facts, argument, coreHeader };
}

function handsOverTree({ arch }: Site): boolean {
  return arch.argument === "device tree blob";
}

type Bounds = Parameters<typeof placeCoreHeader>[3];

/** Its place is chosen before all others: what the next kernel is handed tells of it. */
function makeCoreHeader(
  system: System,
  { machine }: Site,
  { skipChecks, hotplug, tree }: NextKernelRequest,
  facts: MachineFacts,
  bounds: Bounds,
): PlacedCoreHeader | undefined {
  const { notice } = tree.rules;
  try {
    const header = readCoreHeader(system, facts, { without: [], hasPlace: true, hotplug });
    for (const lack of header.lacks) notice("ELF core header", lack);
    const range = placeCoreHeader(machine, facts, header.size, bounds);
    return { ...range, bytes: header.place(range.start), flags: header.flags };
  } catch (error) {
    if (!skipChecks || !(error instanceof Failure)) throw error;
    notice(error.place, `${error.fact}: the crash kernel will have no /proc/vmcore`);
    return undefined;
  }
}

const MIB = 1n << 20n;
const PAGE = 0x1000n;

/** Where nothing says how much memory there is: at least so much, and so many times what is loaded. */
const QEMU_MEMORY = { least: 1024n * MIB, step: 256n * MIB, times: 3n } as const;

/** What the next kernel is handed tells of its machine there. */
function qemuFactsAndArgument(
  system: System,
  site: Site,
  request: NextKernelRequest,
  initrdSize: bigint | undefined,
): FactsAndArgument {
  const { kernel, tree } = request;
  if (site.machine !== system.machine && tree.source === undefined && handsOverTree(site)) {
    throw new Failure(kernel.file, `for ${site.arch.name}, of which this machine has no tree: --dtb FILE gives one`);
  }
  const loaded = BigInt(kernel.length) + (initrdSize ?? 0n);
  const enough = max(QEMU_MEMORY.least, roundUp(QEMU_MEMORY.times * loaded, QEMU_MEMORY.step));
  const qemuMemory = request.qemuMemory ?? enough;
  const machine = qemuMachineFor(site.arch);
  const words = [...tree.words];
  const adjust: Edit = (edited) => {
    for (const word of machine.adjust?.(edited) ?? []) words.push(word);
  };
  const adjusted = { ...request, tree: { ...tree, words, edits: [...tree.edits, adjust] }, qemuMemory };
  const argument = makeArgument(system, site, adjusted, {}, initrdSize);
  const shape = machine.describe(argument.place(0n, undefined), `the ${argument.name}`);
  // Nobody wants whole pages there, but what is loaded by a kernel is.
  return { facts: { ...qemuFacts(site.arch, shape), pageSize: PAGE }, argument, coreHeader: undefined };
}

/** What the kernel is handed: on x86-64 a zero page, elsewhere a device tree blob. */
function makeArgument(
  system: System,
  site: Site,
  request: NextKernelRequest & { readonly coreHeader?: MemoryRange | undefined },
  { crashkernel, crashkernelLow }: Pick<MachineFacts, "crashkernel" | "crashkernelLow">,
  initrdSize: bigint | undefined,
  wished?: WishedTree,
): NextArgument {
  const { arch } = site;
  const { kernel, commandLine, crash, rsdp, tree, qemuMemory, coreHeader } = request;
  const low = crashkernelLow === undefined ? [] : [crashkernelLow];
  const usable = crash && crashkernel !== undefined ? [...low, crashkernel] : undefined;
  const needs = { commandLine, initrdSize, usable, coreHeader };
  if (handsOverTree(site)) return nextTreeArgument(system, tree, needs, wished ?? readWishedTree(system, tree));
  if (kernel.setup === undefined) {
    throw new Failure(
      kernel.file,
      `${kernel.layers.at(-1) ?? "what is there"}, and on ${arch.name} a bzImage is needed`,
    );
  }
  return nextZeroPageArgument(system, { ...needs, file: kernel.file, header: kernel.setup, rsdp, qemuMemory });
}

interface Initrd {
  readonly pieces: readonly Piece[];
  /** Bytes, padding included. */
  readonly length: number;
}

/** One archive after the other, each at a multiple of 4. */
function openInitrd(system: System, { initrds, kernel, skipChecks }: NextKernelRequest): Initrd | undefined {
  const plan = new Plan();
  const segment = plan.open(0n, "--initrd");
  const { initrd } = kernel.brought;
  const own = initrd === undefined ? [] : [initrd];
  const files = initrds?.map((file) => openPiece(system, "--initrd", file));
  for (const file of skipChecks ? [] : (files ?? [])) refuseNoInitrd(system, file);
  for (const piece of files ?? own) {
    if (segment.length > 0) segment.pad();
    segment.append(piece);
  }
  const empty = segment.emptyFile();
  if (empty !== undefined) throw new Failure(`--initrd ${empty}`, "the file is empty");
  return segment.length === 0 ? undefined : segment;
}

/** The words of a crash kernel that keep it where it is loaded, in the byte order of the kernel. */
function wordsToStay({ machine }: Site, { kernel, crash }: NextKernelRequest): readonly StayWord[] {
  return crash ? (loadRules[machine].findStayWords?.(kernel.head) ?? []) : [];
}

/** What is no archive and no file system that a kernel unpacks or mounts. */
const NO_INITRD: readonly FormKind[] = [
  "elf",
  "Image",
  "bzImage",
  "zboot",
  "unified",
  "uImage",
  "zero page",
  "device tree blob",
];

/** A kernel goes on without it, or stops much later for want of a root. */
function refuseNoInitrd(system: System, piece: HeldPiece): void {
  const form = formOf(readPiece(system, piece, 0, FORM_SPAN));
  if (form !== undefined && NO_INITRD.includes(form.kind)) {
    throw new Failure(`--initrd ${piece.name}`, `${form.what}, no initrd`);
  }
}

function buildPlan(
  site: Site,
  request: NextKernelRequest,
  { places, argument, initrd, coreHeader }: Omit<NextKernel, "plan" | "facts">,
): Plan {
  const { kernel, crash } = request;
  const { arch } = site;
  const plan = new Plan();
  plan.round = places.round;
  plan.crash = crash;
  const { stub } = arch;
  plan.entry = stub === undefined ? places.kernel : places.argument;
  const first = plan.open(places.argument, "the hand-over");
  if (stub !== undefined) first.append({ kind: "bytes", name: "v2wrap", bytes: stub.bytes() });
  const bytes = argument.place(argumentAddress(site, places), initrdRange({ places, initrd }));
  first.append({ kind: "bytes", name: argument.name, bytes });
  plan.tree = argument.tree;
  const second = plan.open(places.kernel, "KERNEL");
  for (const piece of kernel.pieces) second.append(piece);
  second.zeros = zerosOf(request, places);
  if (stub !== undefined) {
    const chain = { offset: BigInt(stub.chain), value: places.kernel, endian: undefined };
    plan.patches.push({ kind: "chain", label: "-c", segment: first, ...chain });
  }
  for (const { offset, value, endian } of wordsToStay(site, request)) {
    plan.patches.push({ kind: "poke", label: "--poke", segment: second, offset, value, endian });
  }
  if (places.initrd !== undefined) {
    const third = plan.open(places.initrd, "--initrd");
    for (const piece of initrd) third.append(piece);
  }
  if (coreHeader === undefined) return plan;
  plan.flags = coreHeader.flags;
  const last = plan.open(coreHeader.start, "-p");
  last.append({ kind: "bytes", name: CORE_HEADER, bytes: coreHeader.bytes });
  return plan;
}

/** Of the tree or the zero page: behind the stub, where there is one. */
function argumentAddress({ arch }: Site, { argument }: NextPlaces): bigint {
  return argument + BigInt(offsetOfArgument(arch));
}

/** For messages, and of a file that has it. */
export const CORE_HEADER = "elfcorehdr";

function initrdRange({ places, initrd }: Pick<NextKernel, "places" | "initrd">): MemoryRange | undefined {
  if (places.initrd === undefined) return undefined;
  return rangeOfSize(places.initrd, BigInt(initrd.reduce((sum, piece) => sum + pieceSize(piece), 0)));
}

/** What follows the kernel's bytes in its segment: for -z. */
function zerosOf({ kernel }: NextKernelRequest, { kernelSize }: NextPlaces): bigint {
  return max(kernelSize - BigInt(kernel.length), 0n);
}

/** Where a raw line finds what is not a file of the person's own. */
export interface RawFiles {
  readonly kernel: ByteString;
  readonly initrds: readonly ByteString[];
  readonly coreHeader: ByteString;
  /** undefined: where it was found. */
  readonly tree?: ByteString | undefined;
}

/** The two programs of a pipeline, as words: what writes to the other's standard input comes first. */
export function rawCommands(
  system: System,
  request: NextKernelRequest,
  { places, argument, initrd, coreHeader }: NextKernel,
  files: RawFiles,
): readonly (readonly ByteString[])[] {
  const { crash, hotplug, qemu, skipChecks } = request;
  const site = siteOf(system, request);
  const { stub } = site.arch;
  const type = archOf(system, site, request);
  const zeros = zerosOf(request, places);
  const pokes = wordsToStay(site, request).flatMap(({ offset, value, endian }) => [
    ...(endian === system.abi.endian ? [] : ["--endian", endian]),
    ...["--poke", `${hex(offset)}=${hex(value)}`],
  ]);
  const archives = files.initrds.flatMap((file, index) => [...(index === 0 ? [] : ["-4"]), "-f", file]);
  const loadem = [
    ...["loadem", ...(skipChecks ? ["--no-checks"] : []), ...(crash ? ["-p"] : []), ...(hotplug ? ["--hotplug"] : [])],
    ...(qemu === undefined ? [] : ["--qemu", qemu]),
    ...(type === 0n ? [] : ["-t", String(type)]),
    ...["-r", hex(places.round)],
    ...["-a", hex(places.argument), ...(stub === undefined ? ["-s"] : ["-e", "-w", "-s"])],
    ...["-a", hex(places.kernel), ...(stub === undefined ? ["-e"] : ["-c", hex(stub.chain)])],
    ...["-f", files.kernel, ...pokes],
    ...(zeros === 0n ? [] : ["-z", hex(zeros)]),
    ...(places.initrd === undefined ? [] : ["-a", hex(places.initrd), ...archives]),
    ...(coreHeader === undefined ? [] : ["-a", hex(coreHeader.start), "-f", files.coreHeader]),
  ];
  return [argument.words(argumentAddress(site, places), initrdRange({ places, initrd }), files.tree), loadem];
}
