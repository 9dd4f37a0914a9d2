// Which kexecbox this is: version, commit, engine and machine. Loaded when first asked for.

import { version as number } from "../../package.json";
import type { Engine } from "../sys/engine.ts";

const commit = typeof KEXECBOX_COMMIT === "undefined" ? "source" : KEXECBOX_COMMIT;

/** `kexecbox 0.1.0 fb54174 (quickjs, ppc64le)`. The commit is "source" where the source itself is run. */
export default function formatVersion({ name, machine }: Engine): string {
  return `kexecbox ${number} ${commit} (${name}, ${machine})`;
}
