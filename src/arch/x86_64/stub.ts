// The x86_64 stub: its prebuilt bytes, which store the kernel's address in their last doubleword (stub/x86_64/README.md).

import words from "../../../stub/x86_64/wrap.hex" with { type: "text" };
import { copiesOf, KERNEL_ADDRESS, type Stub } from "../../kexec/stub.ts";

export const stub: Stub = {
  endian: "little",
  word: 8,
  chain: KERNEL_ADDRESS,
  codeSize: KERNEL_ADDRESS,
  bytes: copiesOf(words),
};
