// Memory that firmware or the kernel keeps on ppc64: loadem refuses a segment over it, by the name of who keeps it.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { array, assert, constantFrom, property, tuple, uint8Array } from "fast-check";
import { errno } from "../../src/sys/errno.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type LoadRun, loadem, type Pretended, WITHOUT_TREE, withoutPlace } from "../support/loading.ts";
import { present } from "../support/present.ts";
import { commands } from "../support/readme.ts";
import { cells } from "../support/tree.ts";

const folder = temporaryFolder();

type Files = NonNullable<Pretended["files"]>;

/** A page of code at 0x10000000, and `size` bytes at `address`. */
function load(files: Files, address: string, size = "0x1000", ...more: readonly string[]): LoadRun {
  writeFileSync(folder.in("F"), new Uint8Array(0x1000));
  const words = ["-a", "0x10000000", "-e", "-f", folder.in("F"), "-a", address, "-z", size];
  return loadem(folder.path, { files }, ...more, ...words);
}

/** What is said of the range, if it is refused; "" where it is loaded. */
function said(files: Files, address: string, size?: string): string {
  const { code, err, loads } = load(files, address, size);
  expect({ code, loads: loads.length, lines: err.split("\n").length }).toEqual(
    err === "" ? { code: 0, loads: 1, lines: 1 } : { code: 1, loads: 0, lines: 2 },
  );
  return withoutPlace(err)
    .replace(/^loadem: segment 1 \(.*?\): /, "")
    .trimEnd();
}

/** Files of the live tree, by their paths in it. */
function tree(files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [`/proc/device-tree/${path}`, content]));
}

/** A flattened tree's header and reserve map, and nothing of the tree. */
function blobWith(size: number, ...entries: readonly (readonly [start: bigint, size: bigint])[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(40 + 16 * (entries.length + 1)));
  for (const [at, word] of [0xd00dfeed, size, 0, 0, 40, 17, 16].entries()) bytes.setUint32(4 * at, word);
  for (const [index, entry] of entries.entries()) {
    for (const [at, number] of entry.entries()) bytes.setBigUint64(40 + 16 * index + 8 * at, number);
  }
  return new Uint8Array(bytes.buffer);
}

const BLOB = "/sys/firmware/fdt";

const RTAS = tree({ "rtas/linux,rtas-base": cells(0x2fff0000), "rtas/rtas-size": cells(0x10000) });
const OPAL = tree({
  "ibm,opal/opal-base-address": cells(0, 0x30000000),
  "ibm,opal/opal-runtime-size": cells(0, 0x1c50000),
});
const TCE = { "linux,tce-base": cells(0, 0x70000000), "linux,tce-size": cells(0x400000) };
const HASH = tree({ "chosen/linux,htab-base": cells(0, 0x60000000), "chosen/linux,htab-size": cells(0, 0x1000000) });

function under(path: string, files: Files): Files {
  return tree(Object.fromEntries(Object.entries(files).map(([name, content]) => [`${path}/${name}`, content])));
}

const RESERVED = tree({
  "reserved-memory/#address-cells": cells(2),
  "reserved-memory/#size-cells": cells(2),
  "reserved-memory/ranges": "",
  "reserved-memory/ibm,firmware-heap@30600000/reg": cells(0, 0x30600000, 0, 0xa00000),
  "reserved-memory/two@38000000/reg": cells(0, 0x38000000, 0, 0x10000, 0, 0x3a000000, 0, 0x10000),
  "reserved-memory/linux,cma/size": cells(0, 0x8000000),
  "reserved-memory/off@3c000000/reg": cells(0, 0x3c000000, 0, 0x10000),
  "reserved-memory/off@3c000000/status": "disabled\0",
});

const RANGES = tree({
  "reserved-ranges": cells(0, 0x31000000, 0, 0xc10000, 0, 0x31c10000, 0, 0x40000),
  "reserved-names": "ibm,firmware-data@31000000\0ibm,firmware-stacks@31c10000\0",
});

