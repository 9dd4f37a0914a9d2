// All checks of a tree: those of devicetree/check, and what is told by the machine that the tree is of.

import type { Check } from "../devicetree/check/check.ts";
import { checks } from "../devicetree/check/checks.ts";
import { reportCutBootargs } from "./cut-bootargs.ts";

export const treeChecks: readonly Check[] = [
  ...checks,
  {
    name: "bootargs",
    severity: "warning",
    reason: "Linux keeps the start of a command line, and drops what its memory for it does not hold",
    source: "drivers/of/fdt.c early_init_dt_scan_chosen; arch/*/include/uapi/asm/setup.h COMMAND_LINE_SIZE",
    at: "/chosen",
    look: (_, tell, { tree }) => reportCutBootargs(tree.root, tell),
  },
];
