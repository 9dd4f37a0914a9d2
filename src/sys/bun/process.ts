// Programs under Bun: what the kernel gave to this one, and how it starts another.

import { ptr } from "bun:ffi";
import type { ByteString } from "../engine.ts";
import { cString, holding, libc } from "./libc.ts";

const POSIX_SPAWN_SETSIGDEF = 4;
const SIGPIPE = 13;

/**
 * Arguments or environment as the kernel gave them, byte for byte: Bun's own copy has lost what is not UTF-8. By libc,
 * since node:fs takes a millisecond and 4 MB when it is first used.
 */
function readGiven(what: "cmdline" | "environ"): ByteString[] {
  const path = cString(`/proc/self/${what}`);
  const descriptor = holding(path, () => libc.open(path, 0));
  const part = Buffer.alloc(64 * 1024);
  let text = "";
  for (let got = 1; got > 0; text += part.toString("latin1", 0, Math.max(got, 0)))
    got = Number(libc.read(descriptor, part, part.length));
  libc.close(descriptor);
  return text.split("\0").slice(0, -1);
}

/** The name we were called by, then what follows Bun's own arguments, of which an executable has none. */
export function readArguments(): ByteString[] {
  const given = process.argv.length - 2;
  const raw = readGiven("cmdline");
  return [raw[0] ?? "", ...raw.slice(raw.length - given)];
}

/** As Engine has it. */
export function spawn(
  path: ByteString,
  argv: readonly ByteString[],
  stdin: number,
  stdout: number,
  stderr: number,
): number {
  const program = cString(path);
  const words = argv.map(cString);
  // Not process.env, from which our executable's start has taken everything that could steer Bun.
  const environment = readGiven("environ").map(cString);
  const actions = new Uint8Array(512);
  const attributes = new Uint8Array(1024);
  const signals = new Uint8Array(128);
  const pid = new Int32Array(1);
  const table = (entries: readonly Buffer[]) => new BigUint64Array([...entries.map((entry) => BigInt(ptr(entry))), 0n]);
  const wordTable = table(words);
  const environmentTable = table(environment);
  signals[(SIGPIPE - 1) >> 3] = 1 << ((SIGPIPE - 1) & 7);
  libc.posix_spawn_file_actions_init(actions);
  for (const [to, from] of [stdin, stdout, stderr].entries()) libc.posix_spawn_file_actions_adddup2(actions, from, to);
  libc.posix_spawnattr_init(attributes);
  libc.posix_spawnattr_setsigdefault(attributes, signals);
  libc.posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF);
  const failed = holding([program, words, wordTable, environment, environmentTable], () =>
    libc.posix_spawn(pid, program, actions, attributes, wordTable, environmentTable),
  );
  libc.posix_spawnattr_destroy(attributes);
  libc.posix_spawn_file_actions_destroy(actions);
  return failed ? -failed : (pid[0] ?? 0);
}
