// The variables by which kernels before 5.10 have their log: a buffer, its size, and two places in it.

import { Failure } from "../failure.ts";
import type { DumpMemory } from "./addresses.ts";

/** log_buf_len= takes up to 2 GiB; a dump with 512 MiB of log has yet to be seen. */
const MOST_LOG = 512 * 1024 * 1024;

/**
 * `buffer` and `size` in bytes, and the values of these variables, by their names.
 * @throws Failure where one cannot be read
 */
export function readVariables<Key extends string>(
  memory: DumpMemory,
  names: Readonly<Record<Key, string>>,
): Readonly<Record<Key | "size", number>> & { readonly buffer: bigint } {
  const read = (name: string, length: number): bigint => {
    const address = memory.info.symbol(name);
    if (address === undefined) throw new Failure("VMCOREINFO", `does not tell SYMBOL(${name})`);
    return memory.number(address, length, name);
  };
  const buffer = read("log_buf", memory.wordSize);
  const size = Number(read("log_buf_len", 4));
  if (size === 0 || size > MOST_LOG) throw new Failure("log_buf_len", `is ${size}, which cannot be`);
  const values: Partial<Record<Key, number>> = {};
  for (const key of Object.keys(names) as Key[]) values[key] = Number(read(names[key], 4));
  return { buffer, size, ...(values as Record<Key, number>) };
}
