// loadem as a process, under each engine: one text for all, and what really reaches a kernel.
// No kexec_load(2) here is carried out: strace answers it in the kernel's place, user-mode emulation does not know it,
// and whoever makes it has no right to.

import { beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { machineOf, type Target, targets } from "../../scripts/machines/machines.ts";
import { v2wrapBytes } from "../../src/arch/ppc64/stub.ts";
import { engine as host } from "../../src/sys/bun.ts";
import { System } from "../../src/sys/system.ts";
import { temporaryFolder } from "../support/folder.ts";
import { packedForms } from "../support/forms.ts";
import { lineFiles } from "../support/option-lines.ts";
import { capture, present } from "../support/present.ts";
import {
  arm64,
  buildRunners,
  bun,
  fused,
  ppc,
  ppc64,
  ppc64le,
  type Run,
  type Runner,
  type RunOptions,
  riscv64,
  runners,
  runWith,
  wideRunners,
  x64,
} from "../support/run.ts";
import { cells, makeTree } from "../support/tree.ts";

/**
 * Without CAP_SYS_BOOT nobody loads a kernel, root included, and without CAP_SYS_ADMIN nobody sees the addresses of
 * /proc/iomem. The files of a clone in root's home stay readable.
 */
const NEITHER = "-sys_boot,-sys_admin";
const powerless = userInfo().uid === 0 ? ["setpriv", `--bounding-set=${NEITHER}`, `--inh-caps=${NEITHER}`] : [];
const folder = temporaryFolder({ on: "disk" });

beforeAll(buildRunners, 300_000);
beforeEach(() => {
  writeFileSync(folder.in("page"), new Uint8Array(0x1000).fill(7));
  writeFileSync(folder.in("odd"), new Uint8Array(0x1235).fill(8));
  writeFileSync(folder.in("v2wrap"), v2wrapBytes());
  writeFileSync(folder.in("blob"), present(lineFiles.blob));
});

/** In the folder, without the right to load a kernel. What cannot be checked without it is not in `err`. */
function run(runner: Runner, line: string, options: RunOptions = {}): Run {
  const result = runWith(runner, ["loadem", ...line.split(" ").filter((word) => word !== "")], {
    cwd: folder.path,
    stdin: Buffer.from("typed"),
    ...options,
    under: [...powerless, ...(options.under ?? [])],
  });
  return { ...result, err: result.err.replaceAll(/^.* is not checked: .*\n/gm, "") };
}

/** Text and exit code, without what only the running machine decides. */
function told(runner: Runner, line: string): string {
  const { code, signal, out, err } = run(runner, line);
  const arch = machineOf(present(targets.find((name) => name === runner.name) ?? (process.arch as Target))).elfMachine;
  return `${signal ?? code}\n${out}${err}`
    .replaceAll(/^.* not checked: .*\n/gm, "")
    .replaceAll(`"elfMachine":${arch}`, '"elfMachine":OURS')
    .replace(/"unchecked":\[.*\]/, "")
    .replaceAll(`${arch} (the running kernel's)`, "OURS (the running kernel's)")
    .replaceAll(`kernel takes ${arch} or 0`, "kernel takes OURS or 0");
}

/** With pages of 64 KiB. */
function with64k({ name, command, executable }: Runner): Runner {
  return { name, command: [present(command[0]), "-p", "65536", present(executable)], executable };
}

describe("every engine says the same", () => {
  const lines = [
    "-n -a 0x10000000 -e -f page -a 0x70000000 -f blob",
    "-n -r 0x1000 -a 0x10000000 -f odd -4 -f page -e -s -z 0x10 -a 0x20000000 -z 0x5000 -a 0x9000000 -f odd -a 0x70000000 -f blob",
    "-n -r 0x1000 --endian big -a 0x10000000 -e -f page -a 0x20000000 -c 0x100 -f odd --endian little " +
      "--poke 0x5c=0x12345678 -a 0x70000000 -f blob",
    "-n --no-checks --endian=big -r 0x1000 -a0x5000000 -ef v2wrap -s -a 0x6000000 -c0x100 -f odd -t 0",
    "-n --no-checks -a 0xfedcba9876543210 -f odd -z 0x8000000000000000 -p",
    "-n --no-checks -a 0x5000000 -e -f v2wrap --secondaries 5",
    "-n --json --no-checks -r 0x1000 -a 0x10000000 -e -f odd -4 -f page -z 0x20000 -a 0x20000000 -s",
    "",
    "-x",
    "-f page",
    "-a",
    "-a 0x",
    "-a 18446744073709551616",
    "-a 1e3 -f page",
    "-a 4096 -c 8",
    "-a 4096 -ee",
    "-a 4096 -ss",
    "-a 4096 page",
    "-k -n",
    "-u -f page",
    "--endian middle",
    "--poke 1=1",
    "-a 4096 --poke 1",
    "-r 0x1800",
    "-a 4096 -f none",
    "-a 4096 -f .",
    "-a 4096 -f /dev/zero",
    "-a 4096",
    "-a 0x10000001 -e -f page",
    "-a 0x10000000 -e -f odd",
    "-a 0x10000000 -e -f page -a 0x10000000 -f page",
    "-a 0x10000000 -f page",
    "-a 0x10000000 -f page -e",
    "-a 0x10000000 -e -f page -z 0xffffffffffffe000",
    "-a 0x10000000 -e -f page -z 0xfffffffffffff000",
    "-a 0x10000000 -e -f page -t 3",
    "-a 0x10000000 -e -f page --secondaries 1",
    "--endian big -a 4096 -f page -a 8192 -c 4",
  ];

  test("whatever the line", () => {
    for (const line of lines) {
      const first = { line, told: told(bun, line) };
      // -c stores a word of the machine that this runs on, and one of 32 bits is told no longer numbers.
      const under = / -c | 0x[0-9a-f]{16}/.test(line) ? wideRunners : runners;
      for (const runner of under) expect({ line, told: told(runner, line) }).toEqual(first);
    }
  }, 240_000);

  test("and that is one line for what is refused, a table for what is not", () => {
    for (const line of lines) {
      const { code, out, err } = run(x64, line);
      if (line.startsWith("-n")) expect({ line, code, err }).toEqual({ line, code: 0, err: "" });
      else
        expect({
          line,
          refused: [1, 2, 3].includes(present(code)),
          out: out.length,
          lines: err.split("\n").length,
        }).toEqual({
          line,
          refused: true,
          out: 0,
          lines: 2,
        });
    }
  });

  test("in UTF-8 as well, and in a picture", () => {
    const draw = (runner: Runner) => {
      const words = "-n --no-checks -r 0x1000 -a 0x10000000 -e -f odd -z 0x20000 -a 0x20000000 -f page --svg plan.svg";
      const { out } = run(runner, words, { under: ["env", "LC_ALL=C.UTF-8"] });
      const svg = readFileSync(folder.in("plan.svg"), "utf8");
      rmSync(folder.in("plan.svg"));
      return { text: out.toString().split("segment  start")[0], svg };
    };
    const first = draw(bun);
    expect(first.text).toContain("░0░░");
    for (const runner of runners)
      expect({ name: runner.name, ...draw(runner) }).toEqual({ name: runner.name, ...first });
  });

  test("save for the byte order and the width of a word, which are the machine's", () => {
    const line = "-n -a 0x10000000 -e -f page -a 0x20000000 -c 0x100 -f page";
    const stored = (runner: Runner) => /^stored .*$/m.exec(run(runner, line).out.toString())?.[0];
    const little = "stored 0x20000000 at 0x10000100, little endian as the running machine";
    expect(runners.map(stored)).toEqual([
      little,
      little,
      little,
      little,
      "stored 0x20000000 at 0x100000f8, big endian as the running machine",
      little,
      little,
      "stored 0x20000000 at 0x100000fc, big endian as the running machine",
    ]);
  });

  test("and for the stub, which is the machine's own", () => {
    const line = "-n --no-checks -a 0x5000000 -e -w -a 0x6000000 -c 0x100 -f page";
    for (const runner of [bun, x64, arm64]) {
      expect(run(runner, line.replace("0x100", "0xf8")).out.toString()).toContain(
        "stored 0x6000000 at 0x50000f8, little endian as the stub has it\n",
      );
    }
    for (const runner of [ppc64, ppc64le]) {
      expect(run(runner, line).out.toString()).toContain(
        "stored 0x6000000 at 0x50000f8, big endian as the stub has it\n",
      );
    }
    expect(run(riscv64, line)).toMatchObject({
      code: 2,
      err: "loadem: -w: riscv64 needs no stub: the running kernel itself hands a tree over\n",
    });
  });

  test("and for the size of pages", () => {
    for (const runner of [ppc64, ppc64le].map(with64k)) {
      expect(run(runner, "-n -r 0x1000 -a 0x10000000 -e -f page")).toMatchObject({
        code: 1,
        err:
          "loadem: segment 0 (0x10000000-0x10001000, page): the size 0x1000 is not a multiple of the running " +
          "kernel's pages of 0x10000 bytes: -r 0x10000 rounds it up\n",
      });
      expect(run(runner, "-n -r 0x10000 -a 0x10000000 -e -f page").out.toString()).toContain(
        "pages of 0x10000 bytes\n",
      );
    }
  });

  test("and knows the same forms of files, here as zeropage names them", () => {
    const forms = [...new Map(packedForms.map((form) => [form[0], form])).values()];
    for (const [method, tool, bytes] of forms) {
      writeFileSync(folder.in("form"), bytes);
      for (const runner of runners) {
        const { name } = runner;
        const { err } = runWith(runner, ["zeropage", "-b", "0x1000", "form"], { cwd: folder.path });
        // Bun has nothing for xz.
        const unpacks = ["gzip", "zstd", ...([bun, fused].includes(runner) ? [] : ["xz", "lzma"])].includes(method);
        const fact = unpacks ? ", and (corrupt|cut off)" : `: ${tool} makes the kernel of it`;
        const message = new RegExp(`^zeropage: form: compressed with ${method}${fact}\n$`);
        expect({ name, err }).toEqual({ name, err: expect.stringMatching(message) });
      }
    }
  }, 60_000);

  test("a file that is larger than a segment becomes two, where there are addresses for both", () => {
    truncateSync(folder.in("odd"), 3 * 2 ** 30);
    const line = "-n --no-checks -r 0x10000 -a 0x10000000 -e -f odd";
    expect(run(ppc, line)).toMatchObject({
      code: 1,
      err: expect.stringContaining(": ENOMEM (cannot allocate memory)"),
    });
    for (const runner of wideRunners) {
      const { code, out } = run(runner, line);
      const rows = out
        .toString("latin1")
        .split("\n")
        .filter((line) => /^[0-9] /.test(line))
        .map((line) => line.split(/ +/));
      expect({ runner: runner.name, code, rows }).toEqual({
        ...{ runner: runner.name, code: 0 },
        rows: [
          ["0", "0x10000000", "0x8ff00000", "0x7ff00000", "0x7ff00000", "odd"],
          ["1", "0x8ff00000", "0xd0000000", "0x40100000", "0x40100000", "odd"],
        ],
      });
    }
  });
});

describe.each([ppc64, ppc64le].map((runner) => [runner.name, runner] as const))(
  "of another machine's tree %s",
  (_, runner) => {
    /** The executable, to which the folder's proc and sys are the machine's. */
    function on(machine: string): Runner {
      const { name, command, executable } = runner;
      return { name, command: [present(command[0]), "-L", folder.in(machine), present(executable)], executable };
    }

    const line = (address: string) => `-n -r 0x10000 -a 0x5000000 -e -f page -a ${address} -z 0x10000`;

    test("knows what firmware keeps, by name, and what the running kernel was told to reserve", () => {
      makeTree(folder.in("tree"), [
        ["#address-cells", cells(2)],
        ["#size-cells", cells(2)],
        [
          "memory@0",
          [
            ["device_type", "memory\0"],
            ["reg", cells(0, 0, 1, 0)],
          ],
        ],
        [
          "rtas",
          [
            ["linux,rtas-base", cells(0x2fff0000)],
            ["rtas-size", cells(0x10000)],
          ],
        ],
        [
          "ibm,opal",
          [
            ["opal-base-address", cells(0, 0x30000000)],
            ["opal-runtime-size", cells(0, 0x1c50000)],
          ],
        ],
        [
          "pci@1",
          [
            ["linux,tce-base", cells(0, 0x70000000)],
            ["linux,tce-size", cells(0x400000)],
          ],
        ],
      ]);
      mkdirSync(folder.in("machine/proc"), { recursive: true });
      mkdirSync(folder.in("machine/sys/firmware"), { recursive: true });
      const made = runWith(x64, ["dtedit", "-O", "dir", folder.in("tree"), folder.in("machine/proc/device-tree")]);
      expect({ code: made.code, err: made.err }).toEqual({ code: 0, err: "" });
      writeFileSync(folder.in("machine/proc/meminfo"), "MemTotal:        4194304 kB\n");
      const blob = runWith(x64, ["fs2dt", "-b", "0x50000000", "--reserve", "0x60000000,0x10000", folder.in("tree")]);
      writeFileSync(folder.in("machine/sys/firmware/fdt"), blob.out);
      const said = (address: string) =>
        run(on("machine"), line(address))
          .err.replace(/^.*, which is taken: /, "")
          .replace(/; free for it is .*/, "");
      expect(said("0x2fff0000")).toBe("RTAS\n");
      expect(said("0x30000000")).toBe("OPAL\n");
      expect(said("0x703f0000")).toBe("a TCE table\n");
      expect(said("0x60000000")).toBe("the reserve map of /sys/firmware/fdt\n");
      for (const free of ["0x2ffe0000", "0x31c50000", "0x50000000", "0x60010000", "0x70400000"]) {
        expect({ free, ...run(on("machine"), line(free)), out: "" }).toEqual({
          free,
          code: 0,
          signal: null,
          out: "",
          err: "",
        });
      }
      expect(run(on("machine"), line("0x20000000")).out.toString()).not.toContain("not checked");
    });

    test("says what it cannot know where there is none", () => {
      mkdirSync(folder.in("nothing"), { recursive: true });
      expect(run(on("nothing"), line("0x20000000")).out.toString()).toContain(
        "memory, and what of it is taken, is not checked: /proc/device-tree cannot be read\n",
      );
    });
  },
);

test.each([arm64, ppc64, ppc64le].map((runner) => [runner.name, runner] as const))(
  "a kernel without kexec is told as such on %s",
  (_, runner) => {
    const result = run(runner, "-a 0x10000000 -e -f page");
    expect({ ...result, out: result.out.length }).toEqual({
      code: 3,
      signal: null,
      out: 0,
      err:
        "loadem: kexec_load(entry 0x10000000, 1 segment, arch 0): ENOSYS (function not implemented): the running kernel " +
        "was built without CONFIG_KEXEC\n",
    });
  },
);

describe("what reaches the kernel of this machine, as strace sees it,", () => {
  /** strace answers kexec_load and reboot itself, as `injected` says; its lines follow. */
  function traced(runner: Runner, injected: string, line: string): Run & { calls: string[] } {
    const log = folder.in("strace");
    writeFileSync(log, "");
    chmodSync(log, 0o666);
    const strace = [
      "strace",
      "-f",
      "-v",
      "-o",
      log,
      "-e",
      "trace=kexec_load,kexec_file_load,reboot",
      "-e",
      `inject=kexec_load,kexec_file_load,reboot:${injected}`,
    ];
    const result = run(runner, line, { under: strace });
    const calls = readFileSync(log, "utf8")
      .split("\n")
      .map((text) => text.replace(/^[0-9]+ +/, ""))
      .filter((text) => /^[a-z_]+\(/.test(text));
    return { ...result, calls };
  }

  const two = "-a 0x10000000 -e -f page -a 0x20000000 -z 0x3000";
  const kexecLoad = (text: string) => text.replace(/buf=0x[0-9a-f]+/g, "buf=SOME");
  const LOADED =
    "kexec_load(0x10000000, 2, [{buf=SOME, bufsz=4096, mem=0x10000000, memsz=4096}, " +
    "{buf=NULL, bufsz=0, mem=0x20000000, memsz=12288}], KEXEC_ARCH_DEFAULT) = 0 (INJECTED)";
  const UNLOADED = "kexec_load(NULL, 0, NULL, KEXEC_ARCH_DEFAULT) = 0 (INJECTED)";

  test.each([bun, x64].map((runner) => [runner.name, runner] as const))(
    "from %s is the one call that was asked for",
    (_, runner) => {
      const { code, err, calls } = traced(runner, "retval=0", two);
      expect({ code, err, calls: calls.map(kexecLoad) }).toEqual({ code: 0, err: "", calls: [LOADED] });
    },
  );

  test.each([
    ["-t 21", 3],
    ["-t 21 --no-checks", 3],
    ["-n", 0],
    ["-e", 2],
    ["-f none", 1],
    ["-c 9", 1],
    ["-p -k", 2],
  ])("is nothing where loadem refuses or only looks (%s)", (options, expected) => {
    const { code, calls } = traced(x64, "retval=0", `${two} ${options}`);
    expect(calls).toEqual([]);
    expect(code).toBe(expected);
  });

  test.each([
    ["INT", 130],
    ["TERM", 143],
  ])("is an unload as well, when SIG%s comes during the load", (signal, code) => {
    const result = traced(x64, `retval=0:signal=SIG${signal}`, two);
    expect(result).toMatchObject({ code, signal: null, err: "" });
    expect(result.calls.map(kexecLoad)).toEqual([LOADED, UNLOADED]);
  });

  test("is an unload for -u", () => {
    expect(traced(x64, "retval=0", "-u").calls).toEqual([UNLOADED]);
  });

  test("is nothing for -k, as no kernel is loaded here", () => {
    const result = traced(x64, "error=EINVAL", "-k");
    if (result.code === 1)
      expect(result).toMatchObject({
        err: "loadem: -k: no kernel is loaded\n",
        calls: [],
      });
    else
      expect(result).toMatchObject({
        code: 3,
        err: "loadem: reboot: EINVAL (invalid argument): no kernel is loaded\n",
      });
  });

  test.each([
    ["EPERM", `EPERM (operation not permitted): CAP_SYS_BOOT is missing (user id ${userInfo().uid})`],
    ["EBUSY", "EBUSY (device or resource busy): another load is under way"],
    [
      "EADDRNOTAVAIL",
      "EADDRNOTAVAIL (cannot assign requested address): a segment lies where the kernel loads none; --diagnose finds " +
        "it",
    ],
  ])("comes back as %s, which is explained", (name, text) => {
    expect(traced(x64, `error=${name}`, two)).toMatchObject({
      code: 3,
      err: `loadem: kexec_load(entry 0x10000000, 2 segments, arch 0): ${text}\n`,
    });
  });
});

test("an initrd of 200 MB costs no memory of ours", async () => {
  const system = new System(host);
  truncateSync(folder.in("odd"), 200 * 1024 * 1024);
  // Standard output is a pipe that is full: the process stops at its first write, with everything laid out.
  const { read, write } = system.pipe();
  const F_SETFL = 4;
  const O_NONBLOCK = 0o4000;
  host.syscall(72, write, F_SETFL, O_NONBLOCK);
  while (host.syscall(1, write, new Uint8Array(4096), 4096) > 0) {
    /* fill */
  }
  host.syscall(72, write, F_SETFL, 0);
  const child = Bun.spawn(
    [
      ...x64.command,
      "loadem",
      "-n",
      "-r",
      "0x1000",
      "-a",
      "0x10000000",
      "-e",
      "-f",
      folder.in("odd"),
      "--poke",
      "0x5c=1",
    ],
    { stdin: "ignore", stdout: write, stderr: "inherit" },
  );
  try {
    while (!readFileSync(`/proc/${child.pid}/syscall`, "utf8").startsWith("1 0x1 ")) await Bun.sleep(2);
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
    const kibibytes = (name: string) => Number(capture(new RegExp(`^${name}:\\s+([0-9]+) kB$`, "m"), status));
    expect(kibibytes("VmSize")).toBeGreaterThan(200 * 1024);
    expect(kibibytes("VmHWM")).toBeLessThan(4 * 1024);
  } finally {
    child.kill();
    await child.exited;
    system.close(read);
    system.close(write);
  }
});
