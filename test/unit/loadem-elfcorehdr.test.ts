// A crash kernel's ELF core header, by the commands that kexec --plan ends with: what is told of it has to be there, whole,
// and kept from the crash kernel's own use.

import { beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { readElfHeaders } from "../../src/elf.ts";
import { bzImage } from "../support/bzimage.ts";
import { temporaryFolder } from "../support/folder.ts";
import { arm64Image } from "../support/forms.ts";
import { ARM64, WITH_CRASHKERNEL, X86_64 } from "../support/kexec-machines.ts";
import { type LoadRun, type Pretended, runPretended } from "../support/loading.ts";
import { present } from "../support/present.ts";
import { rawLinesOf, runRawLines } from "../support/raw-lines.ts";

const folder = temporaryFolder({ lasts: "file" });

const PPC64LE: Pretended = { ...WITH_CRASHKERNEL, machine: "ppc64le" };

const MACHINES = [
  ["ppc64", WITH_CRASHKERNEL, "vmlinux", "0x1ffe0000", "0x20000"],
  ["arm64", ARM64, "Image", "0x6ffff000", "0x1000"],
  ["x86_64", X86_64, "bzImage", "0x1ffff000", "0x1000"],
] as const;

beforeAll(() => {
  writeFileSync(folder.in("vmlinux"), Buffer.alloc(0x20_0000, 0x60).fill("run0", 0x5c, 0x60, "latin1"));
  writeFileSync(folder.in("Image"), Buffer.concat([arm64Image(), Buffer.alloc(0x1000, 1)]));
  writeFileSync(folder.in("bzImage"), bzImage());
});

/** The commands for a crash kernel there, changed. */
function rawLines(
  machine: Pretended,
  file: string,
  ...changes: readonly (readonly [string | RegExp, string])[]
): string {
  const { code, err, out } = runPretended(
    folder.path,
    machine,
    "kexec",
    "--plan",
    "-p",
    "--append=quiet",
    folder.in(file),
  );
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return changes.reduce(
    (text, [from, to]) => {
      expect(text).toMatch(from);
      return text.replace(from, to);
    },
    rawLinesOf(out.toString("latin1")),
  );
}

function run(machine: Pretended, text: string): LoadRun {
  return runRawLines(folder.path, machine, text);
}

/** What loadem says of it. */
function refusal(machine: Pretended, text: string): string {
  try {
    run(machine, text);
  } catch (error) {
    return /loadem: segment \d \([^)]*\): (.*)\n/.exec((error as Error).message)?.[1] ?? (error as Error).message;
  }
  throw new Error("it is loaded");
}

describe.each(MACHINES)("on %s", (_, machine, file, at, size) => {
  const lies = `the ELF core header at ${at} `;

  test("lies at the top of the region, and the crash kernel is told so", () => {
    const load = present(run(machine, rawLines(machine, file)).loads[0]);
    const header = present(load.segments.at(-1));
    expect([`0x${header.mem.toString(16)}`, `0x${header.memsz.toString(16)}`]).toEqual([at, size]);
    expect(readElfHeaders("header", header.bytes, 64).type).toBe(4);
    expect(rawLines(machine, file)).toContain(` --elfcorehdr ${at},${size} `);
  });

  test("where no segment has it nothing is loaded", () => {
    expect(refusal(machine, rawLines(machine, file, [/ -a 0x\w+ -f \S+\.elfcorehdr/, ""]))).toMatch(
      new RegExp(`^${lies}\\((elfcorehdr=|linux,elfcorehdr)\\) lies in no segment$`),
    );
  });

  test("where another file is there nothing is loaded", () => {
    writeFileSync(folder.in("zeros"), new Uint8Array(0x1000));
    const text = rawLines(machine, file, [/-f \S+\.elfcorehdr/, `-f ${folder.in("zeros")}`]);
    expect(refusal(machine, text)).toMatch(new RegExp(`^${lies}\\(\\S+\\) is none: not an ELF file$`));
    const cut = readElfHeaders(
      "",
      present(run(machine, rawLines(machine, file)).loads[0]?.segments.at(-1)).bytes,
    ).bytes;
    writeFileSync(folder.in("cut"), cut.subarray(0, 64 + 56));
    const short = rawLines(machine, file, [/-f \S+\.elfcorehdr/, `-f ${folder.in("cut")}`]);
    expect(refusal(machine, short)).toMatch(
      new RegExp(`^${lies}\\(\\S+\\) is none: program headers beyond the end of the file$`),
    );
  });

  test("one for another machine is refused, too", () => {
    const other = machine === X86_64 ? PPC64LE : X86_64;
    writeFileSync(folder.in("other"), runPretended(folder.path, other, "elfcorehdr").out.subarray(0, 0x1000));
    const text = rawLines(machine, file, [/-f \S+\.elfcorehdr/, `-f ${folder.in("other")}`]);
    expect(refusal(machine, text)).toMatch(/ is of machine \d+, and this one is \d+$/);
  });

  test("where nothing tells of one, -v says that there will be no /proc/vmcore", () => {
    const text = rawLines(machine, file, [/ --elfcorehdr \S+/, ""], ["loadem ", "loadem -v "]);
    const { err, loads } = run(machine, text);
    const option = machine === X86_64 ? "zeropage --elfcorehdr" : "fs2dt --elfcorehdr";
    expect(err).toContain(
      `loadem: the crash kernel will have no /proc/vmcore: nothing tells it of an ELF core header (elfcorehdr, ${option})\n`,
    );
    expect(loads).toHaveLength(1);
    expect(run(machine, rawLines(machine, file, ["loadem ", "loadem -v "])).err).not.toContain("no /proc/vmcore");
  });
});

