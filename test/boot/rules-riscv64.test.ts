// On riscv64, rules that no kernel checks are real: who breaks one is refused, and a machine that is made to break it dies.

import { worlds } from "../support/rules/riscv64.ts";
import { testRules } from "../support/rules/tests.ts";

testRules(worlds);
