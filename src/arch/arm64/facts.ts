// What an arm64 machine has in use that its /proc/iomem need not tell.

import type { FactSource } from "../../kexec/facts.ts";
import { readTreeInitrd } from "../../kexec/running-initrd.ts";
import { readLpiTables } from "./lpi-tables.ts";

export const facts: FactSource = {
  hasIomem: true,
  // ARCH_HAS_KEEPINITRD.
  initrd: { read: readTreeInitrd, keptBy: "keepinitrd" },
  // /proc/iomem knows these only where EFI keeps them.
  read: (system) => ({
    taken: readLpiTables(system).map((range) => ({ ...range, name: "an LPI table of the interrupt controller" })),
  }),
};
