// For a fake engine: the calls that make, move and remove files, done on this machine's files below a folder of a test's.

import { mkdirSync, renameSync, rmdirSync, unlinkSync } from "node:fs";
import { constants } from "node:os";
import type { FakeWorld } from "./fake-engine.ts";

const AT_REMOVEDIR = 0x200;

/** -errno of what `act` throws, else 0. */
function answer(act: () => void): number {
  try {
    act();
    return 0;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return -(constants.errno[code as keyof typeof constants.errno] ?? constants.errno.EIO);
  }
}

export function fileCalls(folder: string): NonNullable<FakeWorld["on"]> {
  const inside = (path: unknown): Buffer => {
    const text = String(path);
    if (!text.startsWith(`${folder}/`)) throw new Error(`${text} is outside the test's folder`);
    return Buffer.from(text, "latin1");
  };
  return {
    mkdirat: ([, path]) => answer(() => void mkdirSync(inside(path))),
    renameat2: ([, from, , to]) => answer(() => renameSync(inside(from), inside(to))),
    unlinkat: ([, path, flags]) =>
      answer(() => (flags === AT_REMOVEDIR ? rmdirSync(inside(path)) : unlinkSync(inside(path)))),
  };
}
