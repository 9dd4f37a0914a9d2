// A partition that can gain memory: most of what it could have is listed in blocks, and it has those of one DIMM.

import { expect, test } from "bun:test";
import { ONLINE, type ScriptNeeds, usualScript } from "../../scripts/boot/scene.ts";
import { passed, printedBy } from "../support/boots.ts";
import { crashing, initrdThat, keptByFirmware, LAST_BYTE, systemRam } from "../support/crash-kernel.ts";

const partition = {
  target: "ppc64le",
  small: false,
  smp: 2,
  memory: 1024,
  memoryOptions: ["maxmem=8G", "slots=8"],
} as const;

/** Behind the memory node, which ends at 0x40000000. */
const DIMM = {
  start: 0x40000000,
  words: ["-object", "memory-backend-ram,id=dimm,size=512M", "-device", "pc-dimm,memdev=dimm"],
};

/** The tree is checked, and the initrd lies in a block. */
function script(needs: ScriptNeeds): string {
  const addresses = { ...needs.addresses, initrd: DIMM.start + 0x8000000 };
  return `fs2dt --check -b 0x5000100 /proc/device-tree > /tmp/checked\n${usualScript({ ...needs, addresses })}`;
}

test("the next kernel of a partition has the memory of its blocks, and its initrd is in one", async () => {
  const initrd = await initrdThat("ppc64le", ["cat /proc/iomem"]);
  const lines = await passed(partition, { devices: DIMM.words, initrd, script });
  expect(systemRam(lines)).toEqual(["00000000-5fffffff"]);
});

test("a panic of a partition ends in the crash kernel, which has its own memory and RTAS's, and no block", async () => {
  const lines = await passed(partition, await crashing("ppc64le", DIMM.words));
  expect(printedBy(lines, `cat ${ONLINE}`)).toContain("0-1");
  expect(systemRam(lines)).toEqual([`00000000-${LAST_BYTE}`, keptByFirmware(lines)]);
});
