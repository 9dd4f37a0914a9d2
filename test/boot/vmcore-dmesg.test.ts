// vmcore-dmesg on the memory of running guests: what it finds there is what the kernel itself gives of its log.

import { describe, expect, test } from "bun:test";
import { closeSync, existsSync, openSync, readSync, statSync, writeFileSync, writeSync } from "node:fs";
import { image } from "../../initramfs/image.ts";
import { build } from "../../scripts/build.ts";
import { type Guest, type GuestRun, runGuest } from "../../scripts/guest.ts";
import { kernel } from "../../scripts/kernels.ts";
import { type KernelName, type MachineName, machineNamed } from "../../scripts/machines/machines.ts";
import { applets } from "../../src/applets/table.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder({ on: "disk" });

type SmallTarget = "ppc64" | "ppc64le" | "arm64-small" | "x64-small";

interface Scene {
  readonly machine: MachineName;
  readonly target: SmallTarget;
  readonly kernel: KernelName;
  readonly cpu?: string;
}

const BEGIN = "the log begins";
const END = "the log ends";
const MARK = "that was all of it";

/** From then on the kernel prints nothing on the console, where its lines would stand among those that it is compared with. */
const QUIET = ["echo N > /sys/module/printk/parameters/ignore_loglevel", "echo 1 4 1 7 > /proc/sys/kernel/printk"];

/** Its console gets every record: no level is left out, and all is printed that came before the console did. */
async function guestOf({ machine, target, kernel: name, cpu }: Scene, lines: readonly string[]): Promise<Guest> {
  const { console, append = "", cpu: usual } = machineNamed(machine).guest;
  const executable = await Bun.file(await build(target)).bytes();
  const initrd = folder.in("initrd");
  const script = Buffer.from(`${lines.join("\n")}\n`);
  writeFileSync(initrd, Buffer.concat(image({ executable, applets: applets.map((each) => each.name), script })));
  return {
    ...{ machine, cpu: cpu ?? usual, smp: 2, memory: 768, initrd },
    kernel: (await kernel(name)).vmlinux,
    append: `console=${console} ignore_loglevel panic=-1 log_buf_len=1M ${append}`,
  };
}

/** The kernel's own lines on the console, up to the first process. */
function printedByKernel({ lines }: GuestRun): string[] {
  const texts = lines.map(({ text }) => text);
  const start = texts.findIndex((text) => /^\[ +0\.000000\] /.test(text));
  const end = texts.findIndex((text) => /\] Run \/init as init process$/.test(text));
  return texts.slice(start, end + 1).filter((text) => /^\[ *\d+\.\d{6}\] /.test(text));
}

/** An emulated serial port loses characters of the kernel's where the host is busy, and now and then a line of them. */
const MOST_LOST = 0.1;

/** What was found has all that is on the console, in its order. */
function expectOnConsole(found: readonly string[], run: GuestRun): void {
  const printed = printedByKernel(run).map((line) => line.trimEnd());
  expect(printed.length).toBeGreaterThan(50);
  let at = 0;
  const whole = printed.filter((line) => {
    const next = found.findIndex((each, index) => index >= at && each.trimEnd() === line);
    if (next >= 0) at = next + 1;
    return next >= 0;
  });
  expect(whole.length).toBeGreaterThanOrEqual(printed.length * (1 - MOST_LOST));
}

const scenes: readonly Scene[] = [
  { machine: "ppc64", target: "ppc64", kernel: "small-ppc64", cpu: "POWER8" },
  { machine: "ppc64", target: "ppc64le", kernel: "stock-ppc64le" },
  { machine: "ppc64", target: "ppc64le", kernel: "stable-ppc64le", cpu: "POWER8" },
  { machine: "ppc64", target: "ppc64le", kernel: "newest-ppc64le" },
  { machine: "arm64", target: "arm64-small", kernel: "oldest-arm64" },
  { machine: "arm64", target: "arm64-small", kernel: "stock-arm64" },
  { machine: "arm64", target: "arm64-small", kernel: "stable-arm64" },
  { machine: "arm64", target: "arm64-small", kernel: "newest-arm64" },
  { machine: "x86_64", target: "x64-small", kernel: "oldest-x64" },
  { machine: "x86_64", target: "x64-small", kernel: "stock-x64" },
  { machine: "x86_64", target: "x64-small", kernel: "stable-x64" },
  { machine: "x86_64", target: "x64-small", kernel: "newest-x64" },
];

/** What /dev/kmsg gives of the log, written as dmesg does: LEVEL,SEQUENCE,MICROSECONDS,FLAGS;TEXT. */
function kmsgLines(texts: readonly string[]): string[] {
  return texts.flatMap((line) => {
    const [, micros, text] = /^\d+,\d+,(\d+),[^;]*;(.*)$/.exec(line) ?? [];
    if (micros === undefined || text === undefined || text === MARK) return [];
    const time = micros.padStart(7, "0");
    const prefix = `[${time.slice(0, -6).padStart(5)}.${time.slice(-6)}] `;
    return text
      .replaceAll("\\x5c", "\\")
      .replaceAll("\\x09", "\t")
      .split("\\x0a")
      .map((part) => prefix + part);
  });
}

