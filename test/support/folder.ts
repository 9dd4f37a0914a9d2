// Temporary folders for tests: one for each test, or one for all tests of a file.

import { afterAll, afterEach } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TemporaryFolder {
  /** Absolute. */
  readonly path: string;
  /** The path of an entry that is, or is to be, in it. */
  in(...names: readonly string[]): string;
}

export interface Wishes {
  /** One `test` has it alone and finds it empty, or all tests of a `file` share it. */
  readonly lasts?: "test" | "file";
  /** In `memory` a file costs a tenth; programs and images belong on `disk`: memory may be small and noexec. */
  readonly on?: "memory" | "disk";
}

const MEMORY = "/dev/shm";

/** To be called at the top of a test file. The folder is made when it is first asked for, and removed in the end. */
export function temporaryFolder({ lasts = "test", on = "memory" }: Wishes = {}): TemporaryFolder {
  let made: string | undefined;
  const folder = (): string => {
    made ??= makeFolder(on === "memory" && existsSync(MEMORY) ? MEMORY : tmpdir());
    return made;
  };
  const remove = (): void => {
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
    made = undefined;
  };
  if (lasts === "test") afterEach(remove);
  else afterAll(remove, 60_000);
  return {
    get path() {
      return folder();
    },
    in: (...names) => join(folder(), ...names),
  };
}

function makeFolder(parent: string): string {
  const path = mkdtempSync(join(parent, "kexecbox-test-"));
  // Tests that run programs as another user let it in.
  chmodSync(path, 0o755);
  return path;
}