describe("--hotplug", () => {
  // Linux 6.10 and later say 0 in crash_hotplug as long as nothing is loaded that is to be mended.
  const MENDS = { "/sys/devices/system/memory/crash_hotplug": "0\n", "/sys/kernel/crash_elfcorehdr_size": "918904\n" };
  const mending = (machine: Pretended, files: Pretended["files"] = MENDS): Pretended => ({
    ...machine,
    files: { ...machine.files, ...files },
  });
  const kexec = (machine: Pretended, file: string, ...args: readonly string[]): LoadRun =>
    runPretended(folder.path, machine, "kexec", ...args, "--append=quiet", "--hotplug", folder.in(file));

  test.each([
    ["x86_64", X86_64, "bzImage", 5n, 0xe1000n],
    ["ppc64", WITH_CRASHKERNEL, "vmlinux", 9n, 0x10_0000n],
  ] as const)(
    "keeps the memory on %s that its kernel wants, and says so by its flag",
    (_, machine, file, flags, size) => {
      const here = {
        ...mending(machine),
        on: { getrandom: ([bytes]: readonly unknown[]) => (bytes as Uint8Array).fill(7).length },
      };
      const load = present(kexec(here, file, "-p").loads[0]);
      expect([load.flags, load.segments.at(-1)?.memsz]).toEqual([flags, size]);
      const raw = rawLinesOf(kexec(here, file, "--plan", "-p").out.toString("latin1"));
      expect(run(here, raw).loads).toEqual([load]);
      const at = present(load.segments.at(-1)).mem;
      const lower = raw.replace(
        /(.*)-a 0x\w+ -f/s,
        `$1-a 0x${(at - 0x1_0000n).toString(16)} -f ${folder.in("page")} -f`,
      );
      writeFileSync(folder.in("page"), new Uint8Array(0x1_0000));
      expect(refusal(here, lower)).toEndWith("does not begin its segment, as --hotplug wants it");
    },
  );

  test.each<[string, Pretended, string, readonly string[], string]>([
    [
      "a kernel that does not",
      X86_64,
      "bzImage",
      ["-p"],
      "1 kexec: --hotplug: the running kernel does not mend the header itself (CONFIG_CRASH_HOTPLUG)\n",
    ],
    ["arm64", mending(ARM64), "Image", ["-p"], "1 kexec: --hotplug: no kernel of aarch64 mends the header itself\n"],
    ["no crash kernel", X86_64, "bzImage", ["-l"], "2 kexec: --hotplug: is for a crash kernel: -p\n"],
  ])("is refused for %s", (_, machine, file, mode, says) => {
    const { code, err, loads } = kexec(machine, file, ...mode);
    expect({ says: `${code} ${err}`, loads }).toEqual({ says, loads: [] });
  });
});

