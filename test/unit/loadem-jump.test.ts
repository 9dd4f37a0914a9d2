// loadem -k on ppc64: the process that jumps must not lie where the loaded image goes. The pretended machine has a
// /proc/kcore with a struct kimage, and with the task_struct of whoever reads it.

import { describe, expect, test } from "bun:test";
import { ET_CORE } from "../../src/elf.ts";
import { jump as enter } from "../../src/kexec/load.ts";
import { unload } from "../../src/kexec/unload.ts";
import { abis } from "../../src/sys/abi.ts";
import { errno } from "../../src/sys/errno.ts";
import { System } from "../../src/sys/system.ts";
import { fakeEngine } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { KERNEL_END, type LoadRun, loadem, type Pretended, pretendedWorld, WITHOUT_TREE } from "../support/loading.ts";

const folder = temporaryFolder();

const LINEAR = 0xc000_0000_0000_0000n;
const TASK_SIZE = 4992;
/** Where in the core file the linear mapping begins. */
const RAM = 0x10000n;
const RAM_SIZE = 0x4000_0000n;
const NOTES = 0x200;

/** Offsets in a task_struct of lists that are empty: they point at themselves. */
const EMPTY_LISTS = [0x550, 0x560, 0x7a8, 0x8c0];

interface Core {
  readonly machine?: Pretended["machine"];
  readonly pageSize?: number;
  /** start, size; the README's unless given. */
  readonly segments?: readonly (readonly [number, number])[];
  /** Where the task_structs of the processes lie that read it, one after the other; the last one repeats. */
  readonly tasks: readonly number[];
  /** Physical addresses: of the struct kimage, and of the pointer to it. */
  readonly image?: number;
  readonly pointer?: number;
  /** `head` of the struct kimage. */
  readonly head?: bigint;
  readonly emptyLists?: readonly number[];
  /** Of the note; NT_TASKSTRUCT unless said. */
  readonly note?: number;
  /** Words at physical addresses, besides. */
  readonly words?: readonly (readonly [number, bigint])[];
}

const SEGMENTS = [
  [0x5000000, 0x10000],
  [0x6000000, 0x2990000],
  [0x9000000, 0xc0000],
] as const;

const INSIDE = 0x83a_d680;
const OUTSIDE = 0x2d2_d680;

