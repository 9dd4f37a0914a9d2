// Tells a person what a slow step is doing: one calm line on stderr, and none for what is done within two
// seconds.

import { undoOnInterrupt } from "./interrupt.ts";

const PATIENCE_MS = 2000;
const REDRAW_MS = 500;
const CLEAR_LINE = "\r\x1b[K";

/** Steps may contain steps; only the innermost one draws. */
const running: symbol[] = [];

function seconds(since: number): string {
  return `${Math.round((performance.now() - since) / 1000)} s`;
}

/**
 * Runs `work`, and from its third second on says what is going on. On a terminal the line is rewritten in
 * place with the elapsed seconds and the last detail told; elsewhere there is one line now and one at the
 * end.
 * @param what the step in a few words, as it stands in "WHAT: done, 41 s"
 * @param work gets `tell`, which sets the detail shown behind `what`, e.g. "312 of 780 objects"
 */
export async function withProgress<T>(what: string, work: (tell: (detail: string) => void) => Promise<T>): Promise<T> {
  const started = performance.now();
  const step = Symbol(what);
  const terminal = process.stderr.isTTY;
  let detail = "";
  let shown = false;

  function draw(): void {
    if (performance.now() - started < PATIENCE_MS || running.at(-1) !== step) return;
    if (terminal) {
      const line = `${what}: ${detail === "" ? "" : `${detail}, `}${seconds(started)}`;
      process.stderr.write(CLEAR_LINE + line.slice(0, (process.stderr.columns || 80) - 1));
    } else if (!shown) {
      process.stderr.write(`${what} ...\n`);
    }
    shown = true;
  }

  running.push(step);
  const timer = setInterval(draw, REDRAW_MS);
  const forget = undoOnInterrupt(() => {
    if (shown && terminal) process.stderr.write(CLEAR_LINE);
  });
  try {
    const result = await work((text) => {
      detail = text;
    });
    if (shown) process.stderr.write(`${terminal ? CLEAR_LINE : ""}${what}: done, ${seconds(started)}\n`);
    return result;
  } catch (error) {
    if (shown && terminal) process.stderr.write(CLEAR_LINE);
    throw error;
  } finally {
    clearInterval(timer);
    running.splice(running.indexOf(step), 1);
    forget();
  }
}
