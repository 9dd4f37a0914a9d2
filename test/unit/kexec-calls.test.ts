// Which of the two system calls kexec makes: -s, -a, -u with either, -S, and --diagnose.

import { beforeAll, describe, expect, test } from "bun:test";
import { fstatSync, readSync, writeFileSync } from "node:fs";
import { errno } from "../../src/sys/errno.ts";
import { SIGINT } from "../../src/sys/system.ts";
import { bzImage } from "../support/bzimage.ts";
import { temporaryFolder } from "../support/folder.ts";
import { arm64Image } from "../support/forms.ts";
import { unifiedImage } from "../support/kernel-files.ts";
import { type LoadRun, type Pretended, runPretended, WITHOUT_TREE } from "../support/loading.ts";

const folder = temporaryFolder({ lasts: "file" });
const KERNEL = folder.in("bzImage");
const INITRD = folder.in("initrd");

const MEMMAP = [
  ["0x0", "0x9fbff", "System RAM"],
  ["0x100000", "0x7ffdffff", "System RAM"],
] as const;

const FILES: NonNullable<Pretended["files"]> = {
  ...WITHOUT_TREE,
  "/proc/cmdline": "console=ttyS0\n",
  "/proc/iomem": "00001000-0009fbff : System RAM\n00100000-7ffdffff : System RAM\n  01000000-01ffffff : Kernel code\n",
  "/sys/kernel/kexec_loaded": "1\n",
  ...Object.fromEntries(
    MEMMAP.flatMap(([start, end, type], index) =>
      Object.entries({ start, end, type }).map(([name, value]) => [
        `/sys/firmware/memmap/${index}/${name}`,
        `${value}\n`,
      ]),
    ),
  ),
};
const LOCKED = { "/sys/kernel/security/lockdown": "none [integrity] confidentiality\n" };
const EPERM = [-errno.EPERM];

beforeAll(() => {
  writeFileSync(KERNEL, bzImage());
  writeFileSync(INITRD, "initrd");
});

function kexec(pretended: Pretended, ...args: readonly string[]): LoadRun {
  const on: Pretended["on"] = { reboot: () => 0, ...pretended.on };
  return runPretended(
    folder.path,
    { machine: "x86_64", ...pretended, on, files: { ...FILES, ...pretended.files } },
    "kexec",
    ...args,
  );
}

/** Exit code, standard error without the folder, and what was done. */
function outcome({ code, err, changes }: LoadRun): string {
  return `${code} [${changes.join(" ")}] ${err.replaceAll(`${folder.path}/`, "").trimEnd()}`;
}

