// What the running system says of kexec, line by line, and that nothing is touched to find it out.

import { describe, expect, test } from "bun:test";
import { hasCall } from "../../src/kexec/calls.ts";
import { readPermission } from "../../src/kexec/permission.ts";
import { describeStatus } from "../../src/kexec/status.ts";
import { errno } from "../../src/sys/errno.ts";
import { System } from "../../src/sys/system.ts";
import { fakeEngine } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { changesIn, log, type Pretended, pretendedWorld } from "../support/loading.ts";
import { present } from "../support/present.ts";

const folder = temporaryFolder();

const STATUS = "CapEff:\t000001ffffffffff\nSeccomp:\t0\n";

/** Linux 7 in whose initramfs /proc, /sys, securityfs and debugfs are mounted. */
const NEW: NonNullable<Pretended["files"]> = {
  "/proc/self/status": STATUS,
  "/proc/self/uid_map": "         0          0 4294967295\n",
  "/proc/cmdline": "console=hvc0 kho=on\n",
  "/proc/sys/kernel/kexec_load_disabled": "0\n",
  "/proc/sys/kernel/kexec_load_limit_reboot": "-1\n",
  "/proc/sys/kernel/kexec_load_limit_panic": "7\n",
  "/sys/kernel/kexec/loaded": "1\n",
  "/sys/kernel/kexec/crash_loaded": "0\n",
  "/sys/kernel/kexec/crash_size": "268435456\n",
  "/sys/kernel/kexec_loaded": undefined,
  "/sys/kernel/security/lockdown": "[none] integrity confidentiality\n",
  "/sys/kernel/security/lsm": "lockdown,capability,yama\n",
  "/sys/kernel/debug/kho/out/fdt": "",
};

const NAMES = [
  "loaded",
  "crash-loaded",
  "crash-size",
  "kexec_load",
  "kexec_file_load",
  "cap-sys-boot",
  "load-disabled",
  "load-limit-reboot",
  "load-limit-panic",
  "lockdown",
  "security-modules",
  "handover",
];

function statusOf(pretended: Pretended): Readonly<Record<string, string>> {
  const { world, loads, fileLoads } = pretendedWorld(folder.path, pretended);
  const engine = fakeEngine(world);
  const text = describeStatus(new System(engine));
  expect({ changes: changesIn(engine), loads, fileLoads, open: engine.leftOpen }).toEqual({
    changes: [],
    loads: [],
    fileLoads: [],
    open: [],
  });
  const lines = text.split("\n");
  expect(lines.pop()).toBe("");
  const pairs = lines.map((line) => present(/^([a-z_-]+): (.+)$/.exec(line)).slice(1));
  expect(pairs.map(([name]) => name)).toEqual(NAMES);
  return Object.fromEntries(pairs);
}

test("a new kernel tells everything", () => {
  expect(statusOf({ files: NEW })).toEqual({
    loaded: "yes",
    "crash-loaded": "no",
    "crash-size": "268435456",
    kexec_load: "yes",
    kexec_file_load: "yes",
    "cap-sys-boot": "yes",
    "load-disabled": "no",
    "load-limit-reboot": "none",
    "load-limit-panic": "7",
    lockdown: "none",
    "security-modules": "lockdown,capability,yama",
    handover: "on",
  });
});

test("under lockdown kexec_load is not asked for: the kernel's log would tell of a forbidden load", () => {
  const files = { ...NEW, "/sys/kernel/security/lockdown": "none integrity [confidentiality]\n" };
  const { world } = pretendedWorld(folder.path, { files });
  const engine = fakeEngine(world);
  const lines = describeStatus(new System(engine)).split("\n");
  expect(lines).toContain("kexec_load: unknown (under lockdown it loads nothing)");
  expect(lines).toContain("kexec_file_load: yes");
  expect(lines).toContain("lockdown: confidentiality");
  expect(engine.asked("kexec_load")).toEqual([]);
});

