// Boots the stub between the fake first kernel and the test kernel, and reads what the test kernel says.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runGuest } from "../../scripts/guest.ts";
import { assemble, buildPayload } from "../../scripts/stubs.ts";
import { runTool } from "../../scripts/tool.ts";
import { encodeWaitWord, v2wrapBytes, WAIT_WORD } from "../../src/arch/ppc64/stub.ts";
import { KERNEL_ADDRESS } from "../../src/kexec/stub.ts";

export const STUB = 0x500_0000n;
export const KERNEL = 0x600_0000n;
export const DATA = 0x700_0000n;

/** Where busyhypervisor.S belongs. */
const BUSY_HYPERVISOR = 0x4000n;

/** Offsets of the parameters in firstkernel.S. */
const LITTLE_ENDIAN = 0x200;
const CPUS = 0x204;
const ENTRY = 0x208;
const MASTER_ID = 0x210;
const START_CPU = 0x214;
const DELAYS = 0x218;

export interface Handover {
  cpu?: string;
  smp?: number;
  /** Endianness of the old kernel. */
  entry?: "big" | "little";
  treeVersion?: number;
  /** Properties of /chosen, as in a .dts file. */
  chosen?: string;
  /** Where the old kernel jumps to; by default the stub. */
  target?: bigint;
  /** r3 of the master: what the old kernel takes for its cpu id. */
  masterId?: number;
  /** What the stub's wait word says; by default all of them. */
  secondaries?: number | "unknown";
  ticks?: number;
  /** By cpu id, the ticks it comes late; negative: never. */
  delays?: readonly number[];
  /** Changes the stub just before the start. */
  withStub?: (stub: DataView) => void;
  /** Changes the blob just before the start. */
  withTree?: (tree: DataView) => void;
  /** What lies at DATA. */
  data?: Uint8Array;
}

/** What the test kernel said, by the names it uses. */
export interface Handed {
  number(name: string): bigint;
  /** The rest of the line behind the name. */
  text(name: string): string;
}

function treeSource(smp: number, powerOff: number, chosen: string): string {
  const cpus = Array.from(
    { length: smp },
    (_, id) => `cpu@${id} { device_type = "cpu"; reg = <${id}>; ibm,ppc-interrupt-server#s = <${id}>; };`,
  );
  return `/dts-v1/;
    / {
      #address-cells = <2>; #size-cells = <2>;
      cpus { #address-cells = <1>; #size-cells = <0>; ${cpus.join(" ")} };
      rtas { power-off = <${powerOff}>; };
      chosen { ${chosen} };
    };`;
}

/** Everything that many hand-overs share: assembled stubs, RTAS tokens, and a folder for their files. */
export class FakeMachine {
  private constructor(
    readonly folder: string,
    readonly firstKernel: Uint8Array,
    readonly payload: Uint8Array,
    readonly busyHypervisor: Uint8Array,
    readonly powerOff: number,
    readonly startCpu: number,
  ) {}

  static async prepare(folder: string): Promise<FakeMachine> {
    const tree = join(folder, "machine.dtb");
    const machine = { cpu: "POWER9", smp: 1, memory: 256, extra: ["-machine", `dumpdtb=${tree}`] };
    await runGuest(machine, { timeout: 20 });
    const token = async (name: string) => Number(await runTool(["fdtget", "-tu", tree, "/rtas", name]));
    return new FakeMachine(
      folder,
      await assemble("firstkernel.S", "ppc64"),
      await buildPayload("ppc64"),
      await assemble("busyhypervisor.S", "ppc64"),
      await token("power-off"),
      await token("start-cpu"),
    );
  }

  /** @throws Error with the console's lines, if the test kernel did not come to its end */
  async handOver(handover: Handover): Promise<Handed> {
    const { cpu = "POWER9", smp = 1 } = handover;
    const image = new Uint8Array([...this.#stub(handover), ...(await this.#tree(handover))]);
    const segments = [
      this.#placed("stub", image, STUB),
      this.#placed("payload", this.payload, KERNEL),
      this.#placed("busyhypervisor", this.busyHypervisor, BUSY_HYPERVISOR),
      this.#placed("data", handover.data ?? new Uint8Array(1), DATA),
    ];
    const bios = this.#placed("firstkernel", this.#firstKernel(handover), 0n).file;
    const run = await runGuest({ cpu, smp, memory: 256, bios, segments }, { timeout: 30 });
    const said = run.lines.map(({ text }) => text.replace(/^payload: /, ""));
    if (!said.includes("done")) {
      throw new Error(`${run.end} after ${run.seconds} s, the guest said: ${said.join(" | ")}`);
    }
    const text = (name: string) => new RegExp(`(?:^|[ \n])${name}=(.*)`).exec(said.join("\n"))?.[1] ?? "";
    return { text, number: (name) => BigInt(text(name).split(" ")[0] ?? "") };
  }

  #stub({ smp = 1, secondaries = smp - 1, ticks, withStub }: Handover): Uint8Array {
    const bytes = v2wrapBytes();
    const view = new DataView(bytes.buffer);
    view.setUint32(WAIT_WORD, encodeWaitWord(secondaries, ticks));
    view.setBigUint64(KERNEL_ADDRESS, KERNEL);
    withStub?.(view);
    return bytes;
  }

  async #tree({ smp = 1, treeVersion = 17, chosen = "", withTree }: Handover): Promise<Uint8Array> {
    const source = join(this.folder, "tree.dts");
    const tree = join(this.folder, "tree.dtb");
    writeFileSync(source, treeSource(smp, this.powerOff, chosen));
    await runTool(["dtc", "-q", "-I", "dts", "-O", "dtb", "-V", `${treeVersion}`, "-o", tree, source]);
    const bytes = new Uint8Array(readFileSync(tree));
    withTree?.(new DataView(bytes.buffer));
    return bytes;
  }

  #firstKernel({ smp = 1, entry = "big", target = STUB, masterId = 0, delays = [] }: Handover): Uint8Array {
    const bytes = this.firstKernel.slice();
    const parameters = new DataView(bytes.buffer);
    parameters.setUint32(LITTLE_ENDIAN, entry === "little" ? 1 : 0);
    parameters.setUint32(CPUS, smp);
    parameters.setBigUint64(ENTRY, target);
    parameters.setUint32(MASTER_ID, masterId);
    parameters.setUint32(START_CPU, this.startCpu);
    for (const [cpu, ticks] of delays.entries()) parameters.setBigInt64(DELAYS + 8 * cpu, BigInt(ticks));
    return bytes;
  }

  #placed(name: string, bytes: Uint8Array, address: bigint): { file: string; address: bigint } {
    const file = join(this.folder, name);
    writeFileSync(file, bytes);
    return { file, address };
  }
}
