// Tells our stub how many secondary cpus to wait for: the one word that is stored unasked, and reported.

import { archs } from "../arch/archs.ts";
import { usage } from "../failure.ts";
import type { KexecImage } from "../kexec/image.ts";
import type { Secondaries } from "../kexec/stub.ts";

export interface Told {
  readonly secondaries: Secondaries;
  readonly reason: string;
}

/** What the running machine has, if that is known. */
export function countedSecondaries(present: number | undefined): Told {
  if (present === undefined) return { secondaries: "unknown", reason: "since none could be counted" };
  return { secondaries: present, reason: "as the running machine has" };
}

/**
 * Stores the number in the stub at the entry and returns what was stored; undefined where the stub does not wait, no
 * stub of ours is entered, or the user has poked that word.
 * @param asked the user's word
 * @param unasked what is stored where nothing was asked for
 */
export function tellSecondaries(
  { handed, words }: KexecImage,
  asked: Secondaries | undefined,
  unasked: Told,
): Told | undefined {
  const stub = handed?.target.stub;
  const wait = stub?.wait;
  if (handed === undefined || stub === undefined || wait === undefined) {
    if (asked === undefined) return undefined;
    const waiting = archs.flatMap((arch) => (arch.stub?.wait === undefined ? [] : [arch.name]));
    throw usage("--secondaries", `the entry is not our ${waiting.join(" or ")} stub, nothing else waits for cpus`);
  }
  const { bytes } = handed.segment;
  const isPoked = words.some(({ segment, at }) => segment === handed.segment && at === wait.offset);
  if (isPoked && asked === undefined) return undefined;
  const told = asked === undefined ? unasked : { secondaries: asked, reason: "as --secondaries says" };
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(wait.offset, wait.encode(told.secondaries), stub.endian === "little");
  return told;
}
