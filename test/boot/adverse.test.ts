// What only a machine can do to the program, in one guest at init's prompt: who may not load, interrupts at each stage, a
// console that is gone, an initramfs that is full, too little memory, lines that cannot be, orphans.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AddedFile, image } from "../../initramfs/image.ts";
import { build } from "../../scripts/build.ts";
import { kernel } from "../../scripts/kernels.ts";
import { LiveGuest } from "../../scripts/live-guest.ts";
import { machineOf } from "../../scripts/machines/machines.ts";
import { runTool } from "../../scripts/tool.ts";
import { applets } from "../../src/applets/table.ts";
import { abis } from "../../src/sys/abi.ts";
import { SIGHUP, SIGINT, SIGQUIT, SIGTERM } from "../../src/sys/system.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { noEcho, run, waitForPrompt } from "../support/prompt.ts";

const TARGET = "ppc64le";
const MINUTES = 60_000;
/** MiB. */
const MEMORY = 512;

const disk = temporaryFolder({ lasts: "file", on: "disk" });
const sockets = temporaryFolder({ lasts: "file" });
let guest: LiveGuest | undefined;

/** A load that takes no time, of a page. */
const LOAD = "/bin/loadem --no-checks -a 0x6000000 -e -f /page";
const KERNEL = "/bin/kexec -l /vmlinuz --append=x";

const { call } = abis.ppc64le;

beforeAll(async () => {
  const { console, cpu } = machineOf(TARGET).guest;
  const { vmlinux } = await kernel("stock-ppc64le");
  const program = disk.in("adverse");
  const source = join(import.meta.dir, "adverse.c");
  await runTool(["powerpc64le-linux-gnu-gcc", "-Os", "-Wall", "-Wextra", "-Werror", "-static", "-o", program, source]);
  const files: AddedFile[] = [
    { path: "vmlinuz", content: await readFile(vmlinux), mode: 0o644 },
    { path: "page", content: new Uint8Array(0x1_0000).fill(1), mode: 0o644 },
    { path: "text", content: Buffer.from("no program\n"), mode: 0o755 },
    { path: "adverse", content: await readFile(program), mode: 0o755 },
    ...(await noEcho(TARGET, disk)),
  ];
  const executable = await readFile(await build(TARGET));
  const names = applets.map(({ name }) => name);
  await writeFile(disk.in("initrd"), Buffer.concat(image({ executable, applets: names, files })));
  const words = { machine: "ppc64", cpu, smp: 1, memory: MEMORY, kernel: vmlinux, initrd: disk.in("initrd") } as const;
  const append = `console=${console} quiet panic=-1`;
  guest = await LiveGuest.start({ ...words, append }, { monitor: sockets.in("monitor") });
  await waitForPrompt(guest, 0);
  await type("noecho");
}, 10 * MINUTES);

afterAll(() => guest?.end());

function type(line: string): Promise<string[]> {
  return run(present(guest), line);
}

/** What a line says, and whether a kernel is loaded then. */
async function said(line: string): Promise<{ lines: string[]; loaded: string }> {
  const lines = await type(line);
  return { lines, loaded: (await type("cat /sys/kernel/kexec_loaded")).join("\n") };
}

describe("who lacks CAP_SYS_BOOT is told that, with exit code 3", () => {
  const missing = (user: number): string => `CAP_SYS_BOOT is missing (user id ${user})`;
  const EPERM = "EPERM (operation not permitted): ";
  const rows: readonly (readonly [string, (user: number) => string])[] = [
    [LOAD, (user) => `loadem: kexec_load: ${missing(user)}`],
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
      const lines = [`${tool}: reboot: ${missing(1000)}`, "init: /adverse: exit 3"];
      expect(await said(`/adverse as 1000 ${line}`)).toEqual({ lines, loaded: "0" });
      await type(LOAD);
      expect(await said(`/adverse as 1000 ${line}`)).toEqual({ lines, loaded: "1" });
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
    "waits for orphans while a line runs, and at the prompt",
    async () => {
      expect(await type("/adverse orphan waits")).toEqual(["the orphan is gone"]);
      const live = present(guest);
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
});
