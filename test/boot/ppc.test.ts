// The executable of 32 bits: on a kernel of 64 (readme.test.ts has the first example of 2005), and on a machine of 32 bits, qemu's
// ppce500.

import { beforeAll, describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { image } from "../../initramfs/image.ts";
import type { Choices } from "../../scripts/boot/choices.ts";
import { type ScriptNeeds, SECOND_INIT, secondScript, usualScript } from "../../scripts/boot/scene.ts";
import { kernelsFor } from "../../scripts/boot.ts";
import { build, buildFrom } from "../../scripts/build.ts";
import { emulatorFor, machineOf } from "../../scripts/machines/machines.ts";
import { applets } from "../../src/applets/table.ts";
import { adverse } from "../support/adverse-guest.ts";
import { attempted, passed, printedBy, usual } from "../support/boots.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { example } from "../support/readme.ts";

const NARROW = { target: "ppc64", program: "ppc" } as const satisfies Partial<Choices>;
const folder = temporaryFolder({ on: "disk" });

const E500 = { target: "ppc", cpu: machineOf("ppc").guest.cpu } as const satisfies Partial<Choices>;

// What the cache lacks is made before the clock of a test runs.
beforeAll(async () => {
  for (const choices of [NARROW, E500]) await kernelsFor({ ...usual, ...choices });
}, 900_000);

describe("under a kernel of 64 bits", () => {
  test("the pipeline with -t 21 starts the next kernel, with all its cpus", async () => {
    const script = (needs: ScriptNeeds) => `kexecbox --version\n${usualScript(needs)}`;
    const { run, verdict } = await attempted({ ...NARROW, smp: 4 }, { script });
    const console = run.lines.map(({ text }) => text);
    expect(verdict.passed).toBe(true);
    expect(console).toContainEqual(expect.stringMatching(/^kexecbox .*\(quickjs, ppc\)$/));
    expect(printedBy(console, "cat /sys/devices/system/cpu/online")).toEqual(["0-3"]);
  });

  test("without -t nothing is loaded, and the message tells what to give", async () => {
    const script = (needs: ScriptNeeds) => usualScript({ ...needs, type: undefined });
    const { run, verdict } = await attempted({ ...NARROW, smp: 1 }, { script });
    expect(verdict.passed).toBe(false);
    expect(run.lines.map(({ text }) => text)).toContain(
      "loadem: -t: from a 32-bit program this machine's kernel takes -t 21, not 0",
    );
  });

  test("the kernel's machine is told right where uname says that it has 32 bits", async () => {
    const files = [await adverse("ppc", folder)];
    const script = () => "/adverse narrow /bin/loadem -a 0x6000000 -e -f /vmlinux.kexec\n";
    const { run } = await attempted({ ...NARROW, smp: 1 }, { script, files });
    const console = run.lines.map(({ text }) => text);
    const at = console.indexOf("ppc");
    expect(console[at + 1]).toBe("loadem: -t: from a 32-bit program this machine's kernel takes -t 21, not 0");
  });

  test("kexec needs no word of it, and what is loaded is unloaded", async () => {
    const loaded = "cat /sys/kernel/kexec_loaded";
    const load = "kexec -l /vmlinux.kexec --initrd=/initrd --reuse-cmdline";
    const script = () => [load, loaded, "kexec -u", loaded, ""].join("\n");
    const { run } = await attempted({ ...NARROW, smp: 1 }, { script });
    const console = run.lines.map(({ text }) => text);
    expect(console.filter((line) => line.startsWith("kexec: "))).toEqual([]);
    expect(console.filter((line) => /^[01]$/.test(line))).toEqual(["1", "0"]);
  });
});

describe("on an e500", () => {
  test("the next kernel comes up", async () => {
    expect(await passed({ ...E500, smp: 1 })).toContain(SECOND_INIT);
  });

  test("the README's example runs as it stands there", async () => {
    const script = ({ bootargs }: ScriptNeeds) =>
      `${example("fs2dt -b 0x3f00100", { "console=ttyS0": bootargs })}\nloadem -k\n`;
    expect(await passed({ ...E500, smp: 2 }, { script })).toContain(SECOND_INIT);
  });

  test("it starts the cpus that wait in the spin table", async () => {
    const lines = await passed({ ...E500, smp: 4 });
    expect(printedBy(lines, "cat /sys/devices/system/cpu/online")).toEqual(["0-3"]);
  });

  test("kexec finds places by itself that obey the kernel's rules, also those for several cpus", async () => {
    const script = ({ bootargs }: ScriptNeeds) =>
      `kexec -l /vmlinux --initrd=/initrd --append='${bootargs}'\nloadem -k\n`;
    const { first } = await kernelsFor({ ...usual, ...E500 });
    const vmlinux = { path: "vmlinux", content: await readFile(first.vmlinux), mode: 0o644 } as const;
    expect(await passed({ ...E500, smp: 2 }, { script, files: [vmlinux] })).toContain(SECOND_INIT);
  });

  test("numbers are what they are elsewhere, though Linux does the arithmetic", async () => {
    const program = folder.in("engine");
    await buildFrom("ppc", join(import.meta.dir, "../golden/engine-program.ts"), program);
    const files = [{ path: "engine", content: await readFile(program), mode: 0o755 } as const];
    const { run } = await attempted(
      { ...E500, smp: 1 },
      { script: () => "/engine powers\n/engine numbers\necho end\n", files },
    );
    const console = run.lines.map(({ text }) => text);
    for (const act of ["powers", "numbers"]) {
      const { stdout } = Bun.spawnSync([...emulatorFor("ppc"), program, act]);
      expect(printedBy(console, `/engine ${act}`).join("\n")).toBe(stdout.toString().trimEnd());
    }
  });

  test("a crash kernel comes up in its region, and has the crashed one's memory in /proc/vmcore", async () => {
    const { first } = await kernelsFor({ ...usual, ...E500 });
    const vmlinux = { path: "vmlinux", content: await readFile(first.vmlinux), mode: 0o644 } as const;
    const script = ({ bootargs }: ScriptNeeds) =>
      `kexec -p /vmlinux --initrd=/initrd --append='${bootargs}'\necho c > /proc/sysrq-trigger\n`;
    const executable = await readFile(await build("ppc"));
    const asks = secondScript(["vmcore /proc/vmcore", "vmcore-dmesg /proc/vmcore"]);
    const initrd = Buffer.concat(
      image({ executable, applets: applets.map(({ name }) => name), script: Buffer.from(asks) }),
    );
    const append = "crashkernel=64M@128M";
    const { run, verdict } = await attempted({ ...E500, smp: 1 }, { script, files: [vmlinux], initrd, append });
    const console = run.lines.map(({ text }) => text);
    expect(verdict.passed).toBe(true);
    expect(printedBy(console, "vmcore-dmesg /proc/vmcore").join("\n")).toContain("sysrq triggered crash");
  });

  test("the stub hands over tree, address and zeros, and the cpus in the spin table wait, by the test payload", async () => {
    let addresses: ScriptNeeds["addresses"] | undefined;
    const script = (needs: ScriptNeeds): string => {
      addresses = needs.addresses;
      return usualScript(needs);
    };
    const lines = await passed({ ...E500, smp: 4, payload: true }, { script });
    const words = lines.filter((line) => line.startsWith("payload: ")).flatMap((line) => line.split(" "));
    const is = (...names: string[]) => names.map((name) => words.find((word) => word.startsWith(`${name}=`)));
    const { tree, kernel } = present(addresses);
    const [told, at] = [tree, kernel].map((address) => `0x${address.toString(16)}`);
    expect(is("r3", "r4", "base")).toEqual([`r3=${told}`, `r4=${at}`, `base=${at}`]);
    expect(is("r5", "r6", "r7", "interrupts")).toEqual(["r5=0x0", "r6=0x0", "r7=0x0", "interrupts=0x0"]);
    expect(is("magic", "version", "word28", "cpus", "secondaries")).toEqual([
      "magic=0xd00dfeed",
      "version=0x11",
      "word28=0x0",
      "cpus=0x4",
      "secondaries=0x3",
    ]);
    expect(lines).toContain("payload: done");
  });
});
