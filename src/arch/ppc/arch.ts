// 32-bit powerpc.

import { EM_PPC } from "../../sys/abi.ts";
import type { Arch } from "../arch.ts";
import { stub } from "./stub.ts";

export const ppc: Arch = { name: "ppc", machines: ["ppc"], elfMachine: EM_PPC, argument: "device tree blob", stub };
