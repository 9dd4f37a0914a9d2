// What is fuzzed, in a script of its own: coverage is taken of it alone.

export { splitParts, unpackBelongings } from "../../test/fuzz/belongings.ts";
export { MemoryMachine } from "../../test/fuzz/machine.ts";
export { targetsOn } from "../../test/fuzz/targets.ts";
