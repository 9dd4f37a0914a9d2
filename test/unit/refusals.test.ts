// Every errno of the calls that load a kernel, put into words by what the running system says of itself; and its page.

import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Attempt, type Call, causes, type Explain, type FileWay } from "../../src/kexec/causes.ts";
import { fileAvailable, fileChecks, type KernelFiles } from "../../src/kexec/file-checks.ts";
import type { Segment } from "../../src/kexec/image.ts";
import { readPermission } from "../../src/kexec/permission.ts";
import { refusal, whyOtherCall } from "../../src/kexec/refusal.ts";
import { type ErrnoName, errno } from "../../src/sys/errno.ts";
import { System } from "../../src/sys/system.ts";
import { fakeEngine } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { changesIn, log, type Pretended, pretendedWorld } from "../support/loading.ts";
import { signedProgram } from "../support/signed-program.ts";

const folder = temporaryFolder();
const page = () => readFile(join(import.meta.dir, "../../docs/refusals.md"), "utf8");

const SIGNED = signedProgram({ signed: true });
const UNSIGNED = signedProgram({ signed: false });

const segment: Segment = {
  start: 0x1000n,
  end: 0x3000n,
  bytes: new Uint8Array(0x1000),
  from: "F",
  label: "argument 1 (-a)",
};

interface Wishes {
  readonly crash?: boolean;
  readonly explain?: Explain;
  readonly asFile?: FileWay;
  readonly hadCrashKernel?: boolean;
  readonly head?: Uint8Array;
  readonly checksSignature?: boolean;
  readonly size?: bigint;
}

function attempt(call: Call | "unload" | "unload-file", wishes: Wishes = {}): Attempt {
  const { crash = false, explain = () => undefined, asFile, hadCrashKernel = false, checksSignature = true } = wishes;
  const owner = { user: 0, group: 0 };
  const status = { kind: "file", size: wishes.size ?? 0x100n, mode: 0o644, owner, modified: 0n } as const;
  const file = (name: string) => ({ name, descriptor: 3, status });
  const files: KernelFiles = {
    kernel: file("/bzImage"),
    initrd: file("/initrd"),
    head: wishes.head ?? UNSIGNED,
    commandLine: "",
    crash,
  };
  const image = { segments: [segment], entry: 0x1000n, arch: 0n, crash };
  switch (call) {
    case "kexec_load":
      return { kind: "segments", image, explain, asFile, hadCrashKernel };
    case "kexec_file_load":
      return { kind: "files", files, explain, checksSignature, hadCrashKernel };
    case "reboot":
      return { kind: "jump" };
    case "unload":
      return { kind: "unload", call: "kexec_load", crash, isForLoad: false };
    case "unload-file":
      return { kind: "unload", call: "kexec_file_load", crash, isForLoad: false };
  }
}

/** What is told, and that nothing but questions was asked of the kernel. */
function told(what: Attempt, name: ErrnoName | number, pretended: Pretended = {}): string {
  const engine = fakeEngine(pretendedWorld(folder.path, pretended).world);
  const failure = refusal(new System(engine), what, typeof name === "number" ? -name : -errno[name]);
  expect(changesIn(engine)).toEqual([]);
  expect(failure.exitCode).toBe(3);
  return `${failure.place}: ${failure.fact}`;
}

/** The cause alone. */
function cause(what: Attempt, name: ErrnoName, pretended: Pretended = {}): string {
  return told(what, name, pretended).replace(/^.*?: E[A-Z0-9]+ \([^)]*\): /, "");
}

const LOCKED = { "/sys/kernel/security/lockdown": "none [integrity] confidentiality\n" };
const FILTERED = { "/proc/self/status": "CapEff:\t000001ffffffffff\nSeccomp:\t2\n" };

describe("the whole call is told", () => {
  test.each([
    [attempt("kexec_load"), "kexec_load(entry 0x1000, 1 segment, arch 0): EIO (input/output error): "],
    [attempt("kexec_load", { crash: true }), "kexec_load(entry 0x1000, 1 segment, arch 0, on crash): "],
    [attempt("kexec_file_load"), "kexec_file_load(kernel /bzImage, initrd /initrd): EIO (input/output error): "],
    [attempt("kexec_file_load", { crash: true }), "kexec_file_load(kernel /bzImage, initrd /initrd, on crash): "],
    [attempt("unload"), "kexec_load(unload): EIO (input/output error): "],
    [attempt("unload-file", { crash: true }), "kexec_file_load(unload, on crash): "],
    [attempt("reboot"), "reboot: EIO (input/output error)"],
  ])("%#", (what, start) => {
    expect(told(what, "EIO")).toStartWith(start);
  });

  test("an errno that has no row is told as such, also one that has no name", () => {
    expect(told(attempt("kexec_load"), 4000)).toBe(
      "kexec_load(entry 0x1000, 1 segment, arch 0): error 4000: the kernel does not say why",
    );
    expect(told(attempt("reboot"), 4000)).toBe("reboot: error 4000");
  });
});