/** What pread64 answers for /proc/kcore. */
function coreFile(core: Core): (bytes: Uint8Array, at: bigint) => number {
  const { machine = "ppc64", segments = SEGMENTS, image = 0x300_1400, pointer = 0x27c_4070 } = core;
  const little = abis[machine].endian === "little";
  const tasks = [...core.tasks];
  const longs = (words: readonly bigint[]) => {
    const view = new DataView(new ArrayBuffer(8 * words.length));
    for (const [index, word] of words.entries()) view.setBigUint64(8 * index, word, little);
    return new Uint8Array(view.buffer);
  };

  const task = (start: number) => {
    const bytes = new Uint8Array(TASK_SIZE).fill(0x5a);
    const next = LINEAR + BigInt(start);
    for (const at of core.emptyLists ?? EMPTY_LISTS) bytes.set(longs([next + BigInt(at), next + BigInt(at)]), at);
    // A list with others in it, and two pointers to the same thing elsewhere.
    bytes.set(longs([LINEAR + 0x1234_5678n, LINEAR + 0x2345_6780n]), 0x900);
    bytes.set(longs([LINEAR + 0x3456_7800n, LINEAR + 0x3456_7800n]), 0x920);
    return bytes;
  };

  const note = (type: number, contents: Uint8Array) => {
    const header = new DataView(new ArrayBuffer(12 + 8));
    for (const [index, word] of [5, contents.length, type].entries()) header.setUint32(4 * index, word, little);
    new Uint8Array(header.buffer).set(Buffer.from("CORE"), 12);
    return Buffer.concat([new Uint8Array(header.buffer), contents, new Uint8Array(-contents.length & 3)]);
  };
  const notes = (start: number) => Buffer.concat([note(1, new Uint8Array(371)), note(core.note ?? 4, task(start))]);

  const headers = (size: number) => {
    const bytes = new DataView(new ArrayBuffer(64 + 3 * 56));
    bytes.setUint32(0, 0x7f454c46);
    bytes.setUint8(4, 2);
    bytes.setUint8(5, little ? 1 : 2);
    bytes.setUint16(16, ET_CORE, little);
    bytes.setBigUint64(32, 64n, little);
    bytes.setUint16(54, 56, little);
    bytes.setUint16(56, 3, little);
    const put = (index: number, type: number, offset: bigint, address: bigint, length: bigint) => {
      bytes.setUint32(64 + 56 * index, type, little);
      for (const [field, value] of [
        [8, offset],
        [16, address],
        [32, length],
        [40, length],
      ] as const)
        bytes.setBigUint64(64 + 56 * index + field, value, little);
    };
    put(0, 4, BigInt(NOTES), 0n, BigInt(size));
    put(1, 1, 0x8_0000_0001_0000n, 0xc008_0000_0000_0000n, 1n << 50n);
    put(2, 1, RAM, LINEAR, RAM_SIZE);
    return new Uint8Array(bytes.buffer);
  };

  const pageSize = BigInt(core.pageSize ?? 4096);
  const table = segments.flatMap(([start, size]) =>
    [0x7fff_0000n, BigInt(size) - pageSize / 2n, start, size].map(BigInt),
  );
  const kimage = longs([
    core.head ?? 0x1234_0000n | 2n,
    LINEAR + 0x1234_0040n,
    LINEAR + 0x1234_fff8n,
    0x500_0000n,
    0xc00c_0000_0000_1000n,
    0n,
    0n,
    BigInt(segments.length),
    ...table,
    ...Array<bigint>(4 * (16 - segments.length)).fill(0n),
    // What follows is no segment: lists.
    ...Array<bigint>(20).fill(LINEAR + 0x300_1600n),
  ]);
  const memory: [number, Uint8Array][] = [
    [image, kimage],
    [pointer, longs([LINEAR + BigInt(image)])],
    ...(core.words ?? []).map(([at, word]): [number, Uint8Array] => [at, longs([word])]),
  ];

  return (bytes, at) => {
    bytes.fill(0);
    const put = (start: bigint, part: Uint8Array) => {
      const from = Number(start - at);
      for (let index = Math.max(0, -from); index < part.length && from + index < bytes.length; index += 1) {
        bytes[from + index] = part[index] ?? 0;
      }
    };
    const current = tasks[0] ?? 0;
    put(0n, headers(notes(current).length));
    put(BigInt(NOTES), notes(current));
    for (const [start, part] of memory) put(RAM + BigInt(start), part);
    if (at === BigInt(NOTES) && tasks.length > 1) tasks.shift();
    return at >= RAM + RAM_SIZE ? 0 : bytes.length;
  };
}

interface World {
  readonly core: Core | undefined;
  /** What clone answers, one after the other; the last one repeats. 0: what goes on is the child. */
  readonly forks?: readonly number[];
  /** What wait4 fills in. */
  readonly status?: number;
  readonly files?: Pretended["files"];
  readonly on?: Pretended["on"];
}

/** Runs `loadem -k`. The kernel refuses every jump with EPERM, so that there is an end: exit code 3. */
function jump({ core, forks = [0], status = 0, files, on }: World, ...args: readonly string[]): LoadRun {
  const machine = core?.machine ?? "ppc64";
  const read = core && coreFile(core);
  const answers = [...forks];
  return loadem(
    folder.path,
    {
      machine,
      pageSize: core?.pageSize ?? 4096,
      files: { "/sys/kernel/kexec_loaded": "1\n", ...(core === undefined ? {} : { "/proc/kcore": "" }), ...files },
      on: {
        pread64: ([, bytes, , at]) => read?.(bytes as Uint8Array, BigInt(at as bigint)) ?? -errno.EBADF,
        clone: () => (answers.length > 1 ? answers.shift() : answers[0]) ?? 0,
        wait4: ([pid, bytes]) => {
          const { buffer, byteOffset } = bytes as Uint8Array;
          new DataView(buffer, byteOffset).setInt32(0, status, abis[machine].endian === "little");
          return Number(pid);
        },
        pipe2: () => -errno.EMFILE,
        reboot: () => -errno.EPERM,
        ...on,
      },
    },
    "-k",
    ...args,
  );
}

const REFUSED = "loadem: reboot: EPERM (operation not permitted): CAP_SYS_BOOT is missing\n";

