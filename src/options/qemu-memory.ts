// How much memory qemu's machine for x86-64 has, as an option's value.

import { LEAST_MEMORY, MIB, MOST_MEMORY } from "../arch/x86_64/qemu-memory.ts";
import { numberOf } from "../cli/values.ts";
import { usage } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";

/**
 * Bytes.
 * @param place the option, for messages
 * @throws Failure for a number of MiB that no such machine has everywhere alike
 */
export function qemuMemoryOf(place: string, text: ByteString): bigint {
  const memory = numberOf(place, text) * MIB;
  if (memory >= LEAST_MEMORY && memory <= MOST_MEMORY) return memory;
  throw usage(place, `${text} MiB are not ${LEAST_MEMORY / MIB} to ${MOST_MEMORY / MIB}`);
}
