// arm64 in qemu's virt machine: from one kernel to the next by the stub and fs2dt's tree.

import { beforeAll, describe, expect, test } from "bun:test";
import type { Choices } from "../../scripts/boot/choices.ts";
import { type ScriptNeeds, SECOND_INIT, usualScript } from "../../scripts/boot/scene.ts";
import { kernelsFor } from "../../scripts/boot.ts";
import { machineOf } from "../../scripts/machines/machines.ts";
import { passed, usual } from "../support/boots.ts";
import { initrdThat } from "../support/crash-kernel.ts";
import { present } from "../support/present.ts";
import { example } from "../support/readme.ts";

const TARGET = {
  target: "arm64-small",
  cpu: machineOf("arm64-small").guest.cpu,
  smp: 1,
} as const satisfies Partial<Choices>;

// What the cache lacks is made before the clock of a test runs.
beforeAll(async () => void (await kernelsFor({ ...usual, ...TARGET })), 600_000);

/** The usual pipeline, with everything that the second kernel says of itself on the console. */
function aloud(needs: ScriptNeeds): string {
  return usualScript({ ...needs, bootargs: needs.bootargs.replace("quiet ", "") });
}

/** Boots, and returns which of these the second kernel said, up to the lines' ends. */
async function said(changed: Partial<Choices>, texts: readonly string[], script = aloud): Promise<string[]> {
  const lines = await passed({ ...TARGET, ...changed }, { script });
  return texts.filter((text) => lines.some((line) => line.includes(text)));
}

test("one cpu at EL1 finds its random numbers and its addresses by fresh seeds", async () => {
  const expected = ["CPU: All CPU(s) started at EL1", "KASLR enabled", "[    0.000000] random: crng init done"];
  expect(await said({}, expected)).toEqual(expected);
});

test("four cpus are online, also by the blob of /sys/firmware/fdt in place of the directory", async () => {
  const expected = ["SMP: Total of 4 processors activated", "KASLR enabled"];
  const fromBlob = (needs: ScriptNeeds) => aloud(needs).replace("/proc/device-tree", "/sys/firmware/fdt");
  expect(await said({ smp: 4 }, expected, fromBlob)).toEqual(expected);
});

test("a tree of nearly 2 MiB, the most that Linux maps, may begin anywhere", async () => {
  const large = (needs: ScriptNeeds) => aloud(needs).replace("fs2dt -v", "fs2dt -v --pad 2080000");
  const expected = ["SMP: Total of 1 processors activated"];
  expect(await said({}, expected, large)).toEqual(expected);
});

test("what a kernel was told to reserve, fs2dt finds in its live blob, and not the entries of its start", async () => {
  const initrd = await initrdThat(TARGET.target, ["fs2dt -v -b 0x45e00100 /proc/device-tree > /dev/null"]);
  const reserving = (needs: ScriptNeeds) => aloud(needs).replace("fs2dt -v", "fs2dt -v --reserve 0x50000000,0x3000");
  const lines = await passed(TARGET, { script: reserving, initrd });
  const reserved = lines.filter((line) => line.startsWith("fs2dt: reserves "));
  expect(reserved).toHaveLength(2);
  expect(reserved[0]).toBe("fs2dt: reserves 0x50000000-0x50003000");
  expect(reserved[1]).toStartWith("fs2dt: reserves 0x45e00100-");
});

test("a machine that was at EL2 is there again", async () => {
  const expected = ["CPU: All CPU(s) started at EL2"];
  expect(await said({ smp: 2, machine: ["virtualization=on"] }, expected)).toEqual(expected);
});

test("a GICv3 goes on with the tables that the first kernel gave it", async () => {
  const expected = [
    "Using preallocated redistributor tables",
    "CPU0: using reserved LPI pending table",
    "CPU1: using reserved",
  ];
  expect(await said({ smp: 2, machine: ["gic-version=3"] }, expected)).toEqual(expected);
});

test("a machine with UEFI and ACPI, which has no directory, hands on what its firmware told it", async () => {
  const expected = ["efi: EFI v2", "ACPI: RSDP", "SMP: Total of 2 processors activated", "KASLR enabled"];
  expect(await said({ smp: 2, uefi: true }, expected)).toEqual(expected);
});

test("the README's example runs as it stands there", async () => {
  const script = ({ bootargs }: ScriptNeeds): string => {
    const replaced = { "console=ttyAMA0": bootargs, "-f Image": "-f vmlinux.kexec" };
    return `${example("fs2dt -b 0x45e00100", replaced)}\nloadem -k\n`;
  };
  expect(await passed({ ...TARGET, smp: 2 }, { script })).toContain(SECOND_INIT);
});

describe("the stub hands over as the boot protocol says, by the test payload", () => {
  test.each([
    ["EL1", [], "cortex-a72", 1n],
    ["EL2", ["virtualization=on"], "cortex-a72", 2n],
    ["EL2 with a kernel that runs there", ["virtualization=on"], "max", 2n],
  ] as const)("at %s", async (_, machine, cpu, level) => {
    const initrd = Uint8Array.from({ length: 0x5004 }, (_, at) => at & 0xff);
    const files = [{ path: "initrd", content: initrd, mode: 0o644 } as const];
    let addresses: ScriptNeeds["addresses"] | undefined;
    const script = (needs: ScriptNeeds): string => {
      addresses = needs.addresses;
      return usualScript({ ...needs, initrdSize: initrd.length });
    };
    const lines = await passed({ ...TARGET, smp: 2, machine, cpu, payload: true }, { script, files });
    const words = lines.filter((line) => line.startsWith("payload: ")).flatMap((line) => line.split(" "));
    const handed = new Map(
      words.flatMap((word): [string, bigint][] => {
        const [, name, value] = /^([a-z0-9-]+)=(0x[0-9a-f]+)$/.exec(word) ?? [];
        return name === undefined ? [] : [[name, BigInt(present(value))]];
      }),
    );
    const is = (...names: string[]) => names.map((name) => handed.get(name) ?? -1n);
    const { tree, kernel } = present(addresses);
    expect(is("x0", "x1", "x2", "x3", "base")).toEqual([BigInt(tree), 0n, 0n, 0n, BigInt(kernel)]);
    // Debug, SError, IRQ and FIQ are masked.
    expect(is("el", "mmu", "data-cache", "masked")).toEqual([level, 0n, 0n, 15n]);
    expect(is("magic", "version", "cpus")).toEqual([0xd00dfeedn, 17n, 2n]);
    const [start, end] = is("initrd-start", "initrd-end");
    expect(present(end) - present(start)).toBe(0x5004n);
    expect(is("initrd-begins")).toEqual([0x0001020304050607n]);
    expect(lines).toContain("payload: done");
  });
});
