// Loading by kexec_file_load(2): what the kernel is given, what is refused before, and interrupts.

import { describe, expect, test } from "bun:test";
import { appendFileSync, truncateSync, writeFileSync } from "node:fs";
import { Failure } from "../../src/failure.ts";
import { openPiece } from "../../src/kexec/piece.ts";
import { unloadFiles } from "../../src/kexec/unload.ts";
import { loadFile } from "../../src/recipes/load-file.ts";
import type { Machine } from "../../src/sys/engine.ts";
import { errno } from "../../src/sys/errno.ts";
import { System } from "../../src/sys/system.ts";
import { bzImage } from "../support/bzimage.ts";
import { type FakeEngine, fakeEngine } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { elf, riscvImage } from "../support/forms.ts";
import { changesIn, type FileLoad, type Pretended, pretendedWorld, WITHOUT_TREE } from "../support/loading.ts";

const folder = temporaryFolder();

function file(name: string, content: Uint8Array | string): string {
  writeFileSync(folder.in(name), content);
  return folder.in(name);
}

/** An arm64 Image's header. */
function arm64Image(imageSize: number): Buffer {
  const bytes = Buffer.alloc(0x1000);
  bytes.writeUInt32LE(imageSize, 16);
  bytes.write("ARM\x64", 56, "latin1");
  return bytes;
}

/** No kernel of 32 bits has the call. */
const KERNELS: Readonly<Record<Exclude<Machine, "ppc">, () => Buffer>> = {
  x86_64: () => bzImage(),
  aarch64: () => arm64Image(0x10000),
  ppc64: () => elf({ machine: 21, bigEndian: true }),
  ppc64le: () => elf({ machine: 21 }),
  riscv64: () => riscvImage(),
};

interface Wanted {
  readonly kernel?: string;
  readonly initrds?: readonly string[];
  readonly commandLine?: string;
  readonly crash?: boolean;
  readonly skipChecks?: boolean;
  readonly action?: "check";
}

interface Loaded {
  readonly code: number;
  /** What the failure says, without the folder. */
  readonly says: string;
  readonly fileLoads: readonly FileLoad[];
  readonly changes: readonly string[];
  readonly engine: FakeEngine;
}

function load(wanted: Wanted, pretended: Pretended = {}): Loaded {
  const machine = pretended.machine ?? "x86_64";
  if (machine === "ppc") throw new Error("no kernel of 32 bits has the call");
  const { world, fileLoads } = pretendedWorld(folder.path, {
    machine,
    ...pretended,
    files: { ...WITHOUT_TREE, ...pretended.files },
  });
  const engine = fakeEngine(world);
  const { kernel = file("kernel", KERNELS[machine]()), initrds = [], ...others } = wanted;
  const system = new System(engine);
  const end = (code: number, says = ""): Loaded => ({
    code,
    says: says.replaceAll(`${folder.path}/`, ""),
    fileLoads,
    changes: changesIn(engine),
    engine,
  });
  try {
    return end(
      loadFile(system, {
        kernel: openPiece(system, "", kernel),
        initrds: initrds.map((path) => openPiece(system, "initrd", path)),
        commandLine: "quiet",
        crash: false,
        ...others,
      }),
    );
  } catch (error) {
    if (error instanceof Failure) return end(error.exitCode, error.message);
    throw error;
  }
}

describe.each(Object.keys(KERNELS) as Machine[])("on %s the kernel is given", (machine) => {
  test("the files and the command line with its NUL", () => {
    const initrd = file("initrd", "an initrd");
    const { code, fileLoads } = load({ initrds: [initrd] }, { machine });
    expect(code).toBe(0);
    expect(fileLoads).toEqual([
      { kernel: folder.in("kernel"), initrd: Buffer.from("an initrd"), commandLine: "quiet\0", flags: 0 },
    ]);
  });

  test("no initrd where there is none, and of an empty command line its NUL", () => {
    expect(load({ commandLine: "" }, { machine }).fileLoads).toEqual([
      { kernel: folder.in("kernel"), initrd: undefined, commandLine: "\0", flags: 4 },
    ]);
  });

  test("that it is for a crash", () => {
    const files = { "/sys/kernel/kexec_crash_size": "268435456\n" };
    expect(load({ crash: true }, { machine, files }).fileLoads.map(({ flags }) => flags)).toEqual([6]);
  });
});

