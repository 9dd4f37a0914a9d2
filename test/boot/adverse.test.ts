// What only a machine can do to the program, in one guest at init's prompt: who may not load, interrupts at each stage, a
// console that is gone, an initramfs that is full, too little memory, lines that cannot be, orphans.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { abis } from "../../src/sys/abi.ts";
import { SIGHUP, SIGINT, SIGQUIT, SIGTERM } from "../../src/sys/system.ts";
import { type AdverseGuest, startAdverse } from "../support/adverse-guest.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";

const MINUTES = 60_000;

const disk = temporaryFolder({ lasts: "file", on: "disk" });
const sockets = temporaryFolder({ lasts: "file" });
let guest: AdverseGuest | undefined;

/** A load that takes no time, of a page. */
const LOAD = "/bin/loadem --no-checks -a 0x6000000 -e -f /page";
const KERNEL = "/bin/kexec -l /vmlinuz --append=x";

const { call } = abis.ppc64le;

beforeAll(async () => {
  const text = { path: "text", content: Buffer.from("no program\n"), mode: 0o755 } as const;
  guest = await startAdverse("ppc64le", "stock-ppc64le", { disk, sockets }, [text]);
}, 10 * MINUTES);

afterAll(() => guest?.live.end());

function type(line: string): Promise<string[]> {
  return present(guest).type(line);
}

function said(line: string): ReturnType<AdverseGuest["said"]> {
  return present(guest).said(line);
}

describe("who lacks CAP_SYS_BOOT is told that, with exit code 3", () => {
  const missing = (user: number): string => `CAP_SYS_BOOT is missing (user id ${user})`;
  const EPERM = "EPERM (operation not permitted): ";
  const rows: readonly (readonly [string, (user: number) => string])[] = [
    [LOAD, (user) => `loadem: kexec_load(entry 0x6000000, 1 segment, arch 0): ${EPERM}${missing(user)}`],
    ["/bin/loadem -u", (user) => `loadem: kexec_load(unload): ${EPERM}${missing(user)}`],
    [KERNEL, (user) => `kexec: kexec_load: ${missing(user)}`],
    [KERNEL.replace("-l", "-p"), (user) => `kexec: kexec_load: ${missing(user)}`],
    [KERNEL.replace("-l", "-s -l"), (user) => `kexec: kexec_file_load: ${missing(user)}`],
    ["/bin/kexec -u", (user) => `kexec: kexec_load(unload): ${EPERM}${missing(user)}`],
    ["/bin/kexec -p -u", (user) => `kexec: kexec_load(unload, on crash): ${EPERM}${missing(user)}`],
  ];
  test.each(rows)(
    "%s",
    async (line, tell) => {
      for (const [how, user] of [
        ["without-boot", 0],
        ["as 1000", 1000],
      ] as const)
        expect(await said(`/adverse ${how} ${line}`)).toEqual({
          lines: [tell(user), "init: /adverse: exit 3"],
          loaded: "0",
        });
    },
    10 * MINUTES,
  );

  test.each(["/bin/loadem -k", "/bin/kexec -e"])(
    "%s, and the kernel stays loaded",
    async (line) => {
      const tool = line.includes("loadem") ? "loadem" : "kexec";
      expect(await said(`/adverse as 1000 ${line}`)).toMatchObject({
        lines: [`${tool}: ${line.slice(-2)}: no kernel is loaded`, "init: /adverse: exit 1"],
      });
      await type(LOAD);
      expect(await said(`/adverse as 1000 ${line}`)).toEqual({
        lines: [`${tool}: reboot: ${EPERM}${missing(1000)}`, "init: /adverse: exit 3"],
        loaded: "1",
      });
      expect((await said("kexec -u")).loaded).toBe("0");
    },
    10 * MINUTES,
  );

  test(
    "and who has it need not be root",
    async () => {
      expect(await said(`/adverse as-boot 1000 ${LOAD}`)).toEqual({ lines: [], loaded: "1" });
      expect(await said("/adverse as-boot 1000 /bin/kexec -u")).toEqual({ lines: [], loaded: "0" });
    },
    10 * MINUTES,
  );
});

