// x86-64 machines get from Debian's own kernel to the next one, with all cpus, and with what only the first one knew.

import { describe, expect, test } from "bun:test";
import { cpio } from "../../initramfs/cpio.ts";
import { image } from "../../initramfs/image.ts";
import type { Choices } from "../../scripts/boot/choices.ts";
import { ONLINE, PRESENT, type ScriptNeeds, SECOND_INIT, secondScript, usualScript } from "../../scripts/boot/scene.ts";
import { build } from "../../scripts/build.ts";
import { applets } from "../../src/applets/table.ts";
import { hex } from "../../src/failure.ts";
import { attempted, passed, printedBy } from "../support/boots.ts";
import { present } from "../support/present.ts";
import { example } from "../support/readme.ts";

const X64 = { target: "x64-small", cpu: "max", small: false } as const;

/** /sys/firmware/memmap as a script prints it, in a form that can be compared. */
function memmapCommands(entries: number): string[] {
  return Array.from(
    { length: entries },
    (_, index) => `cat ${["start", "end", "type"].map((name) => `/sys/firmware/memmap/${index}/${name}`).join(" ")}`,
  );
}

/** What those commands printed: of the first kernel and of the second. */
function memmapsIn(lines: readonly string[]): [first: string[], second: string[]] {
  // UEFI leaves codes for a terminal before the first line.
  const printed = lines.flatMap((line, at) =>
    line.includes("+ cat /sys/firmware/memmap/") ? [lines.slice(at + 1, at + 4).join(" ")] : [],
  );
  return [printed.slice(0, printed.length / 2), printed.slice(printed.length / 2)];
}

interface Seen {
  readonly lines: string[];
  readonly memmaps: readonly [string[], string[]];
}

/** A boot in which both kernels print the firmware's memory map, of so many entries. */
async function booted(
  changed: Partial<Choices>,
  entries: number,
  change = (needs: ScriptNeeds) => needs,
): Promise<Seen> {
  const more = memmapCommands(entries);
  const executable = await Bun.file(await build("x64-small")).bytes();
  const script = Buffer.from(secondScript(more));
  const initrd = Buffer.concat(image({ executable, applets: applets.map(({ name }) => name), script }));
  const special = { initrd, script: (needs: ScriptNeeds) => `${more.join("\n")}\n${usualScript(change(needs))}` };
  const { verdict, run } = await attempted({ ...X64, ...changed }, special);
  const lines = run.lines.map(({ text }) => text);
  // A machine that ACPI could not turn off would be killed.
  if (!verdict.passed || run.end !== "off")
    throw new Error([verdict.reason, run.end, ...lines.slice(-40)].join("\n  | "));
  return { lines: lines.slice(lines.indexOf("+ loadem -k")), memmaps: memmapsIn(lines) };
}

function expectCpus({ lines }: Seen, all: string): void {
  expect(printedBy(lines, `cat ${ONLINE}`)).toContain(all);
  expect(printedBy(lines, `cat ${PRESENT}`)).toContain(all);
}

describe("the next kernel has all cpus and the firmware's memory map", () => {
  test("on the older pc machine with a BIOS, one cpu, four levels of page tables", async () => {
    const seen = await booted({ smp: 1, cpu: "max,la57=off", machine: ["type=pc"] }, 7);
    expectCpus(seen, "0");
    expect(seen.memmaps[0]).toHaveLength(7);
    expect(seen.memmaps[1]).toEqual(seen.memmaps[0]);
  });

  test("on q35 with a BIOS, four cpus, five levels", async () => {
    const seen = await booted({ smp: 4 }, 9);
    expectCpus(seen, "0-3");
    expect(seen.memmaps[1]).toEqual(seen.memmaps[0]);
  });

  test("with UEFI, two cpus: they are known only by the root pointer that is handed on", async () => {
    const seen = await booted({ smp: 2, uefi: true }, 17);
    expectCpus(seen, "0-1");
    expect(seen.memmaps[0]).toHaveLength(17);
    expect(seen.memmaps[1]).toEqual(seen.memmaps[0]);
  });

  test("with everything above 4 GiB: stub, zero page, kernel, initrd", async () => {
    const above = (needs: ScriptNeeds): ScriptNeeds => {
      const { kernel, stub, tree, initrd } = needs.addresses;
      const up = 0x1_0000_0000;
      return { ...needs, addresses: { kernel: kernel + up, stub: stub + up, tree: tree + up, initrd: initrd + up } };
    };
    const seen = await booted({ smp: 2, memory: 5120 }, 10, above);
    expectCpus(seen, "0-1");
    expect(seen.memmaps[1]).toEqual(seen.memmaps[0]);
    expect(seen.memmaps[0].join()).toContain("0x100000000");
  });
});