describe("several initrds", () => {
  test("are one, each from a multiple of 4 on", () => {
    const parts = ["12345", "6789", "a", "bcdefghi"].map((text, index) => file(`part${index}`, text));
    const { fileLoads, engine } = load({ initrds: parts });
    expect(fileLoads[0]?.initrd?.toString("latin1")).toBe("12345\0\0\0" + "6789" + "a\0\0\0" + "bcdefghi");
    expect(engine.asked("memfd_create").map(({ args }) => args[1])).toEqual([1]);
  });

  test("of 5 MB are joined byte for byte", () => {
    const bytes = new Uint8Array(2_500_001).map((_, at) => at * 31);
    const parts = [file("a", bytes), file("b", bytes)];
    const { fileLoads } = load({ initrds: parts });
    expect(
      Buffer.compare(fileLoads[0]?.initrd ?? Buffer.alloc(0), Buffer.concat([bytes, new Uint8Array(3), bytes])),
    ).toBe(0);
  });

  test("of which one is empty are refused", () => {
    expect(load({ initrds: [file("a", "a"), file("b", "")] })).toMatchObject({ code: 1, says: "b: the file is empty" });
  });

  test("without memfd_create are left to the person", () => {
    const on = { memfd_create: () => -errno.ENOSYS };
    expect(load({ initrds: [file("a", "a"), file("b", "b")] }, { on })).toMatchObject({
      code: 1,
      says: "a + b: the running kernel has no memfd_create, by which it becomes one file: write that before",
      changes: [],
    });
  });

  test("that do not fit into memory are refused", () => {
    const on: Pretended["on"] = {
      write: ([descriptor], call) => (Number(descriptor) > 2 ? -errno.ENOSPC : call.pass()),
    };
    expect(load({ initrds: [file("a", "a"), file("b", "b")] }, { on })).toMatchObject({
      code: 1,
      says: "a + b: its copy in memory: ENOSPC (no space left on device)",
      changes: [],
    });
  });

  test.each([
    ["grows", (path: string) => appendFileSync(path, "more"), "a: changed while it was read: 9 bytes before, 13 now"],
    ["shrinks", (path: string) => truncateSync(path, 3), "a: changed while it was read: 9 bytes before, 3 now"],
  ])("of which one %s meanwhile are refused", (_, change, says) => {
    const path = file("a", "an initrd");
    const on: Pretended["on"] = {
      memfd_create: (_args, call) => {
        change(path);
        return call.pass();
      },
    };
    expect(load({ initrds: [path, file("b", "b")] }, { on })).toMatchObject({ code: 1, says, changes: [] });
  });

  test("of which one is not there are refused", () => {
    expect(load({ initrds: [file("a", "a"), folder.in("none")] })).toMatchObject({
      code: 1,
      says: "initrd none: ENOENT (no such file or directory)",
    });
  });
});

