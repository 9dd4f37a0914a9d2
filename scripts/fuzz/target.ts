// What is fuzzed, in a script of its own: coverage is taken of it alone.

export { run } from "../../src/kexecbox.ts";
export { abis } from "../../src/sys/abi.ts";
export { errno } from "../../src/sys/errno.ts";
export { System } from "../../src/sys/system.ts";
export { listSeeds } from "../../test/support/hostile-dumps.ts";
