// The stack of the task that panicked, as gdb finds it in a dump of ppc64, where each frame says where the next one is.

import { DumpMemory } from "../../src/dump/addresses.ts";
import { withCore } from "../../src/dump/core.ts";
import { readVmcoreInfo } from "../../src/dump/vmcoreinfo.ts";
import { viewOf } from "../../src/elf.ts";
import { engine } from "../../src/sys/bun.ts";
import { System } from "../../src/sys/system.ts";
import { present } from "./present.ts";

/** docs/crash.md has the same loop. */
const LOOP = `set $at = $r1
printf "frame %lu\\n", $pc
while ($at >> 60) == 0xc
  printf "frame %lu\\n", *(unsigned long *)($at + 16)
  set $at = *(unsigned long *)$at
end
`;

/** Names of functions, the innermost first, of the first thread. */
export async function stackInGdb(dump: string): Promise<string[]> {
  const words = ["gdb-multiarch", "-nx", "-batch", "-ex", `core-file ${dump}`, "-x", "/dev/stdin"];
  const child = Bun.spawn(words, { stdin: Buffer.from(LOOP), stdout: "pipe", stderr: "pipe" });
  const [out, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const frames = [...out.matchAll(/^frame (\d+)$/gm)].map(([, address]) => BigInt(present(address)));
  if (frames.length < 2) throw new Error(`gdb: ${out}${errors}`);
  const names = readNames(dump);
  return frames.map((frame) => names.findLast(({ address }) => address <= frame)?.name ?? "");
}

/** The crashed kernel's names in their order, by VMCOREINFO, which tells of them since Linux 6.0 (kernel/kallsyms.c). */
function readNames(dump: string): { readonly address: bigint; readonly name: string }[] {
  return withCore(new System(engine), dump, (core) => {
    const info = present(readVmcoreInfo(core));
    const memory = new DumpMemory(core, info);
    const at = (name: string) => present(info.symbol(`kallsyms_${name}`));
    const bytes = (name: string, length: number) => present(memory.read(at(name), length));
    const count = Number(memory.number(at("num_syms"), 4, "num_syms"));
    const base = memory.number(at("relative_base"), 8, "relative_base");
    const offsets = viewOf(bytes("offsets", 4 * count));
    const packed = bytes("names", Number(at("token_table") - at("names")));
    const table = Buffer.from(bytes("token_table", Number(at("token_index") - at("token_table")))).toString("latin1");
    const starts = viewOf(bytes("token_index", 512));
    const tokens = Array.from({ length: 256 }, (_, index) => {
      const start = starts.getUint16(2 * index, core.littleEndian);
      return table.slice(start, table.indexOf("\0", start));
    });
    let place = 0;
    return Array.from({ length: count }, (_, index) => {
      let length = present(packed[place++]);
      if (length >= 0x80) length = (length & 0x7f) | (present(packed[place++]) << 7);
      const text = [...packed.subarray(place, place + length)].map((token) => tokens[token]).join("");
      place += length;
      const address = base + BigInt(offsets.getUint32(4 * index, core.littleEndian));
      // Its kind comes first; the functions of big endian begin with a dot.
      return { address, name: text.slice(1).replace(/^\./, "") };
    });
  });
}
