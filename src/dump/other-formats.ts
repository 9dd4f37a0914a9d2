// Dumps that are no ELF core files, by their first bytes, and what reads them. Read when it is asked for.
//
// Sources: makedumpfile's diskdump_mod.h and makedumpfile.h, qemu's migration/savevm.c and dump/win_dump.c,
// libvirt's qemu_saveimage.h, LiME's README.

import { textAt } from "../elf.ts";
import { Failure } from "../failure.ts";
import formOf from "../forms.ts";
import type { ByteString } from "../sys/engine.ts";

/** How they begin, what they are, and what to do. */
const FORMATS: readonly (readonly [sign: string, what: string, remedy: string])[] = [
  ["KDUMP   ", "a compressed dump of makedumpfile", "`crash` and `makedumpfile --dump-dmesg` read it"],
  ["DISKDUMP", "a dump of diskdump", "`crash` reads it"],
  ["makedumpfile\0", "a flattened dump of makedumpfile", "`makedumpfile -R NEW <FILE` makes it whole"],
  ["QEVM", "a saved state of qemu", "qemu's dump-guest-memory writes ELF"],
  ["LibvirtQemudSave", "a saved guest of libvirt", "`virsh dump --memory-only` writes ELF"],
  ["PAGEDU", "a dump for Windows' debugger", "dump-guest-memory without -w writes ELF"],
  ["EMiL", "a dump of LiME", "Volatility reads it"],
];

/** @throws Failure for a file that begins as one of them does, or is compressed as a whole */
export default function refuseFormat(path: ByteString, bytes: Uint8Array): void {
  const start = textAt(bytes, 0, 16);
  const found = FORMATS.find(([sign]) => start.startsWith(sign));
  if (found !== undefined) throw new Failure(path, `${found[1]}: ${found[2]}`);
  const form = formOf(bytes);
  if (form !== undefined && form.kind !== "elf") throw new Failure(path, `${form.tell("dump")}`);
}
