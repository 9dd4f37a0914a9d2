// A picture of memory as SVG, for a document: a column for what memory is now, one for what will be there, and arrows from
// what was stored or will be moved to where it points. Light, without scripts, with no font but the reader's own.

import { hex } from "../failure.ts";
import { formatSize } from "../number.ts";
import { contains, type MemoryRange, rangeOfSize } from "../range.ts";
import type { NextUse } from "./check.ts";
import type { MachineFacts } from "./facts.ts";
import type { Ground } from "./ground.ts";
import type { KexecImage } from "./image.ts";
import { type Band, fitNote, makePicture, type Picture, rowsOf } from "./picture.ts";

// All in pixels, from the upper left corner.
const WIDTH = 900;
const TOP = 76;
const ROW = 20;
const [LEFT, RIGHT] = [150, 884];
const COLUMN = 90;
const NOW = LEFT;
const NEXT = NOW + COLUMN + 12;
/** Where arrows turn, and where notes begin. */
const TURN = NEXT + COLUMN + 34;
const NOTES = TURN + 12;
/** Of monospace at 12 px: an SVG cannot measure its text. */
const LETTER = 7.3;
const LEGEND = 42;

const [INK, PALE, WRONG] = ["#24292f", "#6e7781", "#cf222e"];

/** Fill and name. What begins with # is a colour, else it is a pattern. */
const GROUNDS: Readonly<Record<Ground, { readonly fill: string; readonly name: string }>> = {
  RAM: { fill: "#dde7f0", name: "RAM" },
  taken: { fill: "#6e7781", name: "taken" },
  kernel: { fill: "#f5c77e", name: "running kernel" },
  initrd: { fill: "#f9e2b8", name: "its initrd" },
  crashkernel: { fill: "#d8c8ec", name: "crashkernel" },
  mixed: { fill: "mixed", name: "RAM and taken" },
  nothing: { fill: "#ffffff", name: "no RAM" },
  unknown: { fill: "#f6f8fa", name: "not known" },
};

/** Of segments, by their number. */
const COLOURS = ["#1b6ca8", "#2e8b57", "#8073ac", "#b5651d", "#00838f", "#a0527a"];

/** A band and where it is drawn. */
interface Place {
  readonly band: Band;
  readonly top: number;
  readonly bottom: number;
  readonly isCut: boolean;
}

/** A document of one element. */
export default function drawPicture(image: KexecImage, facts: MachineFacts, uses: readonly NextUse[]): string {
  const picture = makePicture(image, facts, uses);
  const places = placeBands(picture);
  const bottom = places.at(-1)?.bottom ?? TOP;
  const height = bottom + 30;
  const count = image.segments.length;
  const title = `${count} segment${count === 1 ? "" : "s"}, entry ${image.entry === undefined ? "none" : hex(image.entry)}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`,
    `  font-family="monospace" font-size="12" fill="${INK}">`,
    `<title>${title}</title>`,
    ...definitions(image),
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(16, 22, title, 'font-size="15" font-weight="bold"'),
    text(
      RIGHT,
      22,
      `20 px: at most ${formatSize(picture.unit)}, but where the columns are cut`,
      `text-anchor="end" fill="${PALE}"`,
    ),
    ...legend(places),
    text(NOW + COLUMN / 2, TOP - 8, "now", 'text-anchor="middle"'),
    text(NEXT + COLUMN / 2, TOP - 8, "next", 'text-anchor="middle"'),
    ...places.flatMap((place) => drawBand(place)),
    ...places.slice(-1).map(({ band }) => address(bottom, band.end)),
    ...arrows(places, image, uses),
    "</svg>\n",
  ].join("\n");
}

function placeBands({ bands, unit }: Picture): Place[] {
  let top = TOP;
  return bands.map((band) => {
    const rows = rowsOf(band, unit);
    const place = { band, top, bottom: top + rows.length * ROW, isCut: rows.includes("cut") };
    top = place.bottom;
    return place;
  });
}

function definitions({ segments }: KexecImage): string[] {
  const hatch = (name: string, back: string, line: string) =>
    `<pattern id="${name}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
    `<rect width="6" height="6" fill="${back}"/><rect width="2" height="6" fill="${line}"/></pattern>`;
  const colours = segments.slice(0, COLOURS.length).map((_, index) => colourOf(index));
  return [
    "<defs>",
    hatch("mixed", GROUNDS.RAM.fill, GROUNDS.taken.fill),
    hatch("wrong", "#ffebe9", WRONG),
    ...colours.map((colour, index) => hatch(`uses${index}`, "#ffffff", colour)),
    `<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8Z" fill="${INK}"/></marker>`,
    "</defs>",
  ];
}

function colourOf(segment: number): string {
  return COLOURS[segment % COLOURS.length] ?? INK;
}

/** What of the columns' fills is to be seen in the picture. */
function legend(places: readonly Place[]): string[] {
  const grounds = new Set(places.map(({ band }) => band.ground));
  const some = (is: (band: Band) => boolean) => places.some(({ band }) => is(band));
  const first = COLOURS[0] ?? INK;
  const entries = [
    ...[...grounds].map((ground) => ({ fill: fillOf(GROUNDS[ground].fill), name: GROUNDS[ground].name })),
    ...(some(({ segments }) => segments.length > 0) ? [{ fill: `${first}`, name: "loaded" }] : []),
    ...(some(({ isZeros }) => isZeros) ? [{ fill: `${first}55`, name: "zeros" }] : []),
    ...(some(({ usedBy }) => usedBy !== undefined) ? [{ fill: fillOf("uses0"), name: "used besides" }] : []),
    ...(some(({ isContested }) => isContested) ? [{ fill: fillOf("wrong"), name: "wrong" }] : []),
  ];
  let left = 16;
  return entries.flatMap(({ fill, name }) => {
    const at = left;
    left += 22 + Math.ceil(name.length * LETTER) + 16;
    return [rect(at, LEGEND - 10, 16, 12, fill, PALE), text(at + 22, LEGEND, name)];
  });
}

