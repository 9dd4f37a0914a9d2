// The memory of a kernel that crashed, with its log as printk of each age writes it: a model of the writers' side, of
// kernel/printk/printk_ringbuffer.c (5.10 on), kernel/printk/printk.c of 3.5 to 5.9, and of the ring of bytes before.

import { type CoreLoad, type CoreNote, type CoreParts, coreBytes } from "./core-file.ts";
import { present } from "./present.ts";

export type LogForm = "ring" | "printk_log" | "log" | "bytes";

export interface LogRecord {
  /** Nanoseconds. */
  readonly time: bigint;
  /** A byte string. */
  readonly text: string;
  /** Of the ring: how it was left. `lost` is a record for whose text there was no room. */
  readonly state?: "committed" | "finalized" | "reserved" | "lost";
  /** Of the ring: who wrote it; cpu 1 unless given. */
  readonly caller?: number;
}

export interface CrashedKernel {
  readonly form: LogForm;
  readonly little: boolean;
  /** e_machine; x86-64 unless given. */
  readonly machine?: number;
  /** Bytes of a long; 8 unless given. */
  readonly word?: 4 | 8;
  /** Bytes of the ring of text, as a power of two. */
  readonly sizeBits?: number;
  readonly countBits?: number;
  readonly records: readonly LogRecord[];
  /** Since 6.18 a block may end where the ring does. */
  readonly endsAtEnd?: boolean;
  /** Where its memory is, and at what virtual address its variables and its buffers see that. */
  readonly physical?: bigint;
  readonly image?: bigint;
  readonly linear?: bigint;
  /** Whether the program headers have the virtual addresses. */
  readonly told?: boolean;
  /** More of VMCOREINFO. */
  readonly info?: readonly string[];
  /** More of memory. */
  readonly loads?: readonly CoreLoad[];
  readonly notes?: readonly CoreNote[];
}

/** Where in its memory what is: variables, then the ring, then its arrays. Offsets from `physical`. */
export const AT = { variables: 0x100, prb: 0x200, arrays: 0x1000 } as const;

export interface Memory {
  readonly bytes: Uint8Array;
  readonly info: readonly string[];
  /** Offsets of arrays. */
  readonly at: Readonly<Record<string, number>>;
  /** The records that are still there. */
  readonly left: readonly LogRecord[];
}

const RELEASES = { ring: "6.1.0-test", printk_log: "4.19.0-test", log: "3.8.0-test", bytes: "2.6.32-test" };

export function crashedParts(kernel: CrashedKernel): CoreParts & { readonly memory: Memory } {
  const memory = memoryOf(kernel);
  const { physical = 0x100_0000n, linear = 0xffff_8880_0100_0000n, told = true } = kernel;
  const image = kernel.image ?? linear;
  const text = [
    `OSRELEASE=${RELEASES[kernel.form]}`,
    "PAGESIZE=4096",
    ...memory.info,
    ...(kernel.info ?? []),
    "CRASHTIME=1732700000",
  ].join("\n");
  const load = (address: bigint): CoreLoad => ({ physical, address, bytes: memory.bytes });
  return {
    memory,
    little: kernel.little,
    machine: kernel.machine ?? 62,
    notes: [[...(kernel.notes ?? []), { name: "VMCOREINFO", type: 0, contents: Buffer.from(text, "latin1") }]],
    loads: [...(kernel.loads ?? []), ...(told ? [...new Set([linear, image])].map(load) : [load(0n)])],
  };
}

export function crashedCore(kernel: CrashedKernel): Uint8Array {
  return coreBytes(crashedParts(kernel));
}

class Writer {
  readonly view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    readonly little: boolean,
    readonly word: 4 | 8,
  ) {
    this.view = new DataView(bytes.buffer);
  }

  put(at: number, size: number, value: bigint | number): void {
    if (size === 8) this.view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), this.little);
    else if (size === 4) this.view.setUint32(at, Number(BigInt.asUintN(32, BigInt(value))), this.little);
    else this.view.setUint16(at, Number(value), this.little);
  }

  long(at: number, value: bigint | number): void {
    this.put(at, this.word, value);
  }

  text(at: number, text: string): void {
    this.bytes.set(Buffer.from(text, "latin1"), at);
  }
}

function memoryOf(kernel: CrashedKernel): Memory {
  return kernel.form === "ring"
    ? ringMemory(kernel)
    : kernel.form === "bytes"
      ? byteMemory(kernel)
      : recordMemory(kernel);
}

function addressesOf({ image, linear = 0xffff_8880_0100_0000n }: CrashedKernel) {
  const at = (base: bigint) => (offset: number) => BigInt.asUintN(64, base + BigInt(offset));
  return { variable: at(image ?? linear), array: at(linear) };
}

