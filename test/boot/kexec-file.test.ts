// kexec_file_load in guests: kernels that have it come up by it, and what refuses it says why, under lockdown too.

import { describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import type { Choices } from "../../scripts/boot/choices.ts";
import type { ScriptNeeds, Special } from "../../scripts/boot/scene.ts";
import { TERMINAL_CODES } from "../../scripts/boot/timeline.ts";
import { kernel } from "../../scripts/kernels.ts";
import { hex } from "../../src/failure.ts";
import { attempted } from "../support/boots.ts";
import { initrdThat, systemRam } from "../support/crash-kernel.ts";
import { temporaryFolder } from "../support/folder.ts";
import { endingWell, withoutBootCapability } from "../support/guest-programs.ts";
import { KERNEL } from "../support/prompt.ts";

const folder = temporaryFolder({ on: "disk" });

const SECONDS = 300;
const MINUTES = 60_000;

/** Bytes that qemu has for it: other memory of the crashed kernel is none of the crash kernel's. */
const RTAS = 0x1_0000;

const X64 = { target: "x64-small", cpu: "max", smp: 2, small: false, timeout: SECONDS } as const;

/** Lines that fail follow /try, which does not: a script ends with the first line that fails. */
const PROGRAMS: Special["files"] = [
  { path: "try", content: endingWell(), mode: 0o755 },
  { path: "nocap", content: withoutBootCapability(), mode: 0o755 },
];

interface Seen {
  readonly passed: boolean;
  readonly lines: readonly string[];
  /** What a line of the script printed. */
  printed(command: string, nth?: number): string[];
}

/** A boot whose first init runs these lines. */
async function booted(
  choices: Partial<Choices>,
  script: (needs: ScriptNeeds) => readonly string[],
  special: Special = {},
): Promise<Seen> {
  const { verdict, run } = await attempted(choices, {
    ...special,
    script: (needs) =>
      script(needs)
        .map((line) => `${line}\n`)
        .join(""),
  });
  const lines = run.lines.map(({ text }) => text.replace(TERMINAL_CODES, ""));
  return {
    passed: verdict.passed,
    lines,
    printed(command, nth = 0) {
      const starts = lines.flatMap((line, at) => (line === `+ ${command}` ? [at + 1] : []));
      const rest = lines.slice(starts[nth] ?? lines.length);
      const end = rest.findIndex((line) => line.startsWith("+ "));
      return rest.slice(0, end < 0 ? rest.length : end).filter((line) => !KERNEL.test(line));
    },
  };
}

/** All that -S printed, by name. */
function status(printed: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    printed.flatMap((line) => {
      const [, name, value] = /^([a-z_-]+): (.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
}

/** The errno and its cause, of a command that the kernel refused. */
function cause(seen: Seen, command: string): string | undefined {
  const said = seen.printed(command).findLast((line) => /^(kexec|loadem): /.test(line));
  return said?.replace(/^.*?: (E[A-Z]+ )/, "$1");
}

function tail(seen: Seen): string {
  return seen.lines.slice(-30).join("\n");
}

/** The kernel without its table of certificates. */
function withoutSignature(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  const directories = copy.readUInt32LE(0x3c) + 24 + 112;
  expect(copy.readUInt32LE(directories + 4 * 8)).not.toBe(0);
  copy.fill(0, directories + 4 * 8, directories + 5 * 8);
  return copy;
}

function viaFiles(file: string): (needs: ScriptNeeds) => string[] {
  return ({ bootargs }) => [
    "kexec -S",
    `kexec -s -l ${file} --initrd=/initrd '--append=${bootargs}'`,
    "kexec -S",
    "kexec -e",
  ];
}

function expectLoaded(seen: Seen): void {
  expect(seen.passed ? "passed" : tail(seen)).toBe("passed");
  const before = status(seen.printed("kexec -S"));
  const after = status(seen.printed("kexec -S", 1));
  expect([before.loaded, after.loaded]).toEqual(["no", "yes"]);
  expect([before.kexec_load, before.kexec_file_load, before["cap-sys-boot"]]).toEqual(["yes", "yes", "yes"]);
}

describe("on x86-64 kexec -s starts the file that Debian ships, with its initrd and command line", () => {
  test.each(["oldest-x64", "stock-x64", "stable-x64", "newest-x64"] as const)(
    "%s",
    async (name) => {
      await kernel(name);
      expectLoaded(await booted({ ...X64, kernel: name }, viaFiles("/bzImage")));
    },
    10 * MINUTES,
  );
});

// With one cpu: the others are handed over by the kernel's own purgatory, which leaves one behind now and then: docs/decisions.md.
describe("on ppc64 kexec -s starts a vmlinux of either byte order", () => {
  test.each([
    ["ppc64", "small-ppc64"],
    ["ppc64le", "small-ppc64le"],
  ] as const)(
    "%s",
    async (target, name) => {
      const content = await Bun.file((await kernel(name)).vmlinux).bytes();
      const choices = { target, small: true, smp: 1, timeout: SECONDS } as const;
      const seen = await booted(choices, viaFiles("/vmlinux"), {
        files: [{ path: "vmlinux", content, mode: 0o644 }],
      });
      expectLoaded(seen);
    },
    10 * MINUTES,
  );
});

describe("kexec -s -p puts a crash kernel into the region, and a panic ends in it", () => {
  test.each([
    ["x86-64", { ...X64, memory: 1024 }, "stock-x64", "/bzImage", 0x1000_0000],
    ["ppc64", { target: "ppc64", small: true, smp: 1, timeout: SECONDS }, "small-ppc64", "/vmlinux", 0x800_0000],
  ] as const)(
    "%s",
    async (_, choices, name, file, start) => {
      const content = await Bun.file((await kernel(name)).vmlinux).bytes();
      const size = 0x1000_0000;
      const initrd = await initrdThat(choices.target, ["cat /proc/iomem", "ls /proc"]);
      const seen = await booted(
        choices,
        ({ bootargs }) => [
          `kexec -s -p ${file} --initrd=/initrd '--append=${bootargs}'`,
          "kexec -S",
          "echo c > /proc/sysrq-trigger",
        ],
        {
          // At random the kernel may lie there itself.
          append: `crashkernel=${hex(size)}@${hex(start)} nokaslr`,
          initrd,
          files: file === "/vmlinux" ? [{ path: "vmlinux", content, mode: 0o644 }] : [],
        },
      );
      expect(seen.passed ? "passed" : tail(seen)).toBe("passed");
      expect(status(seen.printed("kexec -S"))).toMatchObject({ loaded: "no", "crash-loaded": "yes" });
      // The kernel has made a header of the crashed one's memory, as none does for kexec_load.
      expect(seen.printed("ls /proc")).toContain("vmcore");
      const end = start + size;
      const ranges = systemRam(seen.printed("cat /proc/iomem")).map((range) =>
        range.split("-").map((number) => Number.parseInt(number, 16)),
      );
      const beyond = ranges.map(([first = 0, last = 0]) => Math.max(0, last + 1 - Math.max(first, end)));
      expect(beyond.reduce((sum, bytes) => sum + bytes)).toBeLessThanOrEqual(RTAS);
    },
    10 * MINUTES,
  );
});

describe("a kernel of Debian's that was built without it is told as such", () => {
  test.each([
    ["arm64-small", "oldest-arm64", "/vmlinux.kexec"],
    ["arm64-small", "stock-arm64", "/vmlinux.kexec"],
    ["arm64-small", "stable-arm64", "/vmlinux.kexec"],
    ["arm64-small", "newest-arm64", "/vmlinux.kexec"],
    ["ppc64le", "stock-ppc64le", "/vmlinux"],
    ["ppc64le", "stable-ppc64le", "/vmlinux"],
    ["ppc64le", "newest-ppc64le", "/vmlinux"],
  ] as const)(
    "%s",
    async (target, name, file) => {
      const content = await Bun.file((await kernel(name)).vmlinux).bytes();
      const files = file === "/vmlinux" ? [{ path: "vmlinux", content, mode: 0o644 } as const] : [];
      const cpu = target === "ppc64le" ? "POWER9" : "cortex-a72";
      const choices = { target, cpu, small: false, smp: 1, kernel: name, timeout: SECONDS } as const;
      const seen = await booted(choices, () => ["kexec -S", `kexec -s -l ${file}`], { files });
      expect(status(seen.printed("kexec -S")).kexec_file_load ?? tail(seen)).toBe("no");
      expect(seen.lines).toContain(
        `kexec: kexec_file_load(kernel ${file}): ENOSYS (function not implemented): the running kernel was built without ` +
          "CONFIG_KEXEC_FILE; without -s it is loaded by kexec_load",
      );
    },
    10 * MINUTES,
  );
});

const EPERM = "EPERM (operation not permitted):";
const OTHER_CALL = "kexec: kernel lockdown is integrity: kexec_file_load is asked in place of kexec_load";

describe("under lockdown, on x86-64,", () => {
  test(
    "what carries no signature, or a stranger's, and all segments are refused in words",
    async () => {
      const image = await Bun.file((await kernel("stock-x64")).vmlinux).bytes();
      const unsigned = { path: "unsigned", content: withoutSignature(image), mode: 0o644 } as const;
      const segment = "/try /bin/loadem --no-checks -r 0x1000 -a 0x10000000 -e -f /unsigned";
      const seen = await booted(
        X64,
        () => [
          "kexec -S",
          "/try /bin/kexec -s -l /unsigned",
          "/try /bin/kexec -l /unsigned",
          "/try /bin/kexec -l /bzImage",
          segment,
          "/try /bin/kexec -u",
          "kexec -a -u",
          // Debian's kernels trust the keys of a machine's firmware, and there are none.
          "kexec -a -l /bzImage",
        ],
        { append: "lockdown=integrity", files: [...PROGRAMS, unsigned] },
      );
      const lockdown = `${EPERM} kernel lockdown is integrity`;
      expect(status(seen.printed("kexec -S")).lockdown ?? tail(seen)).toBe("integrity");
      expect(seen.printed("/try /bin/kexec -s -l /unsigned")).toEqual([
        `kexec: kexec_file_load(kernel /unsigned): ${lockdown}: /unsigned carries no signature`,
      ]);
      expect(cause(seen, "/try /bin/kexec -l /unsigned")).toBe(
        `${lockdown}, and /unsigned carries no signature, without which kexec -s refuses it too`,
      );
      expect(cause(seen, "/try /bin/kexec -l /bzImage")).toBe(
        `${lockdown}; kexec -s loads /bzImage if the running kernel knows the key that it is signed by`,
      );
      expect(cause(seen, segment)).toBe(lockdown);
      expect(cause(seen, "/try /bin/kexec -u")).toBe(`${lockdown}; kexec -s -u (kexec_file_load) unloads`);
      expect(seen.printed("kexec -a -u")).toEqual([OTHER_CALL]);
      expect(seen.printed("kexec -a -l /bzImage").slice(0, 2)).toEqual([
        OTHER_CALL,
        `kexec: kexec_file_load(kernel /bzImage): ${lockdown}: the running kernel does not know the key that /bzImage is signed ` +
          "by, or its signature is broken",
      ]);
    },
    10 * MINUTES,
  );

  test(
    "with UEFI Secure Boot a kernel that is signed by a key of the firmware's starts, by -a",
    async () => {
      const { files, devices } = await secureBoot((await kernel("stock-x64")).vmlinux);
      const seen = await booted(
        { ...X64, memory: 1024 },
        ({ bootargs }) => [
          "kexec -S",
          "/try /bin/kexec -l /signed",
          `kexec -a -l /signed --initrd=/initrd '--append=${bootargs}'`,
          "kexec -S",
          "/try /bin/kexec -u",
          "kexec -a -u",
          "kexec -S",
          `kexec -s -l /signed --initrd=/initrd '--append=${bootargs}'`,
          "kexec -e",
        ],
        { append: "lockdown=integrity", files: [...PROGRAMS, ...files], devices },
      );
      expect(seen.passed ? "passed" : tail(seen)).toBe("passed");
      const ima =
        "EACCES (permission denied): IMA wants the file that a kernel comes in, for its signature, as with UEFI Secure Boot; ";
      expect(cause(seen, "/try /bin/kexec -l /signed")).toBe(
        `${ima}kexec -s loads /signed if the running kernel knows the key that it is signed by`,
      );
      expect(cause(seen, "/try /bin/kexec -u")).toBe(`${ima}kexec -s -u (kexec_file_load) unloads`);
      expect(seen.lines.filter((line) => line === OTHER_CALL)).toHaveLength(2);
      const loaded = [0, 1, 2].map((nth) => status(seen.printed("kexec -S", nth)).loaded);
      expect(loaded).toEqual(["no", "yes", "no"]);
    },
    10 * MINUTES,
  );
});

/** A guest with UEFI variables of the firmware's package, whose key is public, and a kernel that is signed by it. */
async function secureBoot(vmlinux: string): Promise<Required<Pick<Special, "files" | "devices">>> {
  const variables = folder.in("variables");
  copyFileSync("/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd", variables);
  const key = "/usr/share/ovmf/PkKek-1-snakeoil";
  const signed = folder.in("signed");
  const tool = ["osslsigncode", "sign", "-certs", `${key}.pem`, "-key", `${key}.key`, "-pass", "snakeoil"];
  const { exitCode, stderr } = Bun.spawnSync([...tool, "-h", "sha256", "-in", vmlinux, "-out", signed], {
    stderr: "pipe",
  });
  expect(exitCode === 0 ? "" : stderr.toString()).toBe("");
  const flash = (unit: number, file: string) => ["-drive", `if=pflash,unit=${unit},format=raw,${file}`];
  return {
    files: [{ path: "signed", content: await Bun.file(signed).bytes(), mode: 0o644 }],
    devices: [...flash(0, "readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd"), ...flash(1, `file=${variables}`)],
  };
}

describe("what forbids to load is told apart", () => {
  test(
    "CAP_SYS_BOOT, kernel.kexec_load_limit_*, kernel.kexec_load_disabled, on x86-64",
    async () => {
      await kernel("newest-x64");
      const seen = await booted(
        { ...X64, kernel: "newest-x64" },
        () => [
          "/try /nocap /bin/kexec -l /bzImage",
          "/try /nocap /bin/kexec -s -l /bzImage",
          "/try /nocap /bin/kexec -S",
          "echo 3 > /proc/sys/kernel/kexec_load_limit_reboot",
          "/try /bin/kexec --diagnose -l /bzImage",
          "kexec -l /bzImage",
          "kexec -s -u",
          "kexec -S",
          "kexec -l /bzImage",
          "/try /bin/kexec -l /bzImage",
          "/try /bin/kexec -s -l /bzImage",
          "echo 1 > /proc/sys/kernel/kexec_load_disabled",
          "kexec -S",
          "kexec -u",
        ],
        { files: PROGRAMS },
      );
      expect(cause(seen, "/try /nocap /bin/kexec -l /bzImage") ?? tail(seen)).toBe(
        "kexec: kexec_load: CAP_SYS_BOOT is missing (user id 0)",
      );
      expect(cause(seen, "/try /nocap /bin/kexec -s -l /bzImage") ?? tail(seen)).toBe(
        "kexec: kexec_file_load: CAP_SYS_BOOT is missing (user id 0)",
      );
      expect(status(seen.printed("/try /nocap /bin/kexec -S"))).toMatchObject({
        "cap-sys-boot": "no",
        kexec_load: "yes",
        kexec_file_load: "yes",
        "load-limit-reboot": "none",
      });
      expect(cause(seen, "/try /bin/kexec --diagnose -l /bzImage")).toBe(
        "kexec: --diagnose: 5 calls of kexec_load are needed, and kernel.kexec_load_limit_reboot leaves 3",
      );
      // One for the load, one for the unload; asking what there is costs none.
      expect(status(seen.printed("kexec -S"))).toMatchObject({
        "load-limit-reboot": "1",
        kexec_load: "unknown (asking would use up a load)",
      });
      const limit = `${EPERM} kernel.kexec_load_limit_reboot is used up until the next boot`;
      expect(cause(seen, "/try /bin/kexec -l /bzImage")).toBe(limit);
      expect(cause(seen, "/try /bin/kexec -s -l /bzImage")).toBe(limit);
      expect(status(seen.printed("kexec -S", 1))).toMatchObject({
        loaded: "yes",
        "load-disabled": "yes",
        kexec_load: "yes",
      });
      expect(cause(seen, "kexec -u")).toBe(`${EPERM} kernel.kexec_load_disabled is 1 until the next boot`);
    },
    15 * MINUTES,
  );

  test(
    "the segment that the kernel refuses, and its rule, on ppc64",
    async () => {
      const page = { path: "page", content: new Uint8Array(0x1000).fill(1), mode: 0o644 } as const;
      const diagnose = (...addresses: string[]) =>
        `loadem --diagnose --no-checks -r 0x10000 ${addresses.map((address, at) => `-a ${address}${at === 0 ? " -e" : ""} -f /page`).join(" ")}`;
      const good = diagnose("0x5000000", "0x6000000");
      const bad = diagnose("0x5000000", "0x6000000", "0x10000", "0x7000000");
      const seen = await booted({ target: "ppc64", small: true, smp: 1, timeout: SECONDS }, () => [good, bad], {
        files: [page],
      });
      expect(seen.printed(good)).toEqual(["loadem: the kernel takes all 2 segments; nothing is loaded now"]);
      expect(seen.printed(bad)[0] ?? tail(seen)).toMatch(
        /^loadem: segment 2 \(0x10000-0x20000, \/page\) of argument 14 \(-a\): the kernel refuses it: ETXTBSY \(text file busy\): starts below 0x[0-9a-f]+, where the running kernel ends$/,
      );
    },
    10 * MINUTES,
  );
});
