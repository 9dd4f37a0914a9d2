// The ppc stub: its prebuilt bytes, which store the kernel's address in their last word (stub/ppc/README.md).

import words from "../../../stub/ppc/wrap.hex" with { type: "text" };
import { copiesOf, STUB_SIZE, type Stub } from "../../kexec/stub.ts";

const WORD = 4;

export const stub: Stub = {
  endian: "big",
  word: WORD,
  chain: STUB_SIZE,
  codeSize: STUB_SIZE - WORD,
  bytes: copiesOf(words),
};
