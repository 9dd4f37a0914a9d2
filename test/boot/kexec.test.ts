// kexec on machines of many kinds, with kernels as they are distributed: what its raw line loads, run as text, is byte for
// byte what it loads itself, and the second kernel comes up with all cpus and with all of its initrd.

import { beforeAll, describe, expect, test } from "bun:test";
import { cpio } from "../../initramfs/cpio.ts";
import { kernel } from "../../scripts/kernels.ts";
import { temporaryFolder } from "../support/folder.ts";
import {
  jumpInGuest,
  type KexecGuest,
  kexecByTyping,
  kexecInGuest,
  loadedBy,
  type Plan,
  pattern,
} from "../support/kexec-guest.ts";

const MINUTES = 60_000;
const MB = 1_000_000;

type Row = readonly [what: string, guest: KexecGuest];

/** A DIMM behind the memory node, in blocks that only the partition's list of them tells of. */
const DIMM = ["-object", "memory-backend-ram,id=dimm,size=512M", "-device", "pc-dimm,memdev=dimm"];

const PPC64: readonly Row[] = [
  ["big endian, one cpu", { target: "ppc64", first: "small-ppc64", smp: 1, memory: 512 }],
  [
    "big endian, from pages of 4K to pages of 64K",
    { target: "ppc64", first: "small-ppc64-4k", next: "small-ppc64", smp: 4, memory: 512 },
  ],
  [
    "little endian, one cpu, from pages of 4K to pages of 64K, by one command",
    { target: "ppc64le", first: "small-ppc64le-4k", next: "small-ppc64le", smp: 1, memory: 512, atOnce: true },
  ],
  ["little endian, four cpus", { target: "ppc64le", first: "small-ppc64le", smp: 4, memory: 512 }],
  [
    "from little to big endian, with a hash table",
    { target: "ppc64le", first: "small-ppc64le", next: "small-ppc64", smp: 4, memory: 512, cpu: "POWER8" },
  ],
  ["Debian 12 in 16 GiB", { target: "ppc64le", first: "stock-ppc64le", smp: 4, memory: 16384 }],
  [
    "Debian 13, an initrd of 100 MB, by one command",
    { target: "ppc64le", first: "stable-ppc64le", smp: 1, memory: 2048, filler: 100 * MB, atOnce: true },
  ],
  ["Debian's newest in 8 GiB", { target: "ppc64le", first: "newest-ppc64le", smp: 4, memory: 8192 }],
  [
    "OPAL, without a hypervisor",
    { target: "ppc64le", first: "stable-ppc64le", smp: 2, memory: 3072, board: "powernv9" },
  ],
  [
    "a partition that can gain memory and has some",
    {
      ...{ target: "ppc64le", first: "stock-ppc64le", smp: 2, memory: 1024 },
      ...{ memoryOptions: ["maxmem=8G", "slots=8"], devices: DIMM },
    },
  ],
];

const ARM64: readonly Row[] = [
  ["Debian 11 in 512 MiB", { target: "arm64-small", first: "oldest-arm64", smp: 1, memory: 512 }],
  [
    "Debian 12 at EL2 in 1 GiB",
    {
      ...{ target: "arm64-small", first: "stock-arm64", smp: 4, memory: 1024 },
      machineOptions: ["virtualization=on"],
    },
  ],
  [
    "Debian 13 with UEFI and a GICv3 in 8 GiB",
    {
      target: "arm64-small",
      first: "stable-arm64",
      smp: 2,
      memory: 8192,
      uefi: true,
      machineOptions: ["gic-version=3"],
    },
  ],
  [
    "Debian's newest, an initrd of 100 MB, by one command",
    { target: "arm64-small", first: "newest-arm64", smp: 4, memory: 2048, filler: 100 * MB, atOnce: true },
  ],
];

