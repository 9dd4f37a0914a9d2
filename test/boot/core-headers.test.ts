// The ELF core header as it lies in a guest's memory: what kexec -p tells of a machine is what kexec-tools and the kernel itself
// tell of it, and a kernel that mends it when memory or cpus come does so.

import { beforeAll, describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { SECOND_INIT } from "../../scripts/boot/scene.ts";
import type { Architecture } from "../../scripts/debian-programs.ts";
import { kernel } from "../../scripts/kernels.ts";
import type { LiveGuest } from "../../scripts/live-guest.ts";
import { programsOf } from "../../scripts/peers/releases.ts";
import { ET_CORE, type ProgramHeader, PT_LOAD, PT_NOTE, readHeadersBy } from "../../src/elf.ts";
import { hex } from "../../src/failure.ts";
import { temporaryFolder } from "../support/folder.ts";
import { atPrompt, type KexecGuest } from "../support/kexec-guest.ts";
import { present } from "../support/present.ts";
import { ask, LONGEST, run, runAll } from "../support/prompt.ts";
import { rawLinesOf } from "../support/raw-lines.ts";

const MINUTES = 60_000;
const PAGE = 4096;

const disk = temporaryFolder({ on: "disk" });
const sockets = temporaryFolder();

interface Region {
  readonly start: number;
  readonly end: number;
}

/** What is told of a range: where it lies, where the kernel has it, and where in the file /proc/vmcore finds it. */
interface Told {
  readonly physical: string;
  readonly size: string;
  readonly virtual: string;
  readonly offset: string;
}

interface Header {
  readonly notes: readonly Told[];
  readonly loads: readonly Told[];
}

const LOAD = "-p /vmlinuz --initrd=/initrd --append='console=ttyS0 quiet no_timer_check tsc=unstable nr_cpus=1'";

/** A guest's region for a crash kernel, whose memory the host reads: no program in the guest may. */
class RegionReader {
  #seen = new Set<string>();

  constructor(
    readonly live: LiveGuest,
    readonly region: Region,
  ) {}

  static async for(live: LiveGuest): Promise<RegionReader> {
    const plan = (await run(live, `kexec --plan --json ${LOAD}`)).find((line) => line.startsWith("{"));
    const { start, end } = JSON.parse(present(plan)).crashkernel;
    return new RegionReader(live, { start: Number(start), end: Number(end) });
  }

  /** The header that was not there when it was asked for before; what was loaded then stays there until it is overwritten. */
  async findNewHeader(): Promise<Header | undefined> {
    const { start, end } = this.region;
    const path = disk.in("region");
    await this.live.askMonitor("pmemsave", { val: start, size: end - start, filename: path });
    const memory = await readFile(path);
    const found: Header[] = [];
    const seen = new Set<string>();
    for (let at = 0; at < memory.length; at += PAGE) {
      // Kernels have ELF files of 32 and 64 bits in them.
      if (memory.readUInt32BE(at) !== 0x7f454c46 || memory[at + 4] !== 2) continue;
      const read = (from: number, length: number) => memory.subarray(at + from, at + from + length);
      const { type, headers } = readHeadersBy(read, hex(start + at), 64);
      if (type !== ET_CORE) continue;
      const header = tell(headers);
      const key = JSON.stringify([at, header]);
      seen.add(key);
      if (!this.#seen.has(key)) found.push(header);
    }
    this.#seen = seen;
    expect(found.length).toBeLessThan(2);
    return found[0];
  }
}

function tell(headers: readonly ProgramHeader[]): Header {
  const of = (wanted: number): Told[] =>
    headers
      .filter(({ type }) => type === wanted)
      .map(({ physical, memorySize, address, offset }) => ({
        ...{ physical: hex(physical), size: hex(memorySize), virtual: hex(address), offset: hex(offset) },
      }));
  return { notes: of(PT_NOTE), loads: of(PT_LOAD) };
}

describe("kexec -p tells of the notes and the memory that kexec-tools tells of", () => {
  const common = { smp: 2, memory: 1024, append: "crashkernel=256M" } as const;
  const rows: readonly Row[] = [
    {
      machine: "ppc64le",
      architecture: "ppc64el",
      guest: { target: "ppc64le", first: "stock-ppc64le", ...common },
      // RTAS lies in the region, which is not saved: the crash kernel has it too.
      isTheirs: ({ physical }, { start, end }) => Number(physical) >= start && Number(physical) < end,
      hasTheirAddresses: true,
    },
    {
      machine: "arm64",
      architecture: "arm64",
      guest: { target: "arm64-small", first: "stock-arm64", ...common },
      isTheirs: () => false,
      // With KASLR 2.0.29 does not find where the kernel and its memory are.
      hasTheirAddresses: false,
    },
    {
      machine: "x86-64",
      architecture: "amd64",
      guest: { target: "x64-small", first: "stock-x64", ...common },
      // Its purgatory saves the first 640 KiB.
      isTheirs: ({ physical }) => physical === "0x1000",
      hasTheirAddresses: true,
    },
  ];

  interface Row {
    readonly machine: string;
    readonly architecture: Architecture;
    readonly guest: KexecGuest;
    /** Whether what only they tell of is known. */
    readonly isTheirs: (told: Told, region: Region) => boolean;
    readonly hasTheirAddresses: boolean;
  }

  /** The kernel's own code and data, which stands before all memory. */
  const isText = ({ virtual }: Told, index: number) => index === 0 && BigInt(virtual) > 0xffff_8000_0000_0000n;

  test.each(rows)(
    "on $machine",
    async ({ architecture, guest, isTheirs, hasTheirAddresses }) => {
      await kernel(guest.first);
      const { files, command } = await programsOf(architecture, "stable", "kexec");
      const { theirs, ours, region } = await atPrompt({ ...guest, files }, disk, sockets, async (live) => {
        const reader = await RegionReader.for(live);
        await run(live, `${command("kexec")} -c ${LOAD}`);
        const theirs = present(await reader.findNewHeader());
        await run(live, `kexec ${LOAD}`);
        return { theirs, ours: present(await reader.findNewHeader()), region: reader.region };
      });
      expect(ours.notes).toEqual(theirs.notes);
      const shown = (loads: readonly Told[]) =>
        loads
          .filter((load, index) => hasTheirAddresses || !isText(load, index))
          .map(({ physical, size, virtual }) => [physical, size, hasTheirAddresses ? virtual : ""]);
      expect(shown(ours.loads)).toEqual(shown(theirs.loads.filter((load) => !isTheirs(load, region))));
    },
    10 * MINUTES,
  );
});

describe("memory that comes on x86-64 after a crash kernel was loaded", () => {
  const DIMM = { start: 0x1_0000_0000, size: 0x2000_0000 };
  const TOLD = expect.objectContaining({ physical: hex(DIMM.start), size: hex(DIMM.size), offset: hex(DIMM.start) });
  const guest: KexecGuest = {
    ...{ target: "x64-small", first: "newest-x64", smp: 1, memory: 1024, memoryOptions: ["maxmem=4G", "slots=2"] },
    ...{ append: "crashkernel=192M", asks: ["vmcore"] },
  };

  beforeAll(() => kernel("newest-x64"), 10 * MINUTES);

  interface Seen {
    readonly before: Header;
    /** undefined: nothing was changed. */
    readonly after: Header | undefined;
    /** What the crash kernel's init printed. */
    readonly crashed: string;
  }

  async function whileMoreComes(load: (live: LiveGuest) => Promise<unknown>): Promise<Seen> {
    return atPrompt(guest, disk, sockets, async (live) => {
      const region = await RegionReader.for(live);
      await load(live);
      const before = present(await region.findNewHeader());
      await live.askMonitor("object-add", { "qom-type": "memory-backend-ram", id: "memory", size: DIMM.size });
      await live.askMonitor("device_add", { driver: "pc-dimm", id: "dimm", memdev: "memory" });
      // The last of its blocks of 128 MiB. /proc/iomem has it before it is online, and then the header is as it was.
      const state = "cat /sys/devices/system/memory/memory35/state";
      for (let tries = 0; !(await run(live, state)).includes("online"); tries++) {
        expect(tries).toBeLessThan(60);
        await Bun.sleep(1000);
      }
      const after = await region.findNewHeader();
      const from = live.text.length;
      live.type("echo c > /proc/sysrq-trigger");
      await live.shows(() => false, LONGEST);
      const crashed = live.text.slice(from);
      return { before, after, crashed: crashed.slice(crashed.indexOf(SECOND_INIT)) };
    });
  }

  test.each<[string, (live: LiveGuest) => Promise<unknown>]>([
    ["kexec --hotplug", (live) => run(live, `kexec --hotplug ${LOAD}`)],
    [
      "the raw line of it",
      async (live) => runAll(live, rawLinesOf(await ask(live, `kexec --plan --hotplug ${LOAD}`)).trimEnd()),
    ],
  ])(
    "is in the header that %s lets the kernel mend, and in the dump",
    async (_, load) => {
      const { before, after, crashed } = await whileMoreComes(load);
      expect(before.loads).not.toContainEqual(TOLD);
      expect(after?.loads).toContainEqual(TOLD);
      expect(after?.notes).toEqual(before.notes);
      expect(crashed).toMatch(/^0x100000000 \S+ +RAM, 512 MiB$/m);
    },
    10 * MINUTES,
  );

  test(
    "is in none that nobody mends",
    async () => {
      const { after, crashed } = await whileMoreComes((live) => run(live, `kexec ${LOAD}`));
      expect(after).toBeUndefined();
      expect(crashed).toMatch(/^memory +\S+ MiB$/m);
      expect(crashed).not.toContain("0x100000000");
    },
    10 * MINUTES,
  );
});
