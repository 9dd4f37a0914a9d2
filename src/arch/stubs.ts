// The stubs that are built in, one for each machine.

import { usage } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { archs, findArch } from "./archs.ts";

/**
 * What v2wrap writes and -w appends: the stub of that name, or of the machine that uname calls so.
 * @param place what asked for it, for messages
 */
export function builtInStub(place: string, wanted: ByteString): Uint8Array {
  const arch = findArch(wanted);
  if (arch?.stub !== undefined) return arch.stub.bytes();
  if (arch !== undefined) throw usage(place, `${arch.name} needs no stub: the running kernel itself hands a tree over`);
  const others = archs.filter(({ stub }) => stub !== undefined).map(({ name }) => name);
  throw usage(place, `no stub for ${wanted} is built in, only for ${others.join(" ")}`);
}