test("ppc64 makes nothing of linux,elfcorehdr", () => {
  const property = ["--set", "'/chosen/linux,elfcorehdr=<0 0x1ffe0000 0 0x20000>'"].join(" ");
  const text = rawLines(WITH_CRASHKERNEL, "vmlinux", [/--elfcorehdr \S+/, property], ["loadem ", "loadem -v "]);
  expect(run(WITH_CRASHKERNEL, text).err).toContain("will have no /proc/vmcore");
});

describe("memory that the crash kernel could use is no place for it:", () => {
  const unkept = (by: string, range: string, option: string) =>
    `${by} is not kept: ${range} is memory that the crash kernel may use; ${option} keeps it`;

  test("on ppc64 it is to be in the reserve map, its copy as well", () => {
    const told = "the ELF core header at 0x1ffe0000 (elfcorehdr=)";
    const option = "fs2dt --elfcorehdr 0x1ffe0000,0x20000";
    const alone = rawLines(WITH_CRASHKERNEL, "vmlinux", [/--elfcorehdr (\S+)/, "--elfcorehdr $1 --unreserve $1"]);
    expect(refusal(WITH_CRASHKERNEL, alone)).toBe(unkept(told, "0x1ffe0000-0x1ffe0190", option));
    const part = rawLines(WITH_CRASHKERNEL, "vmlinux", [
      /--elfcorehdr (\S+)/,
      "--elfcorehdr $1 --unreserve $1 --reserve 0x1ffe0000,0x1000",
    ]);
    expect(refusal(WITH_CRASHKERNEL, part)).toBe(unkept(told, "0x1fff0000-0x20000000", option));
    const sized = rawLines(WITH_CRASHKERNEL, "vmlinux", [/--elfcorehdr \S+/, "-B elfcorehdr=128K@0x1ffe0000"]);
    expect(run(WITH_CRASHKERNEL, sized).loads).toHaveLength(1);
  });

  test("a copy that is not where the header says is missed", () => {
    const text = rawLines(WITH_CRASHKERNEL, "vmlinux", ["elfcorehdr -b 0x1ffe0000", "elfcorehdr -b 0x1ffd0000"]);
    // That is where the header itself is: 64 KiB of it, which begin as no vectors do. One further down is in no segment.
    expect(run(WITH_CRASHKERNEL, text).loads).toHaveLength(1);
    const lost = text.replace("0x1ffd0000", "0x1ff00000");
    expect(refusal(WITH_CRASHKERNEL, lost)).toEndWith(
      "tells of a copy at 0x1ff10000-0x1ff20000, which lies in no segment: was it made with -b 0x1ffe0000?",
    );
  });

  test("on arm64 the property keeps it, and a parameter without size does not", () => {
    const told = "the ELF core header at 0x6ffff000 (elfcorehdr=)";
    const option = "fs2dt --elfcorehdr 0x6ffff000,0x1000";
    const bare = rawLines(ARM64, "Image", [/--elfcorehdr \S+/, "-B elfcorehdr=0x6ffff000"]);
    expect(refusal(ARM64, bare)).toStartWith(told);
    expect(refusal(ARM64, bare)).toEndWith(option.concat(" keeps it"));
    expect(
      run(ARM64, rawLines(ARM64, "Image", [/--elfcorehdr \S+/, "-B elfcorehdr=4K@0x6ffff000"])).loads,
    ).toHaveLength(1);
  });

  test("on x86-64 it is to be out of the memory map", () => {
    const bare = rawLines(X86_64, "bzImage", [/--elfcorehdr \S+/, ""], ["-B quiet", "-B elfcorehdr=0x1ffff000"]);
    expect(refusal(X86_64, bare)).toEndWith("; zeropage --elfcorehdr 0x1ffff000,0x1000 keeps it");
    const words = "-B 'elfcorehdr=0x1ffff000 memmap=4K$0x1ffff000'";
    const cut = rawLines(X86_64, "bzImage", [/--elfcorehdr \S+/, ""], ["-B quiet", words.replace("$0x", "$$0x")]);
    expect(run(X86_64, cut).loads).toHaveLength(1);
  });
});