describe("-s", () => {
  test("loads by kexec_file_load what -l would load", () => {
    const run = kexec({}, "-s", "-l", KERNEL, `--initrd=${INITRD}`, "--append=quiet");
    expect(outcome(run)).toBe("0 [kexec_file_load] ");
    expect(run.fileLoads).toEqual([
      { kernel: KERNEL, initrd: Buffer.from("initrd"), commandLine: "quiet\0", flags: 0 },
    ]);
  });

  test("reuses the command line unless one is given, and takes several initrds", () => {
    const { fileLoads } = kexec({}, "-sl", KERNEL, "--initrd", INITRD, "--initrd", INITRD);
    expect(fileLoads).toEqual([
      { kernel: KERNEL, initrd: Buffer.from("initrd\0\0initrd"), commandLine: "console=ttyS0\0", flags: 0 },
    ]);
  });

  test.each([
    [["-s", KERNEL], "0 [kexec_file_load reboot] "],
    [["-s", "-e", KERNEL], "0 [kexec_file_load reboot] "],
    [["-s", "--plan", KERNEL], "0 [] "],
    [["-c", "-l", KERNEL], "0 [kexec_load] "],
    [["-s", "-c", "-l", KERNEL], "0 [kexec_load] "],
    [["-c", "-s", "-l", KERNEL], "0 [kexec_file_load] "],
    [["--kexec-file-syscall", "--load", KERNEL], "0 [kexec_file_load] "],
  ])("%j", (args, text) => {
    expect(outcome(kexec({}, ...args))).toBe(text);
  });

  test("loads a crash kernel", () => {
    const files = { "/sys/kernel/kexec_crash_size": "268435456\n" };
    const run = kexec({ files }, "-s", "-p", KERNEL);
    expect(outcome(run)).toBe("0 [kexec_file_load] ");
    expect(run.fileLoads[0]?.flags).toBe(6);
  });

  test("--plan and -d show what the kernel is given", () => {
    const shown = [
      `kernel        ${KERNEL}, 32768 bytes`,
      `initrd        ${INITRD}, 6 bytes`,
      "command line  a b",
      "kexec_file_load: the running kernel finds the places",
    ];
    const args = ["-s", "-l", KERNEL, `--initrd=${INITRD}`, "--append=a b"];
    expect(kexec({}, "--plan", ...args).out.toString()).toBe(shown.map((line) => `${line}\n`).join(""));
    expect(kexec({}, "-d", ...args).err).toBe(shown.map((line) => `kexec: ${line}\n`).join(""));
  });

  test("escapes what a terminal would obey in what --plan prints", () => {
    const { out } = kexec({}, "--plan", "-s", KERNEL, "--append=a\x1b[2J");
    expect(out.toString("latin1")).toContain("command line  a\\x1b[2J\n");
  });

  test.each(["--mem-min=1", "--mem-max=1", "--rsdp=1", "--dtb=x", "--save=d", "--diagnose", "--set=/a=<1>"])(
    "%s does not go with it",
    (word) => {
      const name = word.replace(/=.*/, "");
      expect(outcome(kexec({}, "-s", "-l", word, KERNEL))).toBe(
        `2 [] kexec: ${name}: does not go with -s: the running kernel finds the places itself`,
      );
    },
  );

  test("unpacks what that call does not, and gives it a file of what is inside", () => {
    const image = Buffer.alloc(0x3000, 0x5a);
    arm64Image().copy(image);
    image.writeBigUInt64LE(0x10000n, 16);
    writeFileSync(folder.in("Image.gz"), Bun.gzipSync(image));
    const given: Buffer[] = [];
    const on: Pretended["on"] = {
      kexec_file_load: ([kernel]) => {
        const bytes = Buffer.alloc(fstatSync(Number(kernel)).size);
        readSync(Number(kernel), bytes, 0, bytes.length, 0);
        return given.push(bytes) && 0;
      },
    };
    const files = { "/sys/firmware/memmap/0/start": undefined };
    expect(outcome(kexec({ machine: "aarch64", on, files }, "-s", "-l", folder.in("Image.gz")))).toBe(
      "0 [kexec_file_load] ",
    );
    expect(given).toEqual([image]);
  });

  test("is refused in words before the kernel is asked; --no-checks leaves it to the kernel", () => {
    writeFileSync(folder.in("elf"), Buffer.concat([Buffer.from("7f454c4602010100", "hex"), Buffer.alloc(4096)]));
    expect(outcome(kexec({}, "-s", "-l", folder.in("elf")))).toStartWith("1 [] kexec: elf: ");
    expect(outcome(kexec({ fileAnswers: [-errno.ENOEXEC] }, "-s", "-i", "-l", folder.in("elf")))).toBe(
      "3 [kexec_file_load] kexec: kexec_file_load(kernel elf): ENOEXEC (exec format error): elf: is an ELF file; " +
        "kexec_file_load takes a bzImage here",
    );
  });

  test("under lockdown says that there is no signature", () => {
    expect(outcome(kexec({ files: LOCKED, fileAnswers: EPERM }, "-s", "-l", KERNEL))).toBe(
      "3 [kexec_file_load] kexec: kexec_file_load(kernel bzImage): EPERM (operation not permitted): " +
        "kernel lockdown is integrity: bzImage carries no signature",
    );
  });
});

