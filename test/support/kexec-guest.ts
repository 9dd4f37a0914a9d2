// A guest that has a distribution's kernel as it is, and an initrd: what kexec plans there is held against what its raw
// line loads, run as text, and the second kernel has to come up.

import { expect } from "bun:test";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AddedFile, image } from "../../initramfs/image.ts";
import { ONLINE, PRESENT, SECOND_INIT, secondScript } from "../../scripts/boot/scene.ts";
import { build } from "../../scripts/build.ts";
import { inTemporaryFolder } from "../../scripts/cache.ts";
import { type Architecture, debianPrograms } from "../../scripts/debian-programs.ts";
import { type Guest, runGuest } from "../../scripts/guest.ts";
import { kernel } from "../../scripts/kernels.ts";
import { LiveGuest } from "../../scripts/live-guest.ts";
import { type KernelName, machineOf, type Target, targetOfEndian } from "../../scripts/machines/machines.ts";
import { applets } from "../../src/applets/table.ts";
import { printedBy } from "./boots.ts";
import type { TemporaryFolder } from "./folder.ts";
import { present } from "./present.ts";
import { ask, LONGEST, noEcho, run, runAll, waitForPrompt } from "./prompt.ts";
import { rawLinesOf } from "./raw-lines.ts";

export interface KexecGuest {
  readonly target: Target;
  readonly first: KernelName;
  /** The first one again unless said. */
  readonly next?: KernelName;
  readonly smp: number;
  /** MiB. */
  readonly memory: number;
  readonly memoryOptions?: readonly string[];
  readonly cpu?: string;
  readonly board?: string;
  readonly machineOptions?: readonly string[];
  readonly uefi?: true;
  readonly devices?: readonly string[];
  /** Added to the first kernel's command line. */
  readonly append?: string;
  /** Bytes of a file that the next kernel has to unpack before all that its initramfs has besides. */
  readonly filler?: number;
  /** Added to the first initramfs. */
  readonly files?: readonly AddedFile[];
  /** Lines of a shell, before all others. */
  readonly before?: readonly string[];
  /** Files of the first initramfs in place of /initrd. */
  readonly initrds?: readonly string[];
  /** Further arguments of kexec. */
  readonly options?: readonly string[];
  /** Lines that the second init runs besides. */
  readonly asks?: readonly string[];
  /** Loads and jumps by one command, `kexec KERNEL`, not by `kexec -l KERNEL && kexec -e`. */
  readonly atOnce?: true;
  /** Seconds. */
  readonly timeout?: number;
  /** Changes the first initramfs's executable. */
  readonly alter?: (executable: Uint8Array) => Uint8Array;
}

export interface Booted {
  /** The console from the second init on. */
  readonly second: readonly string[];
  /** What kexec --json printed, and what the raw line did with `loadem -n --json` in place of `loadem`. */
  readonly plan: Plan;
  readonly raw: Plan;
}

/** What is compared of docs/plan-json.md. */
export interface Plan {
  readonly entry: string;
  readonly segments: readonly {
    readonly start: string;
    readonly end: string;
    readonly bufsz: string;
    readonly sha256: string;
  }[];
}

/** Debian's names of the machines that it has a busybox for. */
const SHELLS: Partial<Record<Target, Architecture>> = {
  ppc64le: "ppc64el",
  "arm64-small": "arm64",
  arm64: "arm64",
  "x64-small": "amd64",
  x64: "amd64",
};

/** The last file of the second initramfs: who has it has unpacked all of it. */
const LAST = { path: "last", content: Buffer.from("the initrd's last file\n"), mode: 0o644 } as const;

/** Where kexec saves the segments, and the raw line as a script. */
const SAVED = "/saved";

const TIMEOUT = 300;

