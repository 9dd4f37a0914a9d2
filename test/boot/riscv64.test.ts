// riscv64 in qemu's virt machine: from one kernel to the next by fs2dt's tree, which the running kernel itself hands over.

import { beforeAll, describe, expect, test } from "bun:test";
import type { Choices } from "../../scripts/boot/choices.ts";
import { type ScriptNeeds, SECOND_INIT, usualScript } from "../../scripts/boot/scene.ts";
import { kernelsFor } from "../../scripts/boot.ts";
import { machineOf } from "../../scripts/machines/machines.ts";
import { hex } from "../../src/failure.ts";
import { attempted, passed, usual } from "../support/boots.ts";
import { initrdThat, systemRam } from "../support/crash-kernel.ts";
import { present } from "../support/present.ts";
import { example } from "../support/readme.ts";

const TARGET = {
  target: "riscv64",
  cpu: machineOf("riscv64").guest.cpu,
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

test("one hart finds its random numbers by a fresh seed", async () => {
  const expected = ["[    0.000000] random: crng init done"];
  expect(await said({}, expected)).toEqual(expected);
});

test("four harts are online, also by the blob of /sys/firmware/fdt in place of the directory", async () => {
  const expected = ["smp: Brought up 1 node, 4 CPUs"];
  const fromBlob = (needs: ScriptNeeds) => aloud(needs).replace("/proc/device-tree", "/sys/firmware/fdt");
  expect(await said({ smp: 4 }, expected, fromBlob)).toEqual(expected);
});

test("the README's example runs as it stands there", async () => {
  const script = ({ bootargs }: ScriptNeeds): string => {
    const replaced = { "console=ttyS0": bootargs, "-f Image": "-f vmlinux.kexec" };
    return `${example("fs2dt -b 0x83e00000", replaced)}\nloadem -k\n`;
  };
  expect(await passed({ ...TARGET, smp: 2 }, { script })).toContain(SECOND_INIT);
});

test("a tree that does not begin its segment the kernel refuses too, and loadem says why", async () => {
  const script = (needs: ScriptNeeds): string => {
    const { addresses } = needs;
    const behind = (options: string) =>
      usualScript({ ...needs, addresses: { ...addresses, tree: addresses.stub + 0x1_0000 } })
        .replace("loadem -v", `loadem ${options}`)
        .replace(`-a ${hex(addresses.stub)} -s`, `-a ${hex(addresses.stub)} -f /page -s`)
        .replace("\nloadem -k", "");
    return behind("--no-checks");
  };
  const files = [{ path: "page", content: new Uint8Array(0x1_0000), mode: 0o644 } as const];
  const { run } = await attempted(TARGET, { script, files });
  const text = run.lines.map((line) => line.text).join("\n");
  expect(text).toMatch(
    /loadem: kexec_load\(.*\): EINVAL .*: its device tree blob is at 0x[0-9a-f]+, and the kernel takes the first/,
  );
});

test("the next kernel is entered as the boot protocol says, by the test payload", async () => {
  const initrd = Uint8Array.from({ length: 0x5004 }, (_, at) => at & 0xff);
  const files = [{ path: "initrd", content: initrd, mode: 0o644 } as const];
  let addresses: ScriptNeeds["addresses"] | undefined;
  const script = (needs: ScriptNeeds): string => {
    addresses = needs.addresses;
    return usualScript({ ...needs, initrdSize: initrd.length });
  };
  const lines = await passed({ ...TARGET, smp: 2, payload: true }, { script, files });
  const handed = handedBy(lines);
  const is = (...names: string[]) => names.map((name) => handed.get(name) ?? -1n);
  const { tree, kernel } = present(addresses);
  expect(is("tree", "base")).toEqual([BigInt(tree), BigInt(kernel)]);
  expect(is("hart")[0]).toBeLessThan(2n);
  expect(is("satp", "interrupts")).toEqual([0n, 0n]);
  expect(is("magic", "version", "harts", "stopped")).toEqual([0xd00dfeedn, 17n, 2n, 1n]);
  const [start, end] = is("initrd-start", "initrd-end");
  expect(present(end) - present(start)).toBe(0x5004n);
  expect(is("initrd-begins")).toEqual([0x0001020304050607n]);
  expect(lines).toContain("payload: done");
});

test("a crash kernel stays in its region, and reads all of /proc/vmcore: OpenSBI's memory is not in it", async () => {
  const region = "crashkernel=256M@0xa0000000";
  const initrd = await initrdThat("riscv64", ["cat /proc/iomem", "cat /proc/vmcore > /dev/null", "echo all of it"]);
  const lines = await passed(
    { ...TARGET, memory: 1024, timeout: 300 },
    {
      append: region,
      initrd,
      script: () => "kexec -d -p /vmlinux.kexec --initrd /initrd\necho c > /proc/sysrq-trigger\n",
    },
  );
  expect(systemRam(lines)).toEqual(["a0000000-afffffff"]);
  expect(lines).toContain("all of it");
});

describe("with no kernel before it", () => {
  test("the test payload gets the same", async () => {
    const lines = await passed({ ...TARGET, smp: 2, payload: true, direct: true });
    const handed = handedBy(lines);
    const is = (...names: string[]) => names.map((name) => handed.get(name) ?? -1n);
    expect(is("satp", "interrupts", "magic", "harts", "stopped")).toEqual([0n, 0n, 0xd00dfeedn, 2n, 1n]);
  });
});

function handedBy(lines: readonly string[]): Map<string, bigint> {
  const words = lines.filter((line) => line.startsWith("payload: ")).flatMap((line) => line.split(" "));
  return new Map(
    words.flatMap((word): [string, bigint][] => {
      const [, name, value] = /^([a-z0-9-]+)=(0x[0-9a-f]+)$/.exec(word) ?? [];
      return name === undefined ? [] : [[name, BigInt(present(value))]];
    }),
  );
}
