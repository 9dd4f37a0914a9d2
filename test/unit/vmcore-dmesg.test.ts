// vmcore-dmesg over dumps of pretended machines: each form of the kernel's log, in either byte order, whole and spoilt.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { coreBytes } from "../support/core-file.ts";
import {
  AT,
  type CrashedKernel,
  crashedCore,
  crashedParts,
  type LogForm,
  type LogRecord,
} from "../support/crashed-kernel.ts";
import { type FakeRun, runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";

const folder = temporaryFolder();

function dmesg(bytes: Uint8Array): FakeRun {
  const path = folder.in("vmcore");
  writeFileSync(path, bytes);
  return runInside({}, "vmcore-dmesg", path);
}

/** What it says, without the tool and the file. */
function said({ err }: FakeRun): string[] {
  const start = `vmcore-dmesg: ${folder.in("vmcore")}: `;
  return err.split("\n").flatMap((line) => (line.startsWith(start) ? line.slice(start.length) : line || []));
}

/** As printk's record_print_text() has it, by other means. */
function printed(records: readonly LogRecord[], form: LogForm): string {
  const lines = records.flatMap(({ time, text }) => {
    const micros = (time / 1000n).toString().padStart(7, "0");
    const prefix = `[${micros.slice(0, -6).padStart(5)}.${micros.slice(-6)}] `;
    return text.split("\n").map((line) => (form === "bytes" ? line : prefix + line));
  });
  const shown = (line: string) =>
    Array.from(line, (byte) =>
      /[\t -~]/.test(byte) ? byte : `\\x${Buffer.from(byte, "latin1").toString("hex")}`,
    ).join("");
  return lines.map((line) => `${shown(line)}\n`).join("");
}

const FORMS: readonly LogForm[] = ["ring", "printk_log", "log", "bytes"];

const some: readonly LogRecord[] = [
  { time: 0n, text: "Linux version 6.1.0 (gcc) #1 SMP" },
  { time: 1_234_567_890n, text: "a line\nits second" },
  { time: 98_765_999_999n, text: "\x1b[31mred\x07 caf\xc3\xa9\t\\" },
  { time: 1_000_000_000_000n * 1000n, text: "Kernel panic - not syncing: sysrq triggered crash" },
];

/** Arbitrary logs: texts of every length, more than the ring holds, in records that are left in every way. */
const arbitraryText = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.string({ unit: fc.constantFrom(..."abc {}\t\n\x1b\xe4\\"), minLength: 0, maxLength: 60 }),
  },
  { weight: 1, arbitrary: fc.nat({ max: 600 }).map((length) => "x".repeat(length)) },
);

function arbitraryKernel(form: LogForm): fc.Arbitrary<CrashedKernel> {
  const record = fc.record({
    time: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    text: form === "bytes" ? arbitraryText.map((text) => `l${text.replaceAll("\n", "")}`) : arbitraryText,
    ...(form === "ring" ? { state: fc.constantFrom("finalized", "finalized", "committed", "reserved", "lost") } : {}),
  }) as fc.Arbitrary<LogRecord>;
  return fc.record({
    form: fc.constant(form),
    little: fc.boolean(),
    word: fc.constant(8 as const),
    sizeBits: fc.integer({ min: 11, max: 13 }),
    countBits: fc.integer({ min: 3, max: 6 }),
    endsAtEnd: fc.boolean(),
    records: fc.array(record, { minLength: 1, maxLength: 100, size: "max" }),
  });
}

