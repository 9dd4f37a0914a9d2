// What TypeScript cannot see by itself: the small engine's C module, and what the bundler puts in.

declare module "qjs:sys" {
  const engine: import("./sys/engine.ts").Engine;
  export = engine;
}

declare module "*.hex" {
  const text: string;
  export default text;
}

/** What the program is built from: seven digits of the commit, or "unknown"; not there where the source itself is run. */
declare const KEXECBOX_COMMIT: string | undefined;
