// The kernel's log since 5.10: a ring of descriptors, each with a block in a ring of text (kernel/printk/printk_ringbuffer.h).
// All is found by what the kernel tells in VMCOREINFO (kernel/printk/printk.c, log_buf_vmcoreinfo_setup()).

import { Failure, hex } from "../failure.ts";
import type { DumpMemory } from "./addresses.ts";
import type { LogPart } from "./log.ts";
import { Window } from "./window.ts";

/** log_buf_len=64M makes as many descriptors, one for 32 bytes of text, of which there can be 2 GiB. */
const MOST_COUNT_BITS = 21;
const MOST_SIZE_BITS = 31;

/** So many descriptors that are none, or cannot be read, and the rest is not looked at. */
const MOST_WRONG = 0x4000;

/** Of a descriptor: its state, above its number. */
const COMMITTED = 1n;
const FINALIZED = 2n;
const REUSABLE = 3n;

/** Where a block of text would begin that is none, as its line was empty; any other odd place is that of a lost one. */
const NO_LPOS = 3n;

const DESC_RING = "printk_ringbuffer.desc_ring";
const TEXT_RING = "printk_ringbuffer.text_data_ring";
const BLOCK = "prb_desc.text_blk_lpos";
const COUNTER = "atomic_long_t.counter";

interface Ring {
  readonly memory: DumpMemory;
  readonly count: bigint;
  readonly head: bigint;
  readonly tail: bigint;
  /** Of a descriptor's number. */
  readonly mask: bigint;
  readonly descs: Window;
  readonly infos: Window;
  readonly text: Window;
  /** In bytes: a descriptor and a printk_info, and where their fields are. */
  readonly descSize: number;
  readonly infoSize: number;
  readonly at: {
    readonly state: number;
    readonly begin: number;
    readonly next: number;
    readonly time: number;
    readonly length: number;
    /** undefined where the kernel does not tell. */
    readonly caller: number | undefined;
  };
}

/** @throws Failure where the ring cannot be found */
function findRing(memory: DumpMemory): Ring {
  const { info, wordSize } = memory;
  /** Where a field is; the first of several leads into a structure within it. */
  const placeOf = (fields: readonly string[]) => fields.reduce((sum, field) => sum + info.bytes("OFFSET", field), 0);
  const ring = memory.number(info.symbol("prb") ?? 0n, wordSize, "prb");
  const read = (size: number, fields: readonly string[]): bigint =>
    memory.number(ring + BigInt(placeOf(fields)), size, fields.join(" "));
  const desc = (field: string, ...more: string[]) => read(wordSize, [DESC_RING, `prb_desc_ring.${field}`, ...more]);
  const bits = (most: number, fields: readonly string[]): number => {
    const value = Number(read(4, fields));
    if (value > most)
      throw new Failure(`printk_ringbuffer at ${hex(ring)}`, `${fields[1]} is ${value}, more than ${most}`);
    return 2 ** value;
  };
  const count = bits(MOST_COUNT_BITS, [DESC_RING, "prb_desc_ring.count_bits"]);
  const size = bits(MOST_SIZE_BITS, [TEXT_RING, "prb_data_ring.size_bits"]);
  const descSize = info.bytes("SIZE", "prb_desc");
  const infoSize = info.bytes("SIZE", "printk_info");
  const mask = (1n << BigInt(8 * wordSize - 2)) - 1n;
  return {
    memory,
    count: BigInt(count),
    mask,
    head: desc("head_id", COUNTER) & mask,
    tail: desc("tail_id", COUNTER) & mask,
    descs: new Window(memory, desc("descs"), count * descSize),
    infos: new Window(memory, desc("infos"), count * infoSize),
    text: new Window(memory, read(wordSize, [TEXT_RING, "prb_data_ring.data"]), size),
    descSize,
    infoSize,
    at: {
      state: placeOf(["prb_desc.state_var", COUNTER]),
      begin: placeOf([BLOCK, "prb_data_blk_lpos.begin"]),
      next: placeOf([BLOCK, "prb_data_blk_lpos.next"]),
      time: placeOf(["printk_info.ts_nsec"]),
      length: placeOf(["printk_info.text_len"]),
      caller: info.has("OFFSET(printk_info.caller_id)") ? placeOf(["printk_info.caller_id"]) : undefined,
    },
  };
}

/**
 * The log, the oldest record first.
 * @throws Failure where the ring cannot be found
 */