describe("-a", () => {
  test("makes the first call where that loads", () => {
    expect(outcome(kexec({ files: LOCKED }, "-a", "-l", KERNEL))).toBe("0 [kexec_load] ");
  });

  test("goes on to the other under lockdown, and says so", () => {
    const run = kexec({ files: LOCKED, answers: EPERM }, "-a", KERNEL, `--initrd=${INITRD}`);
    expect(outcome(run)).toBe(
      "0 [kexec_load kexec_file_load reboot] kexec: kernel lockdown is integrity: kexec_file_load is asked in place of kexec_load",
    );
    expect(run.fileLoads[0]?.initrd?.toString()).toBe("initrd");
  });

  test("tells once what of a unified kernel image is used", () => {
    const uki = folder.in("uki.efi");
    const sections = [
      [".linux", bzImage()],
      [".initrd", Buffer.from("its own")],
      [".cmdline", Buffer.from("of the image")],
    ] as const;
    writeFileSync(uki, unifiedImage(0x8664, sections));
    const run = kexec({ files: LOCKED, answers: EPERM }, "-a", "-l", uki);
    expect(outcome(run).split("\n")).toEqual([
      "0 [kexec_load kexec_file_load] kexec: uki.efi: the initrd in it is used: --initrd gives another",
      "kexec: uki.efi: the command line in it is used: --append gives another",
      "kexec: kernel lockdown is integrity: kexec_file_load is asked in place of kexec_load",
    ]);
    const [load] = run.fileLoads;
    expect({ ...load, initrd: load?.initrd?.toString() }).toMatchObject({
      initrd: "its own",
      commandLine: "of the image\0",
    });
  });

  test("goes on where the kernel lacks the first", () => {
    expect(outcome(kexec({ lacks: ["kexec_load"] }, "-a", "-l", KERNEL))).toBe(
      "0 [kexec_file_load] kexec: the running kernel has no kexec_load: kexec_file_load is asked in place of kexec_load",
    );
    // Where asking could do something else, it is the load itself that tells.
    const counted = { "/proc/sys/kernel/kexec_load_limit_reboot": "9\n" };
    expect(outcome(kexec({ lacks: ["kexec_load"], files: counted }, "-a", "-l", KERNEL))).toStartWith(
      "0 [kexec_load kexec_file_load] ",
    );
  });

  test("does not go on otherwise", () => {
    expect(outcome(kexec({ answers: EPERM }, "-a", "-l", KERNEL))).toStartWith(
      "3 [kexec_load] kexec: kexec_load(entry ",
    );
    expect(outcome(kexec({ answers: [-errno.EINVAL], files: LOCKED }, "-a", "-l", KERNEL))).toStartWith(
      "3 [kexec_load] ",
    );
    // Not where the other call could not do what is asked for.
    expect(outcome(kexec({ answers: EPERM, files: LOCKED }, "-a", "-l", "--mem-min=0x2000000", KERNEL))).toMatch(
      /^3 \[kexec_load\] .*: kernel lockdown is integrity$/,
    );
  });

  test("that is refused by both tells of the second", () => {
    const run = kexec({ files: LOCKED, answers: EPERM, fileAnswers: EPERM }, "-a", KERNEL);
    expect(outcome(run)).toBe(
      [
        "3 [kexec_load kexec_file_load] kexec: kernel lockdown is integrity: kexec_file_load is asked in place of kexec_load",
        "kexec: kexec_file_load(kernel bzImage): EPERM (operation not permitted): kernel lockdown is integrity: bzImage carries no signature",
      ].join("\n"),
    );
  });

  test("that is interrupted does not go on", () => {
    const on: Pretended["on"] = {
      rt_sigpending: ([set]) => {
        (set as Uint8Array)[0] = 2;
        return 0;
      },
    };
    expect(outcome(kexec({ files: LOCKED, answers: EPERM, on }, "-a", "-l", KERNEL))).toBe("130 [kexec_load] ");
  });
});

