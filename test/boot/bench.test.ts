// What npm run bench does in guests, once and quickly: the programs that measure there, and those that are measured.

import { beforeAll, expect, test } from "bun:test";
import { runScript, withGuestBench } from "../../scripts/bench/guest.ts";
import { memoryIn } from "../../scripts/bench/guest-load.ts";
import { KEXECBOX, type Loader, WITH_CHECKS } from "../../scripts/bench/loaders.ts";
import { samplesIn } from "../../scripts/bench/sample.ts";
import type { ScriptNeeds } from "../../scripts/boot/scene.ts";
import { ensure } from "../../scripts/setup.ts";
import { present } from "../support/present.ts";

const MIB = 2 ** 20;

beforeAll(() => ensure("bench-guest", "engine-ppc64le", "guest-ppc64"), 600_000);

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

test("kexecbox and Debian's kexec load a kernel there, and only kexec takes memory for it", async () => {
  const lines = await withGuestBench(
    1,
    () => {},
    (bench) =>
      runScript(bench, { smp: 1 }, (needs) =>
        [...loads(needs, KEXECBOX), ...loads(needs, WITH_CHECKS), "dtc --version", "timebase", "poweroff", ""].join(
          "\n",
        ),
      ),
  );
  const loaders = [KEXECBOX.name, WITH_CHECKS.name];
  expect([...samplesIn(lines).keys()]).toEqual(loaders);
  expect(lines.filter((line) => line === "1")).toHaveLength(2);
  const own = loaders.map((name) =>
    lines.flatMap((line) => memoryIn(line, name) ?? []).reduce((sum, { peak, mapped }) => sum + peak - mapped, 0),
  );
  expect(present(own[0])).toBeGreaterThan(0);
  expect(present(own[0])).toBeLessThan(16 * MIB);
  expect(present(own[1])).toBeGreaterThan(100 * MIB);
  expect(lines.find((line) => line.startsWith("timebase "))).toMatch(/^timebase [0-9]+ 512000000$/);
  expect(lines).toContain("Version: DTC 1.6.1");
}, 300_000);
