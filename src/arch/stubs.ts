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
  if (arch !== undefined) return arch.stub.bytes();
  throw usage(place, `no stub for ${wanted} is built in, only for ${archs.map(({ name }) => name).join(" ")}`);
}
