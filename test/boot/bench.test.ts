// What npm run bench does in guests, once and quickly: the programs that measure there, and those that are measured.

import { beforeAll, expect, test } from "bun:test";
import { runScript, withGuestBench } from "../../scripts/bench/guest.ts";
import { memoryIn } from "../../scripts/bench/guest-load.ts";
import { GUEST_NAMES, GUESTS, peerOf } from "../../scripts/bench/guests.ts";
import { KEXECBOX, LIMIT, type Loader, PIPELINE, preparation, withoutChecks } from "../../scripts/bench/loaders.ts";
import { samplesIn } from "../../scripts/bench/sample.ts";
import type { ScriptNeeds } from "../../scripts/boot/scene.ts";
import { ensure } from "../../scripts/setup.ts";
import { present } from "../support/present.ts";

const MIB = 2 ** 20;

beforeAll(async () => {
  for (const name of GUEST_NAMES) {
    const { target } = peerOf(name);
    await ensure(`bench-${target}`, `engine-${target}`, `guest-${GUESTS[name].machine}`);
  }
}, 600_000);

function loads(needs: ScriptNeeds, loader: Loader): string[] {
  const commands = loader.load(needs);
  return [
    `measure ${loader.name} ${commands.join(" '|' ")}`,
    "cat /sys/kernel/kexec_loaded",
    loader.unload,
    commands.map((command) => `memory ${loader.name} ${command}`).join(" | "),
    loader.unload,
  ];
}

test.each(GUEST_NAMES)(
  "%s: kexecbox, kexec-tools and the limit program load a kernel, and only kexec-tools take memory for it",
  async (guest) => {
    const theirs = ["stable", "testing"].map((release) => `${release}-l-no-checks`);
    const names = [KEXECBOX.name, PIPELINE.name, LIMIT.name, ...theirs];
    const lines = await withGuestBench(
      guest,
      1,
      () => {},
      (bench) => {
        const loaders = [
          ...[KEXECBOX, PIPELINE, LIMIT],
          ...[withoutChecks("stable", bench.sources), withoutChecks("testing", bench.sources)],
        ];
        return runScript(bench, { smp: 1 }, (needs) =>
          [
            ...preparation(needs),
            ...loaders.flatMap((loader) => loads(needs, loader)),
            `${bench.sources.stable.command("dtc")} --version`,
            ...["timebase", "timebase", "poweroff", ""],
          ].join("\n"),
        );
      },
    );
    expect([...samplesIn(lines).keys()]).toEqual(names);
    expect(lines.filter((line) => line === "1")).toHaveLength(names.length);
    const own = names.map((name) =>
      lines.flatMap((line) => memoryIn(line, name) ?? []).reduce((sum, { peak, mapped }) => sum + peak - mapped, 0),
    );
    for (const [index, name] of names.entries()) {
      if (theirs.includes(name)) expect(own[index]).toBeGreaterThan(100 * MIB);
      else expect(own[index]).toBeLessThan(16 * MIB);
    }
    expect(lines.find((line) => line.startsWith("Version: "))).toMatch(/^Version: DTC 1\.[0-9.]+$/);
    const [before, after] = lines.flatMap((line) => /^timebase (\d+) (\d+) (\d+)$/.exec(line)?.slice(1) ?? []);
    expect(Number(present(after))).toBeGreaterThan(Number(present(before)));
  },
  600_000,
);