function symbolLine(name: string, address: bigint): string {
  return `SYMBOL(${name})=${address.toString(16)}`;
}

interface Desc {
  state: number;
  begin: bigint;
  next: bigint;
  record: LogRecord | undefined;
}

function ringMemory(kernel: CrashedKernel): Memory {
  const { little, word = 8, sizeBits = 12, countBits = 5, records, endsAtEnd = false } = kernel;
  const [count, size] = [2 ** countBits, 2 ** sizeBits];
  const infoSize = 24 + 64;
  const at = { descs: AT.arrays, infos: AT.arrays + 3 * word * count, text: AT.arrays + (3 * word + infoSize) * count };
  const writer = new Writer(new Uint8Array(at.text + size), little, word);
  const { variable, array } = addressesOf(kernel);
  const bits = BigInt(8 * word);
  const mask = (1n << (bits - 2n)) - 1n;
  const long = (value: bigint) => BigInt.asUintN(Number(bits), value);
  const slot = (id: bigint): number => Number(id % BigInt(count));
  // DESC0_ID, BLK0_LPOS.
  let head = -BigInt(count + 1) & mask;
  let tail = head;
  let headPlace = long(-BigInt(size));
  let tailPlace = headPlace;
  const descs = Array.from({ length: count }, (): Desc => ({ state: 3, begin: 1n, next: 1n, record: undefined }));
  const ids = Array.from({ length: count }, () => 0n);
  ids[slot(head)] = head;
  const pushTail = (): void => {
    const desc = present(descs[slot(tail)]);
    desc.state = 3;
    if ((desc.begin & 1n) === 0n) tailPlace = desc.next;
    desc.record = undefined;
    tail = (tail + 1n) & mask;
  };
  const turn = (place: bigint): bigint => place >> BigInt(sizeBits);
  const index = (place: bigint): number => Number(place & BigInt(size - 1));

  for (const record of records) {
    const id = (head + 1n) & mask;
    if (((id - BigInt(count)) & mask) === tail) pushTail();
    head = id;
    ids[slot(id)] = id;
    const { state = "finalized", text, caller = 0x8000_0001 } = record;
    const desc = present(descs[slot(id)]);
    Object.assign(desc, { record, state: { reserved: 0, committed: 1, finalized: 2, lost: 2 }[state] });
    const info = at.infos + infoSize * slot(id);
    writer.put(info + 8, 8, record.time);
    writer.put(info + 16, 2, text.length);
    writer.put(info + 20, 4, caller);
    if (text === "" || state === "lost") {
      desc.begin = desc.next = text === "" ? 3n : 1n;
      continue;
    }
    const need = BigInt(Math.ceil((word + text.length) / word) * word);
    const begin = headPlace;
    let next = long(begin + need);
    const last = endsAtEnd ? long(next - 1n) : next;
    if (turn(last) !== turn(begin)) next = long((turn(last) << BigInt(sizeBits)) + need);
    while (long(next - tailPlace) > BigInt(size)) pushTail();
    [desc.begin, desc.next, headPlace] = [begin, next, next];
    const place = turn(last) === turn(begin) ? index(begin) : 0;
    writer.long(at.text + place, id);
    writer.text(at.text + place + word, text);
  }
  for (const [index, desc] of descs.entries()) {
    const start = at.descs + 3 * word * index;
    writer.long(start, (BigInt(desc.state) << (bits - 2n)) | present(ids[index]));
    writer.long(start + word, desc.begin);
    writer.long(start + 2 * word, desc.next);
  }
  writer.long(AT.variables, array(AT.prb));
  const data = 6 * word;
  writer.put(AT.prb, 4, countBits);
  const ring = [array(at.descs), array(at.infos), head, tail, head];
  for (const [each, value] of ring.entries()) writer.long(AT.prb + word * (each + 1), value);
  writer.put(AT.prb + data, 4, sizeBits);
  for (const [each, value] of [array(at.text), headPlace, tailPlace].entries()) {
    writer.long(AT.prb + data + word * (each + 1), value);
  }
  const left: LogRecord[] = [];
  for (let id = tail; ; id = (id + 1n) & mask) {
    const { record, state, begin } = present(descs[slot(id)]);
    if (record !== undefined && (state === 1 || state === 2) && begin !== 1n) left.push(record);
    if (id === head) break;
  }
  const offsets = {
    "printk_ringbuffer.desc_ring": 0,
    "printk_ringbuffer.text_data_ring": data,
    "prb_desc_ring.count_bits": 0,
    "prb_desc_ring.descs": word,
    "prb_desc_ring.infos": 2 * word,
    "prb_desc_ring.head_id": 3 * word,
    "prb_desc_ring.tail_id": 4 * word,
    "prb_desc.state_var": 0,
    "prb_desc.text_blk_lpos": word,
    "prb_data_blk_lpos.begin": 0,
    "prb_data_blk_lpos.next": word,
    "printk_info.seq": 0,
    "printk_info.ts_nsec": 8,
    "printk_info.text_len": 16,
    "printk_info.caller_id": 20,
    "prb_data_ring.size_bits": 0,
    "prb_data_ring.data": word,
    "atomic_long_t.counter": 0,
  };
  const sizes = {
    printk_ringbuffer: 11 * word,
    prb_desc_ring: 6 * word,
    prb_desc: 3 * word,
    prb_data_blk_lpos: 2 * word,
    printk_info: infoSize,
    prb_data_ring: 4 * word,
    atomic_long_t: word,
  };
  return { bytes: writer.bytes, left, at, info: [symbolLine("prb", variable(AT.variables)), ...lines(offsets, sizes)] };
}

