// Mappings of files under Bun, of which pages may turn out not to be there: the code of guard/.

import { CFunction } from "bun:ffi";
import guardArm64 from "../guard/arm64.hex" with { type: "text" };
import guardX86 from "../guard/x86_64.hex" with { type: "text" };
import { mapCode } from "./libc.ts";

/** guard/guard.lds: where its data begins, and how much there is at most. Its first word is `lost_page`. */
const DATA = 0x10000;

let mapped: ReturnType<typeof mapGuard> | undefined;

function mapGuard() {
  const { start, bytes } = mapCode(process.arch === "arm64" ? guardArm64 : guardX86, DATA, DATA);
  const guard = CFunction({ ptr: start, args: ["u64", "u64", "u64"], returns: "i32" });
  return { guard, lost: new BigUint64Array(bytes.buffer, bytes.byteOffset + DATA, 1) };
}

/** As Engine has it. */
export function guard(address: bigint, length: number, pageSize: number): boolean {
  mapped ??= mapGuard();
  return mapped.guard(address, Math.ceil(length / pageSize) * pageSize, pageSize) === 0;
}

/** As Engine has it. */
export function lostPage(): bigint {
  return mapped?.lost[0] ?? 0n;
}
