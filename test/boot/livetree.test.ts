// Trees of running guests: our blobs of them, held against dtc and libfdt.

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { image } from "../../initramfs/image.ts";
import { build } from "../../scripts/build.ts";
import { type Guest, runGuest } from "../../scripts/guest.ts";
import { kernel } from "../../scripts/kernels.ts";
import type { KernelName } from "../../scripts/machines/machines.ts";
import { applets } from "../../src/applets/table.ts";
import { bytesAt, nodeOf, type ReadNode, readBlob, treeOf } from "../support/blob-reader.ts";
import { received } from "../support/boots.ts";
import { dumpedReservations, gottenBytes, sortedSource } from "../support/dtc.ts";
import { temporaryFolder } from "../support/folder.ts";
import { runWith, x64 } from "../support/run.ts";
import { makeTree } from "../support/tree.ts";

const folder = temporaryFolder({ on: "disk" });

const ADDRESS = "0x5000100";

/** The blobs leave through terminals, to which only cat writes. Version 3 keeps the `name` properties. */
const SCRIPT = [
  `fs2dt -b ${ADDRESS} /proc/device-tree | cat > /dev/hvc1`,
  `fs2dt -b ${ADDRESS} -V 3 /proc/device-tree | cat > /dev/hvc2`,
  "",
].join("\n");

interface Machine {
  readonly title: string;
  readonly target: "ppc64" | "ppc64le";
  readonly kernel: KernelName;
  readonly guest: Pick<Guest, "cpu" | "smp" | "memory" | "extra">;
  /** What only this machine's tree has: a node, and one of its properties. */
  readonly mark: (root: ReadNode) => boolean;
}

const numa = [
  ["-object", "memory-backend-ram,id=m0,size=256M", "-object", "memory-backend-ram,id=m1,size=256M"],
  ["-numa", "node,nodeid=0,cpus=0-1,memdev=m0", "-numa", "node,nodeid=1,cpus=2-3,memdev=m1"],
  ["-device", "spapr-vscsi", "-device", "pci-bridge,chassis_nr=1,id=bridge,addr=4"],
  ["-device", "virtio-net-pci,romfile=", "-device", "virtio-balloon-pci,bus=bridge,addr=1"],
].flat();

const machines: readonly Machine[] = [
  {
    title: "a big endian POWER8 with one cpu",
    target: "ppc64",
    kernel: "small-ppc64",
    guest: { cpu: "POWER8", smp: 1, memory: 256 },
    mark: (root) => cpus(root).length === 1,
  },
  {
    title: "a little endian POWER9 with eight cpus",
    target: "ppc64le",
    kernel: "small-ppc64le",
    guest: { cpu: "POWER9", smp: 8, memory: 512 },
    mark: (root) => cpus(root).length === 8,
  },
  {
    title: "a big endian POWER9 with two memory nodes, a disk controller and devices behind a bridge",
    target: "ppc64",
    kernel: "small-ppc64",
    guest: { cpu: "POWER9", smp: 4, memory: 512, extra: numa },
    mark: (root) => root.children.filter(({ name }) => name.startsWith("memory@")).length === 2,
  },
  {
    title: "a little endian POWER10",
    target: "ppc64le",
    kernel: "small-ppc64le",
    guest: { cpu: "POWER10", smp: 2, memory: 512 },
    mark: (root) => cpus(root).length === 2,
  },
];

function cpus(root: ReadNode): ReadNode[] {
  return nodeOf(root, "/cpus").children.filter(({ name }) => name.startsWith("PowerPC,"));
}

async function blobsOf({ target, kernel: name, guest }: Machine, folder: string): Promise<{ 17: Buffer; 3: Buffer }> {
  const executable = readFileSync(await build(target));
  const initrd = join(folder, "initrd");
  const names = applets.map((applet) => applet.name);
  writeFileSync(initrd, Buffer.concat(image({ executable, applets: names, script: Buffer.from(SCRIPT) })));
  const { vmlinux } = await kernel(name);
  const consoles = [1, 2].flatMap((number) => [
    "-chardev",
    `file,id=tree${number},path=${join(folder, `hvc${number}`)}`,
    "-device",
    `spapr-vty,chardev=tree${number}`,
  ]);
  const run = await runGuest(
    {
      ...guest,
      kernel: vmlinux,
      initrd,
      append: "console=hvc0 quiet panic=-1",
      extra: [...consoles, ...(guest.extra ?? [])],
    },
    { timeout: 90 },
  );
  if (run.end !== "off")
    throw new Error(
      run.lines
        .map(({ text }) => text)
        .slice(-30)
        .join("\n"),
    );
  return { 17: received(join(folder, "hvc1")), 3: received(join(folder, "hvc2")) };
}

describe("the live tree of", () => {
  const named = machines.map((machine) => [machine.title, machine] as const);
  test.each(named)(
    "%s is the same for dtc as our blobs of it",
    async (_, machine) => {
      compare(await blobsOf(machine, folder.path), machine, folder.path);
    },
    120_000,
  );
});

/** The guest's blobs, those that we make here of what is in them, and what dtc and libfdt make of these. */
function compare(made: { 17: Buffer; 3: Buffer }, machine: Machine, folder: string): void {
  const { root, reserved, totalsize } = readBlob(made[3]);
  expect(machine.mark(root)).toBe(true);
  expect(reserved.at(-1)).toEqual({ start: BigInt(ADDRESS), size: BigInt(totalsize) });
  const directory = join(folder, "tree");
  makeTree(directory, treeOf(root));
  const expected = sortedSource("fs", directory);
  const { code, out } = runWith(x64, ["dtcheck", directory]);
  expect({ code, found: out.toString() }).toEqual({ code: 0, found: "" });

  for (const version of [2, 3, 16, 17] as const) {
    const { code, err, out } = runWith(x64, ["fs2dt", "-b", ADDRESS, "-V", String(version), directory]);
    expect(code).toBe(0);
    expect(err).toBe("");
    if (version === 3 || version === 17) expect(out.equals(made[version])).toBe(true);
    const path = join(folder, `blob${version}`);
    writeFileSync(path, out);
    expect(sortedSource("dtb", path)).toBe(expected);
    expect(dumpedReservations(path)).toEqual(readBlob(out).reserved.map(({ start, size }) => [start, size]));
    expect(gottenBytes(path, "/chosen", "bootargs")).toEqual(bytesAt(root, "/chosen", "bootargs"));
  }
}
