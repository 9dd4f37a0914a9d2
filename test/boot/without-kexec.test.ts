// A kernel that was built without CONFIG_KEXEC and CONFIG_KEXEC_FILE: whatever would load or jump says so, with exit code 3.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { image } from "../../initramfs/image.ts";
import { build } from "../../scripts/build.ts";
import { kernel } from "../../scripts/kernels.ts";
import type { LiveGuest } from "../../scripts/live-guest.ts";
import { applets } from "../../src/applets/table.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { run, waitForPrompt } from "../support/prompt.ts";
import { runsHere, startUserMode } from "../support/user-mode-linux.ts";

const MINUTES = 60_000;

const disk = temporaryFolder({ lasts: "file", on: "disk" });
let guest: LiveGuest | undefined;

beforeAll(async () => {
  if (!runsHere) return;
  const files = [
    { path: "vmlinuz", content: await readFile((await kernel("stock-x64")).vmlinux), mode: 0o644 },
    { path: "page", content: new Uint8Array(0x1000).fill(1), mode: 0o644 },
  ] as const;
  const executable = await readFile(await build("x64-small"));
  const names = applets.map(({ name }) => name);
  await writeFile(disk.in("initrd"), Buffer.concat(image({ executable, applets: names, files })));
  guest = await startUserMode(disk.in("initrd"), disk);
  await waitForPrompt(guest, 0);
}, 10 * MINUTES);

afterAll(async () => {
  if (guest === undefined) return;
  guest.type("poweroff");
  await guest.shows(() => false, 4 * MINUTES);
  expect(guest.hasEnded).toBe(true);
  await guest.end();
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

test.skipIf(!runsHere).each(rows)(
  "%s",
  async (line, ...said) => {
    expect(await run(present(guest), line)).toEqual([...said, `init: ${line.split(" ")[0]}: exit 3`]);
  },
  10 * MINUTES,
);

test.skipIf(!runsHere)(
  "kexec -S prints that there is neither call, and ends well",
  async () => {
    const lines = await run(present(guest), "kexec -S");
    expect(lines).toContain("kexec_load: no");
    expect(lines).toContain("kexec_file_load: no");
    expect(lines.filter((line) => line.startsWith("init: "))).toEqual([]);
  },
  10 * MINUTES,
);
