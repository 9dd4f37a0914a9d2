// What TypeScript cannot see by itself: the small engine's C module, and text that the bundler inlines.

declare module "qjs:sys" {
  const engine: import("./sys/engine.ts").Engine;
  export = engine;
}

declare module "*.hex" {
  const text: string;
  export default text;
}