const RESERVED_BY_SKIBOOT = tree({
  "reserved-memory/#address-cells": cells(2),
  "reserved-memory/#size-cells": cells(2),
  "reserved-memory/ranges": "",
  "reserved-memory/ibm,firmware-code@30000000/reg": cells(0, 0x30000000, 0, 0x600000),
  "reserved-memory/ibm,firmware-heap@30600000/reg": cells(0, 0x30600000, 0, 0xa00000),
  "reserved-memory/ibm,homer-image@203ffd800000/reg": cells(0x203f, 0xfd800000, 0, 0x400000),
});

describe("a segment over memory that somebody keeps is refused by his name", () => {
  test.each([
    ["RTAS", RTAS, "0x2fff0000", "0x2fff0000-0x30000000", "RTAS"],
    ["OPAL", OPAL, "0x30000000", "0x30000000-0x31c50000", "OPAL"],
    ["a TCE table", under("pci@3fffde0a000", TCE), "0x70000000", "0x70000000-0x70400000", "a TCE table"],
    [
      "one of a bridge on a bus",
      under("ht@0,f2000000/pci@2", TCE),
      "0x70000000",
      "0x70000000-0x70400000",
      "a TCE table",
    ],
    ["one below another bridge", under("pci@1/pci@2,3", TCE), "0x703ff000", "0x70000000-0x70400000", "a TCE table"],
    ["the hash table", HASH, "0x60fff000", "0x60000000-0x61000000", "the hash page table"],
    ["reserved memory", RESERVED, "0x30fff000", "0x30600000-0x31000000", "/reserved-memory/ibm,firmware-heap@30600000"],
    ["its second range", RESERVED, "0x3a000000", "0x3a000000-0x3a010000", "/reserved-memory/two@38000000"],
    ["a reserved range", RANGES, "0x31c10000", "0x31c10000-0x31c50000", "ibm,firmware-stacks@31c10000"],
    [
      "one without a name",
      { ...RANGES, ...tree({ "reserved-names": undefined }) },
      "0x31000000",
      "0x31000000-0x31c10000",
      "reserved-ranges",
    ],
    [
      "what the running kernel was told to reserve",
      { [BLOB]: blobWith(0x5000, [0x36000000n, 0x10000n]) },
      "0x3600f000",
      "0x36000000-0x36010000",
      "the reserve map of /sys/firmware/fdt",
    ],
    [
      "memory that is not usable",
      tree({ "memory@40000000/linux,usable-memory": cells(0, 0x40000000, 0, 0x10000000) }),
      "0x50000000",
      "0x50000000-0x80000000",
      "linux,usable-memory leaves it out",
    ],
  ])("%s", (_, files, address, range, name) => {
    expect(said(files, address)).toBe(`lies over ${range}, which is taken: ${name}`);
    expect(said({}, address)).toBe("");
  });

  test("also where it only shares a page with it, not where it touches it", () => {
    const small = { ...RTAS, ...tree({ "rtas/rtas-size": cells(0x83c) }) };
    expect(said(small, "0x2fff0000")).toContain("0x2fff0000-0x2fff083c, which is taken: RTAS");
    expect(said(small, "0x2ffe0000", "0x11000")).toContain("RTAS");
    expect(said(small, "0x2ffe0000", "0x10000")).toBe("");
    expect(said(small, "0x2fff1000")).toBe("");
  });

  test("and the rest of RTAS's page too, which the kernel was told to reserve", () => {
    const small = { ...RTAS, ...tree({ "rtas/rtas-size": cells(0x83c) }) };
    const files = { ...small, [BLOB]: blobWith(0x5000, [0x2fff0000n, 0x10000n]) };
    expect(said(files, "0x2fff1000")).toBe("lies over 0x2fff0000-0x30000000, which is taken: RTAS");
  });

  test("unless the checks are skipped; then the kernel's own refusal is explained", () => {
    const files = { ...under("pci@1", TCE), ...RTAS };
    expect(load(files, "0x2fff0000", "0x1000", "--no-checks").code).toBe(0);
    writeFileSync(folder.in("F"), new Uint8Array(0x1000));
    const words = `-a 0x2fff0000 -e -f ${folder.in("F")} -a 0x70000000 -z 0x1000`.split(" ");
    const { code, err } = loadem(folder.path, { files, answers: [-errno.ETXTBSY] }, "--no-checks", ...words);
    expect(code).toBe(3);
    expect(err).toEndWith(
      "segment 1 (0x70000000-0x70001000, zeros) of argument 7 (-a): lies over 0x70000000-0x70400000, a TCE table\n",
    );
  });
});