describe("an interrupt leaves nothing loaded", () => {
  const stages = [
    ["before the kernel is asked", call.kexec_load, "entry", LOAD],
    ["when the kernel has loaded it", call.kexec_load, "exit", LOAD],
    ["before the jump", call.sync, "entry", "/bin/loadem -k"],
  ] as const;
  const signals = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
  test.each(stages.flatMap((stage) => signals.map((signal) => [signal, ...stage] as const)))(
    "%d %s",
    async (signal, _, number, side, line) => {
      if (line !== LOAD) await type(LOAD);
      expect(await said(`/adverse strike ${signal} ${number} ${side} ${line}`)).toEqual({
        lines: [`ended with ${128 + signal}`],
        loaded: "0",
      });
    },
    10 * MINUTES,
  );

  test.each([
    [SIGINT, call.openat, "entry", KERNEL, "ended by signal 2"],
    [SIGTERM, call.kexec_load, "exit", KERNEL, "ended with 143"],
    [SIGHUP, call.sync, "entry", KERNEL.replace(" -l", ""), "ended with 129"],
  ])(
    "%d at call %d, %s, of %s",
    async (signal, number, side, line, end) => {
      expect(await said(`/adverse strike ${signal} ${number} ${side} ${line}`)).toEqual({ lines: [end], loaded: "0" });
    },
    10 * MINUTES,
  );
});

describe("a console that is gone", () => {
  test(
    "ends who prints with 1, and loses no load",
    async () => {
      const pipe = await type("/adverse mute /bin/dtdump /proc/device-tree");
      expect(pipe).toEqual(["dtdump: standard output: EPIPE (broken pipe)", "ended with 1"]);
      expect(await type("/adverse hung-up /bin/dtdump /proc/device-tree")).toEqual(["ended with 1"]);
      expect(await said(`/adverse hung-up ${LOAD.replace("loadem", "loadem -v")}`)).toEqual({
        lines: ["ended with 0"],
        loaded: "1",
      });
      await type("loadem -u");
    },
    10 * MINUTES,
  );

  test(
    "by vhangup is not gone for init, whose descriptors are of /dev/console",
    async () => {
      await type("/adverse hang-up");
      // Also what is typed is shown again.
      await type("noecho");
      expect(await type("echo still here")).toEqual(["still here"]);
    },
    10 * MINUTES,
  );
});

describe("init", () => {
  test(
    "ends a line of which one program cannot be started",
    async () => {
      expect(await type("cat | /page")).toEqual(["init: /page: EACCES (permission denied)"]);
      expect(await type("cat | /text | cat")).toEqual(["init: /text: ENOEXEC (exec format error)"]);
      expect(await type("cat | /proc")).toEqual(["init: /proc: is a directory, not a program"]);
    },
    10 * MINUTES,
  );

  test(
    "tells of a program that it cannot start where there are as many processes as there may be, and goes on",
    async () => {
      const EAGAIN = "EAGAIN (resource temporarily unavailable)";
      await type(LOAD);
      expect(await type("/adverse crowd /now")).toEqual([]);
      expect(await type("loadem -k")).toEqual([`init: loadem: ${EAGAIN}`]);
      expect(await type("cat /page | cat")).toEqual([`init: cat: ${EAGAIN}`]);
      // The file is made before its program is started, and ends the crowd: it may be just in time for that program.
      const last = await type("cat < /page > /now");
      expect([`init: cat: ${EAGAIN}`, ""]).toContain(last.join());
      let lines: string[];
      do lines = await type("cat /sys/kernel/kexec_loaded");
      while (lines[0]?.endsWith(EAGAIN));
      expect(lines).toEqual(["1"]);
      expect((await said("loadem -u")).loaded).toBe("0");
    },
    10 * MINUTES,
  );

  test(
    "waits for orphans while a line runs, and at the prompt",
    async () => {
      expect(await type("/adverse orphan waits")).toEqual(["the orphan is gone"]);
      const { live } = present(guest);
      const from = live.text.length;
      await type("/adverse orphan");
      const verdict = (text: string) => /the orphan (.*)\n/.exec(text.slice(from))?.[1];
      await live.shows((text) => verdict(text) !== undefined, 4 * MINUTES);
      expect(verdict(live.text)).toBe("is gone");
    },
    10 * MINUTES,
  );
});

