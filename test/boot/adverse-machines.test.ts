// What adverse.test.ts does on ppc64le, on the other machines, as far as their kernels and call numbers differ: one guest each.
// And a mapped file that becomes shorter, which on big endian no emulator of one process can show.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { toolchainOf } from "../../scripts/machines/machines.ts";
import { abis } from "../../src/sys/abi.ts";
import { SIGHUP, SIGTERM } from "../../src/sys/system.ts";
import { type AdverseGuest, startAdverse } from "../support/adverse-guest.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";

const MINUTES = 60_000;
/** Bytes: enough for a file to be mapped. */
const SIZE = 2 * 1024 * 1024;

const EPERM = "EPERM (operation not permitted): ";
const LOCKDOWN = ["echo integrity > /sys/kernel/security/lockdown", "kernel lockdown is integrity"] as const;
const DISABLED = [
  "echo 1 > /proc/sys/kernel/kexec_load_disabled",
  "kernel.kexec_load_disabled is 1 until the next boot",
] as const;

for (const [target, kernel, address, forbidden] of [
  ["ppc64", "small-ppc64", "0x6000000", [DISABLED]],
  ["ppc", "small-ppc", "0x6000000", [DISABLED]],
  ["arm64-small", "stock-arm64", "0x50000000", [LOCKDOWN, DISABLED]],
  ["x64-small", "stock-x64", "0x10000000", [LOCKDOWN, DISABLED]],
] as const) {
  describe(`${target}:`, () => {
    const disk = temporaryFolder({ lasts: "file", on: "disk" });
    const sockets = temporaryFolder({ lasts: "file" });
    let guest: AdverseGuest | undefined;

    const { call } = abis[toolchainOf(target).uname];
    const load = (file: string, ...options: readonly string[]) =>
      ["/bin/loadem --no-checks", ...options, `-a ${address} -e -f ${file}`].join(" ");
    const LOAD = load("/page");
    const CALL = `kexec_load(entry ${address}, 1 segment, arch 0)`;
    const shorter = (file: string) => `${file}: became shorter while it was in use: 4096 bytes are left of ${SIZE}`;

    beforeAll(async () => {
      const torn = ["seen", "unseen"].map(
        (path) => ({ path, content: new Uint8Array(SIZE).fill(1), mode: 0o644 }) as const,
      );
      guest = await startAdverse(target, kernel, { disk, sockets }, torn);
    }, 10 * MINUTES);

    afterAll(() => guest?.live.end());

    const said = (line: string) => present(guest).said(line);
    const type = (line: string) => present(guest).type(line);

    test(
      "without CAP_SYS_BOOT nothing is loaded, unloaded, or entered",
      async () => {
        const missing = "CAP_SYS_BOOT is missing (user id 1000)";
        for (const [line, says] of [
          [
            LOAD,
            expect.stringMatching(/^loadem: kexec_load\(entry .*: EPERM .*: CAP_SYS_BOOT is missing \(user id 1000\)$/),
          ],
          ["/bin/loadem -u", `loadem: kexec_load(unload): ${EPERM}${missing}`],
          ["/bin/kexec -l /vmlinuz", `kexec: kexec_load: ${missing}`],
          ["/bin/kexec -s -l /vmlinuz", `kexec: kexec_file_load: ${missing}`],
        ] as const)
          expect(await said(`/adverse as 1000 ${line}`)).toEqual({
            lines: [says, "init: /adverse: exit 3"],
            loaded: "0",
          });
        expect(await said(`/adverse as-boot 1000 ${LOAD}`)).toEqual({ lines: [], loaded: "1" });
        expect(await said("/adverse as 1000 /bin/loadem -k")).toEqual({
          lines: [`loadem: reboot: ${EPERM}${missing}`, "init: /adverse: exit 3"],
          loaded: "1",
        });
        expect(await said("loadem -u")).toEqual({ lines: [], loaded: "0" });
      },
      10 * MINUTES,
    );

    test(
      "a signal before, in, and after the load leaves nothing loaded",
      async () => {
        for (const [signal, number, side, line] of [
          [SIGTERM, call.kexec_load, "entry", LOAD],
          [SIGTERM, call.kexec_load, "exit", LOAD],
          [SIGHUP, call.sync, "entry", "/bin/loadem -k"],
        ] as const) {
          if (line !== LOAD) expect(await said(LOAD)).toEqual({ lines: [], loaded: "1" });
          expect(await said(`/adverse strike ${signal} ${number} ${side} ${line}`)).toEqual({
            lines: [`ended with ${128 + signal}`],
            loaded: "0",
          });
        }
      },
      10 * MINUTES,
    );

    test(
      "a mapped file that becomes shorter is told by its name, whether loadem looks at it or the kernel",
      async () => {
        const looks = load("/seen", "-n --json");
        expect(await said(`/adverse shrink /seen ${call.openat} /proc/meminfo ${looks}`)).toEqual({
          lines: [`loadem: ${shorter("/seen")}`, "ended with 1"],
          loaded: "0",
        });
        expect(await said(`/adverse shrink /unseen ${call.kexec_load} - ${load("/unseen")}`)).toEqual({
          lines: [`loadem: ${CALL}: EFAULT (bad address): ${shorter("/unseen")}`, "ended with 3"],
          loaded: "0",
        });
      },
      10 * MINUTES,
    );

    test(
      "an initramfs that is full is told as such, and leaves nothing half-written",
      async () => {
        const FULL = "ENOSPC (no space left on device): the initramfs is full";
        expect(await type("cat /dev/zero > /fill")).toEqual([`cat: standard output: ${FULL}`, "init: cat: exit 1"]);
        const lines = await type("kexec --save /saved /vmlinuz --append=x");
        expect(lines.at(-2)).toMatch(/^kexec: \/saved\/[a-z0-9-]+: ENOSPC .*: the initramfs is full$/);
        expect(lines.at(-1)).toBe("init: kexec: exit 1");
        expect(await type("ls /saved")).toContain("ls: /saved: ENOENT (no such file or directory)");
        expect(await said(LOAD)).toEqual({ lines: [], loaded: "1" });
      },
      10 * MINUTES,
    );

    // The machine loads nothing more after it.
    test(
      "what forbids to load is told by its name, and what was loaded stays",
      async () => {
        for (const [forbids, why] of forbidden) {
          expect(await type(forbids)).toEqual([]);
          expect(await said(LOAD)).toEqual({
            lines: [`loadem: ${CALL}: ${EPERM}${why}`, "init: /bin/loadem: exit 3"],
            loaded: "1",
          });
          const { lines, loaded } = await said("/bin/loadem -u");
          expect(lines[0]).toStartWith(`loadem: kexec_load(unload): ${EPERM}${why}`);
          expect([lines.at(-1), loaded]).toEqual(["init: /bin/loadem: exit 3", "1"]);
        }
      },
      10 * MINUTES,
    );
  });
}