describe("EPERM, the plainest cause first", () => {
  const all = {
    ...LOCKED,
    "/proc/self/status": "CapEff:\t0000000000000000\nSeccomp:\t2\n",
    "/proc/self/uid_map": "         0       1000          1\n",
    "/proc/sys/kernel/kexec_load_disabled": "1\n",
    "/proc/sys/kernel/kexec_load_limit_reboot": "0\n",
    "/proc/sys/kernel/kexec_load_limit_panic": "0\n",
    "/proc/sys/kernel/loadpin/enforce": "1\n",
    "/sys/kernel/security/lsm": "lockdown,capability,yama,selinux",
  };
  const on = { geteuid: () => 0 };
  /** Takes the causes away one by one, from the plainest on. */
  const steps = (call: "kexec_load" | "kexec_file_load", wishes: Wishes = {}): string[] => {
    const files: Record<string, string> = { ...all };
    const said: string[] = [];
    const say = () => said.push(cause(attempt(call, wishes), "EPERM", { files, on }));
    say();
    files["/proc/self/status"] = FILTERED["/proc/self/status"];
    say();
    files["/proc/self/uid_map"] = "         0          0 4294967295\n";
    say();
    files["/proc/sys/kernel/kexec_load_disabled"] = "0\n";
    say();
    files["/proc/sys/kernel/kexec_load_limit_reboot"] = "5\n";
    files["/proc/sys/kernel/kexec_load_limit_panic"] = "-1\n";
    say();
    files["/sys/kernel/security/lockdown"] = "[none] integrity confidentiality\n";
    say();
    files["/proc/sys/kernel/loadpin/enforce"] = "0\n";
    say();
    files["/proc/self/status"] = "CapEff:\t000001ffffffffff\nSeccomp:\t0\n";
    say();
    return said;
  };

  test("of kexec_load", () => {
    expect(steps("kexec_load")).toEqual([
      "CAP_SYS_BOOT is missing (user id 0)",
      "CAP_SYS_BOOT is that of a user namespace, which does not count",
      "kernel.kexec_load_disabled is 1 until the next boot",
      "kernel.kexec_load_limit_reboot is used up until the next boot",
      "kernel lockdown is integrity",
      "LoadPin takes a kernel from one file system alone (kernel.loadpin.enforce is 1), and no segments",
      "a seccomp filter is set for this process, as containers do",
      "a security module (selinux) or IMA policy refuses it",
    ]);
  });

  test("of kexec_file_load, for a crash kernel", () => {
    expect(steps("kexec_file_load", { crash: true })).toEqual([
      "CAP_SYS_BOOT is missing (user id 0)",
      "CAP_SYS_BOOT is that of a user namespace, which does not count",
      "kernel.kexec_load_disabled is 1 until the next boot",
      "kernel.kexec_load_limit_panic is used up until the next boot",
      "kernel lockdown is integrity: /bzImage carries no signature",
      "LoadPin takes a kernel from one file system alone (kernel.loadpin.enforce is 1): one of these files is not on it",
      "a seccomp filter is set for this process, as containers do",
      "a security module (selinux) or IMA policy refuses it",
    ]);
  });

  test("under lockdown a signature that is there is told from none", () => {
    expect(cause(attempt("kexec_file_load", { head: SIGNED }), "EPERM", { files: LOCKED })).toBe(
      "kernel lockdown is integrity: the running kernel does not know the key that /bzImage is signed by, or its signature is broken",
    );
    // On a machine whose kernels carry none it is not lockdown's.
    expect(cause(attempt("kexec_file_load", { checksSignature: false }), "EPERM", { files: LOCKED })).toBe(
      "a security module or IMA policy refuses it",
    );
  });

  test("of reboot", () => {
    expect(cause(attempt("reboot"), "EPERM", { files: { "/proc/self/status": "CapEff:\t0\n" }, on })).toBe(
      "CAP_SYS_BOOT is missing (user id 0)",
    );
    expect(cause(attempt("reboot"), "EPERM", { files: FILTERED })).toBe(
      "a seccomp filter is set for this process, as containers do",
    );
    expect(cause(attempt("reboot"), "EPERM")).toBe("CAP_SYS_BOOT is missing");
  });

  test("of reboot, where the kernel has neither call that loads", () => {
    const absent = () => -errno.ENOSYS;
    const neither = { kexec_load: absent, kexec_file_load: absent };
    const status = { "/proc/self/status": "CapEff:\t000001ffffffffff\nSeccomp:\t0\n" };
    expect(cause(attempt("reboot"), "EINVAL", { files: status, on: neither })).toBe(
      "the running kernel was built without CONFIG_KEXEC and CONFIG_KEXEC_FILE",
    );
    expect(cause(attempt("reboot"), "EINVAL", { files: status, on: { kexec_load: absent } })).toBe(
      "no kernel is loaded",
    );
    // Asking could end a process that has a filter.
    expect(cause(attempt("reboot"), "EINVAL", { files: FILTERED, on: neither })).toBe("no kernel is loaded");
  });

  describe("where securityfs is not mounted", () => {
    /** Its directory is there, and nothing in it. */
    const empty = (text: string, files: Pretended["files"] = {}): Pretended => ({
      files: { ...files, "/sys/kernel/security/hidden": "" },
      on: { ...log(text), getdents64: (_, call) => (call.path === "/sys/kernel/security" ? 0 : call.pass()) },
    });

    test("that is said", () => {
      expect(cause(attempt("kexec_load"), "EPERM", empty("<6>[    0.0] Booting\n"))).toBe(
        "kernel lockdown or a security module refuses it: securityfs is not mounted on /sys/kernel/security, which would tell",
      );
    });

    test("the kernel's log tells of lockdown, and the command line of which", () => {
      const text = "<5>[    0.0] Kernel is locked down from command line; see man kernel_lockdown.7\n";
      expect(cause(attempt("kexec_load"), "EPERM", empty(text))).toBe("kernel lockdown is on");
      const files = { "/proc/cmdline": "quiet lockdown=confidentiality\n" };
      expect(cause(attempt("kexec_load"), "EPERM", empty(text, files))).toBe("kernel lockdown is confidentiality");
    });

    test("or it cannot be looked at", () => {
      const text = "<5>[    0.0] Kernel is locked down from command line; see man kernel_lockdown.7\n";
      const { files = {}, on = {} } = empty(text);
      const unlisted: Pretended = {
        files,
        on: { ...on, getdents64: (_, call) => (call.path === "/sys/kernel/security" ? -errno.EIO : call.pass()) },
      };
      const why = "/sys/kernel/security cannot be read, which would tell";
      // As on ppc64, whose call looks at no signature.
      const asked = attempt("kexec_file_load", { checksSignature: false });
      expect(cause(asked, "EPERM", unlisted)).toContain(why);
      // What the log tells of lockdown is no reason why the modules are not known.
      expect(cause(asked, "EPERM", empty(text))).toContain("securityfs is not mounted on /sys/kernel/security, which");
    });

    test("nor is /sys", () => {
      const files = { "/sys/kernel/kexec_loaded": undefined };
      expect(cause(attempt("kexec_load"), "EPERM", { files })).toBe(
        "kernel lockdown or a security module refuses it: /sys is not mounted, which would tell",
      );
    });
  });
});