describe("what nobody keeps is not refused", () => {
  test("where the README's examples for ppc64 lie, on OpenPOWER and on a partition", () => {
    const pseries = { ...RTAS, [BLOB]: blobWith(0x30000, [0x2fff0000n, 0x10000n]) };
    // As skiboot on a POWER9 of two chips has it, with a stack for each cpu there may be.
    const stacks = { "reserved-ranges": cells(0, 0x30000000, 0, 0x1c50000, 0, 0x31c50000, 0, 0x5000000) };
    const files = [{ ...OPAL, ...RESERVED_BY_SKIBOOT, ...tree(stacks) }, pseries];
    const lines = commands.filter((line) => /loadem .*vmlinux/.test(line));
    const addresses = lines.flatMap((line) => [...line.matchAll(/-a (0x[0-9a-f]+)/g)].map(([, at]) => present(at)));
    expect(addresses).toContain("0x38000000");
    for (const address of addresses) for (const each of files) expect(said(each, address, "0x10000")).toBe("");
  });

  test("a node of /reserved-memory that has only a size, or is disabled", () => {
    expect(said(RESERVED, "0x3c000000")).toBe("");
    expect(said(RESERVED, "0x10001000", "0x8000000")).toBe("");
  });

  test("what mem= takes away where the kernel copies without its MMU: with radix tables, or without hypervisor", () => {
    const limit = tree({ "chosen/linux,memory-limit": cells(0, 0x5000_0000) });
    expect(said(limit, "0x50000000")).toBe("lies over 0x50000000-0x80000000, which is taken: mem= leaves it unmapped");
    expect(said(limit, "0x4ffff000")).toBe("");
    expect(said({ ...limit, "/proc/cpuinfo": "MMU\t\t: Radix\n" }, "0x50000000")).toBe("");
    expect(said({ ...limit, ...tree({ "ibm,opal/compatible": "ibm,opal-v3\0" }) }, "0x50000000")).toBe("");
    expect(said(tree({ "chosen/linux,memory-limit": cells(0, 0) }), "0x50000000")).toBe("");
  });

  test("the hash table of a kernel before, which a kernel with radix tables still has in its tree", () => {
    expect(said({ ...HASH, "/proc/cpuinfo": "platform\t: PowerNV\nMMU\t\t: Radix\n" }, "0x60000000")).toBe("");
    expect(said({ ...HASH, "/proc/cpuinfo": "platform\t: PowerNV\nMMU\t\t: Hash\n" }, "0x60000000")).not.toBe("");
  });

  test("half a pair, or one that makes no sense", () => {
    expect(said(tree({ "rtas/rtas-size": cells(0x10000) }), "0x2fff0000")).toBe("");
    expect(said(tree({ "rtas/linux,rtas-base": cells(0x2fff0000) }), "0x2fff0000")).toBe("");
    const odd = tree({ "rtas/linux,rtas-base": Uint8Array.of(1, 2, 3), "rtas/rtas-size": cells(0x10000) });
    expect(said({ ...odd, ...OPAL }, "0x30000000")).toContain("OPAL");
  });

  test("of the running kernel's reserve map its own blob and its initrd", () => {
    const initrd = tree({
      "chosen/linux,initrd-start": cells(0, 0x34000000),
      "chosen/linux,initrd-end": cells(0, 0x340b29f0),
    });
    // As prom_init.c writes them: the initrd in whole pages.
    const map = blobWith(0x30000, [0x34000000n, 0xc0000n], [0x35000000n, 0x30000n], [0x36000000n, 0x30000n]);
    const files = { ...initrd, [BLOB]: map };
    expect(said(files, "0x34000000")).toBe("");
    expect(said(files, "0x35000000")).toBe("");
    // One entry is the blob's.
    expect(said(files, "0x36000000")).toContain("the reserve map");
    const exact = blobWith(0x5000, [0x34000000n, 0xb29f0n], [0x36000000n, 0x10000n], [0x35000100n, 0x5000n]);
    expect(said({ ...initrd, [BLOB]: exact }, "0x34000000")).toBe("");
    expect(said({ ...initrd, [BLOB]: exact }, "0x35000000")).toBe("");
    expect(said({ ...initrd, [BLOB]: exact }, "0x36000000")).toContain("the reserve map");
    // An entry that is larger than the initrd is for something else.
    const more = { ...initrd, [BLOB]: blobWith(0x5000, [0x34000000n, 0x800000n]) };
    expect(said(more, "0x34000000")).toContain("the reserve map");
  });

  test("RTAS, where the blob has its size", () => {
    const small = { ...RTAS, ...tree({ "rtas/rtas-size": cells(0x83c) }) };
    const files = { ...small, [BLOB]: blobWith(0x10000, [0x2fff0000n, 0x10000n], [0x35000000n, 0x10000n]) };
    expect(said(files, "0x2fff1000")).toContain("RTAS");
    expect(said(files, "0x35000000")).toBe("");
  });
});