test("an old one has other files, and fewer", () => {
  const files = {
    "/proc/self/status": STATUS,
    "/sys/kernel/kexec_loaded": "0\n",
    "/sys/kernel/kexec_crash_loaded": "1\n",
    "/sys/kernel/kexec_crash_size": "0\n",
    "/sys/kernel/debug/usb/devices": "",
  };
  expect(statusOf({ files, lacks: ["kexec_file_load"] })).toEqual({
    loaded: "no",
    "crash-loaded": "yes",
    "crash-size": "0",
    kexec_load: "yes",
    kexec_file_load: "no",
    "cap-sys-boot": "yes",
    "load-disabled": "no",
    "load-limit-reboot": "none",
    "load-limit-panic": "none",
    lockdown: "none (the running kernel knows no lockdown)",
    "security-modules": "unknown (the kernel does not tell)",
    handover: "off (no /sys/kernel/debug/kho)",
  });
});

test("one that was patched for lockdown, and tells of it in its log alone, is locked down", () => {
  const text = "<5>[    0.0] Kernel is locked down from EFI secure boot; see man kernel_lockdown.7\n";
  const files = { "/proc/self/status": STATUS, "/sys/kernel/kexec_loaded": "0\n" };
  expect(statusOf({ files, on: log(text) })).toMatchObject({
    lockdown: "on (by the kernel's log)",
    kexec_load: "unknown (under lockdown it loads nothing)",
  });
  // Some of those could lift it, by a key.
  const lifted = `${text}<5>[    9.0] Lifting lockdown\n`;
  expect(statusOf({ files, on: log(lifted) })).toMatchObject({
    lockdown: "none (the running kernel knows no lockdown)",
  });
  expect(statusOf({ files, on: log(lifted + text) })).toMatchObject({ lockdown: "on (by the kernel's log)" });
});

test("a file of /proc that cannot be read is not taken for a /proc that is not mounted", () => {
  const on: Pretended["on"] = {
    geteuid: () => 0,
    openat: (_, call) => (call.path === "/proc/self/status" ? -errno.EACCES : call.pass()),
  };
  const why = "unknown (/proc/self/status cannot be read)";
  expect(statusOf({ files: NEW, on })).toMatchObject({ kexec_load: why, kexec_file_load: why });
});

test("where neither /proc nor /sys is mounted, every line says so", () => {
  const hidden = Object.fromEntries(
    Object.keys(NEW)
      .concat("/sys/kernel/kexec_loaded", "/proc/sys/kernel/kexec_load_disabled")
      .map((path) => [path, undefined]),
  );
  expect(statusOf({ files: hidden, on: { geteuid: () => 0 } })).toEqual({
    loaded: "unknown (/sys is not mounted)",
    "crash-loaded": "unknown (/sys is not mounted)",
    "crash-size": "unknown (/sys is not mounted)",
    kexec_load: "unknown (/proc is not mounted)",
    kexec_file_load: "unknown (/proc is not mounted)",
    "cap-sys-boot": "yes",
    "load-disabled": "unknown (no kernel.kexec_load_disabled)",
    "load-limit-reboot": "unknown (/proc is not mounted)",
    "load-limit-panic": "unknown (/proc is not mounted)",
    lockdown: "unknown (/sys is not mounted)",
    "security-modules": "unknown (/sys is not mounted)",
    handover: "unknown (debugfs is not mounted on /sys/kernel/debug)",
  });
});

/** Whatever lies below a directory may not be looked at. */
function forbids(directory: string): NonNullable<Pretended["on"]> {
  const answer: NonNullable<Pretended["on"]>["openat"] = (_, { path, pass }) =>
    path.startsWith(directory) ? -errno.EACCES : pass();
  return { openat: answer, statx: answer };
}

