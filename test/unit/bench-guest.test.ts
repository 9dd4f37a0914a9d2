// What the guests' benchmark runs, and which rows it makes of what they print.

import { describe, expect, test } from "bun:test";
import { costRows, TIME } from "../../scripts/bench/guest-load.ts";
import { GUEST_NAMES, GUESTS, type GuestName, peerOf } from "../../scripts/bench/guests.ts";
import { KEXECBOX, LIMIT, loadersOf, preparation } from "../../scripts/bench/loaders.ts";
import { samplesIn } from "../../scripts/bench/sample.ts";
import type { ScriptNeeds } from "../../scripts/boot/scene.ts";
import { machineOf } from "../../scripts/machines/machines.ts";
import { missingPackages } from "../../scripts/setup.ts";

const sources = {
  stable: { command: (name: string) => `/a/${name}` },
  testing: { command: (name: string) => `/b/${name}` },
};

const needs: ScriptNeeds = {
  addresses: { stub: 0x1000000, tree: 0x1000100, kernel: 0, initrd: 0x2000000 },
  chain: 8,
  argument: "device tree blob",
  bootargs: "quiet panic=-1",
  source: "/proc/device-tree",
  initrdSize: 0x1000,
  bss: 0x300,
};

function samplesOf(walls: Readonly<Record<string, readonly number[]>>) {
  const lines = Object.entries(walls).flatMap(([name, list]) =>
    list.map((wall) => `measured ${name} wall=${wall}000000 user=0 system=0 peak=0`),
  );
  return samplesIn(lines);
}

const WALLS = {
  limit: [10, 20],
  "kexecbox-l": [20, 30],
  "kexecbox-pipeline": [30, 40],
  "stable-l": [200, 300],
  "stable-l-no-checks": [40, 60],
  "testing-l": [100, 100],
  "testing-l-no-checks": [20, 30],
  "kexecbox-s": [400, 500],
  "stable-s": [400, 500],
  "testing-s": [400, 500],
};

describe("rows", () => {
  test("hold our kexec -l against each release, round by round, and against the limit", () => {
    const rows = costRows({ guest: "ppc64le", sources }, TIME, samplesOf(WALLS));
    const against = rows.flatMap(({ what, spread, goal }) => {
      const name = / against (.*)/.exec(what)?.[1];
      return name === undefined ? [] : [[name, Number(spread.median.toFixed(3)), goal?.value]];
    });
    expect(against).toEqual([
      ["stable-l", 0.1, 0.15],
      ["stable-l-no-checks", 0.5, 0.7],
      ["testing-l", 0.25, 0.15],
      ["testing-l-no-checks", 1, 0.7],
      ["limit", 1.75, undefined],
    ]);
  });

  test("of what ran in fewer rounds have these rounds alone", () => {
    const fewer = costRows({ guest: "x64", sources }, TIME, samplesOf({ ...WALLS, "stable-l": [400] }));
    expect(fewer.find(({ what }) => what.endsWith("against stable-l"))?.spread).toMatchObject({
      median: 0.05,
      count: 1,
    });
  });

  test("have goals where they were set, which is on ppc64le", () => {
    const goals = GUEST_NAMES.map((guest) => [
      guest,
      costRows({ guest, sources }, TIME, samplesOf(WALLS)).filter(({ goal }) => goal !== undefined).length,
    ]);
    expect(goals).toEqual([
      ["ppc64le", 5],
      ["arm64", 0],
      ["x64", 0],
    ]);
  });

  test("are those of programs that ran: a guest without a tree has none of trees", () => {
    const named = (walls: typeof WALLS) =>
      costRows({ guest: "x64", sources }, TIME, samplesOf(walls)).filter(({ what }) => what.includes("tree"));
    expect(named(WALLS)).toEqual([]);
    expect(named({ ...WALLS, fs2dt: [1], dtc: [2] } as typeof WALLS)).toHaveLength(2);
  });
});

describe("the programs that are compared", () => {
  test("get the same kernel, initrd and command line, by each release's own kexec", () => {
    const lines = loadersOf("ppc64le", sources)
      .filter(({ name }) => /-(l|s|checks)$/.test(name))
      .map((loader) => loader.load(needs).join(" | "));
    const rest = "/vmlinux --initrd=/initrd '--command-line=quiet panic=-1'";
    expect(lines).toEqual([
      `kexec -l ${rest}`,
      `kexec -s -l ${rest}`,
      ...["/a/kexec", "/b/kexec"].flatMap((program) => [
        `${program} -c -l ${rest}`,
        `${program} -c --no-checks -l ${rest}`,
        `${program} -s -l ${rest}`,
      ]),
    ]);
  });

  test("are told apart by their names", () => {
    const names = loadersOf("ppc64le", sources).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain(KEXECBOX.name);
  });

  test("let the kernel read the files where it can: Debian's for arm64 cannot", () => {
    const readsFiles = (guest: GuestName) => loadersOf(guest, sources).filter(({ name }) => name.endsWith("-s")).length;
    expect([readsFiles("ppc64le"), readsFiles("arm64"), readsFiles("x64")]).toEqual([3, 0, 3]);
  });

  test("the limit makes the pipeline's segments out of files that lie there before", () => {
    expect(LIMIT.load(needs)).toEqual(["limit-load 0x1000000 /argument 0 0x0 /vmlinux.kexec 768 0x2000000 /initrd 0"]);
    expect(preparation(needs).at(-1)).toMatch(/^fs2dt -b 0x1000100 .* \/proc\/device-tree > \/argument$/);
    const cut = preparation({ ...needs, argument: "zero page" });
    expect(cut).toHaveLength(2);
    expect(cut[0]).toBe("zeropage --kernel /bzImage > /vmlinux.kexec");
    expect(cut[1]).toMatch(/^zeropage .* \/bzImage > \/argument$/);
  });
});

test.each(GUEST_NAMES)("%s is measured by programs that a compiler and a libc of its own make", (name) => {
  const { target } = peerOf(name);
  expect(machineOf(target).name).toBe(GUESTS[name].machine);
  const missing = missingPackages([`bench-${target}`], "/nonexistent");
  expect(missing.some((wanted) => wanted.startsWith("gcc"))).toBe(true);
});
