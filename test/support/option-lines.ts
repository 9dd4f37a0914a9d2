// Option lines of loadem and zeropage for comparing the engines. What only the running machine decides is told: its ELF
// machine, the byte order, and for most that its memory is of no account.

import fc from "fast-check";
import { v2wrapBytes } from "../../src/arch/ppc64/stub.ts";
import { blob } from "../../src/devicetree/to/blob.ts";
import { hexadecimal, joined, option, sometimes, words } from "./arbitraries.ts";
import { bzImage } from "./bzimage.ts";

const FORM = { version: 17, padding: 0, maxSize: 4096 } as const;

/** The files that the lines name: contents by name. */
export const lineFiles: Readonly<Record<string, Uint8Array>> = {
  page: new Uint8Array(0x1000).fill(7),
  odd: new Uint8Array(0x1235).fill(8),
  empty: new Uint8Array(0),
  v2wrap: v2wrapBytes(),
  blob: Buffer.concat([
    blob({ name: "", properties: [], children: [] }, { ...FORM, address: undefined, reservations: [], bootCpu: 0 }),
    Buffer.alloc(0x1000),
  ]).subarray(0, 0x1000),
  bzImage: bzImage(),
  old: bzImage({ version: 0x20b }),
  low: bzImage({ xloadflags: 1 }),
  short: bzImage({ commandLineSize: 8 }),
  cut: bzImage().subarray(0, 0x6000),
};

type Words = fc.Arbitrary<readonly string[]>;

/** What a line is made of: words that are sound, and in some lines now and then a faulty one. */
interface Choice {
  /** One of them; the faulty ones only in a line that is to have faults. */
  one(sound: readonly string[], faulty?: readonly string[]): fc.Arbitrary<string>;
  /** These words in one of `chance` cases, only in a line that is to have faults. */
  faulty(chance: number, some: Words): Words;
}

const SOUND: Choice = { one: (sound) => fc.constantFrom(...sound), faulty: () => words() };

const FAULTY: Choice = {
  one: (sound, faulty = []) =>
    faulty.length === 0
      ? fc.constantFrom(...sound)
      : fc.oneof(
          { withCrossShrink: true },
          { weight: 3, arbitrary: fc.constantFrom(...sound) },
          { weight: 1, arbitrary: fc.constantFrom(...faulty) },
        ),
  faulty: sometimes,
};

/** One line of three may have faults. */
function lines(line: (choice: Choice) => Words): Words {
  return fc.oneof(
    { withCrossShrink: true },
    { weight: 2, arbitrary: line(SOUND) },
    { weight: 1, arbitrary: line(FAULTY) },
  );
}

/** riscv64 loads nothing without one. */
const TREE = ["-a", "0x70000000", "-f", "blob"] as const;

/** Mostly a plan, which loadem shows. */
export const loademLines: Words = lines((choice) => {
  const { one, faulty } = choice;
  const few = fc.array(segment(choice), { minLength: 1, maxLength: 5, size: "max" });
  const many = fc.array(segment(choice), { minLength: 17, maxLength: 17, size: "max" });
  const segments = choice === FAULTY ? fc.oneof({ weight: 9, arbitrary: few }, { weight: 1, arbitrary: many }) : few;
  const whole = joined(
    option("-r", one(["0x1000", "4096", "0x10000"], ["3", "0"])),
    sometimes(2, words("--no-checks")),
    faulty(12, words("--secondaries", "7")),
    faulty(
      12,
      one(["-k", "-u", "-p", "--nonesuch", "page"]).map((word) => [word]),
    ),
  );
  return fc
    .tuple(
      one(["big", "little"]),
      whole,
      segments.map((made) => made.flatMap((segment, index) => segment(index))),
      fc.boolean(),
    )
    .map(([endian, whole, segments, first]) => [
      ...["loadem", "-n", "-t", "0", "--endian", endian],
      ...(first ? [...whole, ...segments] : [...segments, ...whole]),
      ...TREE,
    ]);
});

/** A segment as words, once it is known which one of the line it is: each has a megabyte of its own. */
function segment(choice: Choice): fc.Arbitrary<(index: number) => readonly string[]> {
  const { one, faulty } = choice;
  return fc
    .record({
      address: one(["OWN"], ["0x10000000", "OWN234", "1e3", "18446744073709551616", ""]),
      secondEntry: faulty(10, words("-e")),
      firstChain: faulty(10, words("-c", "8")),
      chain: sometimes(2, option("-c", one(["0x100", "8", "0xf8"], ["0x1000", "0", "0x100000"]))),
      file: one(["page", "page", "odd"], ["empty", ".", "none"]),
      directives: fc.array(directive(choice), { maxLength: 2, size: "max" }),
    })
    .map(({ address, secondEntry, firstChain, chain, file, directives }) => (index) => [
      ...["-a", address.replace("OWN", hexadecimal(0x1000_0000 + 0x10_0000 * index))],
      ...(index === 0 ? ["-e", ...firstChain] : [...secondEntry, ...chain]),
      ...["-f", file, ...directives.flat()],
    ]);
}

function directive({ one, faulty }: Choice): Words {
  return fc.oneof(
    option("-f", one(["page", "odd", "v2wrap"])),
    option("-z", one(["0x1000", "16", "0"], ["0x8000000000000000", "-1"])),
    words("-4"),
    faulty(4, words("-s")),
    option("--poke", one(["0x5c=1", "0=0xffffffff"], ["4=", "0x2=0x100000000", "0x1ffffe=1"])),
  );
}

/** A zero page for one of the images, or the kernel in it. The last bytes of a page are a random seed. */
export const zeropageLines: Words = lines(({ one, faulty }) => {
  const image = one(["bzImage", "bzImage", "low"], ["old", "short", "cut", "page", "none", "."]).map((name) => [name]);
  const kernel = joined(words("zeropage", "--kernel"), faulty(4, words("-v")), image);
  const page = joined(
    words("zeropage"),
    faulty(15, words("--kernel")),
    option("-b", one(["0x4400100", "0", "4096", "0xfffffff0"], ["0x4400108", "0x100000000", "-16"])),
    option("-B", one(["", "console=ttyS0", "x".repeat(2047), "\xe9\n"], ["x".repeat(2048)])),
    sometimes(2, option("-i", one(["0x4600000,0x469e5c4", "1,2"], ["0x100000000,0x100000001", "2,1", "1"]))),
    sometimes(3, option("--rsdp", one(["0xf59e0", "0", "0xffffffffffffffff"], ["x"]))),
    sometimes(3, words("-v")),
    image,
    faulty(10, image),
  );
  return fc.oneof({ weight: 1, arbitrary: kernel }, { weight: 3, arbitrary: page });
});
