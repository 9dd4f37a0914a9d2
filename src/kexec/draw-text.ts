// A picture of memory as lines of text: a column for what memory is now, one for what will be there, and what that is.

import { hex } from "../failure.ts";
import { formatSize, largestOf } from "../number.ts";
import type { MemoryRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import type { NextUse } from "./check.ts";
import type { MachineFacts } from "./facts.ts";
import type { Ground } from "./ground.ts";
import type { KexecImage } from "./image.ts";
import { type Band, fitNote, makePicture, type Picture, pictureMemory, rowsOf } from "./picture.ts";

/** Columns of a line: 80, less what `loadem: ` before it takes on standard error. */
const WIDTH = 72;

/** Of a column that is filled. */
const FILLED = 4;

/** What begins somewhere is told in so many columns at least, however long addresses are. */
const LEAST_OF_A_NOTE = 20;

/** What columns are filled with, as bytes of whatever a terminal takes. */
export interface Fills {
  readonly grounds: Readonly<Record<Ground, ByteString>>;
  /** Where a band is cut short. */
  readonly cut: ByteString;
  /** Around a segment's number: its bytes, its zeros, and what its kernel uses besides. */
  readonly bytes: ByteString;
  readonly zeros: ByteString;
  readonly used: ByteString;
}

export const ascii: Fills = {
  grounds: {
    RAM: "....",
    taken: "####",
    kernel: "kkkk",
    initrd: "iiii",
    crashkernel: "cccc",
    mixed: ".#.#",
    nothing: "    ",
    unknown: "????",
  },
  cut: "~~~~",
  bytes: "=",
  zeros: "-",
  used: "+",
};

// In UTF-8, of what the consoles of old have too (code page 437).
const [LIGHT, MEDIUM, DARK, FULL, WAVES] = [
  "\xe2\x96\x91",
  "\xe2\x96\x92",
  "\xe2\x96\x93",
  "\xe2\x96\x88",
  "\xe2\x89\x88",
];

export const utf8: Fills = {
  grounds: {
    ...ascii.grounds,
    RAM: LIGHT.repeat(FILLED),
    taken: FULL.repeat(FILLED),
    kernel: MEDIUM.repeat(FILLED),
    initrd: MEDIUM.repeat(FILLED),
    crashkernel: DARK.repeat(FILLED),
    mixed: (LIGHT + FULL).repeat(FILLED / 2),
  },
  cut: WAVES.repeat(FILLED),
  bytes: FULL,
  zeros: LIGHT,
  used: MEDIUM,
};

/** Lines of at most WIDTH columns, each ended by a newline. */
export default function drawPlan(
  system: System,
  image: KexecImage,
  facts: MachineFacts,
  uses: readonly NextUse[],
): ByteString {
  return drawText(makePicture(image, facts, uses), chooseFills(system));
}

/**
 * A column for what is memory, lines of at most WIDTH columns.
 * @param memory in order, none of it twice
 * @param kernel lies in it
 */
export function drawMemory(
  system: System,
  memory: readonly MemoryRange[],
  kernel: MemoryRange | undefined,
): ByteString {
  return drawText(pictureMemory(memory, kernel), chooseFills(system), ["    ", "    "]);
}

/** Those that standard output and standard error most likely can show. */
function chooseFills(system: System): Fills {
  const locale = ["LC_ALL", "LC_CTYPE", "LANG"].map((name) => system.environment(name)).find((value) => value);
  const isUtf8 = locale !== undefined && /utf-?8/i.test(locale);
  return isUtf8 && system.environment("TERM") !== "dumb" ? utf8 : ascii;
}

/** @param heads of the columns */
export function drawText(
  { bands, unit }: Picture,
  fills: Fills,
  heads: readonly [string, string] = ["now ", "next"],
): ByteString {
  const last = bands.at(-1);
  if (last === undefined) return "";
  const places = [...bands.map(({ start }) => hex(start)), hex(last.end)];
  const width = largestOf(places.map((place) => place.length));
  const line = (place: string, now: ByteString, next: ByteString, text: string) =>
    `${place.padStart(width)} ${now} ${next}  ${text}`.trimEnd();
  const room = Math.max(WIDTH - width - 2 * FILLED - 4, LEAST_OF_A_NOTE);
  const lines = bands.flatMap((band) => {
    const notes = band.notes.map((note) => fitNote(note, room));
    return rowsOf(band, unit).map((kind, row) => {
      const place = row === 0 ? hex(band.start) : "";
      const next = nextOf(band, fills);
      if (kind === "filled") return line(place, fills.grounds[band.ground], next, notes[row] ?? "");
      const isEmpty = next.trim() === "";
      return line(place, fills.cut, isEmpty ? next : fills.cut, notes[row] ?? formatSize(band.end - band.start));
    });
  });
  const scale = `a line is ${formatSize(unit)} at most, but for ${fills.cut}`;
  return [line("memory", heads[0], heads[1], scale), ...lines, line(hex(last.end), "    ", "    ", "")]
    .map((each) => `${each}\n`)
    .join("");
}

function nextOf({ segments, isZeros, usedBy, isContested }: Band, fills: Fills): ByteString {
  const [segment] = segments;
  if (isContested) return "X".repeat(FILLED);
  if (segment !== undefined) return around(segment, isZeros ? fills.zeros : fills.bytes);
  return usedBy === undefined ? " ".repeat(FILLED) : around(usedBy, fills.used);
}

function around(segment: number, fill: ByteString): ByteString {
  const number = String(segment).slice(-2);
  return fill + number + fill.repeat(FILLED - 1 - number.length);
}
