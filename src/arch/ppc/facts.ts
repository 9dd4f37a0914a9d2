// What a running ppc kernel tells of itself.

import { attempt } from "../../failure.ts";
import type { FactSource } from "../../kexec/facts.ts";
import { readCrashkernel } from "../../kexec/live-tree.ts";
import { readTreeInitrd } from "../../kexec/running-initrd.ts";
import type { System } from "../../sys/system.ts";

/**
 * What an e500's kernel maps when it is entered, by one entry of the TLB: it expects to begin such a block, and its tree in
 * there (arch/powerpc/kernel/head_85xx.S).
 */
const E500_BLOCK = 0x400_0000n;

export const facts: FactSource = {
  hasIomem: false,
  initrd: { read: readTreeInitrd },
  read(system, _memory, tree) {
    const unchecked: string[] = [];
    const crash = attempt(
      () => ({ region: readCrashkernel(tree) }),
      (why) => unchecked.push(`what crashkernel= reserved is not checked: ${why}`),
    );
    const kernelBlock = attempt(
      () => (isE500(system) ? E500_BLOCK : undefined),
      (why) => unchecked.push(`where the kernel lies is not checked: ${why}`),
    );
    return {
      crashkernel: crash?.region,
      whyNoCrashkernel: crash === undefined ? unchecked[0] : undefined,
      kernelBlock,
      unchecked,
    };
  },
};

/** By its name in arch/powerpc/kernel/cpu_specs_85xx.h and cpu_specs_e500mc.h: e500, e500v2, e500mc, e5500, e6500. */
function isE500(system: System): boolean {
  const cpuinfo = system.mustReadIfThere("/proc/cpuinfo", 1024 * 1024);
  return cpuinfo !== undefined && /^cpu\s*: e[56]5?00/m.test(system.text(cpuinfo));
}
