// Executables from the cross tools, with what kernels have in them: a gap, segments in the opposite order, .bss.

import { readFileSync, writeFileSync } from "node:fs";

/** A folder that is there, by the names in it. */
interface Folder {
  in(name: string): string;
}

const SOURCE = '.text\n.quad 0x1122334455667788\n.section .far,"a"\n.ascii "far"\n.bss\n.skip 0x345\n';

// Two segments with a gap between them, in the file in the opposite order of their physical addresses, then
// .bss.
// HIGH: where a kernel's virtual addresses begin; 64-bit unless --defsym says otherwise.
const LAYOUT = `HIGH = DEFINED(HIGH) ? HIGH : 0xc000000000000000;
  PHDRS { high PT_LOAD; low PT_LOAD; }
  SECTIONS {
    . = HIGH + 0x20000; .far : AT(0x20000) { *(.far) } :high  .bss : AT(0x20010) { *(.bss) } :high
    . = HIGH; .text : AT(0) { *(.text) } :low
  }`;

export interface Linked {
  readonly elf: Uint8Array;
  /** What objcopy -O binary makes of it: 0x20003 bytes. */
  readonly raw: Uint8Array;
}

/** Bytes of memory that it needs. */
export const LINKED_MEMORY = 0x20010 + 0x345;

function run(command: readonly string[]): void {
  const { success, stderr } = Bun.spawnSync([...command]);
  if (!success) throw new Error(stderr.toString());
}

/** @param words what the assembler and the linker are told besides */
export function linked(folder: Folder, prefix: string, words = { as: ["-a64"], ld: [] as string[] }): Linked {
  const [source, layout, object, elf, raw] = ["a.s", "a.lds", "a.o", "a.elf", "a.raw"].map((name) =>
    folder.in(name),
  ) as [string, string, string, string, string];
  writeFileSync(source, SOURCE);
  writeFileSync(layout, LAYOUT);
  run([`${prefix}as`, ...words.as, source, "-o", object]);
  run([`${prefix}ld`, "-e", "0", ...words.ld, "-T", layout, object, "-o", elf]);
  run([`${prefix}objcopy`, "-O", "binary", elf, raw]);
  return { elf: new Uint8Array(readFileSync(elf)), raw: new Uint8Array(readFileSync(raw)) };
}