function lines(offsets: Readonly<Record<string, number>>, sizes: Readonly<Record<string, number>>): string[] {
  return [
    ...Object.entries(offsets).map(([name, at]) => `OFFSET(${name})=${at}`),
    ...Object.entries(sizes).map(([name, size]) => `SIZE(${name})=${size}`),
  ];
}

/** Writes the variables that all kernels before 5.10 have, and the rest by name: addresses of 4 bytes each. */
function oldVariables(
  kernel: CrashedKernel,
  writer: Writer,
  size: number,
  numbers: Readonly<Record<string, number>>,
): string[] {
  const { variable, array } = addressesOf(kernel);
  writer.long(AT.variables, array(AT.arrays));
  const all = Object.entries({ log_buf_len: size, ...numbers });
  for (const [index, [, value]] of all.entries()) writer.put(AT.variables + 8 + 4 * index, 4, value);
  return [
    symbolLine("log_buf", variable(AT.variables)),
    ...all.map(([name], index) => symbolLine(name, variable(AT.variables + 8 + 4 * index))),
  ];
}

function recordMemory(kernel: CrashedKernel): Memory {
  const { little, word = 8, sizeBits = 12, records, form } = kernel;
  const size = 2 ** sizeBits;
  const writer = new Writer(new Uint8Array(AT.arrays + size), little, word);
  const header = 16;
  let [first, next] = [0, 0];
  /** The records that are there, by where they begin. */
  let left: { at: number; end: number; record: LogRecord }[] = [];
  for (const record of records) {
    const length = Math.ceil((header + record.text.length) / 8) * 8;
    // logbuf_has_space(): at the end room stays for a header of zeros.
    if (next + length + header > size) {
      writer.bytes.fill(0, AT.arrays + next, AT.arrays + Math.min(next + header, size));
      left = left.filter(({ at }) => at < next);
      next = 0;
    }
    left = left.filter(({ at, end }) => end <= next || at >= next + length + header);
    const at = AT.arrays + next;
    writer.bytes.fill(0, at, at + length);
    writer.put(at, 8, record.time);
    writer.put(at + 8, 2, length);
    writer.put(at + 10, 2, record.text.length);
    writer.text(at + header, record.text);
    left.push({ at: next, end: next + length, record });
    next += length;
  }
  first = left[0]?.at ?? next;
  const info = [
    ...oldVariables(kernel, writer, size, { log_first_idx: first, log_next_idx: next }),
    ...lines({ [`${form}.ts_nsec`]: 0, [`${form}.len`]: 8, [`${form}.text_len`]: 10 }, { [form]: header }),
  ];
  return { bytes: writer.bytes, left: left.map(({ record }) => record), at: { text: AT.arrays }, info };
}

/** printk's text: a level, the time in brackets. Records are whole lines here. */
function byteMemory(kernel: CrashedKernel): Memory {
  const { little, word = 8, sizeBits = 12, records } = kernel;
  const size = 2 ** sizeBits;
  const writer = new Writer(new Uint8Array(AT.arrays + size), little, word);
  const text = records.map(({ text }) => `<6>${text}\n`).join("");
  for (let at = Math.max(0, text.length - size); at < text.length; at++) {
    writer.bytes[AT.arrays + (at % size)] = text.charCodeAt(at);
  }
  const info = oldVariables(kernel, writer, size, { log_end: text.length, logged_chars: Math.min(text.length, size) });
  return { bytes: writer.bytes, left: records, at: { text: AT.arrays }, info };
}
