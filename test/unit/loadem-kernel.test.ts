// What loadem makes of the kernel's answers, and of interrupts: kexec_load(2), reboot(2), and their refusals.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { Argument } from "../../src/sys/engine.ts";
import { type ErrnoName, errno } from "../../src/sys/errno.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type LoadRun, loadem, type Pretended, WITHOUT_TREE } from "../support/loading.ts";
import { cells } from "../support/tree.ts";

const folder = temporaryFolder();
const SIGHUP = 1;
const SIGINT = 2;
const SIGQUIT = 3;
const SIGTERM = 15;
const INTERRUPTS = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

function run(pretended: Pretended, ...args: string[]): LoadRun {
  writeFileSync(folder.in("F"), new Uint8Array(0x1000));
  return loadem(folder.path, pretended, ...args.map((arg) => (arg === "F" ? folder.in("F") : arg)));
}

/** Loads one good page; the kernel answers with `name`. */
function answered(name: ErrnoName, pretended: Pretended = {}, ...args: string[]): LoadRun {
  return run({ ...pretended, answers: [-errno[name]] }, ...args, "-a", "0x10000000", "-e", "-f", "F");
}

const CALL = "kexec_load(entry 0x10000000, 1 segment, arch 0)";

/** Exit code 3, and one line of which only the cause is returned. */
function cause(result: LoadRun, call = CALL): string {
  const { code, err, out } = result;
  expect({ code, out: out.length, lines: err.split("\n").length }).toEqual({ code: 3, out: 0, lines: 2 });
  const start = `loadem: ${call}: `;
  expect(err).toStartWith(start);
  return err.slice(start.length, -1);
}

describe("EPERM", () => {
  const says = (text: string) => `EPERM (operation not permitted): ${text}`;
  const lockdown = { "/sys/kernel/security/lockdown": "none [integrity] confidentiality\n" };
  const used = { "/proc/sys/kernel/kexec_load_limit_reboot": "0\n", "/proc/sys/kernel/kexec_load_limit_panic": "-1\n" };
  const disabled = { "/proc/sys/kernel/kexec_load_disabled": "1\n" };

  test("without CAP_SYS_BOOT is the caller's, whatever else there may be", () => {
    const files = { ...lockdown, ...used, ...disabled, "/proc/self/status": "Uid:\t0\nCapEff:\t000001ffffbfffff\n" };
    expect(cause(answered("EPERM", { files, on: { geteuid: () => 1000 } }))).toBe(
      says("CAP_SYS_BOOT is missing (user id 1000)"),
    );
  });

  test("without CAP_SYS_BOOT is told by the user id where /proc is not mounted", () => {
    const files = { "/proc/self/status": undefined };
    expect(cause(answered("EPERM", { files, on: { geteuid: () => 33 } }))).toBe(
      says("CAP_SYS_BOOT is missing (user id 33)"),
    );
    expect(cause(answered("EPERM", { files, on: { geteuid: () => 0 } }))).toStartWith(says("a security module or IMA"));
  });

  test("with CAP_SYS_BOOT alone is not the caller's", () => {
    const files = { "/proc/self/status": "CapEff:\t0000000000400000\n" };
    expect(cause(answered("EPERM", { files }))).toStartWith(says("a security module or IMA"));
  });

  test("names kernel.kexec_load_disabled", () => {
    expect(cause(answered("EPERM", { files: { ...lockdown, ...used, ...disabled } }))).toBe(
      says("kernel.kexec_load_disabled is 1 until the next boot"),
    );
  });

  test("names the limit that is used up, of those only the one that counts here", () => {
    const zero = { ...used, "/proc/sys/kernel/kexec_load_disabled": "0\n" };
    const panic = {
      "/proc/sys/kernel/kexec_load_limit_reboot": "-1\n",
      "/proc/sys/kernel/kexec_load_limit_panic": "0\n",
    };
    expect(cause(answered("EPERM", { files: zero }))).toBe(
      says("kernel.kexec_load_limit_reboot is used up until the next boot"),
    );
    expect(cause(answered("EPERM", { files: panic }))).toStartWith(says("a security module or IMA"));
    const crash = `${CALL.slice(0, -1)}, on crash)`;
    expect(cause(answered("EPERM", { files: panic }, "-p", "--no-checks"), crash)).toBe(
      says("kernel.kexec_load_limit_panic is used up until the next boot"),
    );
  });

  test.each(["integrity", "confidentiality"])("names lockdown's %s; no other way loads raw segments", (mode) => {
    const files = { "/sys/kernel/security/lockdown": `none integrity confidentiality\n`.replace(mode, `[${mode}]`) };
    expect(cause(answered("EPERM", { files }))).toBe(says(`kernel lockdown is ${mode}`));
  });

  test("with none of these is a security module's", () => {
    for (const files of [{}, { "/sys/kernel/security/lockdown": "[none] integrity confidentiality\n" }]) {
      expect(cause(answered("EPERM", { files }))).toBe(says("a security module or IMA policy refuses it"));
    }
  });
});

