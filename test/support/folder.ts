// A temporary folder for each test of a file.

import { afterEach, beforeEach } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** To be called at the top of a test file; `path` is a new folder in each test, and gone after it. */
export function temporaryFolder(): { readonly path: string; in(name: string): string } {
  let path = "";
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "kexecbox-test-"));
    // Tests that run programs as another user let it in.
    chmodSync(path, 0o755);
  });
  afterEach(() => rmSync(path, { recursive: true, force: true }));
  return {
    get path() {
      return path;
    },
    in: (name) => join(path, name),
  };
}
