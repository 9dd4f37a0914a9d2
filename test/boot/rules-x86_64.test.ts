// On x86-64, rules that no kernel checks are real: who breaks one is refused, and a machine that is made to break it dies.

import { testRules } from "../support/rules/tests.ts";
import { worlds } from "../support/rules/x86_64.ts";

testRules(worlds);