describe("the process that jumps on ppc64", () => {
  for (const machine of ["ppc64", "ppc64le"] as const) {
    for (const pageSize of [0x1000, 0x10000]) {
      test(`is this one where the image leaves its task_struct whole: ${machine}, pages of ${pageSize}`, () => {
        const { code, err, engine } = jump({ core: { machine, pageSize, tasks: [OUTSIDE] } }, "-v");
        expect([code, err]).toEqual([3, REFUSED]);
        expect(engine.asked("clone")).toEqual([]);
      });

      test(`is another one where the image goes over it: ${machine}, pages of ${pageSize}`, () => {
        const tasks = [INSIDE, INSIDE + 0x1380, OUTSIDE];
        const { code, err, engine, changes } = jump({ core: { machine, pageSize, tasks } }, "-v");
        expect(code).toBe(3);
        expect(err).toBe(
          [
            "loadem: the image goes over this process's task_struct, 0x83ad680-0x83aea00\n",
            "loadem: it leaves that of process 3 whole, 0x2d2d680-0x2d2ea00: this one jumps\n",
            REFUSED,
          ].join(""),
        );
        expect(engine.asked("clone").map(({ args }) => args)).toEqual(Array(2).fill([17, 0, 0, 0, 0]));
        expect(changes).toEqual(["reboot"]);
      });
    }
  }

  test("is found without a word unless -v asks for it", () => {
    expect(jump({ core: { tasks: [INSIDE, OUTSIDE] } }).err).toBe(REFUSED);
  });

  test.each([
    ["ends where a segment begins", 0x600_0000 - TASK_SIZE, 0],
    ["reaches one byte into it", 0x600_0000 - TASK_SIZE + 8, 1],
    ["reaches out of its end", 0x899_0000 - 8, 1],
    ["begins where it ends", 0x899_0000, 0],
    ["lies in the last segment", 0x900_1000, 1],
  ])("is judged to the byte: one that %s", (_, task, forks) => {
    expect(jump({ core: { tasks: [task, OUTSIDE] } }).engine.asked("clone")).toHaveLength(forks);
  });

  test.each([
    [0, 0],
    [3 << 8, 3],
    [1 << 8, 1],
    [130 << 8, 130],
    [9, 137],
  ])("is waited for by those before it, which end as it does: status %i", (status, expected) => {
    const { code, err, changes, engine } = jump({ core: { tasks: [INSIDE] }, forks: [4711], status });
    expect({ code, err, changes }).toEqual({ code: expected, err: "", changes: [] });
    expect(engine.asked("wait4").map(({ args }) => args[0])).toEqual([4711]);
  });

  test.each<[string, NonNullable<Pretended["files"]>, number]>([
    ["/sys tells that it is loaded", { "/sys/kernel/kexec_loaded": "1\n" }, 1],
    ["/sys does not tell", { "/sys/kernel/kexec_loaded": undefined }, 1],
  ])("has its own load undone by the one before it where it is killed and %s", (_, files, unloads) => {
    const range = { start: 0x100_0000n, end: 0x200_0000n };
    const on: Pretended["on"] = {
      pipe2: () => -errno.EMFILE,
      clone: () => 4711,
      wait4: ([pid, bytes]) => {
        (bytes as Uint8Array)[0] = 9;
        return Number(pid);
      },
    };
    const { world, loads } = pretendedWorld(folder.path, { machine: "ppc64le", files, on });
    const system = new System(fakeEngine(world));
    const code = enter(system, {
      option: "-e",
      unload: () => unload(system, false),
      findCopying: () => ({ segments: [range], task: () => range }),
      say: () => {},
    });
    expect([code, loads.length]).toEqual([137, unloads]);
  });

  test("is looked for among 512, then the jump is refused", () => {
    const { code, err, changes, engine } = jump({ core: { tasks: [INSIDE] } });
    expect({ code, changes }).toEqual({ code: 1, changes: [] });
    expect(err).toBe(
      "loadem: -k: the image goes over the task_struct of each of 512 processes, the last one in 0x6000000-0x8990000; " +
        "load it elsewhere (--no-checks jumps all the same)\n",
    );
    expect(engine.asked("clone")).toHaveLength(511);
  });

  test.each([
    [16 * 1024 - 1, 0],
    [16 * 1024, 1],
  ])("is none where Linux would end others for its memory: %i KiB available, %i started", (available, started) => {
    const files = { "/proc/meminfo": `MemTotal: 2097152 kB\nMemFree: 0 kB\nMemAvailable: ${available} kB\n` };
    const { code, err, changes, engine } = jump({ core: { tasks: [INSIDE] }, forks: [4711], files });
    expect(engine.asked("clone")).toHaveLength(started);
    expect({ code, changes }).toEqual({ code: started === 0 ? 1 : 0, changes: [] });
    if (started === 0)
      expect(err).toBe(
        "loadem: -k: the image goes over the task_struct of this process, in 0x6000000-0x8990000, and " +
          "there is no memory for another one; load it elsewhere (--no-checks jumps all the same)\n",
      );
  });

  test("is none where no more can be started", () => {
    const { code, err, changes } = jump({ core: { tasks: [INSIDE] }, forks: [-errno.EAGAIN] });
    expect({ code, changes }).toEqual({ code: 1, changes: [] });
    expect(err).toStartWith("loadem: fork: EAGAIN");
  });

  test("is this one, come what may, with --no-checks", () => {
    const { code, err, engine } = jump({ core: { tasks: [INSIDE] } }, "--no-checks", "-v");
    expect([code, err, engine.asked("pread64")]).toEqual([3, REFUSED, []]);
  });

  test.each(["x86_64", "aarch64"] as const)("is not asked for on %s", (machine) => {
    const { engine } = jump({ core: { machine, tasks: [INSIDE] }, files: WITHOUT_TREE });
    expect([engine.asked("pread64"), engine.asked("clone")]).toEqual([[], []]);
    expect(engine.asked("reboot")).toHaveLength(1);
  });
});