describe("EACCES", () => {
  const rule = "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig";
  const policy = { "/sys/kernel/security/ima/policy": `measure func=MODULE_CHECK\n${rule}\n` };

  test("quotes IMA's rule", () => {
    expect(cause(attempt("kexec_load"), "EACCES", { files: policy })).toBe(
      `IMA's policy says "${rule}", and segments have no signature`,
    );
    expect(cause(attempt("kexec_file_load"), "EACCES", { files: policy })).toBe(
      `IMA's policy says "${rule}", and a file has no signature that it accepts`,
    );
  });

  test("of Secure Boot is told by what IMA has just logged", () => {
    const text =
      "<3>[    4.5] ima: impossible to appraise a kernel image without a file descriptor; try using kexec_file_load syscall.\n";
    expect(cause(attempt("kexec_load"), "EACCES", { on: log(text) })).toBe(
      "IMA wants the file that a kernel comes in, for its signature, as with UEFI Secure Boot",
    );
    expect(cause(attempt("unload"), "EACCES", { on: log(text) })).toEndWith("; kexec -s -u (kexec_file_load) unloads");
  });

  test("names the modules that have a say, of those that are loaded", () => {
    const files = { "/sys/kernel/security/lsm": "capability,landlock,yama,loadpin,bpf,ipe\n" };
    expect(cause(attempt("kexec_load"), "EACCES", { files })).toBe(
      "a security module (loadpin, bpf, ipe) or IMA policy refuses unsigned loads",
    );
  });
});

