// What a tree tells one kernel only, on machines whose kernels are told all of it in /chosen.
// Linux: drivers/of/fdt.c (early_init_dt_scan_chosen), drivers/of/kexec.c.

import { settleLists } from "../devicetree/changing.ts";
import { handOverNoInitrd } from "../devicetree/edit/chosen.ts";
import { child, type DeviceTree } from "../devicetree/tree.ts";
import type { ByteString } from "../sys/engine.ts";

/** Of the running kernel's own boot: memory that is in use for something else by now, and the limits of a crash kernel. */
const NOT_HANDED_ON: readonly ByteString[] = [
  "linux,booted-from-kexec",
  "linux,elfcorehdr",
  "linux,ima-kexec-buffer",
  "linux,usable-memory-range",
];

/** Takes out of /chosen what is not to be handed on, and the old initrd out of the reserve map. */
export function dropStale(tree: DeviceTree): void {
  handOverNoInitrd(tree);
  settleLists();
  const chosen = child(tree.root, "chosen");
  if (chosen !== undefined) chosen.properties = chosen.properties.filter(({ name }) => !NOT_HANDED_ON.includes(name));
}
