// Tells our stub how many secondary cpus to wait for: the one word in an image that loadem stores unasked, and says so.

import { usage } from "../../failure.ts";
import type { KexecImage } from "../../kexec/image.ts";
import { isOurStub, type Secondaries, WAIT_WORD, waitWord } from "./stub.ts";

export interface Told {
  readonly secondaries: Secondaries;
  readonly because: string;
}

/**
 * Stores the number in the stub at the entry and returns what was stored; undefined where no stub of ours is entered, or
 * where the user has poked that word.
 * `asked` is the user's word, `present` the running machine's.
 */
export function tellSecondaries(
  { segments, entry, stored }: KexecImage,
  asked: Secondaries | undefined,
  present: number | undefined,
): Told | undefined {
  const entered = segments.find(({ start, bytes }) => start === entry && isOurStub(bytes));
  if (entered === undefined) {
    if (asked !== undefined)
      throw usage("--secondaries", "the entry is not our ppc64 stub, nothing else waits for cpus");
    return undefined;
  }
  const poked = stored.some(({ segment, at }) => segments[segment] === entered && at === WAIT_WORD);
  if (poked && asked === undefined) return undefined;
  const told: Told =
    asked === undefined
      ? {
          secondaries: present ?? "unknown",
          because: present === undefined ? "for none could be counted" : "as the running machine has",
        }
      : { secondaries: asked, because: "as --secondaries says" };
  new DataView(entered.bytes.buffer, entered.bytes.byteOffset).setUint32(WAIT_WORD, waitWord(told.secondaries));
  return told;
}