describe("memory is taken before a process is started", () => {
  /** Bytes that were written into pipes before each clone, with so much free. */
  function taken(memFree: string, segments: Core["segments"]): number[] {
    const before: number[] = [];
    let sum = 0;
    jump({
      core: { tasks: [INSIDE], ...(segments && { segments }) },
      forks: [...Array<number>(19).fill(0), -errno.EAGAIN],
      files: { "/proc/meminfo": `MemTotal: 2097152 kB\n${memFree}` },
      on: {
        pipe2: ([ends]) => {
          const { buffer, byteOffset } = ends as Uint8Array;
          for (const [at, end] of [901, 902].entries()) new DataView(buffer, byteOffset).setInt32(4 * at, end);
          return 0;
        },
        fcntl: ([end, command, size]) => {
          expect([end, command, size]).toEqual([902, 1031, 1 << 20]);
          return 1 << 20;
        },
        write: (args, call) => {
          if (args[0] !== 902) return call.pass();
          expect(args[1]).toEqual(new Uint8Array(1 << 20));
          sum += 1 << 20;
          return 1 << 20;
        },
        clone: () => {
          before.push(sum >> 20);
          sum = 0;
          return before.length < 20 ? 0 : -errno.EAGAIN;
        },
      },
    });
    return before;
  }

  /** 64 MiB. */
  const segments = [[0x600_0000, 0x400_0000]] as const;

  test("by 16 of them as much as the image has", () => {
    expect(taken("MemFree: 1000000 kB\n", segments)).toEqual([...Array(16).fill(4), 0, 0, 0, 0]);
  });

  test("but no more than half of what is free", () => {
    expect(taken("MemFree: 65536 kB\n", segments)).toEqual([...Array(16).fill(2), 0, 0, 0, 0]);
  });

  test("none where nobody says what is free", () => {
    expect(taken("", segments)).toEqual(Array(20).fill(0));
  });
});

