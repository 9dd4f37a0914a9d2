// The program, in a script of its own: what of it runs is counted alone.

export { run } from "../../src/kexecbox.ts";
export { System } from "../../src/sys/system.ts";
