// An image for qemu: the files and the script that start there, with no kernel before it, exactly what kexec would load.

import type { Arch, QemuMachine, QemuShape } from "../arch/arch.ts";
import { archs, findArch } from "../arch/archs.ts";
import { loadRules } from "../arch/load-rules.ts";
import { qemuMachines } from "../arch/qemu-machines.ts";
import { headOf } from "../devicetree/format.ts";
import { EXIT, Failure, hex, usage } from "../failure.ts";
import { checkImage } from "../kexec/checks.ts";
import { listUncheckedConfinement } from "../kexec/confinement.ts";
import type { MachineFacts } from "../kexec/facts.ts";
import { addressOf, assemble, bytesOf, type KexecImage, refuseChangedFiles } from "../kexec/image.ts";
import type { Plan } from "../kexec/plan.ts";
import type { Secondaries } from "../kexec/stub.ts";
import { type MemoryRange, max, roundUp } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import { writeFolder } from "./folder.ts";
import { qemuScript, SCRIPT, segmentName, segmentsWithBytes } from "./qemu-script.ts";
import { type Told, tellSecondaries } from "./secondaries.ts";
import { type CheckedViews, showChecked } from "./show-plan.ts";

export interface QemuRequest extends CheckedViews {
  readonly plan: Plan;
  /** Cpus that the stub waits for; undefined: none. */
  readonly secondaries: Secondaries | undefined;
  /** For the files: it is made, or empty of them, or has those of an earlier run. */
  readonly directory: ByteString;
  /** `check` writes nothing. */
  readonly action: "load" | "check" | "diagnose";
}

const MIB = 1n << 20n;

/** Where nothing tells how much memory there is: at least so much, and a multiple of what every machine takes. */
const LEAST_MEMORY = 512n * MIB;
const MEMORY_STEP = 256n * MIB;

const NO_SECONDARIES: Told = { secondaries: 0, reason: "as the others are started by the next kernel" };

/** @throws Failure for what cannot be started there, and for files that cannot be written */
export function writeForQemu(system: System, request: QemuRequest): number {
  const { plan, directory } = request;
  const assembled = assemble(system, plan, archs);
  const arch = archOf(system, assembled);
  const image = { ...assembled, arch: BigInt(arch.elfMachine) };
  const { shape, problem, source } = describe(arch, image);
  const facts = qemuFacts(arch, shape);
  const [uname] = arch.machines;
  const rules = uname === undefined ? undefined : loadRules[uname];
  const told = tellSecondaries(image, request.secondaries, NO_SECONDARIES);
  const unchecked = [
    ...shape.unchecked,
    "what a running kernel would refuse is not checked: its pages, its memory, half of its RAM",
    ...listUncheckedConfinement(image),
    ...(rules?.listUnchecked?.(image) ?? []),
  ];
  const uses = rules?.listUses(image) ?? [];
  const check = (): void => {
    checkImage(image, facts, rules?.checks ?? []);
    if (problem !== undefined) throw problem;
    const finding = shape.find(image);
    if (finding !== undefined) throw new Failure(finding.place, finding.fact);
  };
  showChecked(system, request, { plan, image, facts, uses, told, unchecked }, check);
  if (request.action === "check") return EXIT.done;
  const { entry } = image;
  if (entry === undefined) throw usage("entry", "none is set: -e after an -a sets it");
  const start = shape.start(image, entry);
  refuseChangedFiles(system, plan);
  const { program, memoryStart } = qemuMachineFor(arch);
  const words = {
    program,
    machine: shape.machine.join(","),
    cpu: shape.cpu,
    smp: shape.smp.join(","),
    memory: [memoryFor(image, shape, memoryStart) / MIB, ...shape.memoryWords].join(","),
    source,
  };
  const files = [
    ...start.files,
    ...segmentsWithBytes(image).map((segment) => ({ name: segmentName(image, segment), bytes: segment.bytes })),
  ];
  writeFolder(system, directory, files, { name: SCRIPT, text: qemuScript(image, entry, words, start) });
  return EXIT.done;
}

/** What is known of a machine of qemu's before anything is loaded there. */
export function qemuFacts({ elfMachine }: Arch, { memory, taken, rma }: QemuShape): MachineFacts {
  // Nobody asks for whole pages there.
  const pageSize = 1n;
  const whyNoCrashkernel = "nothing tells of a machine of qemu's";
  return { pageSize, elfMachine, memory, taken, rma, totalRam: undefined, whyNoCrashkernel, secondaries: 0 };
}

/** What -t says, else the machine of the stub that is entered, else the running one. */
function archOf(system: System, { arch, handed }: KexecImage): Arch {
  const asked = archs.find(({ elfMachine }) => BigInt(elfMachine) === arch);
  const found = asked ?? archs.find((each) => each === handed?.target) ?? findArch(system.machine);
  if (found === undefined) throw new Failure("-t", `no machine of qemu's is known for ${arch}`);
  return found;
}

/** @throws Failure where qemu has none */
export function qemuMachineFor({ name }: Arch): QemuMachine {
  const machine = qemuMachines[name];
  if (machine === undefined) throw new Failure(name, "no machine of qemu's is known for it");
  return machine;
}

interface Described {
  readonly shape: QemuShape;
  /** Why it is not that of what the next kernel is told. */
  readonly problem: Failure | undefined;
  /** What told it, in words. */
  readonly source: string;
}

function describe(arch: Arch, { handed }: KexecImage): Described {
  const machine = qemuMachineFor(arch);
  const nothing = { shape: machine.describe(undefined, ""), problem: undefined, source: "nothing tells" };
  // What is handed over in its place is wrong, and a check of all images says so.
  if (handed === undefined || handed.target.name !== arch.name) return nothing;
  const bytes = bytesOf(handed);
  const kind = handed.target.argument;
  if (kind === "device tree blob" && headOf(bytes) === undefined) return nothing;
  const place = `the ${kind} at ${hex(addressOf(handed))}`;
  try {
    return { shape: machine.describe(bytes, place), problem: undefined, source: `${place} tells` };
  } catch (error) {
    if (error instanceof Failure) return { ...nothing, problem: error };
    throw error;
  }
}

/** Bytes. */
function memoryFor({ segments }: KexecImage, { memorySize }: QemuShape, memoryStart: bigint): bigint {
  if (memorySize > 0n) return roundUp(memorySize, MIB);
  const end = segments.reduce((highest, each: MemoryRange) => max(highest, each.end), memoryStart);
  return max(LEAST_MEMORY, roundUp(end - memoryStart, MEMORY_STEP));
}