describe("in the running kernel's memory the log is what the kernel gives of it, and what is on the console:", () => {
  test.each(scenes.map((scene) => [scene.kernel, scene] as const))(
    "%s",
    async (_, scene) => {
      const read = [...QUIET, `echo ${BEGIN}`, "vmcore-dmesg /proc/kcore", `echo ${END}`];
      const guest = await guestOf(scene, [...read, `echo ${MARK} > /dev/kmsg`, "cat /dev/kmsg"]);
      const run = await runGuest(guest, {
        timeout: 170,
        onLine: ({ text }, stop) => text.endsWith(`;${MARK}`) && stop(),
      });
      const texts = run.lines.map(({ text }) => text);
      const end = texts.indexOf(END);
      if (run.end !== "stopped" || end < 0) throw new Error(texts.slice(-30).join("\n"));
      const found = texts.slice(texts.indexOf(BEGIN) + 1, end).filter((text) => !text.startsWith("+ "));
      expectOnConsole(found, run);
      // Between the two the kernel may have told more.
      expect(found.length).toBeGreaterThan(100);
      expect(kmsgLines(texts.slice(end)).slice(0, found.length)).toEqual(found);
    },
    180_000,
  );
});

describe("in qemu's dump of physical memory, read on another machine, the log is what is on the console:", () => {
  const dumped = scenes.filter(({ machine, kernel }) => machine !== "ppc64" && /^(oldest|newest)/.test(kernel));

  test.each(dumped.map((scene) => [scene.kernel, scene] as const))(
    "%s",
    async (_, scene) => {
      const dump = folder.in("dump");
      const socket = folder.in("qmp");
      const guest = await guestOf(scene, ["cat /sys/kernel/vmcoreinfo", "echo ready", "cat /dev/kmsg"]);
      const extra = ["-qmp", `unix:${socket},server=on,wait=off`];
      let asked: Promise<void> | undefined;
      const run = await runGuest(
        { ...guest, extra },
        {
          timeout: 170,
          onLine: ({ text }, stop) => {
            if (text === "ready") asked = dumpMemory(socket, dump).finally(stop);
          },
        },
      );
      await asked;
      if (!existsSync(dump))
        throw new Error(
          run.lines
            .slice(-30)
            .map(({ text }) => text)
            .join("\n"),
        );
      expect(statSync(dump).size).toBeGreaterThan(700 << 20);
      addVmcoreInfo(dump, run);
      const { code, err, out } = runInside({}, "vmcore-dmesg", dump);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expectOnConsole(out.toString("latin1").split("\n"), run);
    },
    180_000,
  );
});

/**
 * Makes the dump's PT_NOTE the kernel's own note, as qemu's device vmcoreinfo does: it is told where that is by a driver that
 * distributions have as a module.
 */
function addVmcoreInfo(path: string, { lines }: GuestRun): void {
  const told = lines.map(({ text }) => /^0x([0-9a-f]+) ([0-9a-f]+)$/.exec(text)).find((match) => match !== null);
  const [start = 0n, size = 0n] = (told ?? []).slice(1).map((text) => BigInt(`0x${text}`));
  const file = openSync(path, "r+");
  const bytes = new Uint8Array(4096);
  readSync(file, bytes, 0, bytes.length, 0);
  const view = new DataView(bytes.buffer);
  const table = Number(view.getBigUint64(32, true));
  const headers = Array.from({ length: view.getUint16(56, true) }, (_, index) => table + 56 * index);
  const load = headers.find((at) => {
    const physical = view.getBigUint64(at + 24, true);
    return (
      view.getUint32(at, true) === 1 && physical <= start && start + size <= physical + view.getBigUint64(at + 32, true)
    );
  });
  const note = headers.find((at) => view.getUint32(at, true) === 4);
  if (load === undefined || note === undefined) throw new Error("no note, or not in memory");
  view.setBigUint64(note + 8, view.getBigUint64(load + 8, true) + start - view.getBigUint64(load + 24, true), true);
  view.setBigUint64(note + 32, size, true);
  writeSync(file, bytes, 0, bytes.length, 0);
  closeSync(file);
}

/** Has qemu write the guest's physical memory to a file, with no virtual addresses. */
async function dumpMemory(socket: string, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let text = "";
  const ask = (execute: string, rest = {}) => `${JSON.stringify({ execute, ...rest })}\n`;
  const connection = await Bun.connect({
    unix: socket,
    socket: {
      open(each) {
        each.write(ask("qmp_capabilities"));
        each.write(ask("dump-guest-memory", { arguments: { paging: false, protocol: `file:${path}` }, id: "dump" }));
      },
      data(_, bytes) {
        text += bytes.toString();
        if (/"error"/.test(text)) reject(new Error(text));
        if (/"id": "dump"/.test(text)) resolve();
      },
      close: () => reject(new Error(text)),
    },
  });
  await promise;
  connection.end();
}
