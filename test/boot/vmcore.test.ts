// A crash kernel of kexec -p has a /proc/vmcore: its headers are those that readelf takes, its notes the crashed kernel's, and
// on ppc64 it has the vectors that were there before the crash kernel wrote its own.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { type AddedFile, image } from "../../initramfs/image.ts";
import { secondScript } from "../../scripts/boot/scene.ts";
import { build } from "../../scripts/build.ts";
import { debianPrograms } from "../../scripts/debian-programs.ts";
import { applets } from "../../src/applets/table.ts";
import { type ProgramHeader, PT_LOAD, readElfHeaders } from "../../src/elf.ts";
import { attempted } from "../support/boots.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";

const folder = temporaryFolder({ on: "disk" });

const GUESTS = [
  {
    name: "ppc64le with radix tables",
    choices: { target: "ppc64le", small: false, smp: 2, cpu: "POWER9", memory: 768 },
    debian: "ppc64el",
    append: "crashkernel=256M@128M",
    kernel: "/vmlinux.kexec",
    machine: "PowerPC64",
    ram: ["0x0+0x10000", "0x10000+0x7ff0000", "0x18000000+0x18000000"],
  },
  {
    name: "ppc64le with hash tables",
    choices: { target: "ppc64le", small: false, smp: 2, cpu: "POWER8", memory: 768 },
    debian: "ppc64el",
    append: "crashkernel=256M@128M",
    kernel: "/vmlinux.kexec",
    machine: "PowerPC64",
    ram: ["0x0+0x10000", "0x10000+0x7ff0000", "0x18000000+0x18000000"],
  },
  {
    name: "arm64",
    choices: { target: "arm64-small", small: false, smp: 2, cpu: "cortex-a72", memory: 1024 },
    debian: "arm64",
    append: "crashkernel=256M@0x60000000",
    kernel: "/vmlinux.kexec",
    machine: "AArch64",
    ram: ["0x40000000+0x20000000", "0x70000000+0x10000000"],
  },
  {
    name: "x86-64",
    choices: { target: "x64-small", small: false, smp: 2, cpu: "max", memory: 512 },
    debian: "amd64",
    append: "crashkernel=128M@64M nokaslr",
    kernel: "/bzImage",
    machine: "Advanced Micro Devices X86-64",
    ram: ["0x100000+0x3f00000", "0xc000000+0x13fe0000"],
  },
] as const;

const BLOCK = 0x1_0000;

/** Lines of a shell: the first 128 KiB of a file, and the sums of so many blocks. */
function look(path: string, blocks: number): string[] {
  return [
    `echo BEGIN ${path}`,
    `busybox dd if=${path} bs=${BLOCK} count=2 2>/dev/null | busybox gzip -9 | busybox base64`,
    `echo SUMS ${path}`,
    `for at in $(busybox seq 0 ${blocks - 1}); do`,
    `  busybox dd if=${path} bs=${BLOCK} count=1 skip=$at 2>/dev/null | busybox sha256sum`,
    "done",
    `echo END ${path}`,
  ];
}

function shellFile(lines: readonly string[]): AddedFile {
  return { path: "look", content: Buffer.from(`${lines.join("\n")}\n`), mode: 0o644 };
}

/** What `look` printed on the console. */
function seen(lines: readonly string[], path: string): { start: Buffer; sums: string[] } {
  const [begin, middle, end] = ["BEGIN", "SUMS", "END"].map((word) => lines.indexOf(`${word} ${path}`));
  const text = lines.slice(present(begin) + 1, middle).join("");
  return {
    start: gunzipSync(Buffer.from(text, "base64")),
    sums: lines.slice(present(middle) + 1, end).map((line) => line.split(" ")[0] ?? ""),
  };
}

function readelf(bytes: Buffer, option: string): { out: string; err: string } {
  writeFileSync(folder.in("vmcore"), bytes);
  const { stdout, stderr } = Bun.spawnSync(["readelf", "-W", option, folder.in("vmcore")]);
  return { out: stdout.toString(), err: stderr.toString() };
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const rangeIn = ({ physical, fileSize }: ProgramHeader): string => `${hex(physical)}+${hex(fileSize)}`;

describe.each(GUESTS)("on $name", ({ choices, debian, append, kernel, machine, ram }) => {
  test("a panic leaves a /proc/vmcore of all memory but the crash kernel's", async () => {
    const shell = await (await debianPrograms(debian)).withLibraries("busybox");
    const executable = await Bun.file(await build(choices.target)).bytes();
    const asks = ["ls -l /proc", "busybox sh /look"];
    const files = [...shell, shellFile([...look("/proc/vmcore", 6), ...look("/proc/kcore", 4)])];
    const names = applets.map(({ name }) => name);
    const initrd = Buffer.concat(image({ executable, applets: names, script: Buffer.from(secondScript(asks)), files }));
    const before = look("/proc/kcore", 4).join("\n");
    const script = () =>
      [`kexec -p ${kernel} --initrd=/initrd`, "busybox sh /look", "echo c > /proc/sysrq-trigger", ""].join("\n");
    const added = [...shell, shellFile([before])];
    const { lines, first } = await crash({ ...choices, timeout: 600 }, { append, initrd, files: added, script });
    const vmcore = seen(lines, "/proc/vmcore");

    const size = /^file +(\d+) {2}vmcore$/m.exec(lines.join("\n"))?.[1];
    const { headers } = readElfHeaders("vmcore", vmcore.start, 64);
    const loads = headers.filter(({ type }) => type === PT_LOAD);
    const last = present(loads.at(-1));
    expect(BigInt(present(size))).toBe(last.offset + last.fileSize);

    const head = readelf(vmcore.start, "-h");
    expect(head.err).toBe("");
    expect(head.out).toMatch(/Type: +CORE/);
    expect(head.out).toContain(machine);
    const text = loads.filter(({ physical }) => loads.some((other) => isInside(physical, other)));
    expect(loads.filter((load) => !text.includes(load)).map(rangeIn)).toEqual([...ram]);
    expect(text).toHaveLength(choices.target === "ppc64le" ? 0 : 1);
    const notes = readelf(vmcore.start, "-n");
    expect(notes.err).toBe("");
    expect([...notes.out.matchAll(/NT_PRSTATUS/g)]).toHaveLength(2);
    expect(notes.out).toContain("VMCOREINFO");
    expect(vmcore.start.toString("latin1")).toMatch(/OSRELEASE=\d+\.\d+\S*\n/);
    expect(vmcore.start.toString("latin1")).toMatch(/CRASHTIME=\d+\n/);

    if (choices.target !== "ppc64le") return;
    const vectors = present(vmcore.sums[Number(present(loads[0]).offset) / BLOCK]);
    expect(seen(first, "/proc/kcore").sums).toContain(vectors);
  });
});

/** Whether it lies in another one that begins lower. */
function isInside(physical: bigint, other: ProgramHeader): boolean {
  return other.physical < physical && physical < other.physical + other.fileSize;
}

async function crash(
  choices: Parameters<typeof attempted>[0],
  special: Parameters<typeof attempted>[1],
): Promise<{ first: string[]; lines: string[] }> {
  const { verdict, run } = await attempted(choices, special);
  const all = run.lines.map(({ text }) => text);
  if (!verdict.passed) throw new Error([verdict.reason, ...all.slice(-40)].join("\n  | "));
  const at = all.findLastIndex((text) => text.startsWith("+ echo c >"));
  return { first: all.slice(0, at), lines: all.slice(at) };
}