describe.each(FORMS)("a log of the form %s is printed", (form) => {
  test.each([true, false])("as dmesg prints it, little endian %p", (little) => {
    const { code, out, err } = dmesg(crashedCore({ form, little, records: some }));
    expect({ code, err, out: out.toString("latin1") }).toEqual({ code: 0, err: "", out: printed(some, form) });
  });

  test("whatever its records, after it has begun again from the start", () => {
    fc.assert(
      fc.property(arbitraryKernel(form), (kernel) => {
        const parts = crashedParts(kernel);
        const { code, out } = dmesg(coreBytes(parts));
        expect(code).toBe(0);
        const whole = printed(parts.memory.left, form);
        if (form !== "bytes") expect(out.toString("latin1")).toBe(whole);
        // Of the ring of bytes, the oldest line has lost its beginning.
        else expect(whole.endsWith(out.toString("latin1").replace(/^.*\n/, ""))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test("of a machine of 32 bits too", () => {
    const kernel = { form, little: false, word: 4, machine: 20, linear: 0xc100_0000n, records: some } as const;
    expect(dmesg(crashedCore(kernel)).out.toString("latin1")).toBe(printed(some, form));
  });
});

describe("where the program headers have no virtual addresses, memory is found by what the kernel says of", () => {
  const records = some;
  const expected = printed(some, "ring");
  const run = (kernel: Omit<CrashedKernel, "form" | "little" | "records" | "told">, little = true): FakeRun =>
    dmesg(crashedCore({ form: "ring", little, records, told: false, ...kernel }));

  test.each([true, false])("ppc64, little endian %p", (little) => {
    const kernel = { machine: 21, physical: 0x200_0000n, linear: 0xc000_0000_0200_0000n };
    expect(run(kernel, little).out.toString("latin1")).toBe(expected);
  });

  test.each([
    ["since 5.4", 48, 0xffff_8000_0900_0000n, 0xffff_0000_0100_0000n, "0x40000000"],
    ["since 5.4, of 39 bits", 39, 0xffff_ffc0_0900_0000n, 0xffff_ff80_0100_0000n, "0x40000000"],
    ["since 5.4, of 52 bits", 52, 0xffff_8000_0900_0000n, 0xfff0_0000_0100_0000n, "0x40000000"],
    // On a processor of 48 bits, 2^52 - 2^48 addresses are left out, and their memory with them.
    [
      "since 5.4, of 52 bits, of which there are 48",
      52,
      0xffff_8000_0900_0000n,
      0xffff_0000_0100_0000n,
      "0xfff1000040000000",
    ],
    ["before 5.4", 48, 0xffff_0000_0900_0000n, 0xffff_8000_0100_0000n, "0x40000000"],
  ])("arm64 %s", (_, bits, image, linear, start) => {
    const info = [
      `NUMBER(VA_BITS)=${bits}`,
      `NUMBER(PHYS_OFFSET)=${start}`,
      `NUMBER(kimage_voffset)=0x${(image - 0x4100_0000n).toString(16)}`,
      `SYMBOL(_stext)=${image.toString(16)}`,
    ];
    const kernel = { machine: 183, physical: 0x4100_0000n, linear, image, info };
    expect(run(kernel).out.toString("latin1")).toBe(expected);
  });

  test("riscv64", () => {
    const [image, linear] = [0xffff_ffff_8020_0000n, 0xff60_0000_0020_0000n];
    const info = [
      "NUMBER(PAGE_OFFSET)=0xff60000000000000",
      "NUMBER(phys_ram_base)=0x80000000",
      "NUMBER(KERNEL_LINK_ADDR)=0xffffffff80000000",
      "NUMBER(va_kernel_pa_offset)=0xfffffffeffffffff",
    ].map((line) => line.replace("0xfffffffeffffffff", "0xffffffff00000000"));
    expect(run({ machine: 243, physical: 0x8020_0000n, linear, image, info }).out.toString("latin1")).toBe(expected);
  });

  describe("x86-64, whose direct map is found by its page tables", () => {
    const [physical, image, linear] = [0x1000_0000n, 0xffff_ffff_9200_0000n, 0xffff_9a3b_5000_0000n];
    const physBase = physical - (image - 0xffff_ffff_8000_0000n);
    /** Page tables at 0x8000_0000, which the image's mapping reaches at phys_base + 0x6e00_0000. */
    const tables = 0x2000_0000n;
    const root = tables - physBase + 0xffff_ffff_8000_0000n;

    /** @param last the shift of the level whose entries are pages */
    function pageTables(levels: readonly bigint[], last: bigint, encrypted: bigint): Uint8Array {
      const bytes = new Uint8Array(0x5000);
      const view = new DataView(bytes.buffer);
      for (const [index, shift] of levels.entries()) {
        for (let each = linear; each < linear + 0x10_0000n; each += 1n << shift) {
          const at = index * 0x1000 + Number((each >> shift) & 0x1ffn) * 8;
          const isLast = shift === last;
          const page = ((each - linear + physical) >> shift) << shift;
          const entry = isLast
            ? page | (shift > 12n ? 0x8000_0000_0000_10e3n : 0x63n)
            : tables + BigInt(index + 1) * 0x1000n + 0x67n;
          view.setBigUint64(at, entry | encrypted, true);
        }
        if (shift === last) return bytes;
      }
      return bytes;
    }

    test.each([
      ["of 4 levels and 4 KiB", [39n, 30n, 21n, 12n], 12n, 0n],
      ["of 4 levels and 2 MiB", [39n, 30n, 21n], 21n, 0n],
      ["of 5 levels and 1 GiB", [48n, 39n, 30n], 30n, 0n],
      ["of encrypted memory", [39n, 30n, 21n], 21n, 1n << 47n],
    ])("%s", (_, levels, last, encrypted) => {
      const info = [
        `NUMBER(phys_base)=${physBase}`,
        `SYMBOL(swapper_pg_dir)=${root.toString(16)}`,
        `NUMBER(pgtable_l5_enabled)=${levels[0] === 48n ? 1 : 0}`,
        ...(encrypted === 0n ? [] : [`NUMBER(sme_mask)=${encrypted}`]),
      ];
      const loads = [{ physical: tables, bytes: pageTables(levels, last, encrypted) }];
      const { out, err } = run({ physical, image, linear, info, loads });
      expect({ err, out: out.toString("latin1") }).toEqual({ err: "", out: expected });
    });

    test("and that is told where they are not there", () => {
      const { code, out, err } = run({ physical, image, linear, info: [`NUMBER(phys_base)=${physBase}`] });
      expect([code, out.length]).toEqual([1, 0]);
      expect(err).toContain(`prb_desc_ring.count_bits at 0x${(linear + BigInt(AT.prb)).toString(16)}: cannot be read`);
    });
  });
});

describe("of a damaged ring what can be read is printed, and what cannot is told:", () => {
  const records = Array.from({ length: 20 }, (_, index) => ({
    time: BigInt(index) * 1_000_000_000n,
    text: `record ${index}`,
  }));
  const parts = crashedParts({ form: "ring", little: true, records });
  const { at } = parts.memory;
  /** The ring's number of a record: DESC0_ID is -33, and the first one after it. */
  const slotOf = (record: number) => record % 32;

  function changed(change: (view: DataView, bytes: Uint8Array) => void): FakeRun {
    const bytes = parts.memory.bytes.slice();
    change(new DataView(bytes.buffer), bytes);
    return dmesg(coreBytes({ ...parts, loads: parts.loads.map((load) => ({ ...load, bytes })) }));
  }

  function expectLeft(run: FakeRun, missing: readonly number[], words: readonly string[], code = 1): void {
    const left = records.filter((_, index) => !missing.includes(index));
    expect({ code: run.code, out: run.out.toString(), said: said(run) }).toEqual({
      code,
      out: printed(left, "ring"),
      said: [...words],
    });
  }

  const desc = (record: number) => present(at.descs) + 24 * slotOf(record);

  test("a descriptor that is noise", () => {
    expectLeft(
      changed((_, bytes) => bytes.fill(0xa5, desc(7), desc(8))),
      [7],
      ["damaged records, left out: 1"],
    );
  });

  test("text over which something else was written", () => {
    const run = changed((view, bytes) => {
      const begin = view.getBigUint64(desc(3) + 8, true);
      bytes.fill(0xee, present(at.text) + Number(begin % 4096n), present(at.text) + Number(begin % 4096n) + 16);
    });
    expectLeft(run, [3], ["damaged records, left out: 1"]);
  });

  test("a block that has no end", () => {
    expectLeft(
      changed((view) => view.setBigUint64(desc(5) + 16, view.getBigUint64(desc(5) + 8, true) - 8n, true)),
      [5],
      ["damaged records, left out: 1"],
    );
  });

  test("a length beyond the block, of which the block is printed", () => {
    const run = changed((view) => view.setUint16(present(at.infos) + 88 * slotOf(12) + 16, 0xffff, true));
    expect(run.code).toBe(0);
    expect(run.out.toString()).toContain("] record 12\\x00");
  });

  test.each([
    ["head_id", 24],
    ["tail_id", 32],
  ])("a %s that is noise, where records come by their numbers", (_, field) => {
    const run = changed((view) => view.setBigUint64(AT.prb + field, 0x1234_5678n, true));
    expectLeft(run, [], ["where the ring begins and ends is damaged: records come by their numbers"]);
  });

  test("records that were being written when it crashed are a note, and no damage", () => {
    const run = dmesg(
      crashedCore({ form: "ring", little: true, records: [...records, { time: 1n, text: "half", state: "reserved" }] }),
    );
    expectLeft(run, [], ["records that were still being written: 1"], 0);
  });

  test("a head whose descriptor was not taken yet is a note", () => {
    const many = Array.from({ length: 70 }, (_, index) => ({ time: BigInt(index), text: `r${index}` }));
    const { memory, ...rest } = crashedParts({ form: "ring", little: true, records: many });
    const view = new DataView(memory.bytes.buffer);
    const head = view.getBigUint64(AT.prb + 24, true);
    view.setBigUint64(AT.prb + 24, head + 1n, true);
    view.setBigUint64(AT.prb + 32, view.getBigUint64(AT.prb + 32, true) + 1n, true);
    const next = present(memory.at.descs) + 24 * Number((head + 1n) % 32n);
    view.setBigUint64(next, view.getBigUint64(next, true) | (3n << 62n), true);
    const run = dmesg(coreBytes(rest));
    expect([run.code, said(run)]).toEqual([0, ["records that were still being written: 1"]]);
  });

  test.each([
    ["count_bits", 0, 22, "prb_desc_ring.count_bits is 22, more than 21"],
    ["count_bits", 0, 0xffffffff, "prb_desc_ring.count_bits is 4294967295, more than 21"],
    ["size_bits", 48, 32, "prb_data_ring.size_bits is 32, more than 31"],
  ])("a %s that cannot be ends it", (_, field, value, fact) => {
    const run = changed((view) => view.setUint32(AT.prb + field, value, true));
    expect([run.code, run.out.length, run.err.includes(fact)]).toEqual([1, 0, true]);
  });

  test("records that share their text do not multiply it", () => {
    const run = changed((view) => {
      const text = present(at.text);
      for (let record = 0; record < 20; record++) {
        const id = view.getBigUint64(desc(record), true) & ((1n << 62n) - 1n);
        view.setBigUint64(text + 8 * record, id, true);
        view.setBigUint64(desc(record) + 8, BigInt(8 * record), true);
        view.setBigUint64(desc(record) + 16, 4088n, true);
        view.setUint16(present(at.infos) + 88 * slotOf(record) + 16, 0xffff, true);
      }
    });
    expect([run.code, said(run)]).toEqual([1, ["records share their text: the rest is not read"]]);
    expect(run.out.toString().split("\n").length).toBe(2);
  });

  test("records whose numbers begin again at 0 stay in order where they come by those", () => {
    const many = Array.from({ length: 45 }, (_, index) => ({
      time: BigInt(index) * 1_000_000_000n,
      text: `r ${index}`,
    }));
    const { memory, ...rest } = crashedParts({ form: "ring", little: true, records: many });
    new DataView(memory.bytes.buffer).setBigUint64(AT.prb + 24, 0x1234_5678n, true);
    expect(memory.left.length).toBe(32);
    expect(dmesg(coreBytes(rest)).out.toString()).toBe(printed(memory.left, "ring"));
  });
});

test("a block may end where the ring does", () => {
  // Blocks of 64 bytes, of which 32 fill the ring.
  const many = Array.from({ length: 40 }, (_, index) => ({
    time: BigInt(index),
    text: String(index).padStart(56, "."),
  }));
  const kernel = { form: "ring", little: false, records: many, sizeBits: 11, countBits: 6, endsAtEnd: true } as const;
  const parts = crashedParts(kernel);
  expect(parts.memory.left.length).toBe(32);
  expect(dmesg(coreBytes(parts)).out.toString()).toBe(printed(parts.memory.left, "ring"));
});

test("a log is printed in parts, as it is read", () => {
  const many = Array.from({ length: 400 }, (_, index) => ({ time: BigInt(index), text: "x".repeat(600) }));
  const kernel = { form: "ring", little: true, records: many, sizeBits: 18, countBits: 9 } as const;
  const { out, engine } = dmesg(crashedCore(kernel));
  expect(out.toString()).toBe(printed(many, "ring"));
  expect(Math.max(...engine.asked("write").map(({ args }) => Number(args[2])))).toBeLessThan(0x11000);
});

describe("of damaged records of old", () => {
  const records = Array.from({ length: 10 }, (_, index) => ({ time: BigInt(index), text: `record ${index}` }));
  const parts = crashedParts({ form: "printk_log", little: true, records });

  test.each([
    [
      "says a length that cannot be",
      4096,
      "the record at 0x60 of the log says that it has 4096 bytes: what is behind it is not read",
    ],
    [
      "is shorter than its text",
      17,
      "the record at 0x60 of the log says that it has 17 bytes: what is behind it is not read",
    ],
    ["leads in a circle", 0, "the record at 0x0 of the log says that it has 0 bytes: what is behind it is not read"],
  ])("those before the one that %s are printed", (title, length, fact) => {
    const bytes = parts.memory.bytes.slice();
    const view = new DataView(bytes.buffer);
    view.setUint16(AT.arrays + 4 * 24 + 8, length, true);
    if (title.includes("circle")) view.setUint16(AT.arrays + 8, 0, true);
    const run = dmesg(coreBytes({ ...parts, loads: parts.loads.map((load) => ({ ...load, bytes })) }));
    const before = title.includes("circle") ? [] : records.slice(0, 4);
    expect([run.code, run.out.toString(), said(run)]).toEqual([1, printed(before, "printk_log"), [fact]]);
  });
});

test("of a dump that was cut off what is left is printed, and how much is missing is told", () => {
  const bytes = crashedCore({ form: "ring", little: true, records: some });
  const { code, out, err } = dmesg(bytes.subarray(0, bytes.length - 2048));
  expect([code, out.toString("latin1")]).toEqual([0, printed(some, "ring")]);
  expect(err).toEndWith(": is cut off: 2 KiB are missing\n");
  const nothing = dmesg(bytes.subarray(0, bytes.length - 0x2000));
  expect([nothing.code, nothing.out.length]).toEqual([1, 0]);
  expect(nothing.err).toMatch(/: is cut off: 8 KiB are missing\n.*is damaged: records come by their numbers\n$/);
});

describe("refused is", () => {
  const info = (...texts: string[]) =>
    coreBytes({
      little: true,
      machine: 62,
      loads: [],
      notes: [[{ name: "VMCOREINFO", type: 0, contents: Buffer.from(texts.join("\n")) }]],
    });

  test.each([
    [
      "a dump without VMCOREINFO",
      coreBytes({ little: true, machine: 62, loads: [] }),
      "FILE: has no note VMCOREINFO, by which the log is found",
    ],
    ["one that tells of no log", info("OSRELEASE=6.1"), "FILE: its VMCOREINFO does not tell where the log is"],
    ["a size that is not told", info("SYMBOL(prb)=ffffffff81000000"), "prb at 0xffffffff81000000: cannot be read"],
    [
      "a structure larger than any",
      crashedCore({ form: "ring", little: true, records: some, info: ["SIZE(prb_desc)=1048576"] }),
      "VMCOREINFO: SIZE(prb_desc) is 1048576, which cannot be",
    ],
    ["a log without its buffer", info("SYMBOL(log_end)=1000"), "VMCOREINFO: does not tell SYMBOL(log_buf)"],
    ["a log elsewhere", info("SYMBOL(log_end)=1000", "SYMBOL(log_buf)=2000"), "log_buf at 0x2000: cannot be read"],
  ])("%s", (_, bytes, fact) => {
    const { code, out, err } = dmesg(bytes);
    expect([code, out.length, err.replace(folder.in("vmcore"), "FILE")]).toEqual([1, 0, `vmcore-dmesg: ${fact}\n`]);
  });

  test("more than one file, as a wrong use", () => {
    expect(runInside({}, "vmcore-dmesg", "a", "b").code).toBe(2);
  });
});