describe("what the kernel would refuse is refused before, and otherwise explained", () => {
  const long = (length: number) => "x".repeat(length);
  const cases: [name: string, machine: Machine, wanted: () => Wanted, says: string, errnoName: keyof typeof errno][] = [
    ["an empty kernel", "x86_64", () => ({ kernel: file("F", "") }), "F: the file is empty", "EINVAL"],
    ["an empty initrd", "x86_64", () => ({ initrds: [file("F", "")] }), "F: the file is empty", "EINVAL"],
    [
      "an ELF file on x86-64",
      "x86_64",
      () => ({ kernel: file("F", elf({ machine: 62 })) }),
      "F: is an ELF file for x86_64; kexec_file_load takes a bzImage here",
      "ENOEXEC",
    ],
    [
      "a gzip'ed Image",
      "aarch64",
      () => ({ kernel: file("F", Buffer.from("1f8b0808ecfa086b0003496d61676500ec9c0f54", "hex")) }),
      "F: is compressed with gzip; kexec_file_load takes an Image for arm64 here",
      "EINVAL",
    ],
    [
      "bytes that are nothing known",
      "ppc64le",
      () => ({ kernel: file("F", new Uint8Array(0x1000).fill(0x5a)) }),
      "F: is nothing that is known; kexec_file_load takes an ELF file for ppc64, as a vmlinux is here",
      "ENOEXEC",
    ],
    [
      "an Image that does not say its size",
      "aarch64",
      () => ({ kernel: file("F", arm64Image(0)) }),
      "F: has no image_size, without which kexec_file_load takes no Image",
      "EINVAL",
    ],
    [
      "a bzImage on riscv64",
      "riscv64",
      () => ({ kernel: file("F", bzImage()) }),
      "F: is a bzImage for x86_64; kexec_file_load takes an Image or an ELF file for riscv64 here",
      "ENOEXEC",
    ],
    [
      "a bzImage that is not for 64 bits",
      "x86_64",
      () => ({ kernel: file("F", bzImage({ xloadflags: 0 })) }),
      "F: a kernel without 64-bit entry point",
      "ENOEXEC",
    ],
    [
      "a bzImage that cannot be above 4 GiB",
      "x86_64",
      () => ({ kernel: file("F", bzImage({ xloadflags: 1 })) }),
      "F: cannot be loaded above 4 GiB, and kexec_file_load takes no such bzImage",
      "ENOEXEC",
    ],
    [
      "a command line that is too long on x86-64",
      "x86_64",
      () => ({ commandLine: long(2017) }),
      "command line: 2017 bytes, of which kexec_file_load takes 2016 with this kernel",
      "EINVAL",
    ],
    [
      "a crash kernel without memory for it",
      "x86_64",
      () => ({ crash: true }),
      "-p: no memory is reserved for a crash kernel: boot with crashkernel=SIZE",
      "EADDRNOTAVAIL",
    ],
  ];

  const none = { "/sys/kernel/kexec_crash_size": "0\n" };

  test.each(cases)("%s", (_, machine, wanted, says, errnoName) => {
    expect(load(wanted(), { machine, files: none })).toMatchObject({ code: 1, says, changes: [] });
    const unchecked = load(
      { ...wanted(), skipChecks: true },
      { machine, files: none, fileAnswers: [-errno[errnoName]] },
    );
    expect(unchecked).toMatchObject({ code: 3, changes: ["kexec_file_load"] });
    expect(unchecked.says).toEndWith(`): ${says}`);
    expect(load({ ...wanted(), skipChecks: true }, { machine, files: none }).code).toBe(0);
  });

  test("the longest command lines are taken", () => {
    expect(load({ commandLine: long(2016) }).code).toBe(0);
    for (const machine of ["aarch64", "ppc64"] as const) {
      expect(load({ commandLine: long(2047) }, { machine }).code).toBe(0);
      expect(load({ commandLine: long(2048) }, { machine }).says).toBe(
        "command line: 2048 bytes, of which kexec_file_load takes 2047 with this kernel",
      );
    }
  });

  test("an initrd that is too large, by both numbers", () => {
    const path = file("initrd", "");
    truncateSync(path, 0x100001);
    const meminfo = { "/proc/meminfo": "MemTotal:        2048 kB\n" };
    expect(load({ initrds: [path] }, { files: meminfo }).says).toBe(
      "initrd: 0x100001 bytes are more than half of the RAM, 0x100000",
    );
    truncateSync(path, 0x100000);
    expect(load({ initrds: [path] }, { files: meminfo }).code).toBe(0);
    expect(
      load({ initrds: [path], crash: true }, { files: { "/sys/kernel/kexec_crash_size": "1048576\n" } }).says,
    ).toBe("initrd: 0x100000 bytes do not fit into the crash kernel's memory of 0x100000");
    truncateSync(path, 2 ** 32 + 1);
    expect(load({ initrds: [path] }).says).toBe("initrd: 4294967297 bytes, of which kexec_file_load takes 4294967296");
  });

  test("files of more than the memory that is available, but for a crash kernel, which has its own", () => {
    const path = file("initrd", "");
    truncateSync(path, 0x80000);
    const files = { "/proc/meminfo": "MemTotal:        8192 kB\nMemAvailable:    1024 kB\nSwapFree:    0 kB\n" };
    const wanted = { initrds: [path] };
    expect(load(wanted, { files }).says).toMatch(
      /^kernel and initrd: 0x10[0-9a-f]+ bytes are needed while it is loaded, and 0x100000 are available: the kernel would end processes for the rest$/,
    );
    // Who only looks takes none of it.
    expect(load({ ...wanted, action: "check" }, { files }).code).toBe(0);
    const crashkernel = { ...files, "/sys/kernel/kexec_crash_size": "16777216\n" };
    expect(load({ ...wanted, crash: true }, { files: crashkernel }).code).toBe(0);
    expect(load({ ...wanted, skipChecks: true }, { files }).code).toBe(0);
  });

  test("a kernel without the call is told before what is wrong with the files, where one is loaded", () => {
    const wanted = { commandLine: long(3000) };
    const without = "kexec_file_load: the running kernel was built without CONFIG_KEXEC_FILE";
    const lacking = (...lacks: NonNullable<Pretended["lacks"]>) => load(wanted, { lacks });
    expect(lacking("kexec_file_load")).toMatchObject({
      code: 3,
      says: `${without}; without -s kexec asks kexec_load, which is there`,
      changes: [],
    });
    expect(lacking("kexec_file_load", "kexec_load").says).toBe(without);
    expect(load({ ...wanted, action: "check" }, { lacks: ["kexec_file_load"] })).toMatchObject({ code: 1 });
  });

  test("what only looks loads nothing", () => {
    expect(load({ action: "check" })).toMatchObject({ code: 0, changes: [] });
    expect(load({ action: "check", commandLine: long(3000) })).toMatchObject({ code: 1, changes: [] });
  });
});