describe("memory", () => {
  test(
    "that does not hold the unpacked kernel is told with 1, and nothing is loaded",
    async () => {
      const { lines, loaded } = await said(`/adverse limited 12000000 ${KERNEL}`);
      expect(lines[0]).toMatch(/^kexec: KERNEL 0x[0-9a-f]+: [0-9]+ bytes: ENOMEM \(cannot allocate memory\)$/);
      expect({ end: lines.slice(1), loaded }).toEqual({ end: ["init: /adverse: exit 1"], loaded: "0" });
    },
    10 * MINUTES,
  );

  test(
    "that the initramfs has filled is told as such; nothing half-written stays, and loads go on",
    async () => {
      const FULL = "ENOSPC (no space left on device): the initramfs is full";
      expect(await type("cat /dev/zero > /fill")).toEqual([`cat: standard output: ${FULL}`, "init: cat: exit 1"]);
      expect(await type("kexec --save /saved /vmlinuz --append=x")).toEqual([
        expect.stringMatching(
          /^kexec: \/saved\/[a-z0-9-]+: ENOSPC \(no space left on device\): the initramfs is full$/,
        ),
        "init: kexec: exit 1",
      ]);
      expect(await type("ls /saved")).toContain("ls: /saved: ENOENT (no such file or directory)");
      expect(await said(KERNEL)).toEqual({ lines: [], loaded: "1" });
    },
    10 * MINUTES,
  );

  test(
    "that there is not for the copies until the jump is told, and what was loaded stays; unchecked, Linux ends the loader",
    async () => {
      // With the initramfs full, some 225 MiB are left: 200 fit once.
      const large = "/bin/loadem -r 0x10000 -a 0x6000000 -e -f /page -z 0xc800000";
      const unchecked = large.replace("loadem", "loadem --no-checks");
      await type("loadem -u");
      expect(await said(unchecked)).toEqual({ lines: [], loaded: "1" });
      // Who only looks takes none of it.
      const looks = await said(large.replace("loadem", "loadem -n"));
      expect([looks.lines.filter((line) => line.startsWith("init: ")), looks.loaded]).toEqual([[], "1"]);
      for (const line of [large, KERNEL]) {
        const { lines, loaded } = await said(line);
        expect(lines.at(-2)).toMatch(
          /^(loadem|kexec): all segments: 0x[0-9a-f]+ bytes are needed until the jump, and 0x[0-9a-f]+ are available: /,
        );
        expect([lines.at(-1), loaded]).toEqual([`init: ${line.split(" ")[0]}: exit 1`, "1"]);
      }
      const { lines, loaded } = await said(unchecked);
      expect([lines.at(-1), loaded]).toEqual(["init: /bin/loadem: signal 9", "1"]);
      expect(await said("loadem -u")).toEqual({ lines: [], loaded: "0" });
      expect(await said(KERNEL)).toEqual({ lines: [], loaded: "1" });
    },
    10 * MINUTES,
  );
});

// From here on the machine loads nothing more: neither is lifted.
describe("what forbids to load is told by its name, and loses nothing that is loaded:", () => {
  const EPERM = "EPERM (operation not permitted): ";
  const rows = (why: string): readonly (readonly [string, string])[] => [
    [LOAD, `loadem: kexec_load(entry 0x6000000, 1 segment, arch 0): ${EPERM}${why}`],
    ["/bin/loadem -u", `loadem: kexec_load(unload): ${EPERM}${why}`],
    ["/bin/kexec -u", `kexec: kexec_load(unload): ${EPERM}${why}`],
    ["/bin/kexec -p -u", `kexec: kexec_load(unload, on crash): ${EPERM}${why}`],
  ];
  test.each([
    ["lockdown", "echo integrity > /sys/kernel/security/lockdown", "kernel lockdown is integrity"],
    [
      "kernel.kexec_load_disabled",
      "echo 1 > /proc/sys/kernel/kexec_load_disabled",
      "kernel.kexec_load_disabled is 1 until the next boot",
    ],
  ])(
    "%s",
    async (_, forbids, why) => {
      expect(await type(forbids)).toEqual([]);
      for (const [line, says] of rows(why))
        expect(await said(line)).toEqual({ lines: [says, `init: ${line.split(" ")[0]}: exit 3`], loaded: "1" });
      const { lines } = await said(KERNEL);
      expect(lines[0]).toMatch(/^kexec: kexec_load\(entry 0x[0-9a-f]+, 2 segments, arch 0\): /);
      expect(lines[0]).toEndWith(`: ${EPERM}${why}`);
      expect(lines.at(-1)).toBe("init: /bin/kexec: exit 3");
    },
    10 * MINUTES,
  );
});
