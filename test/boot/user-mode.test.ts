// What user-mode-linux has and no other kernel here: neither call that loads a kernel, which whatever would load or jump says,
// and a file system on a disk that can be made to fail.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { image } from "../../initramfs/image.ts";
import { build } from "../../scripts/build.ts";
import { kernel } from "../../scripts/kernels.ts";
import type { LiveGuest } from "../../scripts/live-guest.ts";
import { runTool } from "../../scripts/tool.ts";
import { applets } from "../../src/applets/table.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { run, waitForPrompt } from "../support/prompt.ts";
import { runsHere, startUserMode, userModeLinux } from "../support/user-mode-linux.ts";

const MINUTES = 60_000;

const folder = temporaryFolder({ lasts: "file", on: "disk" });
let guest: LiveGuest | undefined;

/** A program of this folder's, for x86-64. */
async function compiled(name: string): Promise<Uint8Array> {
  const flags = ["-Os", "-Wall", "-Wextra", "-Werror", "-static"];
  await runTool(["gcc", ...flags, "-o", folder.in(name), join(import.meta.dir, `${name}.c`)]);
  return readFile(folder.in(name));
}

beforeAll(async () => {
  if (!runsHere) return;
  const linux = await userModeLinux();
  const vmlinuz = await readFile((await kernel("stock-x64")).vmlinux);
  const files = [
    { path: "vmlinuz", content: vmlinuz, mode: 0o644 },
    { path: "page", content: new Uint8Array(0x1000).fill(1), mode: 0o644 },
    { path: "dm-mod.ko", content: await readFile(linux.mapper), mode: 0o644 },
    { path: "failing-disk", content: await compiled("failing-disk"), mode: 0o755 },
  ] as const;
  const executable = await readFile(await build("x64-small"));
  const names = applets.map(({ name }) => name);
  await writeFile(folder.in("initrd"), Buffer.concat(image({ executable, applets: names, files })));
  await mkdir(folder.in("files"));
  // The first is mapped, the second read.
  await writeFile(folder.in("files", "large"), new Uint8Array(4 * 1024 * 1024).fill(1));
  await writeFile(folder.in("files", "small"), new Uint8Array(0x1_0000).fill(1));
  await writeFile(folder.in("files", "vmlinuz"), vmlinuz);
  await writeFile(folder.in("files", "known"), vmlinuz);
  await runTool(["/sbin/mke2fs", "-q", "-t", "ext4", "-d", folder.in("files"), folder.in("disk"), "64M"]);
  guest = await startUserMode(linux, { initrd: folder.in("initrd"), disk: folder.in("disk") }, folder);
  await waitForPrompt(guest, 0);
}, 10 * MINUTES);

afterAll(async () => {
  if (guest === undefined) return;
  try {
    guest.type("poweroff");
    await guest.shows(() => false, 4 * MINUTES);
    expect(guest.hasEnded).toBe(true);
  } finally {
    await guest.end();
  }
}, 10 * MINUTES);

const WITHOUT = "the running kernel was built without CONFIG_KEXEC";
const ENOSYS = `ENOSYS (function not implemented): ${WITHOUT}`;
const EINVAL = `EINVAL (invalid argument): ${WITHOUT} and CONFIG_KEXEC_FILE`;
const OTHER = "kexec: the running kernel has no kexec_load: kexec_file_load is asked in place of kexec_load";

const rows: readonly (readonly [string, ...string[]])[] = [
  ["loadem --no-checks -a 0x1000000 -e -f /page", `loadem: kexec_load(entry 0x1000000, 1 segment, arch 0): ${ENOSYS}`],
  ["loadem --diagnose --no-checks -a 0x1000000 -e -f /page", `loadem: kexec_load(unload): ${ENOSYS}`],
  ["loadem -u", `loadem: kexec_load(unload): ${ENOSYS}`],
  ["loadem -k", `loadem: reboot: ${EINVAL}`],
  ["kexec /vmlinuz", `kexec: kexec_load: ${WITHOUT}`],
  ["kexec -l /vmlinuz", `kexec: kexec_load: ${WITHOUT}`],
  ["kexec -p /vmlinuz", `kexec: kexec_load: ${WITHOUT}`],
  ["kexec -s -l /vmlinuz", `kexec: kexec_file_load(kernel /vmlinuz): ${ENOSYS}_FILE`],
  ["kexec -s -p /vmlinuz", `kexec: kexec_file_load(kernel /vmlinuz, on crash): ${ENOSYS}_FILE`],
  ["kexec -a -l /vmlinuz", `kexec: kexec_load, kexec_file_load: ${WITHOUT} and CONFIG_KEXEC_FILE`],
  ["kexec -u", `kexec: kexec_load(unload): ${ENOSYS}`],
  ["kexec -p -u", `kexec: kexec_load(unload, on crash): ${ENOSYS}`],
  ["kexec -s -u", `kexec: kexec_file_load(unload): ${ENOSYS}_FILE`],
  ["kexec -a -u", OTHER, `kexec: kexec_file_load(unload): ${ENOSYS}_FILE`],
  ["kexec -e", `kexec: reboot: ${EINVAL}`],
];

describe.skipIf(!runsHere)("a kernel without CONFIG_KEXEC", () => {
  test.each(rows)(
    "is told as such by %s",
    async (line, ...said) => {
      expect(await run(present(guest), line)).toEqual([...said, `init: ${line.split(" ")[0]}: exit 3`]);
    },
    10 * MINUTES,
  );

  test(
    "is no error of kexec -S",
    async () => {
      const lines = await run(present(guest), "kexec -S");
      expect(lines).toContain("kexec_load: no");
      expect(lines).toContain("kexec_file_load: no");
      expect(lines.filter((line) => line.startsWith("init: "))).toEqual([]);
    },
    10 * MINUTES,
  );
});

describe.skipIf(!runsHere)("a disk that fails", () => {
  const EIO = "EIO (input/output error)";
  const at = "--no-checks -a 0x1000000 -e -f";

  beforeAll(async () => {
    const live = present(guest);
    for (const line of ["insmod /dm-mod.ko", "/failing-disk mount /dev/ubda /disk"])
      expect(await run(live, line)).toEqual([]);
    // Its first bytes are in memory then.
    expect(await run(live, "kexec -n /disk/known")).toContain("init: kexec: exit 1");
    expect(await run(live, "/failing-disk fail")).toEqual([]);
  }, 10 * MINUTES);

  test.each([
    [`loadem -n --json ${at} /disk/large`, `loadem: /disk/large: ${EIO}, at 0x0`],
    [`loadem ${at} /disk/large`, `loadem: /disk/large: ${EIO}, at 0x0`],
    [`loadem -n ${at} /disk/small`, `loadem: /disk/small: ${EIO}`],
    ["kexec -n /disk/vmlinuz", `kexec: /disk/vmlinuz: ${EIO}`],
    ["kexec -l /disk/vmlinuz", `kexec: /disk/vmlinuz: ${EIO}`],
    ["kexec -s -l /disk/vmlinuz", `kexec: /disk/vmlinuz: ${EIO}`],
    ["kexec --extract /disk/known > /out", `kexec: /disk/known: ${EIO}`],
    ["cat /disk/large > /out", `cat: /disk/large: ${EIO}`],
    ["dtdump /disk/large", `dtdump: /disk/large: ${EIO}`],
  ])(
    "is told with the file's name by %s",
    async (line, says) => {
      expect(await run(present(guest), line)).toEqual([says, `init: ${line.split(" ")[0]}: exit 1`]);
    },
    10 * MINUTES,
  );
});