/** A boot from start to end. Throws with the console's last lines where the second kernel is not as it should be. */
export async function kexecInGuest(guest: KexecGuest): Promise<Booted> {
  const { target, atOnce = false } = guest;
  const nonce = randomBytes(8).toString("hex");
  const what = wordsFor(guest, nonce);
  const jump = atOnce ? [`kexec ${what}`] : [`kexec -l ${what}`, "kexec -e"];
  const planned = `kexec --json --save ${SAVED} ${what} > /plan`;
  const shell = await shellFor(target);
  if (shell !== undefined) {
    const lines = [
      "set -e",
      ...(guest.before ?? []),
      planned,
      `busybox sed 's/loadem /loadem -n --json /' ${SAVED}/load > /check`,
      "busybox sh /check > /raw",
      "cat /plan /raw",
      jump.join(" && "),
    ];
    const script = { path: "script", content: Buffer.from(lines.join("\n")), mode: 0o644 } as const;
    const run = await boot(guest, "busybox sh /script\n", [...shell, script]);
    return readRun(run, guest, nonce);
  }
  // Without a shell the raw line becomes the script of another boot.
  const first = await boot(guest, [...(guest.before ?? []), planned, `cat /plan ${SAVED}/load`, ""].join("\n"), []);
  const at = first.findIndex((line) => line.startsWith("#!/bin/sh"));
  const raw = first.slice(at, first.findIndex((line, index) => index > at && !/^#| \\$/.test(line)) + 1);
  const script = [
    planned,
    "cat /plan",
    ...raw.map((line) => line.replace("loadem ", "loadem -n --json ")),
    ...jump,
    "",
  ];
  return readRun(await boot(guest, script.join("\n"), []), guest, nonce);
}

/** Loads, unloads, loads again and jumps, and plans nothing. The console from the second init on. */
export async function loadAndJump(guest: KexecGuest): Promise<readonly string[]> {
  const nonce = randomBytes(8).toString("hex");
  const load = `kexec -l ${wordsFor(guest, nonce)}`;
  const script = [...(guest.before ?? []), load, "kexec -u", load, "kexec -e", ""].join("\n");
  return readSecond(await boot(guest, script, []), guest, nonce);
}

/** The kernel, its initrd and its command line. */
function wordsFor({ target, options = [], initrds = ["/initrd"] }: KexecGuest, nonce: string): string {
  const { console, append = "" } = machineOf(target).guest;
  const bootargs = `console=${console} quiet panic=-1 kexecbox.nonce=${nonce} ${append}`.trim();
  return ["/vmlinuz", ...initrds.map((file) => `--initrd=${file}`), `--append='${bootargs}'`, ...options].join(" ");
}

export interface Typed extends Pick<Booted, "plan" | "raw"> {
  /** What was typed the second time. */
  readonly lines: string;
}

/**
 * What a person does at init's prompt: plans, copies the lines that the plan ends with, types them with `loadem -n --json`
 * in place of `loadem`, then as they are, and jumps.
 * @param folders for the image, and for a socket, whose path has to be short
 */
export async function kexecByTyping(
  guest: KexecGuest,
  disk: TemporaryFolder,
  sockets: TemporaryFolder,
): Promise<Typed> {
  const nonce = randomBytes(8).toString("hex");
  const what = wordsFor(guest, nonce);
  return atPrompt(guest, disk, sockets, async (live) => {
    const [plan] = plansIn(await run(live, `kexec --plan --json ${what}`));
    const lines = rawLinesOf(await ask(live, `kexec --plan ${what}`)).trimEnd();
    const [raw] = plansIn(await runAll(live, lines.replace("loadem ", "loadem -n --json ")));
    await runAll(live, lines);
    expect(await run(live, "cat /sys/kernel/kexec_loaded")).toEqual(["1"]);
    const from = live.text.length;
    live.type("kexec -e");
    await live.shows(() => false, LONGEST);
    readSecond(live.text.slice(from).split("\n"), guest, nonce);
    return { plan: present(plan), raw: present(raw), lines };
  });
}

/** Lends `work` a guest that has come to init's prompt, whose terminal shows nothing of what is typed where that is in the way. */
export async function atPrompt<T>(
  guest: KexecGuest,
  disk: TemporaryFolder,
  sockets: TemporaryFolder,
  work: (live: LiveGuest) => Promise<T>,
): Promise<T> {
  const silencer = await noEcho(guest.target, disk);
  const live = await LiveGuest.start(await guestFor(guest, undefined, silencer, disk.path), {
    monitor: sockets.in("monitor"),
  });
  try {
    await waitForPrompt(live, 0);
    if (silencer.length > 0) await run(live, "noecho");
    return await work(live);
  } catch (error) {
    throw new Error(
      `${error instanceof Error ? error.message : error}\n${live.text.split("\n").slice(-40).join("\n  | ")}`,
    );
  } finally {
    await live.end();
  }
}

/** Loads and jumps, and no more: for images of which neither a digest nor a copy can be waited for. `before` is init's. */
export async function jumpInGuest(guest: KexecGuest): Promise<readonly string[]> {
  const nonce = randomBytes(8).toString("hex");
  const what = wordsFor(guest, nonce);
  const script = [...(guest.before ?? []), `kexec -l ${what}`, "kexec -e", ""].join("\n");
  return readSecond(await boot(guest, script, []), guest, nonce);
}

async function shellFor(target: Target): Promise<readonly AddedFile[] | undefined> {
  const name = SHELLS[target];
  return name === undefined ? undefined : (await debianPrograms(name)).withLibraries("busybox");
}

/**
 * The guest, whose first initramfs is written into a folder.
 * @param script what the first init runs; undefined: it goes to its prompt
 */
async function guestFor(
  guest: KexecGuest,
  script: string | undefined,
  more: readonly AddedFile[],
  folder: string,
): Promise<Guest> {
  const machine = machineOf(guest.target);
  const { board } = guest;
  const { console, append = "", firmware, cpu, boards } = machine.guest;
  const first = await kernel(guest.first);
  const next = await kernel(guest.next ?? guest.first);
  const applets = names();
  const filler =
    guest.filler === undefined ? [] : [{ path: "filler", content: pattern(guest.filler), mode: 0o644 } as const];
  const second = image({
    executable: await readFile(await build(targetOfEndian(guest.target, next.endian))),
    applets,
    script: Buffer.from(secondScript(["cat /last", ...(guest.asks ?? [])])),
    files: [...filler, LAST],
  });
  const files: AddedFile[] = [
    { path: "vmlinuz", content: await readFile(next.vmlinux), mode: 0o644 },
    { path: "initrd", content: Buffer.concat(second), mode: 0o644 },
    ...more,
    ...(guest.files ?? []),
  ];
  const built = await readFile(await build(guest.target));
  const executable = guest.alter?.(built) ?? built;
  const path = join(folder, "initrd");
  const run = script === undefined ? {} : { script: Buffer.from(script, "latin1") };
  await writeFile(path, Buffer.concat(image({ executable, applets, ...run, files })));
  return {
    machine: machine.name,
    ...(guest.uefi && firmware !== undefined ? { bios: firmware.file } : {}),
    ...(board === undefined ? {} : { board }),
    machineOptions: guest.machineOptions ?? [],
    cpu: guest.cpu ?? (board === undefined ? undefined : boards?.[board]?.cpu) ?? cpu,
    smp: guest.smp,
    memory: guest.memory,
    memoryOptions: guest.memoryOptions ?? [],
    kernel: first.vmlinux,
    initrd: path,
    append: `console=${console} quiet panic=-1 ${append} ${guest.append ?? ""}`.trim(),
    extra: guest.devices ?? [],
  };
}

/** The console of a guest whose first init runs this script. */
async function boot(guest: KexecGuest, script: string, more: readonly AddedFile[]): Promise<string[]> {
  return inTemporaryFolder(async (folder) => {
    const whole = await guestFor(guest, script, more, folder);
    const { lines, end } = await runGuest(whole, { timeout: guest.timeout ?? TIMEOUT });
    const text = lines.map((line) => line.text);
    const failure = text.find((line) => line.startsWith("init: "));
    if (end !== "off" || failure !== undefined) throw new Error([failure ?? end, ...text.slice(-40)].join("\n  | "));
    return text;
  });
}

function names(): string[] {
  return applets.map(({ name }) => name);
}

/** Bytes of which no page is like another one. */
export function pattern(size: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (const index of words.keys()) words[index] = index * 2654435761;
  return new Uint8Array(words.buffer, 0, size);
}

function readRun(lines: readonly string[], guest: KexecGuest, nonce: string): Booted {
  const [plan, raw] = plansIn(lines);
  return { second: readSecond(lines, guest, nonce), plan: present(plan), raw: present(raw) };
}

function plansIn(lines: readonly string[]): Plan[] {
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}

/** The console from the second init on, which has to say that it has all. */
function readSecond(lines: readonly string[], { smp }: KexecGuest, nonce: string): string[] {
  const second = lines.slice(lines.indexOf(SECOND_INIT));
  const all = smp === 1 ? "0" : `0-${smp - 1}`;
  expect(printedBy(second, "cat /proc/cmdline").join("\n")).toContain(nonce);
  for (const [file, says] of [
    [ONLINE, all],
    [PRESENT, all],
    ["/last", "the initrd's last file"],
  ] as const)
    expect(printedBy(second, `cat ${file}`)).toContain(says);
  return second;
}

/** What the kernel would get, and where. */
export function loadedBy({ entry, segments }: Plan): unknown {
  return { entry, segments: segments.map(({ start, end, bufsz, sha256 }) => [start, end, bufsz, sha256]) };
}
