// loadem's directives, acted on from left to right: they say which segments there are, and what is stored in them.

import type { Arch } from "../arch/arch.ts";
import { archs, findArch } from "../arch/archs.ts";
import { coreRules } from "../arch/core-rules.ts";
import { builtInStub } from "../arch/stubs.ts";
import type { Directive } from "../cli/options.ts";
import { numberOf, pairOf } from "../cli/values.ts";
import { EXIT, Failure, hex, usage } from "../failure.ts";
import { ownArch } from "../kexec/calls.ts";
import { readHotplug } from "../kexec/hotplug.ts";
import { MOST_TO_READ, openPiece, type Piece } from "../kexec/piece.ts";
import { Plan, type SegmentPlan } from "../kexec/plan.ts";
import type { Secondaries } from "../kexec/stub.ts";
import { largestOf } from "../number.ts";
import { abis } from "../sys/abi.ts";
import { STDIN, type System } from "../sys/system.ts";

export interface ParsedPlan {
  readonly plan: Plan;
  /** What --secondaries says; undefined where it was not given. */
  readonly secondaries: Secondaries | undefined;
}

/**
 * The plan that the directives describe. Files are opened and measured, standard input is read, nothing else happens.
 * @throws Failure for what is no plan, or is not for this machine's kernel
 */
export function parsePlan(system: System, directives: readonly Directive[]): ParsedPlan {
  // If standard input is closed, the first file that is opened gets its number, and would be read in its place.
  if (directives.some(({ long }) => long === "stdin")) system.must(system.status(STDIN), "standard input");
  const isForQemu = directives.some(({ long }) => long === "qemu");
  const parser = new PlanParser(system, isForQemu ? findMachine(system, directives) : undefined);
  for (const directive of directives) parser.act(directive);
  const { plan, secondaries } = parser;
  plan.refuseEmpty();
  if (plan.segments.length === 0) throw usage("no segment", "-a opens one; --help lists all options");
  if (!isForQemu) refuseForeignArch(plan, system);
  return { plan, secondaries };
}

class PlanParser {
  readonly plan = new Plan();
  secondaries: Secondaries | undefined;
  #endian: "big" | "little" | undefined;
  #hasReadStdin = false;

  /** @param machine whose stub -w is, and whose words are stored; undefined: the running one */
  constructor(
    readonly system: System,
    readonly machine: Arch | undefined,
  ) {
    const [uname] = machine?.machines ?? [];
    if (uname === undefined) return;
    const { endian, word } = abis[uname];
    this.plan.words = { endian, word, reason: `as ${machine?.name} is started in qemu` };
  }

  act({ long, value, place }: Directive): void {
    const { plan, system } = this;
    switch (long) {
      case "address":
        plan.open(numberOf(place, value), place);
        return;
      case "file":
        this.#current(place).append(openPiece(system, place, value));
        return;
      case "stdin":
        this.#current(place).append(this.#readStdin(place));
        return;
      case "stub":
        this.#current(place).append({
          kind: "bytes",
          name: "v2wrap",
          bytes: builtInStub("-w", this.machine?.name ?? system.machine),
        });
        return;
      case "pad":
        this.#current(place).pad();
        return;
      case "zero":
        this.#current(place).zeros += numberOf(place, value);
        return;
      case "entry":
        this.#enter(place);
        return;
      case "chain":
        this.#chain(place, numberOf(place, value));
        return;
      case "poke":
        this.#poke(place, value);
        return;
      case "endian":
        this.#endian = parseEndian(place, value);
        return;
      case "round":
        plan.round = powerOfTwo(place, numberOf(place, value));
        return;
      case "type":
        plan.arch = numberOf(place, value);
        return;
      case "panic":
        plan.crash = true;
        return;
      case "hotplug":
        plan.flags |= readHotplug(system, coreRules[system.machine].hotplugFlag).flag;
        return;
      case "secondaries":
        this.secondaries = parseSecondaries(place, value);
        return;
    }
  }

  #current(place: string): SegmentPlan {
    const segment = this.plan.segments.at(-1);
    if (segment === undefined) throw usage(place, "no segment yet: -a opens one");
    return segment;
  }

  #readStdin(place: string): Piece {
    if (this.#hasReadStdin) throw usage(place, "standard input was read already");
    if (this.system.isTerminal(STDIN)) throw usage(place, "standard input is a terminal");
    this.#hasReadStdin = true;
    const read = this.system.readAllOutside(STDIN, MOST_TO_READ, "standard input");
    const bytes = this.system.must(read, "standard input");
    if (bytes.length === 0) throw new Failure("standard input", "empty");
    return { kind: "bytes", name: "standard input", bytes, isMapped: true };
  }

  #enter(place: string): void {
    const segment = this.#current(place);
    if (this.plan.entry !== undefined) throw usage(place, "the entry is set already");
    this.plan.entry = segment.start + BigInt(segment.length);
  }

  #chain(label: string, offset: bigint): void {
    const { start } = this.#current(label);
    const segment = this.plan.segments.at(-2);
    if (segment === undefined) throw usage(label, "there is no segment before this one to chain it to");
    this.plan.patches.push({ label, segment, offset, value: start, kind: "chain", endian: this.#endian });
  }

  #poke(label: string, text: string): void {
    const segment = this.#current(label);
    const [offset, value] = pairOf(label, text, "OFF=WORD");
    if (value >= 1n << 32n) throw usage(label, `${hex(value)} is not a 32-bit word`);
    this.plan.patches.push({ label, segment, offset, value, kind: "poke", endian: this.#endian });
  }
}

/**
 * Of an image that is not for the running kernel: what -t says, wherever it stands.
 * @throws Failure where that is no machine of ours
 */
function findMachine(system: System, directives: readonly Directive[]): Arch | undefined {
  const type = directives.find(({ long }) => long === "type");
  const number = type === undefined ? 0n : numberOf(type.place, type.value);
  if (type === undefined || number === 0n) return findArch(system.machine);
  const machine = archs.find(({ elfMachine }) => BigInt(elfMachine) === number);
  if (machine === undefined)
    throw new Failure(type.place, `no machine of qemu's is known for ${number} (${knownArchs()})`);
  return machine;
}

function knownArchs(): string {
  return archs.map((each) => `${each.name} is ${each.elfMachine}`).join(", ");
}

/** The kernel would say EINVAL. */
function refuseForeignArch({ arch }: Plan, system: System): void {
  const { elfMachine } = system;
  const own = ownArch(system);
  if (arch === own || arch === BigInt(elfMachine)) return;
  const fact =
    own === 0n
      ? `this machine's kernel takes ${elfMachine} or 0, not ${arch} (${knownArchs()})`
      : `from a ${8 * system.abi.word}-bit program this machine's kernel takes -t ${elfMachine}, not ${arch}`;
  throw new Failure("-t", fact, EXIT.refused);
}

function parseEndian(place: string, value: string): "big" | "little" {
  if (value !== "big" && value !== "little") throw usage(place, `'${value}' is neither big nor little`);
  return value;
}

function powerOfTwo(place: string, page: bigint): bigint {
  if (page === 0n || (page & (page - 1n)) !== 0n) throw new Failure(place, `${hex(page)} is not a power of two`);
  return page;
}

function parseSecondaries(place: string, value: string): Secondaries {
  if (value === "unknown") return value;
  const count = numberOf(place, value);
  const most = largestOf(archs.map(({ stub }) => stub?.wait?.most ?? 0));
  if (count > BigInt(most)) throw usage(place, `the stub counts at most ${most} cpus`);
  return Number(count);
}