describe("ENOSYS", () => {
  test("names what the kernel was built without", () => {
    const lacks = ["kexec_load", "kexec_file_load"] as const;
    expect(cause(attempt("kexec_load"), "ENOSYS", { lacks })).toBe("the running kernel was built without CONFIG_KEXEC");
    expect(cause(attempt("kexec_file_load"), "ENOSYS", { lacks })).toBe(
      "the running kernel was built without CONFIG_KEXEC_FILE",
    );
  });

  test("may be a seccomp filter's", () => {
    expect(cause(attempt("kexec_load"), "ENOSYS", { files: FILTERED })).toBe(
      "a seccomp filter hides the call from this process, or the running kernel was built without it",
    );
  });
});

describe("the other call is named only where it would work:", () => {
  const way = (head: Uint8Array, checksSignature = true): Wishes => ({
    asFile: { name: "/bzImage", head, checksSignature },
  });
  const none = { "/sys/kernel/security/lockdown": "[none] integrity confidentiality\n" };

  test.each([
    ["raw segments have none", {}, { files: LOCKED }, "kernel lockdown is integrity"],
    [
      "a signed kernel",
      way(SIGNED),
      { files: LOCKED },
      "kernel lockdown is integrity; kexec -s loads /bzImage if the running kernel knows the key that it is signed by",
    ],
    [
      "an unsigned kernel",
      way(UNSIGNED),
      { files: LOCKED },
      "kernel lockdown is integrity, and /bzImage carries no signature, without which kexec -s refuses it too",
    ],
    [
      "where no signature is looked at",
      way(UNSIGNED, false),
      { files: LOCKED },
      "kernel lockdown is integrity; kexec -s loads /bzImage by kexec_file_load, which looks at no signature here",
    ],
    ["the kernel lacks it", way(SIGNED), { files: LOCKED, lacks: ["kexec_file_load"] }, "kernel lockdown is integrity"],
    [
      "asking would use up a load",
      way(SIGNED),
      { files: { ...LOCKED, "/proc/sys/kernel/kexec_load_limit_reboot": "3\n" } },
      "kernel lockdown is integrity",
    ],
    [
      "a security module",
      way(SIGNED),
      { files: none },
      "a security module or IMA policy refuses it; kexec -s (kexec_file_load) takes signed kernels",
    ],
  ] as const)("%s", (_, wishes, pretended, text) => {
    expect(cause(attempt("kexec_load", wishes), "EPERM", pretended)).toBe(text);
  });

  test("kexec_load is not there", () => {
    const lacks = ["kexec_load"] as const;
    expect(cause(attempt("kexec_load", way(UNSIGNED)), "ENOSYS", { lacks })).toBe(
      "the running kernel was built without CONFIG_KEXEC; kexec -s loads /bzImage by kexec_file_load",
    );
    expect(cause(attempt("unload"), "ENOSYS", { lacks })).toBe(
      "the running kernel was built without CONFIG_KEXEC; kexec -s -u (kexec_file_load) unloads",
    );
  });

  test("kexec_file_load is not there", () => {
    const lacks = ["kexec_file_load"] as const;
    const built = "the running kernel was built without CONFIG_KEXEC_FILE";
    expect(cause(attempt("kexec_file_load"), "ENOSYS", { lacks })).toBe(
      `${built}; without -s it is loaded by kexec_load`,
    );
    expect(cause(attempt("kexec_file_load"), "ENOSYS", { lacks, files: LOCKED })).toBe(built);
    expect(cause(attempt("unload-file"), "ENOSYS", { lacks })).toBe(built);
  });

  test("an unload", () => {
    expect(cause(attempt("unload", { crash: true }), "EPERM", { files: LOCKED })).toBe(
      "kernel lockdown is integrity; kexec -s -p -u (kexec_file_load) unloads",
    );
    expect(cause(attempt("unload"), "EPERM", { files: LOCKED, lacks: ["kexec_file_load"] })).toBe(
      "kernel lockdown is integrity",
    );
  });
});

