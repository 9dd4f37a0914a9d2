// Kernels that are started with no kernel before them, of the files that loadem --qemu makes: that they come up, and that
// those files are what kexec leaves in memory.

import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { archOf, handOverWords } from "../../scripts/boot/addresses.ts";
import type { Choices } from "../../scripts/boot/choices.ts";
import { dumpTree } from "../../scripts/boot/direct.ts";
import { gdbSocket, gdbWords } from "../../scripts/boot/gdb.ts";
import { type Scene, type ScriptNeeds, sceneFor } from "../../scripts/boot/scene.ts";
import { type Kernels, kernelsFor } from "../../scripts/boot.ts";
import { runGuest } from "../../scripts/guest.ts";
import { kernel } from "../../scripts/kernels.ts";
import { machineOf } from "../../scripts/machines/machines.ts";
import { hex } from "../../src/failure.ts";
import { offsetOfArgument } from "../../src/kexec/stub.ts";
import { EM_PPC64, EM_X86_64 } from "../../src/sys/abi.ts";
import { attempted, passed, received, usual } from "../support/boots.ts";
import { initrdThat } from "../support/crash-kernel.ts";
import { temporaryFolder } from "../support/folder.ts";
import { GdbClient, monitorWords, readMemory } from "../support/gdb-client.ts";
import { capture, present } from "../support/present.ts";
import { bun, runWith } from "../support/run.ts";

const folder = temporaryFolder({ on: "disk" });

/** MiB: no machine has it unasked. */
const MEMORY = 768;

const ARM64 = { target: "arm64-small", cpu: "cortex-a72", small: false } as const;
const RISCV64 = { target: "riscv64", cpu: "rv64", small: false } as const;
const X64 = { target: "x64-small", cpu: "max", small: false } as const;

describe("a kernel comes up with all of its cpus", () => {
  const CPU = "cat /proc/cpuinfo";
  const INTERRUPTS = "cat /proc/interrupts";
  const CLOCKS = "cat /sys/devices/system/clocksource/clocksource0/available_clocksource";
  test.each([
    ["ppc64 on POWER8, hash and XICS", { target: "ppc64", cpu: "POWER8" }, [CPU, INTERRUPTS], [/MMU\s*: Hash/, /XICS/]],
    ["ppc64 on POWER9, radix and XIVE", { target: "ppc64" }, [CPU, INTERRUPTS], [/MMU\s*: Radix/, /XIVE/]],
    [
      "ppc64le on POWER10, the same",
      { target: "ppc64le", cpu: "POWER10" },
      [CPU, INTERRUPTS],
      [/MMU\s*: Radix/, /XIVE/],
    ],
    ["arm64", ARM64, [INTERRUPTS], [/GIC-0/]],
    [
      "arm64 at EL2 with a GICv3",
      { ...ARM64, machine: ["virtualization=on", "gic-version=3"] },
      [INTERRUPTS],
      [/GICv3/],
    ],
    ["riscv64", RISCV64, [INTERRUPTS], [/PLIC/]],
    ["x86-64, with what ACPI tells", X64, [CLOCKS], [/hpet acpi_pm/]],
  ] as const)("%s", async (_, choices, lines, seen) => {
    const initrd = await initrdThat(choices.target, lines);
    const text = (await passed({ ...choices, direct: true }, { initrd })).join("\n");
    for (const each of [/online\n0-3\n/, ...seen]) expect(text).toMatch(each);
  });

  test("of a partition that can gain memory, whose hash table has its size by that", async () => {
    const partition = { target: "ppc64", cpu: "POWER8", memory: 512, memoryOptions: ["maxmem=4G", "slots=4"] } as const;
    expect((await passed({ ...partition, direct: true, smp: 1 })).join("\n")).toMatch(/online\n0\n/);
  });
});

describe("kexec --qemu starts the file that a kernel comes in, and asks nothing of the machine that it runs on", () => {
  test.each([
    ["ppc64", { target: "ppc64" }, "small-ppc64", []],
    ["ppc64le on POWER8", { target: "ppc64le", cpu: "POWER8" }, "small-ppc64le", []],
    ["arm64", ARM64, "stock-arm64", []],
    ["riscv64", RISCV64, "stable-riscv64", []],
    ["x86-64, with as much memory as it says", X64, "stock-x64", ["--qemu-memory", String(MEMORY)]],
  ] as const)("%s", async (_, changed, name, options) => {
    const choices: Choices = { ...usual, ...changed };
    const { target, cpu, smp } = choices;
    const machine = machineOf(target);
    const initrd = folder.in("initrd");
    writeFileSync(initrd, await initrdThat(target, ["cat /proc/meminfo"]));
    const nonce = randomBytes(8).toString("hex");
    const bootargs = `console=${machine.guest.console} quiet panic=-1 kexecbox.nonce=${nonce}`;
    const tree =
      machine.name === "x86_64" ? [] : ["--dtb", await dumpTree(machine, choices, MEMORY, present(folder.path))];
    const { vmlinux } = await kernel(name);
    const out = folder.in("out");
    const words = ["kexec", "--qemu", out, ...tree, ...options, "--initrd", initrd, "--append", bootargs, vmlinux];
    const { code, err } = runWith(bun, words);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const extra = ["-cpu", cpu, "-smp", String(smp)];
    const guest = { cpu: "", smp: 0, memory: 0, script: join(out, "run"), extra };
    const { lines, end } = await runGuest(guest, { timeout: 200 });
    const text = lines.map((line) => line.text).join("\n");
    expect(end === "off" ? text : `${end}\n${text}`).toContain(`kexecbox.nonce=${nonce}`);
    expect(text).toMatch(/online\n0-3\n/);
    const kib = Number(capture(/^MemTotal: +([0-9]+) kB$/m, text));
    expect(kib).toBeGreaterThan(0.75 * MEMORY * 1024);
    expect(kib).toBeLessThan(MEMORY * 1024);
  });
});

