// Option lines of loadem and zeropage for comparing the engines. What only the running machine decides is told: its ELF
// machine, the byte order, and for most that its memory is of no account.

import { v2wrapBytes } from "../../src/arch/ppc64/stub.ts";
import { bzImage } from "./bzimage.ts";
import { randomNumbers } from "./tree.ts";

/** The files that the lines name: contents by name. */
export const lineFiles: Readonly<Record<string, Uint8Array>> = {
  page: new Uint8Array(0x1000).fill(7),
  odd: new Uint8Array(0x1235).fill(8),
  empty: new Uint8Array(0),
  v2wrap: v2wrapBytes(),
  bzImage: bzImage(),
  old: bzImage({ version: 0x20b }),
  low: bzImage({ xloadflags: 1 }),
  short: bzImage({ commandLineSize: 8 }),
  cut: bzImage().subarray(0, 0x6000),
};

/** What a line is made of: words that are sound, and in some lines now and then a faulty one. */
interface Words {
  /** One of them; the faulty ones only in a line that is to have faults. */
  one(sound: readonly string[], faulty?: readonly string[]): string;
  /** These words in one of `chance` cases. */
  sometimes(chance: number, ...words: string[]): string[];
  /** The same, only in a line that is to have faults. */
  faulty(chance: number, ...words: string[]): string[];
  /** From 0 to below `limit`. */
  number(limit: number): number;
}

function wordsFrom(seed: number): Words {
  const random = randomNumbers(seed);
  const hasFaults = random(3) === 0;
  const sometimes = (chance: number, ...words: string[]): string[] => (random(chance) === 0 ? words : []);
  const any = (words: readonly string[]): string => words[random(words.length)]!;
  return {
    one: (sound, faulty = []) => any(hasFaults && faulty.length > 0 && random(4) === 0 ? faulty : sound),
    sometimes,
    faulty: (chance, ...words) => (hasFaults ? sometimes(chance, ...words) : []),
    number: random,
  };
}

/** Mostly a plan, which loadem shows. */
export function randomLoademLine(seed: number): string[] {
  const words = wordsFrom(seed);
  const count = words.faulty(10, "many").length > 0 ? 17 : 1 + words.number(5);
  const segments = Array.from({ length: count }, (_, index) => segment(words, index)).flat();
  const whole = [
    "-r",
    words.one(["0x1000", "4096", "0x10000"], ["3", "0"]),
    ...words.sometimes(2, "--no-checks"),
    ...words.faulty(12, "--secondaries", "7"),
    ...words.faulty(12, words.one(["-k", "-u", "-p", "--nonesuch", "page"])),
  ];
  const before = ["loadem", "-n", "-t", "0", "--endian", words.one(["big", "little"])];
  return words.number(2) === 0 ? [...before, ...whole, ...segments] : [...before, ...segments, ...whole];
}

/** Each in a megabyte of its own. */
function segment(words: Words, index: number): string[] {
  const usual = `0x${(0x1000_0000 + 0x10_0000 * index).toString(16)}`;
  const address = words.one([usual], ["0x10000000", `${usual}234`, "1e3", "18446744073709551616", ""]);
  const entry = index === 0 ? ["-e"] : words.faulty(10, "-e");
  const offset = words.one(["0x100", "8", "0xf8"], ["0x1000", "0", "0x100000"]);
  const chain = index === 0 ? words.faulty(10, "-c", "8") : words.sometimes(2, "-c", offset);
  const directives = Array.from({ length: words.number(3) }, () => directive(words));
  const file = words.one(["page", "page", "odd"], ["empty", ".", "none"]);
  return ["-a", address, ...entry, ...chain, "-f", file, ...directives.flat()];
}

function directive(words: Words): string[] {
  switch (words.number(5)) {
    case 0:
      return ["-f", words.one(["page", "odd", "v2wrap"])];
    case 1:
      return ["-z", words.one(["0x1000", "16", "0"], ["0x8000000000000000", "-1"])];
    case 2:
      return ["-4"];
    case 3:
      return words.faulty(4, "-s");
    default:
      return ["--poke", words.one(["0x5c=1", "0=0xffffffff"], ["4=", "0x2=0x100000000", "0x1ffffe=1"])];
  }
}

/** A zero page for one of the images, or the kernel in it. The last bytes of a page are a random seed. */
export function randomZeropageLine(seed: number): string[] {
  const words = wordsFrom(seed);
  const image = words.one(["bzImage", "bzImage", "low"], ["old", "short", "cut", "page", "none", "."]);
  if (words.number(4) === 0) return ["zeropage", "--kernel", ...words.faulty(4, "-v"), image];
  return [
    "zeropage",
    ...words.faulty(15, "--kernel"),
    "-b",
    words.one(["0x4400100", "0", "4096", "0xfffffff0"], ["0x4400108", "0x100000000", "-16"]),
    "-B",
    words.one(["", "console=ttyS0", "x".repeat(2047), "\xe9\n"], ["x".repeat(2048)]),
    ...words.sometimes(2, "-i", words.one(["0x4600000,0x469e5c4", "1,2"], ["0x100000000,0x100000001", "2,1", "1"])),
    ...words.sometimes(3, "--rsdp", words.one(["0xf59e0", "0", "0xffffffffffffffff"], ["x"])),
    ...words.sometimes(3, "-v"),
    image,
    ...words.faulty(10, image),
  ];
}
