// A machine whose memory map has more ranges than a zero page: each kernel on it sees all of them, and starts the next.

import { expect, test } from "bun:test";
import { type AddedFile, image } from "../../initramfs/image.ts";
import { SECOND_INIT } from "../../scripts/boot/scene.ts";
import { build } from "../../scripts/build.ts";
import { kernel } from "../../scripts/kernels.ts";
import { applets } from "../../src/applets/table.ts";
import { readSetupHeader } from "../../src/arch/x86_64/setup-header.ts";
import { hex } from "../../src/failure.ts";
import { FORM_SPAN } from "../../src/kexec/piece.ts";
import { attempted } from "../support/boots.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder();

/** 70 pages that are no RAM, each 2 MiB behind the one before, in the RAM of a q35 machine of 1 GiB; start, end, type. */
const PAGES = 70;
const FIRST_PAGE = 0x2000_0000;
const MAP: readonly (readonly [number, number, string])[] = [
  [0, 0x9_fc00, "System RAM"],
  [0x9_fc00, 0xa_0000, "Reserved"],
  [0xf_0000, 0x10_0000, "Reserved"],
  [0x10_0000, FIRST_PAGE, "System RAM"],
  ...Array.from({ length: PAGES }, (_, index) => FIRST_PAGE + index * 0x20_0000).flatMap(
    (start, index): [number, number, string][] => [
      [start, start + 0x1000, ["Soft Reserved", "ACPI Non-volatile Storage", "Unusable memory"][index % 3] ?? ""],
      [start + 0x1000, index + 1 < PAGES ? start + 0x20_0000 : 0x3fe0_0000, "System RAM"],
    ],
  ),
  [0x3fe0_0000, 0x4000_0000, "Reserved"],
  [0xb000_0000, 0xc000_0000, "Reserved"],
];

const STUB = 0x440_0000;
const INITRD = 0x460_0000;

/** What a script has to print to show the map of the kernel that it runs on. */
const showMap = [
  ...MAP.map(
    (_, index) => `cat ${["start", "end", "type"].map((n) => `/sys/firmware/memmap/${index}/${n}`).join(" ")}`,
  ),
  "ls /sys/firmware/memmap",
];

function load(zeroPage: string, bss: number): string[] {
  const kernelAndInitrd = `-a 0x1000000 -c 0xf8 -f /kernel -z ${hex(bss)} -a ${hex(INITRD)} -f /initrd`;
  return [
    "zeropage --kernel /bzImage > /kernel",
    `${zeroPage} | loadem -v -r 0x1000 -a ${hex(STUB)} -e -w -s ${kernelAndInitrd}`,
    "loadem -k",
    "",
  ];
}

/** The zero page for the first jump: what zeropage makes on a machine whose firmware tells of that map. */
function zeroPage(bzImage: string, initrd: Uint8Array): Buffer {
  const files = MAP.flatMap(([start, end, type], index) => [
    [`/sys/firmware/memmap/${index}/start`, `${hex(start)}\n`],
    [`/sys/firmware/memmap/${index}/end`, `${hex(end - 1)}\n`],
    [`/sys/firmware/memmap/${index}/type`, `${type}\n`],
  ]);
  const bootargs = "console=ttyS0 quiet panic=-1 no_timer_check cryptomgr.notests tsc=unstable";
  const range = `${hex(INITRD)},${hex(INITRD + initrd.length)}`;
  const { code, out, err } = runInside(
    { root: folder.in("machine"), files: Object.fromEntries(files) },
    "zeropage",
    ...["-b", hex(STUB + 0x100), "-B", bootargs, "-i", range, bzImage],
  );
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out;
}

/** The maps that the console shows, one after the other, as the lines of `MAP`. */
function shownMaps(lines: readonly string[]): string[][] {
  const printed = lines.flatMap((line, at) =>
    line.includes("+ cat /sys/firmware/memmap/") ? [lines.slice(at + 1, at + 4).join(" ")] : [],
  );
  return [printed.slice(0, MAP.length), printed.slice(MAP.length)];
}

test("146 ranges, some of them soft reserved, reach the next kernel, and from there the one after", async () => {
  expect(MAP).toHaveLength(146);
  const executable = await Bun.file(await build("x64-small")).bytes();
  const { vmlinux } = await kernel("stock-x64");
  const content = await Bun.file(vmlinux).bytes();
  const { initSize, kernelStart } = readSetupHeader(vmlinux, content.subarray(0, FORM_SPAN), content.length);
  const bss = initSize - (content.length - kernelStart);
  const initramfs = (script: string[], files: AddedFile[]): Buffer =>
    Buffer.concat(
      image({ executable, applets: applets.map(({ name }) => name), script: Buffer.from(script.join("\n")), files }),
    );

  const last = initramfs([`echo "${SECOND_INIT}"`, ...showMap, "cat /proc/iomem", "poweroff", ""], []);
  const lastRange = `${hex(INITRD)},${hex(INITRD + last.length)}`;
  const middle = initramfs(
    [...showMap, ...load(`zeropage -v -b ${hex(STUB + 0x100)} -i ${lastRange} /bzImage`, bss)],
    [
      { path: "bzImage", content, mode: 0o644 },
      { path: "initrd", content: last, mode: 0o644 },
    ],
  );
  const page: AddedFile = { path: "page", content: zeroPage(vmlinux, middle), mode: 0o644 };
  const script = () => load("cat /page", bss).join("\n");
  const choices = { target: "x64-small", cpu: "max", small: false, smp: 1, memory: 1024 } as const;
  const { run } = await attempted(choices, { initrd: middle, files: [page], script });

  const lines = run.lines.map(({ text }) => text);
  const expected = MAP.map(([start, end, type]) => `${hex(start)} ${hex(end - 1)} ${type}`);
  const [next, after] = shownMaps(lines);
  expect(next).toEqual(expected);
  expect(after).toEqual(expected);
  // What the last kernel made of it: /sys tells what it was given.
  const named = (name: string) => lines.filter((line) => line.endsWith(` : ${name}`)).length;
  expect([named("Soft Reserved"), named("ACPI Non-volatile Storage"), named("Unusable memory")]).toEqual([24, 23, 23]);
  expect(lines.filter((line) => line.startsWith("zeropage: 146 memory ranges"))).toHaveLength(1);
  expect(run.end).toBe("off");
});