describe("without them", () => {
  test("the other call is named, where the file could be loaded by it", () => {
    expect(outcome(kexec({ files: LOCKED, answers: EPERM }, "-l", KERNEL))).toEndWith(
      "EPERM (operation not permitted): kernel lockdown is integrity, and bzImage carries no signature, without which kexec -s refuses it too",
    );
    expect(outcome(kexec({ lacks: ["kexec_load"] }, "-l", KERNEL))).toEndWith(
      "CONFIG_KEXEC; kexec -s loads bzImage by kexec_file_load",
    );
  });
});

describe("-u", () => {
  test.each([
    [["-u"], [{ entry: 0n, flags: 0n, segments: [] }], []],
    [["-p", "-u"], [{ entry: 0n, flags: 1n, segments: [] }], []],
    [["-s", "-u"], [], [1]],
    [["-s", "-p", "-u"], [], [3]],
    [["-a", "-u"], [{ entry: 0n, flags: 0n, segments: [] }], []],
  ])("%j", (args, loads, flags) => {
    const run = kexec({}, ...args);
    expect({ code: run.code, err: run.err, loads: run.loads }).toEqual({ code: 0, err: "", loads });
    expect(run.fileLoads.map((load) => load.flags)).toEqual(flags);
  });

  test("-a -u goes on to the other call under lockdown", () => {
    expect(outcome(kexec({ files: LOCKED, answers: EPERM }, "-a", "-p", "-u"))).toBe(
      "0 [kexec_load kexec_file_load] kexec: kernel lockdown is integrity: kexec_file_load is asked in place of kexec_load",
    );
    expect(outcome(kexec({ answers: [-errno.EBUSY] }, "-a", "-u"))).toBe(
      "3 [kexec_load] kexec: kexec_load(unload): EBUSY (device or resource busy): another load is under way",
    );
  });
});

test("-S prints the status, and changes nothing", () => {
  const run = kexec({}, "-S");
  expect(outcome(run)).toBe("0 [] ");
  expect(run.out.toString()).toMatch(/^loaded: yes\n(.+: .+\n){11}$/);
  expect(outcome(kexec({}, "-S", KERNEL))).toStartWith("2 [] ");
});

test("-e where nothing is loaded names -e", () => {
  expect(outcome(kexec({ files: { "/sys/kernel/kexec_loaded": "0\n" } }, "-e"))).toBe(
    "1 [] kexec: -e: no kernel is loaded",
  );
});

test("an interrupt before the jump unloads by the call that works under lockdown", () => {
  const on: Pretended["on"] = {
    rt_sigpending: ([set]) => {
      (set as Uint8Array)[0] = 2;
      return 0;
    },
  };
  const run = kexec({ files: LOCKED, answers: EPERM, on }, "-e");
  expect(outcome(run)).toBe("130 [kexec_load kexec_file_load] ");
  expect(run.fileLoads.map(({ flags }) => flags)).toEqual([1]);
});

describe("an interrupt between a load and the jump that follows at once", () => {
  test.each([
    [[KERNEL], "130 [kexec_load kexec_load] "],
    [["-s", KERNEL], "130 [kexec_file_load kexec_file_load] "],
    [["-e", KERNEL], "130 [kexec_load kexec_load] "],
  ])("%j: nothing stays loaded, and no jump is made", (args, expected) => {
    const ignored = new Set<unknown>();
    let came = false;
    const on: Pretended["on"] = {
      // SIG_IGN is 1, and what comes while it is set is lost.
      rt_sigaction: ([signal, action, before]) => {
        if (action instanceof Uint8Array) action[0] === 1 ? ignored.add(signal) : ignored.delete(signal);
        else if (before instanceof Uint8Array) before[0] = ignored.has(signal) ? 1 : 0;
        return 0;
      },
      sync: () => {
        came = !ignored.has(SIGINT);
        return 0;
      },
      rt_sigpending: ([set]) => {
        if (came) (set as Uint8Array)[0] = 1 << (SIGINT - 1);
        return 0;
      },
      reboot: () => {
        throw new Error("jumped");
      },
    };
    expect(outcome(kexec({ on }, ...args))).toBe(expected);
  });
});