describe("a kernel that was built without the call", () => {
  /** Above all memory. */
  const ABOVE = ["-a", "0x90000000", "-e", "-f", "F"];

  test.each([[[]], [["kexec_file_load"]]] as const)(
    "is told before what is wrong with the image, also of %j",
    (more) => {
      for (const mode of [[], ["-p"], ["--diagnose"]]) {
        const result = run({ lacks: ["kexec_load", ...more] }, ...mode, ...ABOVE);
        expect(cause(result, "kexec_load")).toBe("the running kernel was built without CONFIG_KEXEC");
        expect(result.changes).toEqual([]);
      }
    },
  );

  test("is no matter where nothing is loaded, and not asked about where a seccomp filter is set", () => {
    const lacks = ["kexec_load"] as const;
    expect(run({ lacks }, "-n", ...ABOVE).err).toContain("not within the machine's memory");
    const files = { "/proc/self/status": "CapEff:\t000001ffffffffff\nSeccomp:\t2\n" };
    expect(run({ lacks, files }, ...ABOVE).err).toContain("not within the machine's memory");
  });
});

describe("an error that no segment is to blame for", () => {
  test.each([
    ["EACCES", "EACCES (permission denied): a security module or IMA policy refuses unsigned loads"],
    ["ENOSYS", "ENOSYS (function not implemented): the running kernel was built without CONFIG_KEXEC"],
    ["EBUSY", "EBUSY (device or resource busy): another load is under way"],
    [
      "ENOMEM",
      "ENOMEM (cannot allocate memory): the kernel found no memory to copy the segments into: they take 0x1000 bytes, " +
        "and 0xfa000 are free",
    ],
    [
      "EFAULT",
      "EFAULT (bad address): part of a file is not there: it shrank meanwhile, or its file system was full when it was " +
        "written",
    ],
    ["EINVAL", "EINVAL (invalid argument): the kernel does not say why; --diagnose finds the segment"],
    ["ETXTBSY", "ETXTBSY (text file busy): a segment lies over the running kernel or a TCE table; --diagnose finds it"],
    [
      "EADDRNOTAVAIL",
      "EADDRNOTAVAIL (cannot assign requested address): a segment lies where the kernel loads none; --diagnose finds " +
        "it",
    ],
    ["EIO", "EIO (input/output error): the kernel does not say why"],
  ] as const)("%s is explained as far as it can be", (name, text) => {
    expect(cause(answered(name))).toBe(text);
  });
});

