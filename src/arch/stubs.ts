// The stubs that are built in, one for each machine.

import { usage } from "../failure.ts";
import { findTarget } from "../kexec/stub.ts";
import type { ByteString, Machine } from "../sys/engine.ts";
import type { Arch } from "./arch.ts";
import { archs } from "./archs.ts";

/** What v2wrap writes and -w appends: the stub of that name, or of the running machine. */
export function builtInStub(place: string, wanted: Machine | ByteString): Uint8Array {
  const arch = archs.find(({ name, machines }) => name === wanted || machines.some((machine) => machine === wanted));
  if (arch !== undefined) return arch.stub.bytes();
  throw usage(place, `no stub for ${wanted} is built in, only for ${archs.map(({ name }) => name).join(" ")}`);
}

/** The machine whose stub `bytes` begin with. */
export function stubOwner(bytes: Uint8Array): Arch | undefined {
  return findTarget(archs, bytes);
}
