// What an executable has packed is for other commands: a load and a jump never unpack it.

import { expect, test } from "bun:test";
import { type KexecGuest, loadAndJump } from "../support/kexec-guest.ts";
import { damagePacked } from "../support/packed.ts";

const GUESTS: readonly KexecGuest[] = [
  {
    target: "ppc64",
    first: "small-ppc64",
    smp: 2,
    memory: 512,
    before: ["fs2dt -b 0x5000100 /proc/device-tree > /tree"],
  },
  {
    target: "ppc64le",
    first: "small-ppc64le",
    smp: 2,
    memory: 512,
    before: ["fs2dt -b 0x5000100 /proc/device-tree > /tree"],
  },
  {
    target: "arm64-small",
    first: "stable-arm64",
    smp: 2,
    memory: 512,
    before: ["fs2dt -b 0x5000100 /proc/device-tree > /tree"],
  },
  { target: "x64-small", first: "stable-x64", smp: 2, memory: 512, before: ["zeropage -b 0x1000000 /vmlinuz > /page"] },
];

test.each(GUESTS.map((guest) => [guest.target, guest] as const))(
  "%s loads a kernel and jumps while all that is packed is damaged",
  async (_, guest) => {
    expect(await loadAndJump({ ...guest, alter: damagePacked })).not.toEqual([]);
  },
  600_000,
);