describe("an error that our checks explain, for those who skipped them,", () => {
  test.each([
    [
      "ETXTBSY",
      ["-a", "0x10000", "-e", "-f", "F"],
      "0x10000",
      1,
      "segment 0 (0x10000-0x11000, FILE) of argument 2 (-a): starts below 0x2880000, where the running kernel ends",
    ],
    [
      "EADDRNOTAVAIL",
      ["-a", "0x10000000", "-e", "-f", "F", "-a", "0x20000001", "-f", "F"],
      "0x10000000",
      2,
      "segment 1 (0x20000001-0x20001001, FILE) of argument 7 (-a): the start 0x20000001 is not a multiple of the " +
        "running kernel's pages of 0x1000 bytes",
    ],
    [
      "EADDRNOTAVAIL",
      ["-a", "0xfffffffffffff000", "-z", "0x2000"],
      "0x0",
      1,
      "segment 0 (0xfffffffffffff000-0x10000000000001000, zeros) of argument 2 (-a): ends above 2^64",
    ],
    [
      "EINVAL",
      ["-a", "0x10000000", "-e", "-f", "F", "-a", "0x20000000", "-f", "F", "-a", "0x20000000", "-f", "F"],
      "0x10000000",
      3,
      "segment 2 (0x20000000-0x20001000, FILE) of argument 11 (-a): overlaps segment 1 (0x20000000-0x20001000, FILE)",
    ],
    [
      "EINVAL",
      ["-a", "0x10000000", "-e", "-f", "F", "-a", "0x20000000", "-z", "0x50000000"],
      "0x10000000",
      2,
      "segment 1 (0x20000000-0x70000000, zeros) of argument 7 (-a): 0x50000000 bytes are more than half of the RAM, 0x40000000",
    ],
    [
      "EINVAL",
      Array.from({ length: 17 }, (_, n) => ["-a", `${n * 4096}`, "-f", "F"]).flat(),
      "0x0",
      17,
      "17 segments: the kernel takes at most 16",
    ],
  ] as const)("%s names the segment", (name, args, entry, count, text) => {
    const result = run({ answers: [-errno[name]] }, "--no-checks", ...args);
    expect(cause(result, `kexec_load(entry ${entry}, ${count} segment${count === 1 ? "" : "s"}, arch 0)`)).toMatch(
      /^E[A-Z]+ \([a-z ]+\): /,
    );
    expect(result.err).toEndWith(`): ${text.replaceAll("FILE", folder.in("F"))}\n`);
  });

  test("EADDRNOTAVAIL names the crash kernel's memory", () => {
    const files = {
      "/proc/device-tree/chosen/linux,crashkernel-base": cells(0, 0x10000000),
      "/proc/device-tree/chosen/linux,crashkernel-size": cells(0, 0x8000000),
    };
    const { err } = run(
      { files, answers: [-errno.EADDRNOTAVAIL] },
      "-p",
      "--no-checks",
      "-t",
      "21",
      "-a",
      "0x20000000",
      "-e",
      "-f",
      "F",
    );
    expect(err).toBe(
      "loadem: kexec_load(entry 0x20000000, 1 segment, arch 21, on crash): EADDRNOTAVAIL (cannot assign " +
        `requested address): segment 0 (0x20000000-0x20001000, ${folder.in("F")}) of argument 5 (-a): not within the crash kernel's ` +
        `memory 0x10000000-0x18000000\n`,
    );
  });

  test("does not take the explanation of another error", () => {
    const result = run({ answers: [-errno.EINVAL] }, "--no-checks", "-a", "0x10001", "-e", "-f", "F");
    expect(result.err).toEndWith(
      ": EINVAL (invalid argument): the kernel does not say why; --diagnose finds the segment\n",
    );
  });
});

