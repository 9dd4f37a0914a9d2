// ELF core files as a crashed machine's kernel, kexec and qemu make them, in either byte order.

export interface CoreLoad {
  readonly physical: bigint;
  /** 0 unless given, as qemu has it. */
  readonly address?: bigint;
  readonly bytes: Uint8Array;
  /** Bytes of memory, where the file has fewer. */
  readonly size?: bigint;
}

export interface CoreNote {
  readonly name: string;
  readonly type: number;
  readonly contents: Uint8Array;
}

export interface CoreParts {
  readonly little: boolean;
  /** e_machine. */
  readonly machine: number;
  readonly loads: readonly CoreLoad[];
  /** Of each PT_NOTE its notes; one with all of them unless several are given. */
  readonly notes?: readonly (readonly CoreNote[])[];
  /** Counts the program headers in section header 0, as where there are too many for e_phnum. */
  readonly extended?: boolean;
}

export function noteBytes({ name, type, contents }: CoreNote, little: boolean): Uint8Array {
  const header = new DataView(new ArrayBuffer(12));
  for (const [index, word] of [name.length + 1, contents.length, type].entries()) {
    header.setUint32(4 * index, word, little);
  }
  const padded = (bytes: Uint8Array) => Buffer.concat([bytes, new Uint8Array(-bytes.length & 3)]);
  return Buffer.concat([new Uint8Array(header.buffer), padded(Buffer.from(`${name}\0`, "latin1")), padded(contents)]);
}

/** The whole file. Fields of linux/elf.h, in their order. */
export function coreBytes({ little, machine, loads, notes = [], extended = false }: CoreParts): Uint8Array {
  const notesOf = notes.map((each) => Buffer.concat(each.map((note) => noteBytes(note, little))));
  const count = notesOf.length + loads.length;
  const table = 64;
  const sections = table + 56 * count;
  const start = sections + (extended ? 64 : 0);
  const parts = [...notesOf, ...loads.map(({ bytes }) => bytes)];
  const bytes = new Uint8Array(start + parts.reduce((sum, part) => sum + part.length, 0));
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, little ? 1 : 2, 1]);
  for (const [at, half] of [
    [16, 4],
    [18, machine],
    [52, 64],
    [54, 56],
    [56, extended ? 0xffff : count],
    [58, extended ? 64 : 0],
    [60, extended ? 1 : 0],
  ] as const)
    view.setUint16(at, half, little);
  view.setUint32(20, 1, little);
  view.setBigUint64(32, BigInt(table), little);
  if (extended) {
    view.setBigUint64(40, BigInt(sections), little);
    view.setUint32(sections + 44, count, little);
  }
  let offset = start;
  for (const [index, part] of parts.entries()) {
    const load = loads[index - notesOf.length];
    const at = table + 56 * index;
    view.setUint32(at, load === undefined ? 4 : 1, little);
    const words = [offset, load?.address ?? 0n, load?.physical ?? 0n, part.length, load?.size ?? part.length, 0];
    for (const [field, word] of words.entries()) view.setBigUint64(at + 8 + 8 * field, BigInt(word), little);
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