test("a machine of which /proc may not tell is not loaded on in silence", () => {
  const answer: NonNullable<Pretended["on"]>["openat"] = (_, { path, pass }) =>
    path.startsWith("/proc/") ? -errno.EACCES : pass();
  const on = { openat: answer, statx: answer, geteuid: () => 0 };
  expect(outcome(kexec({ on }, "-s", "-l", "--append=x", KERNEL))).toBe(
    "1 [] kexec: the machine: is not checked: /proc/self: EACCES (permission denied) (--no-checks loads all the same)",
  );
  expect(outcome(kexec({ on }, "-l", "--append=x", KERNEL))).toStartWith("1 [] kexec: ");
});

describe("a jump that the kernel refuses", () => {
  const files = { "/sys/kernel/kexec_loaded": "1\n" };
  const on: Pretended["on"] = { reboot: () => -errno.EBUSY };
  const refused = "kexec: reboot: EBUSY (device or resource busy): another load is under way";

  test.each([
    ["of what this run has loaded unloads it", [KERNEL], "kexec_load reboot kexec_load"],
    ["of what -s has loaded unloads it", ["-s", KERNEL], "kexec_file_load reboot kexec_file_load"],
    ["of what was loaded before leaves it", ["-e"], "reboot"],
  ])("%s", (_, args, changes) => {
    expect(outcome(kexec({ files, on }, ...args))).toBe(`3 [${changes}] ${refused}`);
  });

  test("and then the unload, says that it stays loaded", () => {
    const answers = [0, -errno.EPERM];
    expect(outcome(kexec({ files, on, answers }, KERNEL))).toMatch(
      /^3 \[kexec_load reboot kexec_load\] kexec: reboot: EBUSY .* under way; kexec_load\(unload\): EPERM .*; the kernel stays loaded$/,
    );
  });
});

describe("--diagnose", () => {
  test("names the segment by what it is of, loads nothing, and does not jump", () => {
    expect(outcome(kexec({ answers: [0, 0, 0, -errno.EADDRNOTAVAIL] }, "--diagnose", KERNEL))).toMatch(
      /^3 \[kexec_load kexec_load kexec_load kexec_load\] kexec: segment 1 \(0x[0-9a-f]+-0x[0-9a-f]+, bzImage\) of KERNEL: the kernel refuses it: EADDRNOTAVAIL/,
    );
    expect(outcome(kexec({}, "--diagnose", "-l", KERNEL))).toBe(
      "0 [kexec_load kexec_load kexec_load kexec_load kexec_load] kexec: the kernel takes all 2 segments; nothing is loaded now",
    );
  });

  test.each(["EPERM", "EACCES", "EBUSY", "EOPNOTSUPP"] as const)(
    "blames none for %s, and leaves nothing loaded",
    (name) => {
      const run = kexec({ answers: [0, 0, 0, -errno[name]] }, "--diagnose", KERNEL);
      expect(outcome(run)).toStartWith("3 [kexec_load kexec_load kexec_load kexec_load] kexec: kexec_load(entry ");
      expect(run.err).toContain(`2 segments, arch 0): ${name} `);
    },
  );

  test("blames none where a limit is used up on the way", () => {
    const limit = (left: number) => ({ "/proc/sys/kernel/kexec_load_limit_reboot": `${left}\n` });
    expect(outcome(kexec({ files: limit(4) }, "--diagnose", KERNEL))).toBe(
      "1 [] kexec: --diagnose: 5 calls of kexec_load are needed, and kernel.kexec_load_limit_reboot leaves 4",
    );
    expect(kexec({ files: limit(5) }, "--diagnose", KERNEL).code).toBe(0);
  });
});
