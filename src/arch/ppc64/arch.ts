// ppc64, of either endianness.

import { EM_PPC64 } from "../../sys/abi.ts";
import type { Arch } from "../arch.ts";
import { stub } from "./stub.ts";

export const ppc64: Arch = {
  name: "ppc64",
  machines: ["ppc64", "ppc64le"],
  elfMachine: EM_PPC64,
  argument: "device tree blob",
  stub,
};