describe("what was to be loaded", () => {
  const explain = (result: number) => `explained ${-result}`;
  const explainable = causes.filter(({ name }) => name === "segment" || name === "file");

  test.each(explainable.map((row) => [row.errno, row.calls[0] as Call] as const))(
    "%s of %s is explained by the checks, where they have something to say",
    (name, call) => {
      expect(cause(attempt(call, { explain }), name)).toBe(`explained ${errno[name]}`);
      expect(cause(attempt(call), name)).not.toContain("explained");
    },
  );

  test.each([
    ["kexec_load", "EADDRNOTAVAIL", "a segment lies where the kernel loads none; --diagnose finds it"],
    ["kexec_load", "EINVAL", "the kernel does not say why; --diagnose finds the segment"],
    ["kexec_load", "ETXTBSY", "a segment lies over the running kernel or a TCE table; --diagnose finds it"],
    [
      "kexec_load",
      "EFAULT",
      "part of a file is not there: it shrank meanwhile, or its file system was full when it was written",
    ],
    [
      "kexec_load",
      "ENOMEM",
      "the kernel found no memory to copy the segments into: they take 0x2000 bytes, and 0xfa000 are free",
    ],
    ["kexec_load", "EBUSY", "another load is under way"],
    ["kexec_load", "EOPNOTSUPP", "the running kernel cannot do this on this machine"],
    ["kexec_file_load", "EADDRNOTAVAIL", "the kernel found no place for all of it in memory that is not in use"],
    ["kexec_file_load", "EINVAL", "the kernel does not say why"],
    ["kexec_file_load", "ETXTBSY", "a file is open for writing: the kernel takes none that may change"],
    ["kexec_file_load", "ENOEXEC", "no kernel that this call takes"],
    ["kexec_file_load", "EFBIG", "/bzImage has 256 bytes: before Linux 6.0 the kernel takes no more than 2 GiB"],
    ["kexec_file_load", "EIO", "a file could not be read whole"],
    ["kexec_file_load", "EBADF", "a file is not open for reading"],
    [
      "kexec_file_load",
      "ENOMEM",
      "the kernel found no memory for the files, twice: they have 0x200 bytes, and 0xfa000 are free",
    ],
    ["reboot", "EBUSY", "another load is under way"],
    ["reboot", "EINVAL", "no kernel is loaded"],
  ] as const)("%s %s", (call, name, text) => {
    expect(cause(attempt(call), name)).toBe(text);
  });

  test("a jump that is refused though a kernel is loaded", () => {
    const files = { "/sys/kernel/kexec/loaded": "1\n", "/sys/kernel/kexec_loaded": undefined };
    expect(cause(attempt("reboot"), "EINVAL", { files })).toBe(
      "one is loaded, but a PID namespace, as containers have, may not enter it",
    );
  });

  test("where nothing tells how much memory is free, that is left out", () => {
    expect(cause(attempt("kexec_load"), "ENOMEM", { files: { "/proc/meminfo": undefined } })).toBe(
      "the kernel found no memory to copy the segments into: they take 0x2000 bytes",
    );
  });
});

describe("the kernel's log", () => {
  test("is quoted where its last line is about kexec", () => {
    const text = "<6>[    1.0] random: done\n<3>[   12.345678] kexec-bzImage64: Kernel command line too long\n";
    expect(cause(attempt("kexec_file_load"), "EINVAL", { on: log(text) })).toBe(
      'the kernel does not say why; its log ends with "kexec-bzImage64: Kernel command line too long"',
    );
    expect(cause(attempt("kexec_file_load"), "EINVAL", { on: log(`${text}<6>[  13.0] eth0: link\n`) })).toBe(
      "the kernel does not say why",
    );
  });

  test("tells of cpus that are stuck", () => {
    const text = "<3>[   12.3] Can't kexec: CPUs are stuck in the kernel.\n";
    expect(cause(attempt("kexec_load"), "EBUSY", { on: log(text) })).toBe(
      "cpus that came up badly are stuck in the running kernel, so that it cannot be left",
    );
  });
});