describe("a live tree that makes no sense", () => {
  const broken: readonly [string, Uint8Array | string][] = [
    ["reserved-ranges", new Uint8Array(7)],
    ["reserved-names", "no end"],
    ["reserved-names", ""],
    ["reserved-memory/#address-cells", cells(0xffffffff)],
    ["reserved-memory/#size-cells", cells(0x80000000)],
    ["reserved-memory/#address-cells", new Uint8Array(1)],
    ["reserved-memory/two@38000000/reg", new Uint8Array(3)],
    ["reserved-memory/two@38000000/reg", cells(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff)],
    ["reserved-memory/two@38000000/status", ""],
    ["rtas/rtas-size", new Uint8Array(0)],
    ["ibm,opal/opal-runtime-size", cells(0xffffffff, 0xffffffff)],
    ["pci@1/linux,tce-size", new Uint8Array(5)],
    ["chosen/linux,htab-size", cells(0xffffffff, 0xffffffff)],
    ["memory@40000000/linux,usable-memory", new Uint8Array(6)],
    ["chosen/linux,initrd-end", cells(0)],
  ];
  const all = { ...RTAS, ...OPAL, ...under("pci@1", TCE), ...HASH, ...RESERVED, ...RANGES };

  test.each(broken)("as by %s, is passed over where it is broken", (path, content) => {
    expect(load({ ...all, ...tree({ [path]: content }) }, "0x20000000", "0x1000", "-n").code).toBeOneOf([0, 1]);
    // What is whole beside it is known.
    const other = path.startsWith("rtas") ? "0x30000000" : "0x2fff0000";
    const { code, err } = load({ ...all, ...tree({ [path]: content }) }, other);
    expect({ code, known: /RTAS|OPAL/.test(err) }).toEqual({ code: 1, known: true });
  });

  test("is no fault of ours, whatever is in it", () => {
    const paths = [...Object.keys(all), ...broken.map(([path]) => `/proc/device-tree/${path}`), BLOB];
    const values = uint8Array({ maxLength: 64 });
    const magic = values.map((bytes) => Uint8Array.of(0xd0, 0x0d, 0xfe, 0xed, ...bytes));
    const changes = array(
      tuple(
        constantFrom(...paths),
        constantFrom(values, magic).chain((each) => each),
      ),
      {
        minLength: 1,
        maxLength: 4,
      },
    );
    assert(
      property(changes, (changed) => {
        const { code, err } = load({ ...all, ...Object.fromEntries(changed) }, "0x20000000", "0x1000", "-n");
        expect([0, 1]).toContain(code);
        expect(err).not.toContain("internal");
      }),
      { numRuns: 60, seed: 20261127 },
    );
  });
});

