// When a boot has passed, and by which line of its console it has failed.

import { describe, expect, test } from "bun:test";
import { ONLINE, PRESENT, SECOND_INIT } from "../../scripts/boot/scene.ts";
import { Timeline, type Verdict } from "../../scripts/boot/timeline.ts";

const NONCE = "0123456789abcdef";

/** What the first kernel's console has up to the jump; the nonce is on its command line too. */
const FIRST = ["+ cat /proc/cmdline", `console=hvc0 kexecbox.nonce=${NONCE}`, "+ loadem -k"];
const SECOND = [SECOND_INIT, "+ cat /proc/cmdline", `kexecbox.nonce=${NONCE}`];

function cpus(online: string, present: string): string[] {
  return [`+ cat ${ONLINE}`, online, `+ cat ${PRESENT}`, present];
}

function read(lines: readonly string[]): { timeline: Timeline; steps: string[] } {
  const steps: string[] = [];
  const timeline = new Timeline(NONCE, ({ what }) => steps.push(what));
  for (const [row, text] of lines.entries()) timeline.read({ seconds: row, text });
  return { timeline, steps };
}

function verdict(lines: readonly string[], end: Parameters<Timeline["verdict"]>[0] = "off"): Verdict {
  return read(lines).timeline.verdict(end);
}

describe("a boot has passed", () => {
  test("when the second kernel printed the nonce and all its cpus are online", () => {
    expect(verdict([...FIRST, ...SECOND, ...cpus("0-2,5", "0-3")])).toEqual({
      passed: true,
      reason: `the second kernel printed ${NONCE}`,
    });
  });

  test("when the jump is the first line that the first init is seen to run", () => {
    const { timeline, steps } = read(["Linux ppc64 + fs2dt | loadem", "+ loadem -k", ...SECOND, ...cpus("0", "0")]);
    expect(timeline.verdict("off").passed).toBe(true);
    expect(steps.slice(0, 2)).toEqual(["first kernel's init", "the jump"]);
    expect(verdict(["+ kexec /vmlinux", ...SECOND, ...cpus("0", "0")]).passed).toBe(true);
  });

  test("when a crash kernel's init prints the log of the crashed one, whose command line has the nonce too", () => {
    const log = ["+ - vmcore-dmesg", `[    0.000000] Kernel command line: kexecbox.nonce=${NONCE}`];
    expect(verdict(["+ echo c > /proc/sysrq-trigger", ...log]).passed).toBe(true);
  });

  test("when what took the place of our second init printed it", () => {
    expect(verdict([...FIRST, `payload: bootargs=kexecbox.nonce=${NONCE}`]).passed).toBe(true);
  });
});

describe("a boot has failed when the second kernel echoes its command line, and hangs:", () => {
  test.each([
    `[    0.000000] Kernel command line: console=hvc0 kexecbox.nonce=${NONCE}`,
    `Command line: kexecbox.nonce=${NONCE}`,
    `[    0.01] Unknown kernel command line parameters "kexecbox.nonce=${NONCE}", will be passed to user space.`,
  ])("%s", (echo) => {
    const reason = `the second kernel did not print ${NONCE}`;
    expect(verdict([...FIRST, echo], "timeout")).toEqual({ passed: false, reason });
  });
});

describe("a boot has failed", () => {
  test.each([
    ["without the jump, whatever the first kernel printed", FIRST.slice(0, 2), "off", "no jump"],
    [
      "when the first kernel is too slow",
      FIRST.slice(0, 1),
      "timeout",
      "the first kernel did not get to the jump in time",
    ],
    [
      "when nothing printed the nonce after the jump",
      FIRST,
      "off",
      `the second kernel ended without printing ${NONCE}`,
    ],
    ["when the second kernel hangs", FIRST, "timeout", `the second kernel did not print ${NONCE}`],
    [
      "with the failing line where the jump was refused",
      [...FIRST, "init: /init.script:2: loadem: exit 1"],
      "off",
      "init: /init.script:2: loadem: exit 1",
    ],
    [
      "when a cpu is missing in the second kernel",
      [...FIRST, ...SECOND, ...cpus("0-2", "0-3")],
      "off",
      "3 of 4 cpus are online in the second kernel",
    ],
    [
      "when the second init hangs before it has counted the cpus",
      [...FIRST, ...SECOND],
      "timeout",
      "the second kernel's init did not get to the end of its script",
    ],
    [
      "when the second init cannot count them",
      [...FIRST, ...SECOND, "init: /init.script:3: cat: exit 1"],
      "off",
      "init: /init.script:3: cat: exit 1",
    ],
  ] as const)("%s", (_, lines, end, reason) => {
    expect(verdict(lines, end)).toEqual({ passed: false, reason });
  });
});

test("where no kernel comes before it, all that is printed is the second kernel's", () => {
  const steps: string[] = [];
  const timeline = new Timeline(NONCE, ({ what }) => steps.push(what), true);
  for (const text of [...SECOND, ...cpus("0-3", "0-3")]) timeline.read({ seconds: 1, text });
  expect(steps).toEqual(["the kernel's init, 4 of 4 cpus online"]);
  expect(timeline.verdict("off")).toEqual({ passed: true, reason: `the second kernel printed ${NONCE}` });
  const silent = new Timeline(NONCE, () => {}, true);
  expect(silent.verdict("timeout").reason).toBe(`the second kernel did not print ${NONCE}`);
});

test("the steps are told as they happen, segments and their bytes summed up", () => {
  const loaded = [
    "+ fs2dt -v | loadem -v",
    "fs2dt: 16 nodes, 240 properties, 15792 bytes, version 17",
    "loadem: segment  start      end        bufsz   memsz   from",
    "loadem: 0        0x5000000  0x5010000  0x3eb0  0x10000  v2wrap + standard input",
    "loadem: 1        0x6000000  0x6010000  0x100   0x10000  /vmlinux.kexec",
    "loadem: entry 0x5000000, arch 21 (the running kernel's), pages of 0x10000 bytes",
  ];
  expect(read([...loaded, ...FIRST.slice(2), ...SECOND, ...cpus("0-1", "0-1")]).steps).toEqual([
    "first kernel's init",
    "fs2dt: 16 nodes, 240 properties, 15792 bytes, version 17",
    "loadem: 2 segments, 16304 bytes, entry 0x5000000",
    "the jump",
    "second kernel's init, 2 of 2 cpus online",
  ]);
});

describe("kexec jumps", () => {
  const jumps = (line: string): boolean => {
    const steps: string[] = [];
    const timeline = new Timeline(NONCE, ({ what }) => steps.push(what));
    for (const text of ["+ echo", line]) timeline.read({ seconds: 1, text });
    return steps.includes("the jump");
  };

  test.each(["+ kexec -e", "+ /bin/kexec -i -e", "+ kexec -f /vmlinux --initrd=/i", "+ kexec /vmlinux"])(
    "%s",
    (line) => {
      expect(jumps(line)).toBeTrue();
    },
  );

  test.each(["+ kexec -l /k", "+ kexec --plan /k", "+ kexec -dp /k", "+ kexec -u", "+ echo kexec -e", "+ kexec -S"])(
    "but not by %s",
    (line) => {
      expect(jumps(line)).toBeFalse();
    },
  );
});
