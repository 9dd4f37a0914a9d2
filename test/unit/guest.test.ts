// Running qemu, with a shell script in its place.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type Guest, runGuest } from "../../scripts/guest.ts";
import { Failure } from "../../src/failure.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";

const GUEST: Guest = { cpu: "POWER9", smp: 4, memory: 512 };
const path = process.env.PATH;
const folder = temporaryFolder({ lasts: "file", on: "disk" });

beforeAll(() => {
  process.env.PATH = `${folder.path}:${path}`;
});
afterAll(() => {
  process.env.PATH = path;
});

/** Puts a shell script in the emulator's place. */
function emulatorDoes(script: string): void {
  writeFileSync(folder.in("qemu-system-ppc64"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** A process is gone when it has no directory, or is a zombie whose parent does not care. */
function runs(pid: string): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition() && tries < 200; tries++) await Bun.sleep(50);
  expect(condition()).toBe(true);
}

test("the guest's cpus, memory, files and segments reach qemu; a comma in a segment's name is doubled", async () => {
  emulatorDoes(`for word; do echo "$word"; done`);
  const segments = [{ file: "/a,b", address: 0x1_2345_6789_abc0n }];
  const files = { kernel: "/k,1", initrd: "/i", append: "quiet panic=-1", segments, extra: ["-snapshot"] };
  const { lines, end } = await runGuest({ ...GUEST, ...files }, { timeout: 20 });
  const words = lines.map(({ text }) => text);
  const after = (word: string) => words[words.indexOf(word) + 1];
  expect(end).toBe("off");
  expect(["-cpu", "-smp", "-m"].map(after)).toEqual(["POWER9", "4", "512"]);
  expect(["-kernel", "-initrd", "-append"].map(after)).toEqual(["/k,1", "/i", "quiet panic=-1"]);
  expect(after("-device")).toBe("loader,file=/a,,b,addr=0x123456789abc0,force-raw=on");
  expect(words.at(-1)).toBe("-snapshot");
  expect(words).toContain("-no-reboot");
  expect(words).not.toContain("-bios");
});

test("a board takes the place of the usual machine, with its devices; further words follow its own and the memory's", async () => {
  emulatorDoes(`for word; do echo "$word"; done`);
  const more = { board: "powernv9", machineOptions: ["a=b"], memoryOptions: ["maxmem=8G", "slots=8"] };
  const { lines } = await runGuest({ ...GUEST, ...more }, { timeout: 20 });
  const words = lines.map(({ text }) => text);
  expect(["-M", "-m"].map((word) => words[words.indexOf(word) + 1])).toEqual(["powernv9,a=b", "512,maxmem=8G,slots=8"]);
  expect(words).toContain("ipmi-bmc-sim,id=bmc0");
  await expect(runGuest({ ...GUEST, board: "vax" }, { timeout: 20 })).rejects.toThrow(
    "vax: no machine of the emulator for ppc64",
  );
});

test("a script that starts the emulator gets its words after those of its own", async () => {
  const script = folder.in("start");
  writeFileSync(script, `#!/bin/sh\nfor word in own "$@"; do echo "$word"; done\n`, { mode: 0o755 });
  const { lines } = await runGuest({ ...GUEST, script, extra: ["-cpu", "a b"] }, { timeout: undefined });
  expect(lines.map(({ text }) => text)).toEqual(["own", "-accel", "tcg,tb-size=32", "-cpu", "a b"]);
});

test("lines come one by one, bytes as characters, without line ends; the log has every byte", async () => {
  emulatorDoes(`printf 'one\\r\\ntwo \\377\\376'; printf ' still two\\n\\nlast, no line end'`);
  const log = folder.in("log");
  const seen: string[] = [];
  const { lines } = await runGuest(GUEST, { timeout: 20, log, onLine: ({ text }) => void seen.push(text) });
  expect(seen).toEqual(["one", "two \xff\xfe still two", "", "last, no line end"]);
  expect(lines.map(({ text }) => text)).toEqual(seen);
  expect(readFileSync(log, "latin1")).toBe("one\r\ntwo \xff\xfe still two\n\nlast, no line end");
});

test("a guest that does not end is killed at its time limit, and what it said is kept", async () => {
  emulatorDoes(`echo $$; exec sleep 1000`);
  const { lines, end } = await runGuest(GUEST, { timeout: 1 });
  expect(end).toBe("timeout");
  expect(runs(present(lines[0]).text)).toBe(false);
});

test("whoever watches can stop it", async () => {
  emulatorDoes(`echo $$; echo enough; exec sleep 1000`);
  const watch = { timeout: 20, onLine: ({ text }: { text: string }, stop: () => void) => text === "enough" && stop() };
  const { lines, end } = await runGuest(GUEST, watch);
  expect(end).toBe("stopped");
  expect(runs(present(lines[0]).text)).toBe(false);
});

test("a watcher that throws takes the guest with it", async () => {
  emulatorDoes(`echo $$; exec sleep 1000`);
  let pid = "";
  const onLine = ({ text }: { text: string }) => {
    pid = text;
    throw new Error("seen enough");
  };
  await expect(runGuest(GUEST, { timeout: 20, onLine })).rejects.toThrow("seen enough");
  await until(() => pid !== "" && !runs(pid));
});

test("when qemu fails, its last message is the error", async () => {
  emulatorDoes(`echo "qemu-system-ppc64: first" >&2; echo "qemu-system-ppc64: no such cpu" >&2; exit 1`);
  await expect(runGuest(GUEST, { timeout: 20 })).rejects.toThrow(new Failure("qemu-system-ppc64", "no such cpu"));
  emulatorDoes(`exit 3`);
  await expect(runGuest(GUEST, { timeout: 20 })).rejects.toThrow(new Failure("qemu-system-ppc64", "exit code 3"));
});

for (const signal of ["SIGKILL", "SIGTERM", "SIGINT"] as const) {
  test(`no guest outlives us, even if we die of ${signal}`, async () => {
    const pid = folder.in(`pid-${signal}`);
    emulatorDoes(`echo $$ > ${pid}.new; mv ${pid}.new ${pid}; exec sleep 1000`);
    const module = new URL("../../scripts/guest.ts", import.meta.url).pathname;
    const program = folder.in("parent.ts");
    writeFileSync(
      program,
      `
      import { runGuest } from ${JSON.stringify(module)};
      await runGuest(${JSON.stringify(GUEST)}, { timeout: 60 });`,
    );
    const parent = Bun.spawn([process.execPath, program], { env: process.env, stdio: ["ignore", "ignore", "inherit"] });
    await until(() => existsSync(pid));
    expect(runs(readFileSync(pid, "latin1").trim())).toBe(true);
    parent.kill(signal);
    await parent.exited;
    await until(() => !runs(readFileSync(pid, "latin1").trim()));
  });
}
