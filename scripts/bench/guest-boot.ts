// Whole boots, as npm run boot does them: how much of the way from qemu's start to the second kernel is ours.

import { Failure } from "../../src/failure.ts";
import { parseChoices } from "../boot/choices.ts";
import { boot, kernelsFor } from "../boot.ts";
import type { Findings } from "./bench.ts";
import type { GuestBench } from "./guest.ts";
import { goalIn, peerOf } from "./guests.ts";
import { present } from "./present.ts";
import { atMost, row } from "./row.ts";

export async function guestBootFindings({ guest, rounds, tell }: GuestBench): Promise<Findings> {
  const words = ["--target", peerOf(guest).target, "--small", "--smp", "4"];
  const choices = present(parseChoices(words), "choices: this is no --help");
  const kernels = await kernelsFor(choices);
  const ours: number[] = [];
  const whole: number[] = [];
  for (let round = 0; round < rounds; round++) {
    tell(`booting, round ${round + 1} of ${rounds}`);
    const { verdict, steps } = await boot(choices, kernels, {}, () => {});
    if (!verdict.passed) throw new Failure("boot", verdict.reason);
    const at = (what: RegExp) =>
      1000 *
      present(
        steps.find((step) => what.test(step.what)),
        `step ${what}`,
      ).seconds;
    ours.push(at(/^the jump/) - at(/^first kernel's init/));
    whole.push(at(/^second kernel's init/));
  }
  return {
    rows: [
      row("boot, smp 4: qemu's start to second init", "ms", whole),
      row("boot, smp 4: first init's first line to the jump", "ms", ours, goalIn(guest, atMost(150))),
    ],
    samples: new Map(),
  };
}