describe("reading it stays cheap", () => {
  test("in a tree of many nodes: those are opened that may tell of it, and each once", () => {
    const many = Object.fromEntries(
      Array.from({ length: 300 }, (_, at) => [
        [`/proc/device-tree/xscom@1/device@${at.toString(16)}/reg`, cells(at)],
        [`/proc/device-tree/vdevice/l-lan@${at.toString(16)}/reg`, cells(at)],
        [`/proc/device-tree/pci@1/pci@${at.toString(16)}/ethernet@0/reg`, cells(at)],
      ]).flat(),
    );
    const { engine, code } = load({ ...RTAS, ...OPAL, ...RANGES, ...RESERVED, ...many }, "0x20000000", "0x1000", "-n");
    expect(code).toBe(0);
    const opened = engine.asked("openat").map(({ path }) => path);
    expect(opened.filter((path) => /(xscom@1|vdevice)\/|ethernet/.test(path))).toEqual([]);
    expect(opened.filter((path) => /xscom|vdevice/.test(path)).length).toBe(2);
    expect(opened.filter((path) => path.includes("pci@")).length).toBe(301);
    expect(opened.filter((path) => path === BLOB).length).toBe(1);
  });

  test("of a large live blob the beginning is read", () => {
    const blob = new Uint8Array(1024 * 1024);
    blob.set(blobWith(blob.length, [0x36000000n, 0x10000n]));
    const { engine } = load({ [BLOB]: blob }, "0x20000000", "0x1000", "-n");
    const read = engine.asked("read").filter(({ path }) => path === BLOB);
    expect(read.length).toBeGreaterThan(0);
    expect(read.reduce((sum, { args }) => sum + Number(args[2]), 0)).toBeLessThanOrEqual(0x10000);
    expect(said({ [BLOB]: blob }, "0x36000000")).toContain("the reserve map");
  });
});

describe("what is not checked is said, in a line each", () => {
  const told = blobWith(0x5000);

  /** What -n says behind the table; -v says the same, and a load without either says that alone. */
  function lines(pretended: Pretended, ...more: readonly string[]): readonly string[] {
    writeFileSync(folder.in("F"), new Uint8Array(0x1000));
    const words = ["-a", "0x10000000", "-e", "-f", folder.in("F"), ...more];
    const { code, out } = loadem(folder.path, pretended, "-n", ...words);
    expect(code).toBe(0);
    const found = out.toString().split("\n");
    const verbose = loadem(folder.path, pretended, "-v", ...words);
    expect(verbose.err.split("\n").map((line) => line.replace(/^loadem: /, ""))).toEqual(found);
    const quiet = loadem(folder.path, pretended, ...words);
    const unchecked = found.filter((line) => line.includes("not checked"));
    expect(quiet).toMatchObject({ code: 0, err: unchecked.map((line) => `loadem: ${line}\n`).join("") });
    return unchecked;
  }

  test("nothing where all could be read", () => {
    expect(lines({ files: { [BLOB]: told } })).toEqual([]);
    const iomem = { "/proc/iomem": "10000000-4fffffff : System RAM\n" };
    expect(lines({ machine: "x86_64", files: { ...WITHOUT_TREE, ...iomem } })).toEqual([]);
  });

  test("that the running kernel's reserve map cannot be read; a kernel may have none", () => {
    const says = "what the running kernel was told to reserve is not checked: ";
    for (const odd of [new Uint8Array(0), new Uint8Array(100), told.subarray(0, 20)]) {
      expect(lines({ files: { [BLOB]: odd } })).toEqual([`${says}/sys/firmware/fdt cannot be read`]);
    }
    expect(lines({ files: { "/sys/kernel/kexec_loaded": undefined } })).toEqual([`${says}/sys is not mounted`]);
    expect(lines({})).toEqual([]);
  });

  test("that there is no tree on ppc64, or none that tells of memory", () => {
    expect(lines({ files: { ...WITHOUT_TREE, [BLOB]: told } })).toEqual([
      "memory, and what of it is taken, is not checked: /proc/device-tree cannot be read",
    ]);
    const none = tree({ "memory@0/reg": undefined, "memory@40000000/reg": undefined });
    expect(lines({ files: { ...none, [BLOB]: told } })).toEqual([
      "memory is not checked: /proc/device-tree tells of none",
    ]);
    const odd = tree({ "memory@0/reg": new Uint8Array(7) });
    expect(lines({ files: { ...odd, [BLOB]: told } })).toEqual([
      "memory is not checked: /memory@0/reg: 7 bytes are not entries of 4 cells",
    ]);
  });

  test("with the bytes of a name escaped", () => {
    const odd = tree({ "memory@0/reg": undefined, "memory@40000000/reg": undefined });
    const named = { ...odd, "/proc/device-tree/memory@\x1b[2J/reg": new Uint8Array(7), [BLOB]: told };
    expect(lines({ files: { ...named, "/proc/device-tree/memory@\x1b[2J/device_type": "memory\0" } })).toEqual([
      "memory is not checked: /memory@\\x1b[2J/reg: 7 bytes are not entries of 4 cells",
    ]);
  });

  test("that /proc/iomem is not there, or hides its addresses from the user", () => {
    const hidden = { "/proc/iomem": "00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n" };
    expect(lines({ machine: "x86_64", files: { ...WITHOUT_TREE, ...hidden } })).toEqual([
      "memory, and what of it is taken, is not checked: /proc/iomem shows no addresses to this user",
    ]);
    expect(lines({ machine: "x86_64", files: WITHOUT_TREE })).toEqual([
      "memory, and what of it is taken, is not checked: /proc/iomem cannot be read",
    ]);
    expect(lines({ machine: "aarch64", files: hidden })).toEqual([
      "what memory is taken is not checked: /proc/iomem shows no addresses to this user",
    ]);
    expect(lines({ machine: "aarch64", files: { ...hidden, ...RESERVED } })).toEqual([
      "what memory is taken, but for what the device tree tells, is not checked: /proc/iomem shows no addresses to this user",
    ]);
  });

  test("that the size of RAM is not known", () => {
    expect(lines({ files: { [BLOB]: told, "/proc/meminfo": "nothing" } })).toEqual([
      "whether there is memory for the image is not checked: no MemTotal in /proc/meminfo",
    ]);
  });

  test("but not where no check was asked for", () => {
    expect(lines({ files: WITHOUT_TREE }, "--no-checks")).toEqual([]);
  });
});