describe("a signature that is wanted", () => {
  const names = causes.filter(({ name }) => name === "signature" || name === "unsigned").map((row) => row.errno);

  test.each(names)("%s: is told from one that is not there", (name) => {
    expect(cause(attempt("kexec_file_load", { head: UNSIGNED }), name)).toBe(
      "/bzImage carries no signature, and the running kernel takes no others",
    );
    const signed = cause(attempt("kexec_file_load", { head: SIGNED }), name);
    expect(signed).toMatch(/^\/bzImage (is|has|carries) .*, and the running kernel takes no others$/);
    expect(signed === "/bzImage carries no signature, and the running kernel takes no others").toBe(name === "ENODATA");
  });
});

test("a crash kernel that was lost by the attempt is told", () => {
  const lost = "; the crash kernel that was loaded before is lost";
  const files = { "/sys/kernel/kexec_crash_loaded": "0\n" };
  const crash = { crash: true, hadCrashKernel: true };
  expect(cause(attempt("kexec_load", crash), "EINVAL", { files })).toEndWith(lost);
  expect(cause(attempt("kexec_file_load", crash), "EIO", { files })).toEndWith(lost);
  expect(told(attempt("kexec_load", crash), 4000, { files })).toEndWith(lost);
  expect(
    cause(attempt("kexec_load", crash), "EINVAL", { files: { "/sys/kernel/kexec_crash_loaded": "1\n" } }),
  ).not.toContain("lost");
  expect(cause(attempt("kexec_load", { crash: true }), "EINVAL", { files })).not.toContain("lost");
});

describe("kexec -a goes on to the other call", () => {
  const why = (name: ErrnoName, files: Pretended["files"] = {}, crash = false) => {
    const engine = fakeEngine({ ...pretendedWorld(folder.path, { files }).world });
    return whyOtherCall(-errno[name], readPermission(new System(engine)), crash);
  };

  test("only where the first is not there, or lockdown is all that forbids it", () => {
    expect(why("ENOSYS")).toBe("the running kernel has no kexec_load");
    expect(why("EPERM", LOCKED)).toBe("kernel lockdown is integrity");
    expect(why("EPERM")).toBeUndefined();
    // With UEFI Secure Boot IMA comes before lockdown.
    expect(why("EACCES", LOCKED)).toBe("kernel lockdown is integrity");
    expect(why("EACCES")).toBeUndefined();
    for (const more of [
      { "/proc/self/status": "CapEff:\t0\n" },
      { "/proc/self/uid_map": "0 1000 1\n" },
      { "/proc/sys/kernel/kexec_load_disabled": "1\n" },
      { "/proc/sys/kernel/kexec_load_limit_reboot": "0\n" },
    ])
      expect(why("EPERM", { ...LOCKED, ...more })).toBeUndefined();
    expect(why("EPERM", { ...LOCKED, "/proc/sys/kernel/kexec_load_limit_reboot": "0\n" }, true)).toBe(
      "kernel lockdown is integrity",
    );
  });

  test.each(causes.map((row) => row.errno).filter((name) => !["EPERM", "EACCES", "ENOSYS"].includes(name)))(
    "not after %s",
    (name) => expect(why(name, LOCKED)).toBeUndefined(),
  );
});

describe("docs/refusals.md", () => {
  const CALLS: Readonly<Record<string, Call>> = { load: "kexec_load", file: "kexec_file_load", reboot: "reboot" };

  test("has a row for each cause, in the order in which they are looked for", async () => {
    const rows = [...(await page()).matchAll(/^\| (E[A-Z0-9]+) \| ([a-z-]+) \| ([a-z, ]+) \| /gm)].map(
      ([, name, cause, calls = ""]) =>
        `${name} ${cause} ${calls
          .split(", ")
          .map((call) => CALLS[call])
          .join(" ")}`,
    );
    const known = causes.map(({ errno: name, name: cause, calls }) => `${name} ${cause} ${calls.join(" ")}`);
    expect([...rows].sort()).toEqual([...known].sort());
    const of = (list: readonly string[], name: string) => list.filter((row) => row.startsWith(`${name} `));
    for (const { errno: name } of causes) expect(of(rows, name)).toEqual(of(known, name));
  });

  test("has a row for each check of files", async () => {
    const rows = [...(await page()).matchAll(/^\| (file-[a-z-]+) \| /gm)].map(([, name]) => name);
    expect(rows).toEqual([...fileChecks, fileAvailable].map(({ name }) => name));
  });
});