test("the test kernel gets what it gets from kexec: 64-bit mode, the tree, no other cpu", async () => {
  const lines = (await passed({ target: "ppc64", payload: true, direct: true, smp: 2 })).join("\n");
  const value = (name: string) => BigInt(capture(new RegExp(`\\b${name}=(0x[0-9a-f]+)`), lines));
  expect([value("r4"), value("r5"), value("msr")]).toEqual([value("base"), 0n, 1n << 63n]);
  expect([value("magic"), value("cpus"), value("secondaries-be")]).toEqual([0xd00dfeedn, 2n, 0n]);
});

interface Stopped {
  readonly scene: Scene;
  /** Memory from the start of each segment on: what the kernel is handed, with its stub if there is one, the kernel, the initrd. */
  readonly memory: readonly Buffer[];
}

/** A boot up to where the image is entered. */
async function stopAtEntry(choices: Choices, kernels: Kernels, initrd: Uint8Array, own: string): Promise<Stopped> {
  const monitor = join(own, "qmp");
  const devices = [...gdbWords(gdbSocket(own)), ...monitorWords(monitor)];
  const scene = await sceneFor(choices, kernels.first, kernels.next, own, { devices, initrd });
  const running = runGuest(scene.guest, { timeout: 300 });
  const look = async (): Promise<Buffer[]> => {
    const gdb = await GdbClient.connect(gdbSocket(own));
    const { stub, kernel, initrd: ramdisk } = scene.addresses;
    await gdb.runTo(archOf(machineOf(choices.target)).stub === undefined ? kernel : stub);
    const sizes = [0x2_0000, kernels.next.image.length, initrd.length].map((size) => size + MORE);
    const ranges = [stub, kernel, ramdisk].map((start, index) => ({ start, size: present(sizes[index]) }));
    const memory = await readMemory(monitor, ranges, own);
    gdb.kill();
    return memory;
  };
  // A guest that ends by itself does not come there.
  const memory = await Promise.race([look(), running.then(({ lines }) => lines.map(({ text }) => text).join("\n"))]);
  await running;
  if (typeof memory === "string") throw new Error(memory);
  return { scene, memory };
}

/** Bytes behind each segment's own that are looked at too: zeros up to the page's end. */
const MORE = 0x1000;

/** The same files, made here: of what follows the stub in a guest, of the kernel and the initrd that it loaded. */
async function filesFor(
  { scene: { addresses }, memory: [segment = Buffer.alloc(0)] }: Stopped,
  choices: Choices,
  { next }: Kernels,
  initrd: Uint8Array,
  own: string,
): Promise<Buffer[]> {
  const machine = machineOf(choices.target);
  const { elfMachine } = machine;
  const arch = archOf(machine);
  const handOver = handOverWords(addresses, arch.stub?.chain);
  const bzImage = elfMachine === EM_X86_64;
  await Bun.write(join(own, "kernel"), next.image);
  await Bun.write(join(own, "ramdisk"), initrd);
  const image = bzImage ? runWith(bun, ["zeropage", "--kernel", join(own, "kernel")]).out : next.image;
  await Bun.write(join(own, "image"), image);
  const out = join(own, "files");
  const secondaries = elfMachine === EM_PPC64 ? ["--secondaries", String(choices.smp - 1)] : [];
  const words = [
    // It is the tree of a machine that was started by other firmware, which has memory of its own.
    ...["loadem", "--qemu", out, "--no-checks", "-t", String(elfMachine), ...secondaries],
    ...handOver.argument,
    ...[...handOver.kernel, "-f", join(own, "image")],
    ...["-a", hex(addresses.initrd), "-f", join(own, "ramdisk")],
  ];
  const argument = segment.subarray(offsetOfArgument(arch));
  const end = bzImage ? endOfZeroPage(argument, addresses.tree) : argument.readUInt32BE(4);
  const { code, err } = runWith(bun, words, { stdin: argument.subarray(0, end) });
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return [0, 1, 2].map((index) => readFileSync(join(out, `segment-${index}`)));
}

/** Its last part is the seed, which is all the setup data that there is. */
function endOfZeroPage(page: Buffer, address: number): number {
  const seed = Number(page.readBigUInt64LE(0x250)) - address;
  return seed + 16 + page.readUInt32LE(seed + 12);
}

