// Processes that keep the host's cores busy.

import { undoOnInterrupt } from "../interrupt.ts";

/** The kernel ends it if we are killed. */
const BURNER = ["setpriv", "--pdeathsig", "KILL", "sh", "-c", "while :; do :; done"];

/** Runs `work` beside so many of them. */
export async function withBurners<T>(count: number, work: () => Promise<T>): Promise<T> {
  const burners = Array.from({ length: count }, () => Bun.spawn(BURNER, { stdio: ["ignore", "ignore", "ignore"] }));
  const end = (): void => {
    for (const burner of burners) burner.kill("SIGKILL");
  };
  const forget = undoOnInterrupt(end);
  try {
    return await work();
  } finally {
    end();
    forget();
  }
}