test("what may not be looked at is unknown, and not taken for absent", () => {
  const sys = statusOf({ files: NEW, on: forbids("/sys/") });
  const why = "unknown (/sys/kernel/security: EACCES (permission denied))";
  expect(sys).toMatchObject({ lockdown: why, "security-modules": why, loaded: "unknown (the kernel does not tell)" });
  const file = statusOf({ files: NEW, on: forbids("/sys/kernel/security/lockdown") });
  expect(file.lockdown).toBe("unknown (/sys/kernel/security/lockdown cannot be read)");
  const limits = statusOf({ files: NEW, on: forbids("/proc/sys/kernel/kexec_load_limit") });
  expect(limits["load-limit-panic"]).toBe("unknown (the kernel does not tell)");
});

describe("handover", () => {
  const FDT = "/sys/kernel/debug/kho/out/fdt";
  const handover = (files: Pretended["files"]) => statusOf({ files: { ...NEW, ...files } }).handover;

  test("that hands over only what was finalized says where that is missing", () => {
    expect(handover({ "/sys/kernel/debug/kho/out/finalize": "0\n" })).toBe("on (not finalized)");
    expect(handover({ "/sys/kernel/debug/kho/out/finalize": "1\n" })).toBe("on");
  });

  test("that was asked for and is not to be seen is not called off", () => {
    expect(handover({ [FDT]: undefined, "/sys/kernel/debug/x": "" })).toBe(
      "unknown (kho=on is on the command line, but there is no /sys/kernel/debug/kho)",
    );
    expect(handover({ [FDT]: undefined })).toBe(
      "unknown (kho=on is on the command line, but debugfs is not mounted on /sys/kernel/debug)",
    );
  });
});

describe("which calls there are is not asked", () => {
  const unasked = (files: Pretended["files"], why: string) => {
    const { world } = pretendedWorld(folder.path, { files: { ...NEW, ...files } });
    const engine = fakeEngine(world);
    const text = describeStatus(new System(engine));
    expect(text).toContain(`\nkexec_load: unknown (${why})\nkexec_file_load: unknown (${why})\n`);
    expect(engine.asked("kexec_load").length + engine.asked("kexec_file_load").length).toBe(0);
  };

  test("where it would use up a load", () => {
    unasked({ "/proc/sys/kernel/kexec_load_limit_reboot": "1\n" }, "asking would use up a load");
    unasked({ "/proc/sys/kernel/kexec_load_limit_reboot": "what\n" }, "asking would use up a load");
  });

  test("where a seccomp filter may end the process", () => {
    unasked({ "/proc/self/status": "CapEff:\t000001ffffffffff\nSeccomp:\t2\n" }, "a seccomp filter is set");
  });

  test.each([
    ["no load is left anyway", { "/proc/sys/kernel/kexec_load_limit_reboot": "0\n" }],
    [
      "none is permitted anyway",
      { "/proc/sys/kernel/kexec_load_limit_reboot": "3\n", "/proc/self/status": "CapEff:\t0\n" },
    ],
    [
      "loading is disabled",
      { "/proc/sys/kernel/kexec_load_limit_reboot": "3\n", "/proc/sys/kernel/kexec_load_disabled": "1\n" },
    ],
  ])("but it is where %s", (_, files) => {
    const system = new System(fakeEngine(pretendedWorld(folder.path, { files: { ...NEW, ...files } }).world));
    expect(hasCall(system, "kexec_load", readPermission(system))).toBe(true);
  });
});

test("a question asks for nothing that a kernel does: too many segments, no files, flags that there are not", () => {
  const { world } = pretendedWorld(folder.path, { files: NEW });
  const engine = fakeEngine(world);
  describeStatus(new System(engine));
  expect(engine.asked("kexec_load").map(({ args }) => args)).toEqual([[0, 17, null, 0x8000]]);
  expect(engine.asked("kexec_file_load").map(({ args }) => args)).toEqual([[-1, -1, 0, null, 0x8000]]);
});