describe("what loadem --qemu writes is what is in memory where the image is entered", () => {
  test.each([
    ["ppc64", { target: "ppc64" }],
    ["arm64", ARM64],
    ["riscv64", RISCV64],
    ["x86-64", X64],
  ] as const)("by kexec, and with no kernel before it: %s", async (_, changed) => {
    const choices: Choices = { ...usual, ...changed, smp: 2 };
    const kernels = await kernelsFor(choices);
    const initrd = await initrdThat(choices.target, []);
    const [kexec, direct] = [folder.in("kexec"), folder.in("direct")];
    for (const path of [kexec, direct]) mkdirSync(path);
    const jumped = await stopAtEntry(choices, kernels, initrd, kexec);
    const files = await filesFor(jumped, choices, kernels, initrd, kexec);
    expectInMemory(jumped, files);
    const started = await stopAtEntry({ ...choices, direct: true }, kernels, initrd, direct);
    expect(started.scene.addresses).toEqual(jumped.scene.addresses);
    const written = [0, 1, 2].map((index) => readFileSync(join(direct, "direct", `segment-${index}`)));
    expectInMemory(started, written);
    // The kernel and the initrd are the same; what the kernel is told is another machine's.
    expect(files.slice(1).map((file, index) => file.equals(present(written[index + 1])))).toEqual([true, true]);
  });

  function expectInMemory({ memory }: Stopped, files: readonly Buffer[]): void {
    for (const [index, file] of files.entries()) {
      const there = present(memory[index]);
      expect(file.length).toBeGreaterThan(0x1000);
      expect(there.subarray(0, file.length).equals(file)).toBe(true);
      const page = there.subarray(file.length, Math.ceil(file.length / MORE) * MORE);
      expect(page.every((byte) => byte === 0)).toBe(true);
    }
  }
});

test("a tree that fs2dt has read in a guest starts there too, as it is: radix, XIVE, RTAS where that guest had it", async () => {
  const tree = folder.in("tree");
  const needs: ScriptNeeds[] = [];
  const script = (each: ScriptNeeds): string => {
    needs.push(each);
    const { addresses, bootargs, initrdSize } = each;
    const range = `${hex(addresses.initrd)},${hex(addresses.initrd + initrdSize)}`;
    return `fs2dt -b ${hex(addresses.tree)} -i ${range} -B '${bootargs}' /proc/device-tree | cat > /dev/hvc1\npoweroff\n`;
  };
  const initrd = await initrdThat("ppc64le", ["cat /proc/cpuinfo", "cat /proc/interrupts"]);
  const { run } = await attempted({}, { script, initrd, devices: ["-serial", `file:${tree}`] });
  expect(run.end).toBe("off");
  const { addresses, bss } = present(needs[0]);
  const { next } = await kernelsFor(usual);
  writeFileSync(folder.in("kernel"), next.image);
  writeFileSync(folder.in("initrd"), initrd);
  const out = folder.in("out");
  const words = [
    ...["loadem", "-v", "--qemu", out, "-t", "21", "-a", hex(addresses.stub), "-e", "-w", "-s"],
    ...["-a", hex(addresses.kernel), "-c", "0x100", "-f", folder.in("kernel"), "-z", hex(bss)],
    ...["-a", hex(addresses.initrd), "-f", folder.in("initrd")],
  ];
  const { code, err } = runWith(bun, words, { stdin: received(tree) });
  expect({ code, told: err.match(/^.* is not checked: it is of .*$/gm) }).toEqual({ code: 0, told: null });
  const { lines, end } = await runGuest({ cpu: "", smp: 0, memory: 0, script: join(out, "run") }, { timeout: 200 });
  const text = lines.map((line) => line.text).join("\n");
  expect(end).toBe("off");
  for (const seen of [/online\n0-3\n/, /MMU\s*: Radix/, /XIVE/]) expect(text).toMatch(seen);
});

test("npm run boot -- --gdb says what to type, and the guest waits there with no time limit", async () => {
  const command = [process.execPath, join(import.meta.dir, "../../scripts/boot.ts")];
  const options = ["--gdb", "--direct", "--target", "ppc64", "--smp", "1", "--timeout", "1"];
  const child = Bun.spawn([...command, ...options], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    const before = text;
    text += decoder.decode(chunk, { stream: true });
    const line = /target remote (\S+)' -ex 'break \*(0x[0-9a-f]+)'.*\n/;
    const [, socket, stub] = line.exec(text) ?? [];
    if (socket === undefined || line.test(before)) continue;
    await Bun.sleep(1500);
    const gdb = await GdbClient.connect(socket);
    await gdb.runTo(Number(stub));
    await gdb.leave();
  }
  expect(await child.exited).toBe(0);
  // It is linked for the linear mapping, and begins it.
  const kernel = Number(present(/, the kernel at (0x[0-9a-f]+)/.exec(text)?.[1]));
  expect(text).toMatch(new RegExp(`add-symbol-file \\S+vmlinux -o ${hex(0x4000_0000_0000_0000n + BigInt(kernel))}\n`));
  expect(text).toMatch(/\nPASS the second kernel printed [0-9a-f]{16}\n$/);
});
