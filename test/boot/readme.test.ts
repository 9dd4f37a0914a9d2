// The examples on ppc64 as the README has them, run inside a guest from a script file.

import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { cpio } from "../../initramfs/cpio.ts";
import { image } from "../../initramfs/image.ts";
import { PRESENT, SECOND_INIT, sceneFor, secondScript } from "../../scripts/boot/scene.ts";
import { kernelsFor } from "../../scripts/boot.ts";
import { build } from "../../scripts/build.ts";
import { runGuest } from "../../scripts/guest.ts";
import { gzip } from "../../scripts/initramfs.ts";
import { applets } from "../../src/applets/table.ts";
import { passed, printedBy, usual } from "../support/boots.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { example } from "../support/readme.ts";

const folder = temporaryFolder({ on: "disk" });
const targets = ["ppc64", "ppc64le"] as const;

const LEADING_EXAMPLE = example("fs2dt -b 0x5000100 -i ");
const FIRST_EXAMPLE = example("./fs2dt ");

test.each(targets)("the README's leading lines boot %s from an initramfs, word for word", async (target) => {
  const choices = { ...usual, target, small: true };
  const { first, next } = await kernelsFor(choices);
  const script = (): string => `${LEADING_EXAMPLE}\nloadem -k\n`;
  const { guest } = await sceneFor(choices, first, next, folder.path, { script });
  const { lines } = await runGuest(guest, { timeout: 60 });
  const console = lines.map(({ text }) => text);
  expect(console).toContain(`+ ${LEADING_EXAMPLE.replaceAll("'", "")}`);
  const after = console.slice(console.indexOf("+ loadem -k") + 1);
  expect(after).toContain(SECOND_INIT);
  expect(printedBy(after, "cat /proc/cmdline")).toContain("console=hvc0");
});

test("the first example of 2005 is refused in words where nothing kept the initrd that the tree tells of", async () => {
  const choices = { ...usual, small: true };
  const { first, next } = await kernelsFor(choices);
  const script = (): string => `v2wrap > v2wrap\n${FIRST_EXAMPLE}\n./loadem -k\n`;
  const { guest } = await sceneFor(choices, first, next, folder.path, { script });
  const { lines, end } = await runGuest(guest, { timeout: 60 });
  const console = lines.map(({ text }) => text);
  const said = console.join("\n");
  const [, range] = present(/^fs2dt: \/chosen: the initrd at (0x\S+) is the running kernel's/m.exec(said));
  const told = `the tree tells of an initrd at ${range}, which no segment holds`;
  expect(said).toMatch(new RegExp(`^loadem: segment 0 [^:]*: ${told}: fs2dt -i gives another, --no-initrd none$`, "m"));
  expect(console).not.toContain("+ ./loadem -k");
  expect(end).toBe("off");
});

/**
 * Nothing in it changes the tree, so the next kernel is given the first one's command line and the first one's initrd,
 * which it finds intact: retain_initrd kept the memory, fs2dt reserved it. There the same script begins again.
 */
test.each([
  ["ppc64", undefined],
  ["ppc64le", undefined],
  ["ppc64", "ppc"],
] as const)("the first example boots %s, by %s, and reserves the initrd by itself", async (target, program) => {
  const choices = { ...usual, target, program, small: true };
  const { first, next } = await kernelsFor(choices);
  const script = (): string => `v2wrap > v2wrap\n${FIRST_EXAMPLE}\n./loadem -k\n`;
  const { guest, nonce } = await sceneFor(choices, first, next, folder.path, { script, append: "retain_initrd" });
  const commandLine = present(guest.append).replace("quiet", "loglevel=7");
  let begun = 0;
  const { lines } = await runGuest(
    { ...guest, append: commandLine },
    {
      timeout: 60,
      onLine({ text }, stop) {
        if (text === "+ v2wrap > v2wrap" && ++begun === 2) stop();
      },
    },
  );
  const console = lines.map(({ text }) => text);
  const after = console.slice(console.indexOf("+ ./loadem -k") + 1);
  expect(console.filter((text) => text.startsWith("+ ./fs2dt"))).toEqual([`+ ${FIRST_EXAMPLE}`]);
  expect(after.filter((text) => text.includes(nonce) && text.includes("Kernel command line"))).toHaveLength(1);
  expect(after.at(-1)).toBe("+ v2wrap > v2wrap");
});

/** The second example's two archives, the first of a length that needs padding. */
async function twoArchives(target: "ppc64" | "ppc64le"): Promise<{ large: Uint8Array; small: Uint8Array }> {
  const executable = await Bun.file(await build(target)).bytes();
  const script = Buffer.from(secondScript(["cat /from-large /from-small"]));
  const names = applets.map(({ name }) => name);
  for (let length = 0; ; length++) {
    const content = Buffer.from(`large${"!".repeat(length)}\n`);
    const files = [{ path: "from-large", content, mode: 0o644 } as const];
    const large = gzip(image({ executable, applets: names, script, files }));
    if (large.length % 4 === 0) continue;
    const small = gzip(cpio([{ kind: "file", path: "from-small", content: Buffer.from("small\n"), mode: 0o644 }]));
    return { large, small };
  }
}

test.each(targets)(
  "the second example joins two archives with -4 into one initramfs of the next %s kernel",
  async (target) => {
    const { large, small } = await twoArchives(target);
    const files = [
      { path: "fs_large.cpio.gz", content: large, mode: 0o644 } as const,
      { path: "kexec.cpio.gz", content: small, mode: 0o644 } as const,
    ];
    const script = ({ bootargs }: { bootargs: string }): string =>
      ["v2wrap > /v2wrap\n", example("/fs2dt ", { "console=hvc0": bootargs }), "\n/loadem -k\n"].join("");
    const lines = await passed({ target, memory: 1024 }, { script, files });
    expect(lines).toContain(SECOND_INIT);
    const printed = printedBy(lines, "cat /from-large /from-small");
    expect(printed).toContainEqual(expect.stringMatching(/^large!*$/));
    expect(printed).toContain("small");
    expect(lines.indexOf(`+ cat ${PRESENT}`)).toBeGreaterThan(0);
  },
);

/** Memory that qemu has filled before the first kernel starts, and which that kernel leaves alone. */
test.each(targets)("a segment of -z alone is zeros in front of the next kernel on %s", async (target) => {
  const choices = { ...usual, target, payload: true, memory: 1024 };
  const { first, next } = await kernelsFor(choices);
  const pattern = folder.in("pattern");
  await writeFile(pattern, new Uint8Array(0x20000).fill(0xa5));
  const script = ({ bootargs }: { bootargs: string }): string =>
    [
      `fs2dt -b 0x5000100 -B '${bootargs} zero=0x20000000,0x20000' --no-initrd /proc/device-tree | loadem -r 0x10000`,
      " -a 0x5000000 -e -w -s -a 0x6000000 -c 0x100 -f vmlinux.kexec -a 0x20000000 -z 0x10000\nloadem -k\n",
    ].join("");
  const { guest } = await sceneFor(choices, first, next, folder.path, { script });
  const { lines } = await runGuest({ ...guest, segments: [{ file: pattern, address: 0x20000000n }] }, { timeout: 60 });
  const zero = lines.map(({ text }) => /^payload: zero=(\S+)$/.exec(text)?.[1]).filter((found) => found !== undefined);
  // The first 64 KiB are the segment's; what lies behind it still has the pattern.
  expect(zero.at(-1)).toBe("0x20010000");
});