describe("--diagnose", () => {
  const three = [
    "--diagnose",
    "--no-checks",
    "-a",
    "0x10000000",
    "-e",
    "-f",
    "F",
    "-a",
    "0x20000000",
    "-f",
    "F",
    "-a",
    "0x30000000",
    "-f",
    "F",
  ];
  const sizes = ({ loads }: LoadRun) => loads.map(({ segments }) => segments.length);

  test("names the segment with which the kernel begins to refuse, and leaves nothing loaded", () => {
    const result = run({ answers: [0, 0, 0, -errno.EINVAL] }, ...three);
    expect([result.code, result.out.length]).toEqual([3, 0]);
    expect(result.err).toBe(
      `loadem: segment 1 (0x20000000-0x20001000, ${folder.in("F")}) of argument 8 (-a): the kernel refuses it: EINVAL ` +
        `(invalid argument)\n`,
    );
    expect(sizes(result)).toEqual([0, 1, 0, 2]);
  });

  test("says so where the kernel takes them all, and leaves nothing loaded", () => {
    const result = run({}, ...three);
    expect({ code: result.code, err: result.err }).toEqual({
      code: 0,
      err: "loadem: the kernel takes all 3 segments; nothing is loaded now\n",
    });
    expect(sizes(result)).toEqual([0, 1, 0, 2, 0, 3, 0]);
  });

  test("says that a part stays loaded where the kernel does not unload it", () => {
    const result = run({ answers: [0, 0, -errno.EBUSY] }, ...three);
    expect(result.code).toBe(3);
    expect(result.err).toMatch(/^loadem: kexec_load\(unload\): EBUSY .*; a part of the image stays loaded\n$/);
    expect(sizes(result)).toEqual([0, 1, 0]);
  });

  test("has nothing to unload, and to tell of that, where the kernel takes nothing any more", () => {
    const result = run({ answers: [0, 0, 0, -errno.EADDRNOTAVAIL, -errno.EBUSY] }, ...three);
    expect(result.err).toMatch(/^loadem: segment 1 \(.*: the kernel refuses it: EADDRNOTAVAIL [^;]*\n$/);
    const busy = run({ answers: [0, -errno.EBUSY, -errno.EBUSY] }, ...three);
    expect(busy.err).toMatch(/^loadem: kexec_load\(entry .*, 1 segment, .*\): EBUSY .*: another load is under way\n$/);
  });

  test("blames no segment for what is wrong with every call", () => {
    const result = run({ answers: [-errno.ENOSYS] }, ...three);
    expect(result.code).toBe(3);
    expect(result.err).toBe(
      "loadem: kexec_load(unload): ENOSYS (function not implemented): the running kernel was built without " +
        "CONFIG_KEXEC\n",
    );
    expect(sizes(result)).toEqual([0]);
  });

  test("concerns the crash kernel where that is meant", () => {
    const { loads } = run({}, "-p", ...three);
    expect(loads.map(({ flags }) => flags)).toEqual([1n, 1n, 1n, 1n, 1n, 1n, 1n]);
  });

  test("holds interrupts until nothing is loaded", () => {
    const { engine } = run({}, ...three);
    const order = engine.calls
      .map(({ name }) => name)
      .filter((name) => name === "kexec_load" || name === "rt_sigprocmask");
    expect(order).toEqual([
      "kexec_load",
      "rt_sigprocmask",
      ...Array.from({ length: 6 }, () => "kexec_load" as const),
      "rt_sigprocmask",
    ]);
  });
});

describe("the pages of what is loaded", () => {
  /** The calls about memory and the load, in order. */
  const callsOf = (pretended: Pretended): string[] => {
    const { code, engine } = run(pretended, "-a", "0x10000000", "-e", "-f", "F", "-a", "0x10010000", "-f", "F");
    expect(code).toBe(0);
    return engine.calls
      .filter(({ name }) => name === "madvise" || name === "kexec_load")
      .map(({ name, args }) => (name === "madvise" ? `${name} ${args[1]} bytes, ${args[2]}` : name));
  };

  test("are read in before the kernel copies them", () => {
    const readIn = "madvise 4096 bytes, 22"; // MADV_POPULATE_READ
    expect(callsOf({})).toEqual([readIn, readIn, "kexec_load"]);
  });

  test("are left to the kernel where it is older than 5.14", () => {
    expect(callsOf({ on: { madvise: () => -errno.EINVAL } })).toContain("kexec_load");
  });
});

describe("-u", () => {
  const ways = [
    [["-u"], 0n],
    [["--unload"], 0n],
    [["-u", "-p"], 1n],
    [["-pu"], 1n],
  ] as const;

  test.each(ways)("%j forgets what is loaded", (args, flags) => {
    const { code, err, out, loads } = run({}, ...args);
    expect({ code, err, out: out.length }).toEqual({ code: 0, err: "", out: 0 });
    expect(loads).toEqual([{ entry: 0n, flags, segments: [] }]);
  });

  test("says why the kernel refuses it", () => {
    const files = { "/proc/sys/kernel/kexec_load_disabled": "1\n" };
    expect(cause(run({ files, answers: [-errno.EPERM] }, "-u"), "kexec_load(unload)")).toBe(
      "EPERM (operation not permitted): kernel.kexec_load_disabled is 1 until the next boot",
    );
  });

  test("under lockdown names the way that works, also for a crash kernel", () => {
    const files = { "/sys/kernel/security/lockdown": "none [integrity] confidentiality\n" };
    const says = (way: string) => `EPERM (operation not permitted): kernel lockdown is integrity; ${way}`;
    expect(cause(run({ files, answers: [-errno.EPERM] }, "-u"), "kexec_load(unload)")).toBe(
      says("kexec -s -u (kexec_file_load) unloads"),
    );
    expect(cause(run({ files, answers: [-errno.EPERM] }, "-u", "-p"), "kexec_load(unload, on crash)")).toBe(
      says("kexec -s -p -u (kexec_file_load) unloads"),
    );
    const diagnosed = run({ files, answers: [-errno.EPERM] }, "--diagnose", "-a", "0x10000000", "-e", "-f", "F");
    expect(cause(diagnosed, "kexec_load(unload)")).toBe(
      "EPERM (operation not permitted): kernel lockdown is integrity",
    );
  });

  test.each(["EPERM", "EACCES"] as const)("names that way for a security module's %s too", (name) => {
    expect(cause(run({ answers: [-errno[name]] }, "-u"), "kexec_load(unload)")).toEndWith(
      "; kexec -s -u (kexec_file_load) unloads",
    );
  });
});

describe("-k", () => {
  const loaded = { "/sys/kernel/kexec_loaded": "1\n" };

  test("with nothing loaded is refused with 1 and without a call", () => {
    const { code, err, changes, engine } = run({}, "-k");
    expect({ code, err, changes }).toEqual({
      code: 1,
      err: "loadem: -k: no kernel is loaded\n",
      changes: [],
    });
    expect(engine.asked("sync")).toEqual([]);
  });

  test("with only a crash kernel loaded is refused too", () => {
    const { code, changes } = run({ files: { "/sys/kernel/kexec_crash_loaded": "1\n" } }, "-k");
    expect([code, changes]).toEqual([1, []]);
  });

  test.each(["-k", "--reboot"])("%s syncs, then asks for the jump", (option) => {
    class Jumped extends Error {}
    const asked: unknown[] = [];
    const world: Pretended = {
      files: loaded,
      on: {
        sync: () => {
          asked.push("sync");
          return 0;
        },
        reboot: (args) => {
          asked.push(args);
          throw new Jumped();
        },
      },
    };
    expect(() => run(world, option)).toThrow(Jumped);
    expect(asked).toEqual(["sync", [0xfee1dead, 0x28121969, 0x45584543, null]]);
  });

  test.each([
    ["EINVAL", "EINVAL (invalid argument): one is loaded, but a PID namespace, as containers have, may not enter it"],
    ["EPERM", "EPERM (operation not permitted): CAP_SYS_BOOT is missing"],
    ["ENOSYS", "ENOSYS (function not implemented)"],
  ] as const)("ends with 3 where the kernel answers %s", (name, text) => {
    const { code, err } = run({ files: loaded, on: { reboot: () => -errno[name] } }, "-k");
    expect({ code, err }).toEqual({ code: 3, err: `loadem: reboot: ${text}\n` });
  });

  test("lets the kernel judge where /sys is not mounted", () => {
    const { code, err } = run(
      { files: { "/sys/kernel/kexec_loaded": undefined }, on: { reboot: () => -errno.EINVAL } },
      "-k",
    );
    expect({ code, err }).toEqual({
      code: 3,
      err: "loadem: reboot: EINVAL (invalid argument): no kernel is loaded\n",
    });
  });
});

describe("an interrupt", () => {
  const maskOf = (numbers: readonly number[]) =>
    numbers.reduce((mask, number) => mask | (1n << BigInt(number - 1)), 0n);

  /** As ppc64 has it, big endian. */
  function firstLong(bytes: Argument | undefined): bigint {
    const { buffer, byteOffset } = bytes as Uint8Array;
    return new DataView(buffer, byteOffset).getBigUint64(0);
  }

  /** Comes while `during` is under way; `story` gets the calls that matter, in order. */
  function interrupted(
    signal: number,
    during: "kexec_load" | "sync",
    story: string[],
    answers: number[] = [],
    ignored: readonly number[] = [],
  ): Pretended {
    let came = false;
    return {
      files: { "/sys/kernel/kexec_loaded": "1\n" },
      on: {
        rt_sigprocmask: ([how, set]) => {
          expect(firstLong(set)).toBe(maskOf(INTERRUPTS.filter((number) => !ignored.includes(number))));
          story.push(how === 0 ? "hold" : "release");
          return 0;
        },
        rt_sigaction: ([number, action, before]) => {
          if (action === null && ignored.includes(Number(number))) (before as Uint8Array)[7] = 1;
          if (action !== null && INTERRUPTS.includes(Number(number))) {
            expect(firstLong(action)).toBe(1n);
            story.push(`ignore ${number}`);
          }
          return 0;
        },
        kexec_load: (args) => {
          story.push(args[1] === 0 ? `unload ${args[3]}` : "load");
          if (during === "kexec_load") came = true;
          return answers.shift() ?? 0;
        },
        sync: () => {
          story.push("sync");
          if (during === "sync") came = true;
          return 0;
        },
        rt_sigpending: ([set]) => {
          const bytes = set as Uint8Array;
          const pending = came ? 1n << BigInt(signal - 1) : 0n;
          new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(0, pending);
          return 0;
        },
      },
    };
  }

  /** With the exit codes they end in. */
  const signals = [
    [SIGHUP, 129],
    [SIGINT, 130],
    [SIGQUIT, 131],
    [SIGTERM, 143],
  ] as const;
  const end = ["ignore 1", "ignore 2", "ignore 3", "ignore 15", "release"];

  test("that is ignored, as under nohup, changes nothing", () => {
    const story: string[] = [];
    const result = run(interrupted(SIGHUP, "kexec_load", story, [], [SIGHUP]), "-a", "0x10000000", "-e", "-f", "F");
    expect({ code: result.code, story }).toEqual({
      code: 0,
      story: ["hold", "load", ...end.filter((step) => step !== "ignore 1")],
    });
  });

  test.each(signals)("by signal %i during the load ends with %i and nothing loaded", (signal, code) => {
    const story: string[] = [];
    const result = run(interrupted(signal, "kexec_load", story), "-a", "0x10000000", "-e", "-f", "F");
    expect({ code: result.code, err: result.err, out: result.out.length }).toEqual({ code, err: "", out: 0 });
    expect(story).toEqual(["hold", "load", "unload 0", ...end]);
  });

  test.each([
    ["kexec_load", ["-a", "0x10000000", "-e", "-f", "F"], [0, -errno.EBUSY], "the image"],
    ["sync", ["-k"], [-errno.EBUSY], "the kernel"],
  ] as const)("during %s says what stays loaded where that cannot be undone", (during, args, answers, what) => {
    const result = run(interrupted(SIGINT, during, [], [...answers]), ...args);
    expect(result.code).toBe(3);
    expect(result.err).toMatch(new RegExp(`^loadem: kexec_load\\(unload\\): EBUSY .*; ${what} stays loaded\n$`));
  });

  test("while a crash kernel is loaded unloads that one", () => {
    const story: string[] = [];
    const world = interrupted(SIGINT, "kexec_load", story);
    expect(run(world, "-p", "--no-checks", "-a", "0x10000000", "-e", "-f", "F").code).toBe(130);
    expect(story).toEqual(["hold", "load", "unload 1", ...end]);
  });

  test("that no one sends leaves the kernel loaded", () => {
    const story: string[] = [];
    const world = interrupted(SIGINT, "sync", story);
    expect(run(world, "-a", "0x10000000", "-e", "-f", "F").code).toBe(0);
    expect(story).toEqual(["hold", "load", ...end]);
  });

  test("during a load that the kernel refuses does not hide the refusal", () => {
    const story: string[] = [];
    const { code, err } = run(
      interrupted(SIGINT, "kexec_load", story, [-errno.EBUSY]),
      "-a",
      "0x10000000",
      "-e",
      "-f",
      "F",
    );
    expect([code, err]).toEqual([3, `loadem: ${CALL}: EBUSY (device or resource busy): another load is under way\n`]);
    expect(story).toEqual(["hold", "load", ...end]);
  });

  test("is told from an unload that the kernel refuses", () => {
    const story: string[] = [];
    const { code, err } = run(
      interrupted(SIGINT, "kexec_load", story, [0, -errno.EBUSY]),
      "-a",
      "0x10000000",
      "-e",
      "-f",
      "F",
    );
    expect(code).toBe(3);
    expect(err).toContain("kexec_load(unload): EBUSY");
  });

  test.each(signals)("by signal %i before the jump unloads instead of jumping", (signal, code) => {
    const story: string[] = [];
    const result = run(interrupted(signal, "sync", story), "-k");
    expect([result.code, result.changes]).toEqual([code, ["kexec_load"]]);
    expect(story).toEqual(["hold", "sync", "unload 0", ...end]);
  });
});

describe("the checks", () => {
  test("are made before anything is held, synced or loaded", () => {
    const { code, changes, engine } = run({}, "-a", "0x10000001", "-e", "-f", "F");
    expect({ code, changes }).toEqual({ code: 1, changes: [] });
    const names = new Set(engine.calls.map(({ name }) => name));
    for (const name of ["reboot", "sync", "rt_sigprocmask"] as const) expect(names.has(name)).toBe(false);
  });

  test("on x86-64 work without a device tree", () => {
    const result = run(
      { machine: "x86_64", files: WITHOUT_TREE },
      "-a",
      "0x10000000",
      "-e",
      "-f",
      "F",
      "-a",
      "0x20000000",
      "-z",
      "0x50000000",
    );
    expect([result.code, result.changes]).toEqual([1, []]);
    expect(result.err).toEndWith("0x50000000 bytes are more than half of the RAM, 0x40000000\n");
  });
});
