// x86_64, whose kernels expect a zero page rather than a device tree.

import { EM_X86_64 } from "../../sys/abi.ts";
import type { Arch } from "../arch.ts";
import { stub } from "./stub.ts";

export const x86_64: Arch = {
  name: "x86_64",
  machines: ["x86_64"],
  elfMachine: EM_X86_64,
  argument: "zero page",
  stub,
};
