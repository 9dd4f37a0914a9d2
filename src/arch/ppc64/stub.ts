// The ppc64 stub: its prebuilt bytes, and the one word in it that tells how many secondary cpus will come.

import hex from "../../../stub/ppc64/v2wrap.hex" with { type: "text" };
import { copiesOf, type Secondaries, STUB_SIZE, type Stub } from "../../kexec/stub.ts";

/** Offset of the wait word, 32 bits, big endian: see {@link encodeWaitWord}. */
export const WAIT_WORD = 0xf4;

/** The most that can be awaited. One more stands for "unknown" in the wait word. */
export const MOST_SECONDARIES = 0x7ffe;

const UNKNOWN_COUNT = MOST_SECONDARIES + 1;
const TICKS_UNIT = 0x1_0000;
const MOST_TICKS = 0x7fff_0000;
const TICKS_WHEN_KNOWN = MOST_TICKS; // 4.2 s at 512 MHz, spent only if a cpu never comes
const TICKS_WHEN_UNKNOWN = 0x1000_0000; // 0.5 s at 512 MHz, always spent

/** The 256 bytes of the stub, a fresh copy: kernel address 0, number of secondaries unknown. */
export const v2wrapBytes = copiesOf(hex);

/** Big endian whoever enters it, so that `loadem -c 0x100` stores its kernel's address on ppc64le too. */
export const stub: Stub = {
  endian: "big",
  word: 8,
  chain: STUB_SIZE,
  wait: { offset: WAIT_WORD, most: MOST_SECONDARIES, encode: encodeWaitWord },
  codeSize: WAIT_WORD,
  bytes: v2wrapBytes,
};

/**
 * The stub's wait word: in its lower half the secondary cpus to wait for, in its upper half how long to wait
 * for one more of them to arrive.
 *
 * @param secondaries 0 (do not wait) to 0x7ffe, or "unknown": then only the quiet time ends the wait
 * @param ticks of the timebase, a multiple of 0x10000, from 0x10000 to 0x7fff0000
 * @throws RangeError if either is out of its range
 */
export function encodeWaitWord(
  secondaries: Secondaries,
  ticks = secondaries === "unknown" ? TICKS_WHEN_UNKNOWN : TICKS_WHEN_KNOWN,
): number {
  if (secondaries !== "unknown" && !isCount(secondaries, 0, MOST_SECONDARIES)) {
    throw new RangeError(`${secondaries} secondary cpus: the stub can wait for 0 to ${MOST_SECONDARIES}`);
  }
  if (!isCount(ticks / TICKS_UNIT, 1, MOST_TICKS / TICKS_UNIT)) {
    const range = "a multiple of 0x10000 from 0x10000 to 0x7fff0000";
    throw new RangeError(`0x${ticks.toString(16)} ticks: not ${range}`);
  }
  return ticks + (secondaries === "unknown" ? UNKNOWN_COUNT : secondaries);
}

function isCount(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

/**
 * How many secondary cpus a Linux kernel on pseries sends to the stub: every thread but the master's. On OPAL
 * machines they return to the firmware instead: there the answer is 0, and whoever calls this has to know.
 *
 * @param interruptServers "ibm,ppc-interrupt-server#s" of every cpu node, at least one: a 32-bit cell for
 *   each of its threads (LoPAR, Properties of CPU nodes)
 */
export function countSecondaryThreads(interruptServers: readonly Uint8Array[]): number {
  return interruptServers.reduce((threads, cells) => threads + Math.floor(cells.length / 4), 0) - 1;
}
