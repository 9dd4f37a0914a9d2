// What loadem refuses before the kernel is asked: exit code, one line, and no call that changes anything.

import { describe, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { v2wrapBytes } from "../../src/arch/ppc64/stub.ts";
import { temporaryFolder } from "../support/folder.ts";
import {
  KERNEL_END,
  type LoadRun,
  loadem,
  type Pretended,
  runPretended,
  segmentOf,
  WITHOUT_TREE,
  withoutPlace,
} from "../support/loading.ts";
import { cells } from "../support/tree.ts";

const folder = temporaryFolder();

function file(name: string, content: Uint8Array = new Uint8Array(0x1000)): string {
  writeFileSync(folder.in(name), content);
  return folder.in(name);
}

function run(pretended: Pretended, ...args: string[]): LoadRun {
  return loadem(folder.path, pretended, ...args);
}

/** The exit code and the one line; nothing was printed, nothing was changed. */
function refused({ code, err, out, changes }: LoadRun): string {
  expect({ out: out.toString(), changes, lines: err.split("\n").length }).toEqual({
    out: "",
    changes: [],
    lines: 2,
  });
  expect(err).toStartWith("loadem: ");
  expect(code).not.toBe(0);
  return `${code} ${withoutPlace(err).slice("loadem: ".length, -1)}`;
}

/** Split at blanks; F is a file of one page. */
function words(line: string): string[] {
  return line
    .split(" ")
    .filter((word) => word !== "")
    .map((word) => (word === "F" ? file("F") : word));
}

function refusedLine(line: string, pretended: Pretended = {}): string {
  return refused(run(pretended, ...words(line))).replaceAll(`${folder.path}/`, "");
}

/** Whether it is loaded, with one call, and nothing is said but what could not be checked. */
function taken(line: string, pretended: Pretended = {}): boolean {
  const { code, loads, err } = run(pretended, ...words(line));
  expect(err.split("\n").filter((each) => each !== "" && !each.includes(" is not checked: "))).toEqual([]);
  return code === 0 && loads.length === 1;
}

function tree(address: string, machine: Pretended = {}, version = 17): Buffer {
  return runPretended(folder.path, machine, "fs2dt", "-V", `${version}`, "-b", address, "/proc/device-tree").out;
}

/** Bytes that the device tree's records, names and so on each begin with. */
const READING_A_TREE = 0x10000;

describe("usage errors name the argument and end with 2", () => {
  test.each([
    ["-f F", "argument 1 (-f): no segment yet: -a opens one"],
    ["-r 0x1000 -s", "argument 3 (-s): no segment yet: -a opens one"],
    ["-e -a 0x10000000 -f F", "argument 1 (-e): no segment yet: -a opens one"],
    ["-4", "argument 1 (-4): no segment yet: -a opens one"],
    ["-z 1", "argument 1 (-z): no segment yet: -a opens one"],
    ["-w", "argument 1 (-w): no segment yet: -a opens one"],
    ["-c 0x100", "argument 1 (-c): no segment yet: -a opens one"],
    ["--poke 0=1", "argument 1 (--poke): no segment yet: -a opens one"],
    ["-a 0x10000000 -c 0x100 -f F", "argument 3 (-c): there is no segment before this one to chain it to"],
    ["-a 0x10000000 -e -f F -e", "argument 6 (-e): the entry is set already"],
    ["-a 0x10000000 -eef F", "argument 3 (-e): the entry is set already"],
    ["-a 0x10000000 -ss", "argument 3 (-s): standard input was read already"],
    ["", "no segment: -a opens one; --help lists all options"],
    ["-n", "no segment: -a opens one; --help lists all options"],
    ["-a", "argument 1 (-a): needs ADDR"],
    ["-a 0x10000000 -f", "argument 3 (-f): needs FILE"],
    ["-x", "argument 1 (-x): no such option: --help lists them"],
    ["-a 0x10000000 -ex", "argument 3 (-x): no such option: --help lists them"],
    ["--adress 1", "argument 1 (--adress): no such option: did you mean --address?"],
    ["--entry=1", "argument 1 (--entry): takes no value"],
    ["F", "'F': not an option, and nothing else is expected"],
    ["-a 0x10000000 -f F -e -- F", "'F': not an option, and nothing else is expected"],
    ["-a 0x10000000 -e -f F extra", "'extra': not an option, and nothing else is expected"],
    ["--endian middle", "argument 1 (--endian): 'middle' is neither big nor little"],
    [
      "--secondaries few",
      "argument 1 (--secondaries): 'few' is not a number below 2^64 (decimal, 0x hexadecimal or 0 octal)",
    ],
    ["--secondaries 0x7fff", "argument 1 (--secondaries): the stub counts at most 32766 cpus"],
    [
      "-a 0x10000000 -e -f F --secondaries 1",
      "--secondaries: the entry is not our ppc64 stub, nothing else waits for cpus",
    ],
    ["-k -n", "argument 2 (-n): does not go with --reboot"],
    ["-a 1 -k", "argument 1 (-a): does not go with --reboot"],
    ["-k -u", "argument 2 (-u): does not go with --reboot"],
    ["-p -u -n", "argument 3 (-n): does not go with --unload"],
  ])("loadem %s", (line, message) => {
    expect(refusedLine(line, { stdin: Buffer.from("x") })).toBe(`2 ${message}`);
  });

  test.each([
    "",
    "x",
    "0x",
    "-1",
    "1e3",
    "0x5000_100",
    "08",
    "1.5",
    " 1",
    "0b1",
    "10000000000000000000000",
    "18446744073709551616",
    "0x10000000000000000",
  ])("'%s' is no address", (text) => {
    const says = `argument 1 (-a): '${text}' is not a number below 2^64 (decimal, 0x hexadecimal or 0 octal)`;
    expect(refused(run({}, "-a", text))).toBe(`2 ${says}`);
  });
});

describe("files", () => {
  test.each([
    ["none", "1 argument 4 (-f) none: ENOENT (no such file or directory)"],
    ["directory", "1 argument 4 (-f) directory: is a directory, not a file"],
    ["pipe", "1 argument 4 (-f) pipe: is a fifo, not a file"],
    ["empty", "1 empty: the file is empty"],
  ])("%s is refused", (name, message) => {
    mkdirSync(folder.in("directory"));
    file("empty", new Uint8Array(0));
    Bun.spawnSync(["mkfifo", folder.in("pipe")]);
    expect(refused(run({}, "-a", "0x10000000", "-e", "-f", folder.in(name))).replaceAll(`${folder.path}/`, "")).toBe(
      message,
    );
  });

  test("an endless device is refused before it is read", () => {
    const { engine, ...rest } = run({}, "-a", "0x10000000", "-f", "/dev/zero");
    expect(refused({ engine, ...rest })).toBe("1 argument 3 (-f) /dev/zero: is a device, not a file");
    expect(engine.asked("read").map(({ path }) => path)).not.toContain("/dev/zero");
  });

  test("an empty one between others is refused, for nothing of it would be loaded", () => {
    const empty = file("empty", new Uint8Array(0));
    expect(refused(run({}, "-r", "0x1000", "-a", "0x10000000", "-e", "-f", file("F"), "-f", empty))).toBe(
      `1 ${empty}: the file is empty`,
    );
  });

  test("a segment with nothing at all in it is refused", () => {
    expect(refusedLine("-a 0x10000000 -e -f F -a 0x20000000")).toBe(
      "1 argument 6 (-a) 0x20000000: the segment is empty: neither bytes nor -z",
    );
    expect(refusedLine("-a 0x20000000 -z 0")).toBe(
      "1 argument 1 (-a) 0x20000000: the segment is empty: neither bytes nor -z",
    );
  });

  test("a name is shown as a terminal may see it", () => {
    expect(refused(run({}, "-a", "0x10000000", "-f", "/x\xff\n\x1b[2J"))).toBe(
      "1 argument 3 (-f) /x\\xff\\x0a\\x1b[2J: ENOENT (no such file or directory)",
    );
  });

  test("where one segment becomes two no place is told for either alone", () => {
    truncateSync(file("sparse"), 3 * 2 ** 30);
    const large = {
      files: {
        "/proc/device-tree/memory@40000000/reg": cells(1, 0, 4, 0),
        "/proc/meminfo": "MemTotal:       17825792 kB\n",
      },
    };
    const words = ["-r", "0x1000", "-a", "0x5000000", "-e", "-f", file("F"), "-a", "0xf0000000", "-f"];
    const said = () => run(large, ...words, folder.in("sparse")).err.replaceAll(/, \S+sparse\)|memory .*; /g, "");
    expect(said()).toMatch(
      /^loadem: segment 1 \(0xf0000000-0x16ff00000: not within the machine's memory [-0-9a-fx ]+\n$/,
    );
    truncateSync(folder.in("sparse"), 2 ** 30);
    expect(said()).toEndWith(": not within the machine's free for it is 0x100000000 (up to 0x500000000)\n");
  });
});

describe("a file that changes while it is loaded", () => {
  const changes: [string, number, (path: string) => void, RegExp][] = [
    [
      "grows",
      0x1000,
      (path) => appendFileSync(path, "more"),
      /^1 F: changed while it was read: 4096 bytes before, 4100 now$/,
    ],
    ["shrinks", 0x1000, (path) => truncateSync(path, 5), /^1 F: ended after 5 of 4096 bytes$/],
    ["is emptied", 0x1000, (path) => truncateSync(path, 0), /^1 F: ended after 0 of 4096 bytes$/],
    [
      "grows, mapped,",
      0x200000,
      (path) => appendFileSync(path, "more"),
      /^1 F: changed while it was read: 2097152 bytes before, 2097156 now$/,
    ],
    [
      "shrinks, mapped,",
      0x200000,
      (path) => truncateSync(path, 0x1ff000),
      /^1 F: changed while it was read: 2097152 bytes before, 2093056 now$/,
    ],
    [
      "is emptied, mapped, with a word to be stored in it,",
      0x200000,
      (path) => truncateSync(path, 0),
      /^1 F: changed while it was read: 2097152 bytes before, 0 now$/,
    ],
    [
      "is written anew in its size",
      0x1000,
      (path) => writeFileSync(path, new Uint8Array(0x1000).fill(1)),
      /^1 F: changed while it was read: 4096 bytes before, 4096 now$/,
    ],
  ];

  test.each(changes)("%s is refused where it changes after it was measured", (name, size, change, message) => {
    const path = file("F", new Uint8Array(size));
    utimesSync(path, 1, 1);
    let done = false;
    const result = run(
      {
        on: {
          statx: (_args, call) => {
            const result = call.pass();
            if (call.path === path && !done) {
              done = true;
              change(path);
              // Size and time tell of a change, each alone.
              utimesSync(path, 1, name.includes("size") ? 2 : 1);
            }
            return result;
          },
        },
      },
      "-a",
      "0x10000000",
      "-e",
      "-f",
      path,
      "--poke",
      "0=1",
    );
    expect(done).toBe(true);
    expect(refused(result).replaceAll(`${folder.path}/`, "")).toMatch(message);
  });

  test("is refused where it changes last of all, while the checks are made", () => {
    const path = file("F");
    const result = run(
      {
        on: {
          openat: (_args, call) => {
            if (call.path === "/proc/meminfo") appendFileSync(path, "more");
            return call.pass();
          },
        },
      },
      "-a",
      "0x10000000",
      "-e",
      "-f",
      path,
    );
    expect(refused(result)).toBe(`1 ${path}: changed while it was read: 4096 bytes before, 4100 now`);
  });

  test("is opened once, and replaced by another file of its name does no harm", () => {
    const path = file("F", new Uint8Array(0x1000).fill(1));
    const { engine, loads } = run(
      {
        on: {
          openat: (_args, call) => {
            if (call.path === "/proc/meminfo") {
              Bun.spawnSync(["mv", file("G", new Uint8Array(0x1000).fill(2)), path]);
            }
            return call.pass();
          },
        },
      },
      "-a",
      "0x10000000",
      "-e",
      "-f",
      path,
    );
    expect(segmentOf(loads[0], 0).bytes[0]).toBe(1);
    expect(engine.asked("openat").filter((call) => call.path === path).length).toBe(1);
  });
});

describe("standard input", () => {
  test("that is a terminal is refused with 2", () => {
    expect(refusedLine("-a 0x10000000 -s", { terminals: [0] })).toBe("2 argument 3 (-s): standard input is a terminal");
  });

  test("that is empty is refused", () => {
    expect(refusedLine("-a 0x10000000 -s", { stdin: new Uint8Array(0) })).toBe("1 standard input: empty");
  });

  test("that is closed is refused before a file could take its place", () => {
    const result = run(
      { on: { statx: ([descriptor], call) => (descriptor === 0 ? -9 : call.pass()) } },
      "-a",
      "0x10000000",
      "-e",
      "-f",
      file("F"),
      "-s",
    );
    expect(refused(result)).toBe("1 standard input: EBADF (bad file descriptor)");
    expect(result.engine.asked("openat")).toEqual([]);
  });

  test("that cannot be read is refused", () => {
    expect(refused(run({ on: { read: () => -5 } }, "-a", "0x10000000", "-s"))).toBe(
      "1 standard input: EIO (input/output error)",
    );
  });
});

describe("addresses and sizes", () => {
  test.each([
    [
      "-a 0x10000001 -e -f F",
      "segment 0 (0x10000001-0x10001001, F): the start 0x10000001 is not a multiple of the running " +
        "kernel's pages of 0x1000 bytes",
    ],
    [
      "-a 0x10000000 -e -f F -z 1",
      "segment 0 (0x10000000-0x10001001, F): the size 0x1001 is not a multiple of the running kernel's " +
        "pages of 0x1000 bytes: -r 0x1000 rounds it up",
    ],
    [
      "-r 0x800 -a 0x10000000 -e -f F -z 1",
      "segment 0 (0x10000000-0x10001800, F): the size 0x1800 is not a multiple of the running kernel's " +
        "pages of 0x1000 bytes: -r 0x1000 rounds it up",
    ],
    ["-r 0x1800 -a 0x10000000 -e -f F", "argument 1 (-r): 0x1800 is not a power of two"],
    ["-r 0 -a 0x10000000 -e -f F", "argument 1 (-r): 0x0 is not a power of two"],
  ])("loadem %s", (line, message) => {
    expect(refusedLine(line)).toBe(`1 ${message}`);
  });

  test("4 KiB rounding on a kernel of 64 KiB pages is refused, and the page size told", () => {
    expect(refusedLine("-r 0x1000 -a 0x10000000 -e -f F", { pageSize: 0x10000 })).toBe(
      "1 segment 0 (0x10000000-0x10001000, F): the size 0x1000 is not a multiple of the running kernel's " +
        "pages of 0x10000 bytes: -r 0x10000 rounds it up",
    );
    expect(refusedLine("-r 0x10000 -a 0x10001000 -e -f F", { pageSize: 0x10000 })).toBe(
      "1 segment 0 (0x10001000-0x10011000, F): the start 0x10001000 is not a multiple of the running " +
        "kernel's pages of 0x10000 bytes",
    );
    expect(taken("-r 0x10000 -a 0x10010000 -e -f F", { pageSize: 0x10000 })).toBe(true);
  });

  test("an overlap of one byte is refused, touching is not", () => {
    expect(refusedLine("-a 0x10001000 -e -f F -a 0x10000000 -f F -z 0x1000")).toBe(
      "1 segment 1 (0x10000000-0x10002000, F): overlaps segment 0 (0x10001000-0x10002000, F)",
    );
    expect(taken("-a 0x10001000 -e -f F -a 0x10000000 -f F -a 0x10002000 -f F")).toBe(true);
    // With pages of one byte the overlap is that of one byte.
    const byPage: Pretended = { pageSize: 1 };
    expect(refusedLine("-a 0x10000000 -e -f F -a 0x10000fff -f F", byPage)).toBe(
      "1 segment 1 (0x10000fff-0x10001fff, F): overlaps segment 0 (0x10000000-0x10001000, F)",
    );
  });

  test("rounding may make segments overlap", () => {
    expect(refusedLine("-r 0x2000 -a 0x10000000 -e -f F -a 0x10001000 -f F")).toBe(
      "1 segment 1 (0x10001000-0x10003000, F): overlaps segment 0 (0x10000000-0x10002000, F)",
    );
  });

  test("16 segments are taken, 17 are not", () => {
    const many = (count: number) =>
      "-a 0x10000000 -e -f F" +
      Array.from({ length: count - 1 }, (_, n) => ` -a ${0x10001000 + n * 0x1000} -f F`).join("");
    expect(taken(many(16))).toBe(true);
    expect(refusedLine(many(17))).toBe("1 17 segments: the kernel takes at most 16");
    // Each is held against each, and drawn.
    expect(refusedLine(many(256))).toBe("1 256 segments: the kernel takes at most 16");
    expect(refusedLine(many(257))).toBe("1 argument 1026 (-a): more than 256 segments, of which the kernel takes 16");
  });

  test("an end above 2^64 is refused; at 2^64 it is judged by what is known of memory", () => {
    expect(refusedLine("-a 0xfffffffffffff000 -e -f F -z 0x1000")).toBe(
      "1 segment 0 (0xfffffffffffff000-0x10000000000001000, F): ends above 2^64",
    );
    expect(refusedLine("-a 0xfffffffffffff000 -e -f F")).toBe(
      "1 segment 0 (0xfffffffffffff000-0x10000000000000000, F): not within the machine's memory " + "0x0-0x80000000",
    );
    expect(taken("-a 0xfffffffffffff000 -e -f F", { machine: "x86_64", files: WITHOUT_TREE })).toBe(true);
  });

  test.each([
    [
      "0x8000000000000000",
      "segment 0 (0x10000000-0x8000000010001000, F): not within the machine's memory 0x0-0x80000000",
    ],
    ["0xfffffffffffff000", "argument 1 (-a) 0x10000000: the size 0x10000000000000000 is not below 2^64"],
    ["0xffffffffffffe000", "segment 0 (0x10000000-0x1000000000ffff000, F): ends above 2^64"],
  ])("-z %s is refused and no memory taken for it", (size, message) => {
    const result = run({}, "-a", "0x10000000", "-e", "-f", file("F"), "-z", size);
    expect(refused(result).replaceAll(`${folder.path}/`, "")).toBe(`1 ${message}`);
    for (const { args } of result.engine.asked("mmap")) expect(Number(args[1])).toBeLessThanOrEqual(READING_A_TREE);
  });

  test("a size that memsz cannot hold is refused also without checks", () => {
    expect(refusedLine("--no-checks -a 0x10000000 -e -f F -z 0xfffffffffffff000")).toBe(
      "1 argument 2 (-a) 0x10000000: the size 0x10000000000000000 is not below 2^64",
    );
  });

  test("zeros take no memory of ours", () => {
    const { engine, code } = run({}, "-a", "0x10000000", "-e", "-f", file("F"), "-a", "0x20000000", "-z", "0x10000000");
    expect(code).toBe(0);
    const taken = engine
      .asked("mmap")
      .map(({ args }) => args[1])
      .filter((size) => size !== READING_A_TREE);
    expect(taken).toEqual([0x1000]);
  });
});

describe("memory", () => {
  test.each([
    [
      "-a 0x7ffff000 -e -f F -z 0x1000",
      "segment 0 (0x7ffff000-0x80001000, F): not within the machine's memory 0x0-0x80000000",
    ],
    ["-a 0x90000000 -e -f F", "segment 0 (0x90000000-0x90001000, F): not within the machine's memory 0x0-0x80000000"],
    [
      `-a 0x2880000 -e -f F -a 0x2881000 -z 0x40001000`,
      `segment 1 (0x2881000-0x42882000, zeros): 0x40001000 bytes are more than half of the RAM, 0x40000000`,
    ],
    [
      "-a 0x2880000 -e -f F -a 0x2881000 -z 0x30000000 -a 0x40000000 -z 0x10000000",
      "all segments: 0x40001000 bytes are more than half of the RAM, 0x40000000",
    ],
    [
      "-a 0x287f000 -e -f F",
      "segment 0 (0x287f000-0x2880000, F): starts below 0x2880000, where the running kernel ends",
    ],
    [
      "-a 0x50000000 -e -f F",
      "segment 0 (0x50000000-0x50001000, F): not within 0x0-0x40000000, all that is there without MMU",
    ],
    [
      "-a 0x10000000 -e -f F -a 0x50000000 -c 0x100 -f F",
      "segment 1 (0x50000000-0x50001000, F): not within 0x0-0x40000000, all that is there without MMU",
    ],
  ])("loadem %s", (line, message) => {
    expect(refusedLine(line)).toBe(`1 ${message}`);
  });

  describe("that is available for the copies until the jump", () => {
    const meminfo = (available: number, swap: number) =>
      `MemTotal: 2097152 kB\nMemFree: 1000 kB\nMemAvailable: ${available} kB\nSwapFree: ${swap} kB\n`;
    const line = "-a 0x10000000 -e -f F -a 0x20000000 -z 0xff000";
    const at = (available: number, swap = 0) => ({ files: { "/proc/meminfo": meminfo(available, swap) } });

    test("is told where it is too little: the kernel would end processes for it", () => {
      expect(refusedLine(line, at(1020))).toBe(
        "1 all segments: 0x100000 bytes are needed until the jump, and 0xff000 are available: the kernel would end " +
          "processes for the rest",
      );
      expect(taken(line, at(1024))).toBe(true);
      expect(taken(line, at(1020, 4))).toBe(true);
      expect(taken(`--no-checks ${line}`, at(0))).toBe(true);
    });

    test("is told of last: what is wrong with the image for good comes first, with where it could go", () => {
      expect(refusedLine(line.replace(" -e", ""), at(1))).toBe("1 entry: none is set: -e after an -a sets it");
      const above = "-a 0x50000000 -e -f F";
      expect(refusedLine(above, at(1))).toBe(refusedLine(above));
      const over = words("-a 0x90000000 -e -f F");
      expect(run(at(1), ...over).err).toMatch(/; free for it is 0x/);
      expect(run(at(1), ...over).err).toBe(run({}, ...over).err);
    });

    test("says what has memory already, where that is known", () => {
      const loaded = { ...at(1).files, "/sys/kernel/kexec_loaded": "1\n" };
      expect(refusedLine(line, { files: loaded })).toEndWith(
        "; what is loaded already has its own, which -u gives back",
      );
      expect(refusedLine(line, { files: { ...loaded, "/sys/kernel/kexec_loaded": "0\n" } })).toEndWith("for the rest");
    });

    test("is asked for by --diagnose once what was loaded is unloaded, whose memory counts then", () => {
      const diagnosed = run(at(1020), "--diagnose", ...words(line));
      expect(diagnosed).toMatchObject({ code: 1 });
      expect(diagnosed.err).toBe(
        "loadem: all segments: 0x100000 bytes are needed until the jump, and 0xff000 are available: the kernel would end " +
          "processes for the rest\n",
      );
      expect(diagnosed.loads.map(({ segments }) => segments.length)).toEqual([0]);
      // What the kernel tells behind the unload.
      let isUnloaded = false;
      const tells: Pretended = {
        files: { ...at(1).files, "/proc/later": meminfo(1024, 0) },
        on: {
          kexec_load() {
            isUnloaded = true;
            return 0;
          },
          openat: ([folder = 0, path = 0, ...how], call) =>
            call.pass([folder, path === "/proc/meminfo" && isUnloaded ? "/proc/later" : path, ...how]),
        },
      };
      const freed = run(tells, "--diagnose", ...words(line));
      expect(freed).toMatchObject({ code: 0, err: "loadem: the kernel takes all 2 segments; nothing is loaded now\n" });
    });

    test("is not asked for where nothing is loaded: -n and its --json, and by who skips the checks", () => {
      const args = words(line);
      for (const mode of [["-n"], ["-n", "--json"]]) {
        const [few, many] = [run(at(1), ...mode, ...args), run({}, ...mode, ...args)];
        expect(few).toMatchObject({ code: 0, changes: [], err: many.err });
        expect(few.out).toEqual(many.out);
      }
      expect(run(at(1), "--diagnose", "--no-checks", ...args)).toMatchObject({
        code: 0,
        err: "loadem: the kernel takes all 2 segments; nothing is loaded now\n",
      });
    });
  });

  test("at its very limits is taken: half of the RAM, the kernel's end, the last page", () => {
    expect(taken("-a 0x2880000 -e -f F -a 0x2881000 -z 0x3ffff000")).toBe(true);
    expect(taken("-a 0x2880000 -e -f F -a 0x7ffff000 -f F")).toBe(true);
    expect(taken("-a 0x3ffff000 -e -f F")).toBe(true);
  });

  test("is all reached without MMU by a cpu with radix tables, and by one without hypervisor", () => {
    const line = "-a 0x50000000 -e -f F";
    expect(taken(line, { files: { "/proc/cpuinfo": "MMU\t\t: Radix\n" } })).toBe(true);
    expect(taken(line, { files: { "/proc/device-tree/ibm,opal/compatible": "ibm,opal-v3\0" } })).toBe(true);
    expect(refusedLine(line, { files: { "/proc/cpuinfo": "MMU\t\t: Hash\n" } })).toEndWith("without MMU");
  });

  test("--no-checks leaves all of it to the kernel", () => {
    for (const line of ["-a 0x90000000 -e -f F", "-a 0x1001 -f F -a 0x1001 -f F", "-a 0x10000000 -e -z 0x60000000"]) {
      expect(taken(`--no-checks ${line}`)).toBe(true);
    }
  });

  test("a hole between two nodes is no memory", () => {
    const files = { "/proc/device-tree/memory@40000000/reg": cells(0, 0x40001000, 0, 0x3ffff000) };
    expect(refusedLine("-a 0x2880000 -e -f F -a 0x40000000 -z 0x2000", { files })).toBe(
      "1 segment 1 (0x40000000-0x40002000, zeros): not within the machine's memory 0x0-0x40000000 " +
        "0x40001000-0x80000000",
    );
  });

  describe("that a partition can gain and lose", () => {
    // 0x2 blocks in the memory node, 0xe that the partition has: 0x20000000-0x100000000.
    const list = cells(2, 2, 0, 0, 0x80000000, 0xffffffff, 0x80, 0xe, 0, 0x20000000, 0x80000002, 0, 8);
    const files = {
      "/proc/device-tree/memory@0/reg": cells(0, 0, 0, 0x20000000),
      "/proc/device-tree/memory@40000000/reg": undefined,
      "/proc/device-tree/memory@40000000/device_type": undefined,
      "/proc/device-tree/ibm,dynamic-reconfiguration-memory/ibm,lmb-size": cells(0, 0x10000000),
      "/proc/device-tree/ibm,dynamic-reconfiguration-memory/ibm,dynamic-memory-v2": list,
    };
    const far = "-a 0x10000000 -e -f F -a 0x70000000000 -f F";

    test("is memory up to its end", () => {
      expect(taken("-a 0x10000000 -e -f F -a 0xfffff000 -f F", { files })).toBe(true);
      expect(taken("-a 0x10000000 -e -f F -a 0x1ffff000 -f F -z 0x1000", { files })).toBe(true);
      expect(refusedLine("-a 0x10000000 -e -f F -a 0x100000000 -f F", { files })).toBe(
        "1 segment 1 (0x100000000-0x100001000, F): not within the machine's memory 0x0-0x100000000",
      );
      expect(refusedLine(far, { files })).toContain("not within the machine's memory 0x0-0x100000000");
    });

    test("is none of the real mode area, though it touches it", () => {
      expect(refusedLine("-a 0x20000000 -e -f F", { files })).toContain("not within 0x0-0x20000000, all that is there");
    });

    test("is what is usable, in a crash kernel", () => {
      const usable = [...cells(0, 1, 0, 0x20000000, 0, 0x8000000), ...new Uint8Array(13 * 8)];
      const crashed = {
        ...files,
        "/proc/device-tree/memory@0/linux,usable-memory": cells(0, 0, 0, 0x20000000),
        "/proc/device-tree/ibm,dynamic-reconfiguration-memory/linux,drconf-usable-memory": Uint8Array.from(usable),
      };
      expect(taken("-a 0x10000000 -e -f F -a 0x27fff000 -f F", { files: crashed })).toBe(true);
      expect(refusedLine("-a 0x10000000 -e -f F -a 0x28000000 -f F", { files: crashed })).toContain("0x0-0x28000000");
    });

    test("is not judged where its list makes no sense, the real mode area is", () => {
      const path = "/proc/device-tree/ibm,dynamic-reconfiguration-memory/ibm,dynamic-memory-v2";
      for (const content of [list.subarray(0, 51), new Uint8Array(0), cells(0xffffffff), undefined]) {
        const broken = { ...files, [path]: content };
        expect(taken(far, { files: broken })).toBe(true);
        expect(refusedLine("-a 0x90000000 -e -f F", { files: broken })).toContain("all that is there without MMU");
      }
    });

    test("is shown as far as a line has room", () => {
      // Every other block.
      const blocks = Array.from({ length: 300 }, (_, index) => [
        0,
        0x20000000 + index * 0x100000,
        index,
        0,
        0,
        index % 2 ? 8 : 0,
      ]);
      const scattered = {
        ...files,
        "/proc/device-tree/ibm,dynamic-reconfiguration-memory/ibm,lmb-size": cells(0, 0x100000),
        "/proc/device-tree/ibm,dynamic-reconfiguration-memory/ibm,dynamic-memory-v2": undefined,
        "/proc/device-tree/ibm,dynamic-reconfiguration-memory/ibm,dynamic-memory": cells(300, ...blocks.flat()),
      };
      const line = refusedLine(far, { files: scattered });
      expect(line).toContain("memory 0x0-0x20000000 0x20100000-0x20200000 ");
      expect(line).toEndWith(" 0x20d00000-0x20e00000 and 143 ranges more");
    });
  });

  test("that a partition lists in a way that nobody knows is not judged, the real mode area is", () => {
    const files = { "/proc/device-tree/ibm,dynamic-reconfiguration-memory/ibm,lmb-size": cells(0, 0x10000000) };
    expect(taken("-a 0x10000000 -e -f F -a 0x90000000 -f F", { files })).toBe(true);
    expect(refusedLine("-a 0x90000000 -e -f F", { files })).toContain("all that is there without MMU");
  });

  test("is reached without MMU in the node that begins at 0, whichever is listed first", () => {
    const files = { "/proc/device-tree/memory/reg": cells(0, 0x8000_0000, 0, 0x1000_0000) };
    expect(taken("-a 0x10000000 -e -f F", { files })).toBe(true);
    expect(refusedLine("-a 0x80000000 -e -f F", { files })).toContain("not within 0x0-0x40000000, all that is there");
  });

  test.each([
    ["/proc/device-tree/memory@0/reg", Uint8Array.of(1, 2, 3)],
    ["/proc/device-tree/#address-cells", cells(7)],
    ["/proc/device-tree/#size-cells", Uint8Array.of(1)],
    ["/proc/device-tree/chosen/linux,kernel-end", Uint8Array.of(1, 2, 3, 4, 5)],
    ["/proc/device-tree/chosen/linux,kernel-end", new Uint8Array(0)],
    ["/proc/meminfo", "nothing"],
  ])("is not judged by a %s that makes no sense", (path, content) => {
    expect(taken("-a 0x10000000 -e -f F", { files: { [path]: content } })).toBe(true);
  });

  test("is not judged where the tree is not mounted", () => {
    expect(taken("-a 0x1000 -e -f F -a 0xf0000000 -f F", { files: WITHOUT_TREE })).toBe(true);
  });

  test("below the kernel's end is refused in 32 bits too, as older kernels write it", () => {
    const files = { "/proc/device-tree/chosen/linux,kernel-end": cells(KERNEL_END) };
    expect(refusedLine("-a 0x10000 -e -f F", { files })).toContain("starts below 0x2880000");
  });
});

describe("a crash kernel", () => {
  const files = {
    "/proc/device-tree/chosen/linux,crashkernel-base": cells(0, 0x10000000),
    "/proc/device-tree/chosen/linux,crashkernel-size": cells(0, 0x8000000),
  };

  test("is refused outside the memory that is kept for it, taken at its limits", () => {
    expect(refusedLine("-p -a 0xffff000 -e -f F", { files })).toBe(
      "1 segment 0 (0xffff000-0x10000000, F): not within the crash kernel's memory 0x10000000-0x18000000",
    );
    expect(refusedLine("-a 0x10000000 -e -f F -a 0x17fff000 -f F -z 0x1000 -p", { files })).toBe(
      "1 segment 1 (0x17fff000-0x18001000, F): not within the crash kernel's memory 0x10000000-0x18000000",
    );
    expect(taken("-p -a 0x10000000 -e -f F -a 0x17fff000 -f F", { files })).toBe(true);
  });

  test.each([{}, { ...files, "/proc/device-tree/chosen/linux,crashkernel-size": cells(0, 0) }])(
    "is refused where no memory is kept",
    (none) => {
      expect(refusedLine("-p -a 0x10000000 -e -f F", { files: none })).toBe(
        "1 -p: no memory is reserved for a crash kernel: boot with crashkernel=SIZE@START",
      );
    },
  );

  test("is refused while it would copy itself to 0, and taken with --poke", () => {
    const kernel = new Uint8Array(0x1000);
    kernel.set([0x72, 0x75, 0x6e, 0x30], 0x5c);
    const args = ["-p", "-a", "0x10000000", "-e", "-f", file("vmlinux", kernel)];
    expect(refused(run({ files }, ...args))).toBe(
      `1 segment 0 (0x10000000-0x10001000, ${folder.in("vmlinux")}): a crash kernel must stay where it is: ` +
        `--poke 0x5c=1 after its -f`,
    );
    expect(run({ files }, ...args, "--poke", "0x5c=1").code).toBe(0);
  });
});

describe("the entry", () => {
  test.each([
    ["-a 0x10000000 -f F", "entry: none is set: -e after an -a sets it"],
    ["-a 0x10000000 -f F -e", "entry 0x10001000: lies in no segment"],
    ["-r 0x1000 -a 0x10000000 -f ODD -e -f ODD", "entry 0x10000003: is not a multiple of 4"],
  ])("loadem %s", (line, message) => {
    expect(refusedLine(line.replaceAll("ODD", file("odd", new Uint8Array(3))))).toBe(`1 ${message}`);
  });

  test("may lie in zeros and behind data", () => {
    expect(taken("-a 0x10000000 -f F -e -z 0x1000")).toBe(true);
    expect(taken("-a 0x10000000 -f F -e -f F")).toBe(true);
  });
});

describe("the architecture", () => {
  test.each([
    ["ppc64", "22"],
    ["ppc64", "20"],
    ["ppc64le", "62"],
    ["ppc64", "0x150000"],
    ["ppc64", "0xffffffffffffffff"],
  ] as const)("on %s -t %s is refused with 3 and a list", (machine, arch) => {
    expect(refusedLine(`-t ${arch} -a 0x10000000 -e -f F`, { machine })).toBe(
      `3 -t: this machine's kernel takes 21 or 0, not ${BigInt(arch)} (ppc64 is 21, ppc is 20, arm64 is 183, riscv64 is 243, x86_64 is 62)`,
    );
  });

  test("on x86-64 that of ppc64 is refused, also without checks", () => {
    const x86: Pretended = { machine: "x86_64", files: WITHOUT_TREE };
    for (const options of ["", "--no-checks", "-n", "--diagnose"]) {
      expect(refusedLine(`-t 21 ${options} -a 0x10000000 -e -f F`, x86)).toBe(
        "3 -t: this machine's kernel takes 62 or 0, not 21 (ppc64 is 21, ppc is 20, arm64 is 183, riscv64 is 243, x86_64 is 62)",
      );
    }
  });

  test("on x86-64 the ppc64 stub as the entry is refused without -t too", () => {
    const x86: Pretended = { machine: "x86_64", files: WITHOUT_TREE, stdin: tree("0x10000100") };
    const line = [
      "-r",
      "0x1000",
      "-a",
      "0x10000000",
      "-e",
      "-f",
      file("v2wrap", v2wrapBytes()),
      "-s",
      "-a",
      "0x20000000",
      "-c",
      "0x100",
      "-f",
      file("F"),
    ];
    expect(refused(run(x86, ...line)).replaceAll(`${folder.path}/`, "")).toBe(
      "1 segment 0 (0x10000000-0x10001000, v2wrap + standard input): the ppc64 stub is entered, but this " +
        "machine is 62, not 21",
    );
  });
});

describe("our stub", () => {
  const kernel = "-a 0x20000000 -c 0x100 -f F";

  /** The stub, what follows it, and the kernel. */
  function withTree(blob: Uint8Array, line = `-r 0x1000 -a 0x10000000 -e -w -s ${kernel}`): string {
    return refusedLine(line, { stdin: blob });
  }

  test("with no tree behind it is refused", () => {
    const place = "segment 0 (0x10000000-0x10001000, v2wrap + standard input)";
    expect(withTree(new Uint8Array(64))).toBe(
      `1 ${place}: no device tree blob at 0x10000100, after the 0x100 bytes of the stub`,
    );
    expect(withTree(Uint8Array.of(0xd0, 0x0d, 0xfe, 0xed))).toContain("no device tree blob at 0x10000100");
    expect(refusedLine(`-r 0x1000 -a 0x10000000 -e -w ${kernel}`)).toContain("no device tree blob at 0x10000100");
  });

  test("of more than 0x100 bytes is refused, for the tree is not where the kernel is told", () => {
    const long = file("long", Buffer.concat([v2wrapBytes(), new Uint8Array(8)]));
    expect(withTree(tree("0x10000100"), `-r 0x1000 -a 0x10000000 -e -f ${long} -s ${kernel}`)).toContain(
      "no device tree blob at 0x10000100",
    );
  });

  test.each([1, 2, 3])(
    "with a tree of version %i made for another address is refused, with what mends it",
    (version) => {
      expect(withTree(tree("0x5000100", {}, version))).toBe(
        "1 segment 0 (0x10000000-0x10001000, v2wrap + standard input): the device " +
          "tree blob does not reserve its memory at 0x10000100: was it made with fs2dt -b 0x10000100?",
      );
      expect(taken(`-r 0x1000 -a 0x10000000 -e -w -s ${kernel}`, { stdin: tree("0x10000100", {}, version) })).toBe(
        true,
      );
    },
  );

  test.each([16, 17])(
    "with a tree of version %i, which is for kernels that reserve it themselves, is not",
    (version) => {
      expect(taken(`-r 0x1000 -a 0x10000000 -e -w -s ${kernel}`, { stdin: tree("0x5000100", {}, version) })).toBe(true);
    },
  );

  test("with a tree that is cut off is refused", () => {
    const blob = tree("0x10000100");
    expect(withTree(blob.subarray(0, -8))).toEndWith(
      `: the device tree blob of 0x${blob.length.toString(16)} bytes is cut off after ` +
        `0x${(blob.length - 8).toString(16)}`,
    );
  });

  test("with a reserve map outside the blob is refused, not read", () => {
    const blob = tree("0x10000100");
    blob.writeUInt32BE(0xfffffff8, 16);
    expect(withTree(blob)).toEndWith(": at 0x10: bad-reserve-map: it has no end");
  });

  test("that does not know its kernel is refused", () => {
    expect(withTree(tree("0x10000100"), "-r 0x1000 -a 0x10000000 -e -w -s -a 0x20000000 -f F")).toEndWith(
      ": the stub does not know its kernel: -c 0x100 after the kernel's -a tells it",
    );
    expect(withTree(tree("0x10000100"), "-r 0x1000 -a 0x10000000 -e -w -s --poke 0xf8=1 --poke 0xfc=8")).toEndWith(
      ": the stub's kernel address 0x100000008 lies in no other segment",
    );
    for (const [high, low, address] of [
      ["0", "0x10000000", "0x10000000"],
      ["0", "0x20000ffd", "0x20000ffd"],
    ]) {
      const poked = `-r 0x1000 -a 0x10000000 -e -w -s --poke 0xf8=${high} --poke 0xfc=${low} -a 0x20000000 -f F`;
      expect(withTree(tree("0x10000100"), poked)).toEndWith(
        `: the stub's kernel address ${address} lies in no other segment`,
      );
    }
  });

  test.each([
    ["0xf8", "[0xf0, 0xf8)"],
    ["0x68", "[0x60, 0x68)"],
    ["8", "[0x0, 0x8)"],
  ])("chained at %s would be overwritten and is refused", (anchor, word) => {
    expect(withTree(tree("0x10000100"), `-r 0x1000 -a 0x10000000 -e -w -s -a 0x20000000 -c ${anchor} -f F`)).toBe(
      `1 argument 10 (-c): the big endian word ${word} is the stub's code: the word for its kernel ends at 0x100`,
    );
  });

  test.each(["0x108", "0x110"])("chained at %s, into its tree, is refused", (anchor) => {
    expect(
      withTree(tree("0x10000100"), `-r 0x1000 -a 0x10000000 -e -w -s -a 0x20000000 -c ${anchor} -f F`),
    ).toStartWith("1 segment 0 (0x10000000-0x10001000, v2wrap + standard input): ");
  });

  test.each([
    [0x72, 0x75, 0x6e, 0x30],
    [0x30, 0x6e, 0x75, 0x72],
  ])("with something where the kernel copies itself to is refused (%i ...)", (a, b, c, d) => {
    const files = { "/proc/device-tree/chosen/linux,kernel-end": cells(0, 0x10000) };
    const self = new Uint8Array(0x30000);
    self.set([a, b, c, d], 0x5c);
    const line = (stub: string) => `-r 0x1000 -a ${stub} -e -w -s -a 0x60000 -c 0x100 -f ${file("vmlinux", self)}`;
    expect(refusedLine(line("0x2f000"), { files, stdin: tree("0x2f100") })).toBe(
      "1 segment 0 (0x2f000-0x30000, v2wrap + standard input): the kernel in segment 1 (0x60000-0x90000, " +
        "vmlinux) " +
        "copies itself to 0x0-0x30000, over this segment",
    );
    expect(taken(line("0x30000"), { files, stdin: tree("0x30100") })).toBe(true);
  });

  describe("with something where the kernel copies itself to, or clears its bss there,", () => {
    const files = { "/proc/device-tree/chosen/linux,kernel-end": cells(0, 0x10000) };
    const self = new Uint8Array(0x30000);
    self.set([0x72, 0x75, 0x6e, 0x30], 0x5c);
    const words = (stub: string, zeros: string, more = "", round = "0x1000") =>
      `-r ${round} -a ${stub} -e -w -s -a 0x600000 -c 0x100 -f ${file("vmlinux", self)}${zeros}${more}`;
    const at = (address: number) => `0x${address.toString(16)}`;
    const pretended = (stub: number): Pretended => ({ files, stdin: tree(at(stub + 0x100)) });

    test("is refused up to the end of what -z tells", () => {
      expect(refusedLine(words("0x7f000", " -z 0x50000"), pretended(0x7f000))).toBe(
        "1 segment 0 (0x7f000-0x80000, v2wrap + standard input): the kernel in segment 1 (0x600000-0x680000, vmlinux) " +
          "copies itself to 0x0-0x80000, of which -z and -r are 0x50000, over this segment",
      );
      expect(taken(words("0x80000", " -z 0x50000"), pretended(0x80000))).toBe(true);
    });

    test("is refused whatever it is: an initrd, a segment of zeros", () => {
      for (const more of [" -a 0x40000 -f F", " -a 0x7f000 -z 0x100000"]) {
        expect(refusedLine(words("0x200000", " -z 0x50000", more), pretended(0x200000))).toMatch(
          /^1 segment 2 .*: the kernel in segment 1 .* copies itself to 0x0-0x80000, of which/,
        );
        expect(taken(words("0x200000", "", more), pretended(0x200000))).toBe(true);
      }
    });

    test("counts from where the kernel begins in its segment", () => {
      const inside = (stub: number) =>
        `-r 0x1000 -a ${at(stub)} -e -w -s --poke 0xfc=0x601000 -a 0x600000 -f F -f ${file("vmlinux", self)} -z 0x50000`;
      expect(refusedLine(inside(0x7f000), pretended(0x7f000))).toContain("copies itself to 0x0-0x80000, of which");
      expect(taken(inside(0x80000), pretended(0x80000))).toBe(true);
    });

    test("counts what -r adds", () => {
      expect(
        refusedLine(words("0x31000", "", "", "0x20000").replace("-a 0x31000", "-a 0x20000"), pretended(0x20000)),
      ).toContain("copies itself to 0x0-0x40000, of which -z and -r are 0x10000, over this segment");
    });

    test("a kernel that was told to stay is not refused for it", () => {
      expect(taken(words("0x40000", " -z 0x50000", " --poke 0x5c=1"), pretended(0x40000))).toBe(true);
    });

    test("-n says where the bss is not known and something lies close behind", () => {
      const said = (stub: number, zeros: string, ...options: string[]) => {
        const { code, out } = run(pretended(stub), "-n", ...options, ...words(at(stub), zeros).split(" "));
        expect(code).toBe(0);
        return (out.toString().match(/^.*bss.*$/gm) ?? []).map((line) => line.replaceAll(`${folder.path}/`, ""));
      };
      expect(said(0x40000, "")).toEqual([
        "the bss of the kernel in segment 1 (0x600000-0x630000, vmlinux) is not checked: segment 0 (0x40000-0x41000, " +
          "v2wrap + standard input) begins 0x10000 bytes behind its copy at 0, and no -z tells the bss",
      ]);
      expect(said(0x102f000, "").length).toBe(1);
      expect(said(0x1030000, "")).toEqual([]);
      expect(said(0x200000, " -z 0x50000")).toEqual([]);
      expect(said(0x40000, "", "--no-checks")).toEqual([]);
    });
  });
});

describe("an ELF file where code should be", () => {
  const elf = Uint8Array.from({ length: 0x1000 }, (_, at) => [0x7f, 0x45, 0x4c, 0x46][at] ?? 0);
  const says = "begins with an ELF header, not with code: objcopy -O binary makes what can be entered";

  test("is refused as the entry and as the kernel of a stub, not where something else is meant", () => {
    const vmlinux = file("vmlinux", elf);
    expect(refusedLine(`-a 0x10000000 -e -f ${vmlinux}`)).toBe(`1 segment 0 (0x10000000-0x10001000, vmlinux): ${says}`);
    expect(refusedLine(`-a 0x10000000 -e -f F -a 0x20000000 -c 0x100 -f ${vmlinux}`)).toBe(
      `1 segment 1 (0x20000000-0x20001000, vmlinux): ${says}`,
    );
    expect(taken(`-a 0x10000000 -e -f F -a 0x20000000 -f ${vmlinux}`)).toBe(true);
    expect(taken(`-a 0x10000000 -f ${vmlinux} -e -f F`)).toBe(true);
  });
});