export function* readRing(memory: DumpMemory): Generator<LogPart> {
  const ring = findRing(memory);
  const areEndsSound = ((ring.head - ring.tail) & ring.mask) < ring.count && readRecord(ring, ring.head) !== "wrong";
  if (!areEndsSound) yield { wrong: "where the ring begins and ends is damaged: records come by their numbers" };
  let wrong = 0;
  let unfinished = 0;
  let room = ring.text.size;
  for (const id of areEndsSound ? numbersBetween(ring) : numbersFound(ring)) {
    const found = readRecord(ring, id);
    if (found === "unfinished") unfinished++;
    else if (found === "wrong") {
      if (++wrong > MOST_WRONG) break;
    } else if (found !== undefined) {
      // Blocks do not overlap, so that all of them fit into the ring.
      room -= found.size;
      if (room < 0) {
        yield { wrong: "records share their text: the rest is not read" };
        break;
      }
      yield found;
    }
  }
  if (wrong > 0) {
    yield { wrong: `damaged records, left out: ${wrong}${wrong > MOST_WRONG ? "; the rest is not read" : ""}` };
  }
  if (unfinished > 0) yield { note: `records that were still being written: ${unfinished}` };
}

function* numbersBetween({ tail, head, mask }: Ring): Generator<bigint> {
  for (let id = tail; id !== head; id = (id + 1n) & mask) yield id;
  yield head;
}

/** Of all descriptors that hold a record, in order. Numbers begin again at 0, and do so early (DESC0_ID). */
function numbersFound({ memory, mask, count, descs, descSize, at }: Ring): bigint[] {
  const found = new BigUint64Array(Number(count));
  const half = (mask + 1n) / 2n;
  let pivot = 0n;
  let length = 0;
  let lost = 0;
  for (let index = 0; index < Number(count) && lost < MOST_WRONG; index++) {
    const value = descs.number(index * descSize + at.state, memory.wordSize);
    if (value === undefined) {
      lost++;
      continue;
    }
    const id = value & mask;
    const isRecord = value >> BigInt(8 * memory.wordSize - 2) !== REUSABLE && value !== 0n;
    if (!isRecord || id % count !== BigInt(index)) continue;
    if (length === 0) pivot = id - half;
    found[length++] = (id - pivot) & mask;
  }
  return Array.from(found.subarray(0, length).sort(), (each) => (each + pivot) & mask);
}

/** undefined for what never held one any more, or lost its text for want of room. */
function readRecord(
  ring: Ring,
  id: bigint,
): { time: bigint; caller: number | undefined; text: Uint8Array; size: number } | "wrong" | "unfinished" | undefined {
  const { mask, at, descSize, infoSize, descs, infos } = ring;
  const { wordSize } = ring.memory;
  const index = Number(id % ring.count);
  const [desc, info] = [index * descSize, index * infoSize];
  const value = descs.number(desc + at.state, wordSize);
  if (value === undefined) return "wrong";
  const state = value >> BigInt(8 * wordSize - 2);
  if ((value & mask) !== id) {
    // head_id moves before its descriptor is taken.
    return id === ring.head && (value & mask) === ((id - ring.count) & mask) ? "unfinished" : "wrong";
  }
  if (state === REUSABLE) return undefined;
  if (state !== COMMITTED && state !== FINALIZED) return "unfinished";
  const begin = descs.number(desc + at.begin, wordSize);
  const next = descs.number(desc + at.next, wordSize);
  const time = infos.number(info + at.time, 8);
  const told = infos.number(info + at.length, 2);
  const caller = at.caller === undefined ? undefined : Number(infos.number(info + at.caller, 4));
  if (begin === undefined || next === undefined || time === undefined || told === undefined) return "wrong";
  if ((begin & next & 1n) === 1n)
    return begin === NO_LPOS && next === NO_LPOS ? { time, caller, text: new Uint8Array(0), size: 0 } : undefined;
  const block = placeBlock(ring, begin, next);
  if (block === undefined || block.size < wordSize) return "wrong";
  const length = Math.min(Number(told), block.size - wordSize);
  const held = ring.text.bytes(block.at, wordSize + length);
  // Each block begins with its descriptor's number.
  if (held === undefined || (ring.memory.decode(held.subarray(0, wordSize)) & mask) !== id) return "wrong";
  return { time, caller, text: held.subarray(wordSize), size: wordSize + length };
}

/** Where in the ring of text a block is. One that would not fit before the ring's end lies at its start. */
function placeBlock({ text, memory }: Ring, begin: bigint, next: bigint): { at: number; size: number } | undefined {
  const size = BigInt(text.size);
  const long = (value: bigint) => BigInt.asUintN(8 * memory.wordSize, value);
  const [from, to] = [Number(begin % size), Number(next % size)];
  const turns = long(next - BigInt(to) - begin + BigInt(from));
  if (turns === 0n && to > from) return { at: from, size: to - from };
  if (turns !== size) return undefined;
  return to === 0 ? { at: from, size: text.size - from } : { at: 0, size: to };
}
