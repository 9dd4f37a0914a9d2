// What has to be undone when a script ends early, by Ctrl-C, by a signal or by an uncaught error.

const undos = new Set<() => void>();
let listening = false;

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

function listen(): void {
  listening = true;
  // Newest first: a child that writes into a folder is killed before the folder is removed.
  process.on("exit", () => {
    for (const undo of [...undos].reverse()) undo();
  });
  for (const [name, number] of Object.entries(SIGNALS)) {
    process.on(name, () => process.exit(128 + number));
  }
}

/**
 * Registers what must be undone if the process ends now; returns the function that takes the promise back.
 * `undo` runs while the process exits, so it must be synchronous and must not throw.
 */
export function undoOnInterrupt(undo: () => void): () => void {
  if (!listening) listen();
  undos.add(undo);
  return () => void undos.delete(undo);
}
