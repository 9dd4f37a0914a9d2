// The guests that the benchmark has, by the names that people type.

import { machineNamed } from "../machines/machines.ts";
import { PEERS, type Peer, type PeerName } from "../peers/releases.ts";
import type { Goal } from "./row.ts";

export interface BenchGuest {
  readonly machine: PeerName;
  /** Whether the goals were set for it, and not only its figures asked for. */
  readonly hasGoals: boolean;
  /** Whether its kernel is built with CONFIG_KEXEC_FILE. */
  readonly loadsFiles: boolean;
  /** A cpu model in place of the machine's usual one. */
  readonly cpu?: string;
}

export const GUESTS = {
  ppc64le: { machine: "ppc64", hasGoals: true, loadsFiles: true },
  arm64: { machine: "arm64", hasGoals: false, loadsFiles: false },
  // What the kernel copies and hashes by where the cpu has it, the emulator does byte by byte, and takes minutes for.
  x64: { machine: "x86_64", hasGoals: false, loadsFiles: true, cpu: "max,erms=off,fsrm=off,avx=off,avx2=off" },
} as const satisfies Readonly<Record<string, BenchGuest>>;

export type GuestName = keyof typeof GUESTS;

export const GUEST_NAMES = Object.keys(GUESTS) as GuestName[];

export function peerOf(name: GuestName): Peer {
  return PEERS[GUESTS[name].machine];
}

export function cpuOf(name: GuestName): string {
  const { machine, cpu }: BenchGuest = GUESTS[name];
  return cpu ?? machineNamed(machine).guest.cpu;
}

/** `goal` where goals were set. */
export function goalIn(name: GuestName, goal: Goal): Goal | undefined {
  return GUESTS[name].hasGoals ? goal : undefined;
}
