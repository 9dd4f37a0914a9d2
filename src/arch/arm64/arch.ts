// arm64, which uname calls aarch64.

import { EM_AARCH64 } from "../../sys/abi.ts";
import type { Arch } from "../arch.ts";
import { stub } from "./stub.ts";

export const arm64: Arch = {
  name: "arm64",
  machines: ["aarch64"],
  elfMachine: EM_AARCH64,
  argument: "device tree blob",
  stub,
};