const X86_64: readonly Row[] = [
  ["Debian 11 with a BIOS in 512 MiB", { target: "x64-small", first: "oldest-x64", smp: 1, memory: 512 }],
  [
    "Debian 12 on the older pc machine in 1 GiB",
    { target: "x64-small", first: "stock-x64", smp: 4, memory: 1024, machineOptions: ["type=pc"] },
  ],
  ["Debian 13 with UEFI in 2 GiB", { target: "x64-small", first: "stable-x64", smp: 2, memory: 2048, uefi: true }],
  [
    "Debian's newest with a BIOS in 16 GiB, an initrd of 100 MB, by one command",
    { target: "x64-small", first: "newest-x64", smp: 4, memory: 16384, filler: 100 * MB, atOnce: true },
  ],
];

describe.each([
  ["ppc64", PPC64],
  ["arm64", ARM64],
  ["x86_64", X86_64],
] as const)("on %s", (_, rows) => {
  // What the cache lacks is made before the clock of a test runs.
  beforeAll(async () => {
    for (const [, { first, next = first }] of rows) for (const name of [first, next]) await kernel(name);
  }, 60 * MINUTES);

  test.each(rows)(
    "%s",
    async (_, guest) => {
      const { plan, raw } = await kexecInGuest(guest);
      expect(plan.segments).toHaveLength(3);
      expect(loadedBy(raw)).toEqual(loadedBy(plan));
    },
    10 * MINUTES,
  );
});

describe("an initrd that is larger than what most machines have for one", () => {
  const MIB = 2 ** 20;
  const PART = 64 * MIB;

  /** The header of a file of so many bytes, where an archive begins. */
  function headerOf(path: string, size: number): Buffer {
    const SIZE = 54;
    const [header = Buffer.alloc(0)] = cpio([{ kind: "file", path, content: new Uint8Array(0), mode: 0o644 }]);
    const copy = Buffer.from(header);
    copy.write(size.toString(16).padStart(8, "0"), SIZE);
    return copy;
  }

  test(
    "1.5 GB, of which the next kernel unpacks the last file too, on ppc64le",
    async () => {
      const parts = 23;
      const second = await jumpInGuest({
        ...{ target: "ppc64le", first: "stock-ppc64le", smp: 2, memory: 6144, timeout: 540 },
        files: [
          { path: "header", content: headerOf("filler", parts * PART), mode: 0o644 },
          { path: "part", content: pattern(PART), mode: 0o644 },
        ],
        before: [`cat /header ${"/part ".repeat(parts)} /initrd > /large`],
        initrds: ["/large"],
        asks: ["ls -l /"],
      });
      expect(second.map((line) => line.split(/ +/))).toContainEqual(["file", `${parts * PART}`, "filler"]);
    },
    10 * MINUTES,
  );
});

describe("what --plan ends with is typed at init's prompt, and loads the same", () => {
  const disk = temporaryFolder({ on: "disk" });
  const sockets = temporaryFolder();
  const seeds = ["--set /chosen/rng-seed=[0102]", "--set '/chosen/kaslr-seed=<3 4>'"];
  const guests: readonly Row[] = [
    ["ppc64le", { target: "ppc64le", first: "stock-ppc64le", smp: 4, memory: 1024 }],
    [
      "arm64, with seeds of one's own",
      { target: "arm64-small", first: "stock-arm64", smp: 2, memory: 1024, options: seeds },
    ],
    [
      "riscv64, with seeds of one's own",
      { target: "riscv64", first: "stable-riscv64", smp: 2, memory: 1024, options: seeds },
    ],
    ["x86-64", { target: "x64-small", first: "stock-x64", smp: 2, memory: 512 }],
  ];

  test.each(guests)(
    "%s",
    async (name, guest) => {
      const { plan, raw, lines } = await kexecByTyping(guest, disk, sockets);
      // A zero page has a seed, which is another one each time.
      const known = (each: Plan) => (name === "x86-64" ? withoutDigest(each) : each);
      expect(loadedBy(known(raw))).toEqual(loadedBy(known(plan)));
      // Of which the pipeline stands in two.
      expect(lines).toMatch(/ \| \\\n {2}loadem /);
    },
    10 * MINUTES,
  );

  /** Of the stub and what follows it. */
  function withoutDigest(plan: Plan): Plan {
    return { ...plan, segments: plan.segments.map((each, at) => (at === 0 ? { ...each, sha256: "" } : each)) };
  }
});