describe("where the kernel does not show what is asked, the jump is made and -v says why", () => {
  const NOT_CHECKED = "loadem: whether the image goes over this process's task_struct is not checked: ";

  function said(world: World): string {
    const { code, err, engine } = jump(world, "-v");
    expect([code, engine.asked("clone"), err.endsWith(REFUSED)]).toEqual([3, [], true]);
    expect(jump(world).err).toBe(REFUSED);
    return err.slice(0, -REFUSED.length);
  }

  test("no /proc/kcore", () => {
    expect(said({ core: undefined })).toBe(`${NOT_CHECKED}/proc/kcore: ENOENT (no such file or directory)\n`);
  });

  test("one that lockdown closes", () => {
    const on: Pretended["on"] = {
      openat: (args, call) => (args[1] === "/proc/kcore" ? -errno.EPERM : call.pass()),
    };
    expect(said({ core: { tasks: [INSIDE] }, on })).toBe(
      `${NOT_CHECKED}/proc/kcore: EPERM (operation not permitted)\n`,
    );
  });

  test.each([
    ["cannot be read", () => -errno.EIO, "EIO (input/output error)"],
    ["is empty", () => 0, "not an ELF file"],
    ["is no core file", (bytes: Uint8Array) => bytes.length, "not an ELF file"],
  ])("one that %s", (_, answer, fact) => {
    const on: Pretended["on"] = { pread64: ([, bytes]) => answer(bytes as Uint8Array) };
    expect(said({ core: { tasks: [INSIDE] }, on })).toBe(`${NOT_CHECKED}/proc/kcore: ${fact}\n`);
  });

  test.each([
    ["no linux,kernel-end", undefined],
    ["one of three cells", new Uint8Array(12)],
  ])("%s", (_, value) => {
    const files = { "/proc/device-tree/chosen/linux,kernel-end": value };
    expect(said({ core: { tasks: [INSIDE] }, files })).toBe(
      `${NOT_CHECKED}/proc/device-tree/chosen/linux,kernel-end: cannot be read\n`,
    );
  });

  test("no note of a task_struct", () => {
    expect(said({ core: { tasks: [INSIDE], note: 5 } })).toBe(`${NOT_CHECKED}/proc/kcore: shows no task_struct\n`);
  });

  test("a task_struct that does not tell where it lies", () => {
    expect(said({ core: { tasks: [INSIDE], emptyLists: EMPTY_LISTS.slice(0, 2) } })).toBe(
      `${NOT_CHECKED}/proc/kcore: where this process's task_struct lies was not found\n`,
    );
  });

  const notFound = `${NOT_CHECKED}/proc/kcore: the loaded image was not found in the kernel's memory\n`;

  test.each<[string, Partial<Core>]>([
    ["nothing points to", { words: [[0x27c_4070, 0n]] }],
    ["a pointer above the kernel's end points to", { pointer: KERNEL_END }],
    ["lies where no struct kimage can", { image: 0x300_1410 }],
    ["is a crash kernel's, which takes no copying", { head: 4n }],
    ["has a segment within a page", { segments: [[0x500_0800, 0x1000]] }],
    ["has a segment of half a page", { segments: [[0x500_0000, 0x800]] }],
    ["has no segments", { segments: [] }],
  ])("an image that %s", (_, core) => {
    expect(said({ core: { tasks: [INSIDE], ...core } })).toBe(notFound);
  });

  test("a kernel's end that is no address", () => {
    const files = { "/proc/device-tree/chosen/linux,kernel-end": new Uint8Array(8).fill(0xff) };
    expect(said({ core: { tasks: [INSIDE] }, files })).toBe(notFound);
  });
});

describe("the loaded image is found", () => {
  test.each<[string, Partial<Core>]>([
    ["by the last word before the kernel's end", { pointer: KERNEL_END - 8 }],
    ["16 MiB below it", { pointer: KERNEL_END - 0x100_0000 }],
    ["with 16 segments", { segments: Array.from({ length: 16 }, (_, at) => [0x500_0000 + at * 0x80_0000, 0x40_0000]) }],
    [
      "behind pointers to what is no image, or nowhere, or elsewhere",
      {
        words: [
          [0x287_0000, LINEAR + 0x500_0000n],
          [0x287_0008, LINEAR + (1n << 49n)],
          [0x287_0010, 0xc008_0000_0000_0400n],
          [0x287_0018, LINEAR],
          [0x500_0000, 0x1234_0002n],
          [0x500_0008, 1n],
        ],
      },
    ],
  ])("%s", (_, core) => {
    const { engine, err } = jump({ core: { tasks: [INSIDE, OUTSIDE], ...core } }, "-v");
    expect(err).toStartWith("loadem: the image goes over this process's task_struct, 0x83ad680-0x83aea00\n");
    expect(engine.asked("clone")).toHaveLength(1);
  });
});