function fillOf(name: string): string {
  return name.startsWith("#") ? name : `url(#${name})`;
}

function drawBand(place: Place): string[] {
  const { band, top, bottom } = place;
  const { ground, segments, isZeros, usedBy, isContested, notes } = band;
  const [segment] = segments;
  const next = isContested
    ? "url(#wrong)"
    : segment !== undefined
      ? colourOf(segment) + (isZeros ? "55" : "")
      : usedBy !== undefined
        ? `url(#uses${usedBy % COLOURS.length})`
        : undefined;
  const number = isContested ? "" : (segment ?? usedBy ?? "");
  const isDark = segment !== undefined && !isZeros && !isContested;
  const room = Math.floor((RIGHT - NOTES) / LETTER);
  const told = notes.map((note) => fitNote(note, room));
  if (told.length === 0 && place.isCut) told.push(formatSize(band.end - band.start));
  return [
    rect(NOW, top, COLUMN, bottom - top, fillOf(GROUNDS[ground].fill), ground === "nothing" ? "#d0d7de" : PALE),
    ...(next === undefined ? [] : [rect(NEXT, top, COLUMN, bottom - top, next, isContested ? WRONG : INK)]),
    ...(next === undefined || number === "" ? [] : [badge(NEXT + COLUMN / 2, top + 14, String(number), isDark)]),
    ...(place.isCut ? cut(place, next !== undefined) : []),
    address(top, band.start),
    ...told.map((line, row) =>
      text(NOTES, top + 14 + row * ROW, line, isContested && row === 0 ? `fill="${WRONG}"` : ""),
    ),
  ];
}

/** A number on whatever is behind it. */
function badge(x: number, y: number, number: string, isDark: boolean): string {
  const style = `text-anchor="middle" font-weight="bold"`;
  const halo = `stroke="#ffffff" stroke-width="4" paint-order="stroke"`;
  return text(x, y, number, isDark ? `${style} fill="#ffffff"` : `${style} ${halo}`);
}

/** A white wave across the columns. */
function cut({ top, bottom }: Place, isBoth: boolean): string[] {
  const y = bottom - (isBoth ? (bottom - top) / 2 : ROW / 2);
  const wave = (x: number) =>
    `M${x - 4} ${y}${Array.from({ length: 7 }, (_, index) => `q7 ${index % 2 === 0 ? -7 : 7} 14 0`).join("")}`;
  const path = [NOW, ...(isBoth ? [NEXT] : [])].map(wave).join("");
  return [
    `<path d="${path}" fill="none" stroke="${PALE}" stroke-width="6"/>`,
    `<path d="${path}" fill="none" stroke="#ffffff" stroke-width="4"/>`,
  ];
}

function address(y: number, value: bigint): string {
  return `<path d="M${NOW - 6} ${y}H${NOW}" stroke="${PALE}"/>\n${text(NOW - 10, y + 4, hex(value), 'text-anchor="end" font-size="11"')}`;
}

/** From a stored word to the segment it points to, from a kernel to where it moves, and to the entry. */
function arrows(places: readonly Place[], { segments, words, entry }: KexecImage, uses: readonly NextUse[]): string[] {
  const at = (memory: MemoryRange) => places.find(({ band }) => contains(band, memory));
  const byte = (value: bigint) => at(rangeOfSize(value, 1n));
  const links = words.flatMap(({ segment, at: offset, value }) => {
    const [from, to] = [byte(segment.start + BigInt(offset)), byte(value)];
    const isStart = segments.some(({ start }) => start === value);
    return from === undefined || to === undefined || !isStart ? [] : [arrow(from, to, 20, "")];
  });
  const moves = uses
    .filter(({ start, kernel }) => start !== kernel.start)
    .flatMap(({ start, kernel }) => {
      const [from, to] = [byte(kernel.start), byte(start)];
      return from === undefined || to === undefined ? [] : [arrow(from, to, 32, ' stroke-dasharray="4 3"')];
    });
  const entered = entry === undefined ? undefined : byte(entry);
  const start =
    entered && `<path d="M${NEXT - 12} ${entered.top + 10}H${NEXT}" stroke="${INK}" marker-end="url(#tip)"/>`;
  return [...links, ...moves, ...(start === undefined ? [] : [start])];
}

function arrow(from: Place, to: Place, reach: number, style: string): string {
  const x = NEXT + COLUMN;
  const [start, end] = [from.top + 10, to.top + (from === to ? 16 : 6)];
  return `<path d="M${x} ${start}C${x + reach} ${start} ${x + reach} ${end} ${x} ${end}" fill="none" stroke="${INK}"${style} marker-end="url(#tip)"/>`;
}

function rect(x: number, y: number, width: number, height: number, fill: string, stroke: string): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}" stroke="${stroke}" stroke-width="0.7"/>`;
}

function text(x: number, y: number, content: string, style = ""): string {
  return `<text x="${x}" y="${y}"${style === "" ? "" : ` ${style}`}>${escapeXml(content)}</text>`;
}

function escapeXml(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