describe("an interrupt", () => {
  test("during the load ends with 128 + its number, and nothing loaded, by the call that works under lockdown", () => {
    const on: Pretended["on"] = {
      rt_sigpending: ([set]) => {
        (set as Uint8Array)[0] = 2;
        return 0;
      },
    };
    const { code, fileLoads, changes, engine } = load({}, { on });
    expect({ code, changes }).toEqual({ code: 130, changes: ["kexec_file_load", "kexec_file_load"] });
    expect(fileLoads[1]).toEqual({ kernel: "", initrd: undefined, commandLine: "", flags: 1 });
    // That a signal is asked for, whether it is ignored, is no change.
    const order = engine.calls
      .filter(
        ({ name, args }) => /^(kexec|rt_sig(proc|act))/.test(name) && !(name === "rt_sigaction" && args[1] === null),
      )
      .map(({ name }): string => name);
    const ignored = ["rt_sigaction", "rt_sigaction", "rt_sigaction", "rt_sigaction"];
    expect(order).toEqual(["rt_sigprocmask", "kexec_file_load", "kexec_file_load", ...ignored, "rt_sigprocmask"]);
  });
});

test("an interrupt of a load that cannot be undone says that it stays", () => {
  const answers = [0, -errno.EBUSY];
  const on: Pretended["on"] = {
    kexec_file_load: () => answers.shift() ?? 0,
    rt_sigpending: ([set]) => {
      (set as Uint8Array)[0] = 2;
      return 0;
    },
  };
  const { code, says } = load({}, { on });
  expect(code).toBe(3);
  expect(says).toMatch(/^kexec_file_load\(unload\): EBUSY .*: another load is under way; the image stays loaded$/);
});

test.each([
  [false, 1],
  [true, 3],
])("an unload forgets what is loaded (crash: %p)", (crash, flags) => {
  const { world, fileLoads } = pretendedWorld(folder.path, {});
  unloadFiles(new System(fakeEngine(world)), crash);
  expect(fileLoads).toEqual([{ kernel: "", initrd: undefined, commandLine: "", flags }]);
});