describe("a kernel at 0x200000 moves itself to 0x1000000, where it was linked to be", () => {
  const LOWER = 0xe0_0000;
  const low = (needs: ScriptNeeds, initrd: number): ScriptNeeds => ({
    ...needs,
    addresses: { ...needs.addresses, kernel: 0x20_0000, initrd },
  });

  test("which it survives where all that it uses there is kept free", async () => {
    const script = (needs: ScriptNeeds) =>
      usualScript(low({ ...needs, bss: needs.bss + LOWER }, needs.addresses.initrd));
    expect(await passed({ ...X64, smp: 2 }, { script })).toContain(SECOND_INIT);
  });

  test("and an initrd in that memory does not: what loadem refuses is true", async () => {
    const script = (needs: ScriptNeeds) => usualScript(low(needs, 0x360_0000));
    const checked = await attempted({ ...X64, smp: 1 }, { script });
    const lines = checked.run.lines.map(({ text }) => text);
    expect(lines.filter((line) => /moves itself to 0x1000000 .*: over this segment$/.test(line))).toHaveLength(1);
    const unchecked = (needs: ScriptNeeds) => script(needs).replace("loadem -v", "loadem -v --no-checks");
    const { verdict, run } = await attempted({ ...X64, smp: 1 }, { script: unchecked });
    expect(verdict.passed).toBe(false);
    expect(run.lines.filter(({ text }) => text.includes("Initramfs unpacking failed"))).toHaveLength(1);
  });
});

test("the README's example runs as it stands there", async () => {
  const script = ({ bootargs, bss }: ScriptNeeds): string => {
    const replaced = { "console=ttyS0": bootargs, "0x25f5840": hex(bss) };
    return [example("zeropage --kernel"), example("zeropage -v", replaced), "loadem -k", ""].join("\n");
  };
  expect(await passed({ ...X64, smp: 2 }, { script })).toContain(SECOND_INIT);
});

/**
 * More than a segment holds: the same archive forty times, and behind them the one with the second init, which is found
 * only where each of the others ends. The first kernel has that archive once, of a directory that is said to have 64 MiB:
 * the next one looks at its header and passes over the rest.
 */
