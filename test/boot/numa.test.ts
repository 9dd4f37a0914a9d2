// Machines whose memory is in several nodes, of which the tree has a memory node each. With hash tables only the first one is
// low memory, where a kernel reads its tree before it has a table of pages.

import { describe, expect, test } from "bun:test";
import { ONLINE, type ScriptNeeds, usualScript } from "../../scripts/boot/scene.ts";
import type { Target } from "../../scripts/machines/machines.ts";
import { attempted, passed, printedBy } from "../support/boots.ts";
import { initrdThat, systemRam } from "../support/crash-kernel.ts";

const MIB = 0x100000;
const NODE = 512;

function machine(target: Target, cpu: string, nodes: number) {
  return { target, cpu, smp: 2, nodes, memory: NODE * nodes } as const;
}

/** All of it, in one range as a kernel's /proc/iomem writes it, where it joins nodes. */
function whole(nodes: number): string {
  return `00000000-${(NODE * nodes * MIB - 1).toString(16).padStart(8, "0")}`;
}

/** Adjacent ranges as one. */
function joined(ranges: readonly string[]): string {
  const [first = "", last = ""] = [ranges[0]?.split("-")[0], ranges.at(-1)?.split("-")[1]];
  const ends = ranges.slice(0, -1).map((range) => BigInt(`0x${range.split("-")[1]}`) + 1n);
  expect(ranges.slice(1).map((range) => BigInt(`0x${range.split("-")[0]}`))).toEqual(ends);
  return `${first}-${last}`;
}

describe.each([
  ["ppc64", "POWER8"],
  ["ppc64", "POWER9"],
  ["ppc64le", "POWER8"],
  ["ppc64le", "POWER10"],
] as const)("%s on %s", (target, cpu) => {
  test.each([2, 4])("of %d nodes gets to a kernel whose initrd is in the last one", async (nodes) => {
    const initrd = await initrdThat(target, ["cat /proc/iomem"]);
    const script = (needs: ScriptNeeds) => {
      const addresses = { ...needs.addresses, initrd: (NODE * (nodes - 1) + 128) * MIB };
      return `fs2dt --check -b 0x5000100 /proc/device-tree > /tmp/checked\n${usualScript({ ...needs, addresses })}`;
    };
    const lines = await passed(machine(target, cpu, nodes), { initrd, script });
    expect(printedBy(lines, `cat ${ONLINE}`)).toContain("0-1");
    expect(joined(systemRam(lines))).toBe(whole(nodes));
  });

  test("of 2 nodes gets to a kernel that kexec has placed", async () => {
    const initrd = await initrdThat(target, ["cat /proc/iomem"]);
    const script = ({ bootargs }: ScriptNeeds) =>
      `kexec -l /vmlinux.kexec --initrd=/initrd --append='${bootargs}'\nkexec -e\n`;
    const lines = await passed(machine(target, cpu, 2), { initrd, script });
    expect(joined(systemRam(lines))).toBe(whole(2));
  });
});

test("with hash tables, a stub in the second node is refused: it is no low memory", async () => {
  const initrd = await initrdThat("ppc64", []);
  const script = (needs: ScriptNeeds) => {
    const high = { ...needs.addresses, stub: (NODE + 64) * MIB, tree: (NODE + 64) * MIB + 0x100 };
    return `- ${usualScript({ ...needs, addresses: high }).split("\n")[0]}\n${usualScript(needs)}`;
  };
  const { verdict, run } = await attempted(machine("ppc64", "POWER8", 2), { initrd, script });
  expect(verdict.passed).toBe(true);
  const said = run.lines.filter(({ text }) => /^loadem: .*0x24000000.*0x20000000/.test(text));
  expect(said).toHaveLength(1);
});
