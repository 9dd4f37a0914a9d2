// What loading has to know of a running x86-64 machine.

import type { FactSource } from "../../kexec/facts.ts";
import { readBootParams } from "./boot-params.ts";
import { readOwnBootParams } from "./running.ts";

export const facts: FactSource = {
  hasIomem: true,
  initrd: {
    read(system) {
      const bootParams = readOwnBootParams(system);
      return bootParams && readBootParams(bootParams)?.initrd;
    },
  },
};