test("an initrd of 2.5 GiB becomes two adjacent segments, and gets to the next kernel whole", async () => {
  const PART = 64 * 2 ** 20;
  const content = new Uint8Array(PART - 4096).fill(0x5a);
  const archive = Buffer.concat(cpio([{ kind: "file", path: "part", content, mode: 0o644 }]));
  const MODE = 14;
  archive.write("000041ed", MODE);
  // In whole pages it is mapped, not copied.
  const part = Buffer.concat([archive, Buffer.alloc(PART - archive.length)]);
  const script = ({ bootargs }: ScriptNeeds): string => {
    const files = [...Array<string>(40).fill("/part"), "/initrd"].map((file) => `--initrd=${file}`).join(" ");
    return `kexec -d -l /bzImage '--append=${bootargs}' ${files}\nkexec -e\n`;
  };
  const files = [{ path: "part", content: part, mode: 0o644 } as const];
  // The older machine has 3 GiB below 4 GiB. There the segments go: the kernel collects their pages above, and need not
  // look which of those are in their way.
  const guest = { smp: 1, machine: ["type=pc"], memory: 7168, timeout: 400 };
  const { verdict, run } = await attempted({ ...X64, ...guest }, { script, files, append: "init_on_alloc=0" });
  const lines = run.lines.map(({ text }) => text);
  expect(verdict.passed ? "passed" : lines.slice(-40).join("\n")).toBe("passed");
  const segments = lines.filter((line) => /^kexec: [0-9] +0x/.test(line)).map((line) => line.split(/ +/).slice(1));
  expect(segments.map(([index]) => index)).toEqual(["0", "1", "2", "3"]);
  expect(segments[3]?.[1]).toBe(segments[2]?.[2]);
  expect(lines.join("\n")).not.toContain("Initramfs unpacking failed");
}, 420_000);

describe("the stub hands over as the boot protocol says, by the test payload", () => {
  function values(lines: readonly string[]): Map<string, bigint> {
    const words = lines.filter((line) => line.startsWith("payload: ")).flatMap((line) => line.split(" "));
    return new Map(
      words.flatMap((word) => {
        const [, name, value] = /^([a-z0-9]+)=(0x[0-9a-f]+)$/.exec(word) ?? [];
        return name === undefined ? [] : [[name, BigInt(present(value))]];
      }),
    );
  }
  const LA57 = 1n << 12n;
  const INTERRUPTS = 1n << 9n;

  test.each([
    ["max", true],
    ["max,la57=off", false],
  ] as const)("on cpu %s", async (cpu, fiveLevels) => {
    const initrd = new Uint8Array(0x5004).fill(0x11);
    initrd.set([0xaa, 0xbb, 0xcc, 0xdd]);
    initrd.set([1, 2, 3, 4], 0x5000);
    const files = [{ path: "initrd", content: initrd, mode: 0o644 } as const];
    const script = (needs: ScriptNeeds): string => usualScript({ ...needs, initrdSize: initrd.length });
    const lines = await passed({ ...X64, smp: 2, cpu, payload: true }, { script, files });
    const seen = values(lines);
    const is = (name: string): bigint => seen.get(name) ?? -1n;
    const stub = is("rsi") - 0x100n;
    expect(is("kernel")).toBe(0x100_0000n);
    expect([is("rbx"), is("rbp"), is("rdi")]).toEqual([0n, 0n, 0n]);
    expect([is("cs"), is("ds"), is("es"), is("ss")]).toEqual([0x10n, 0x18n, 0x18n, 0x18n]);
    expect(is("rflags") & INTERRUPTS).toBe(0n);
    expect((is("cr4") & LA57) !== 0n).toBe(fiveLevels);
    // Flat, present, 64-bit code that may be read; flat, present data that may be written and was accessed.
    expect([is("gdt"), is("limit"), is("code"), is("data")]).toEqual([
      stub + 0x80n,
      0x1fn,
      0x00af9a000000ffffn,
      0x00cf93000000ffffn,
    ]);
    expect([is("header"), is("e820"), is("rsdp") !== 0n]).toEqual([0x53726448n, 9n, true]);
    expect([is("size"), is("first"), is("last")]).toEqual([0x5004n, 0xddccbbaan, 0x04030201n]);
    // SETUP_RNG_SEED.
    expect([is("setup"), is("length")]).toEqual([9n, 32n]);
    // What -z added is zeros, up to the payload's stack.
    expect(is("zeros")).toBe(0x100_0000n + 0x10_0000n - 0x1000n);
    expect(
      lines.filter((line) => line.startsWith("payload: bootargs=console=ttyS0 quiet panic=-1 kexecbox.nonce=")),
    ).toHaveLength(1);
    expect(lines).toContain("payload: done");
  });
});
