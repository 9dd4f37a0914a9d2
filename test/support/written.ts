// A text that is told part by part, as one.

import type { Write } from "../../src/sys/engine.ts";

export function written(tell: (write: Write) => void): string {
  const parts: string[] = [];
  tell((part) => parts.push(part));
  return parts.join("");
}