describe("where /proc is not mounted", () => {
  const files = { ...WITHOUT_TREE, "/proc/meminfo": undefined, "/proc/self/status": undefined };
  const loading = (machine: Pretended["machine"], ...more: string[]) => {
    writeFileSync(folder.in("F"), new Uint8Array(0x1000));
    // Nothing else tells whether the user may load.
    const on = { geteuid: () => 0 };
    const world: Pretended = { ...(machine === undefined ? {} : { machine }), files, on };
    return loadem(folder.path, world, ...more, "-a", "0x10000000", "-e", "-f", folder.in("F"));
  };
  const refusal = "loadem: the machine: is not checked: /proc is not mounted (--no-checks loads all the same)\n";

  test.each(["ppc64", "ppc64le", "aarch64", "x86_64"] as const)("nothing is loaded on %s", (machine) => {
    expect(loading(machine)).toMatchObject({ code: 1, err: refusal, changes: [] });
    expect(loading(machine, "-n")).toMatchObject({ code: 1, err: refusal, changes: [] });
  });

  test.each(["ppc64", "ppc64le", "aarch64", "x86_64"] as const)("--no-checks loads on %s", (machine) => {
    expect(loading(machine, "--no-checks")).toMatchObject({ code: 0, err: "", changes: ["kexec_load"] });
  });
});

test("on arm64 the tree tells what is taken where /proc/iomem does not", () => {
  writeFileSync(folder.in("F"), new Uint8Array(0x1000));
  const words = ["-a", "0x10000000", "-e", "-f", folder.in("F"), "-a", "0x30600000", "-z", "0x1000"];
  const { code, err } = loadem(folder.path, { machine: "aarch64", files: RESERVED }, ...words);
  expect(code).toBe(1);
  expect(err).toContain("which is taken: /reserved-memory/ibm,firmware-heap@30600000");
  // And does not say that there is no crash kernel's region, which only that file knows.
  expect(loadem(folder.path, { machine: "aarch64" }, "-p", ...words).err).toBe(
    "loadem: what memory is taken is not checked: /proc/iomem cannot be read\n",
  );
});
