// The results as a picture: for each group of boxes what it is compared with, medians and the spread of all runs.

import { escapeXml } from "../xml.ts";
import type { Spread } from "./statistics.ts";

export interface Chart {
  readonly title: string;
  /** Of the values' axis. */
  readonly unit: string;
  /** Along the other axis. */
  readonly groups: readonly string[];
  readonly series: readonly Series[];
}

export interface Series {
  readonly name: string;
  /** One for each group. */
  readonly spreads: readonly (Spread | undefined)[];
}

/** Whether there is anything in it. */
export function hasSpreads({ series }: Chart): boolean {
  return series.some(({ spreads }) => spreads.some((spread) => spread !== undefined));
}

// All in pixels, from the upper left corner.
const [WIDTH, HEIGHT] = [900, 420];
const PLOT = { left: 60, right: 880, top: 80, bottom: 380 };
const LEGEND_LINE = 41;
const WIDEST_BOX = 50;
/** The part of a group's width that its boxes take. */
const FILL = 0.8;
/** Of sans-serif at 12 px, on average: an SVG cannot measure its text. */
const LETTER = 6.2;

const COLOURS = ["#1b6ca8", "#e08214", "#5aae61", "#8073ac", "#d6604d", "#777777"];
const [TEXT, GRID] = ["#54555a", "#dbdee4"];

/** An SVG document: a box from the lower to the upper quartile, whiskers to the extremes, a line at the median. */
export function drawChart({ title, unit, groups, series }: Chart): string {
  const { ticks, height } = axisFor(series);
  const step = (PLOT.right - PLOT.left) / groups.length;
  const slot = (step * FILL) / series.length;
  const groupCentre = (group: number): number => PLOT.left + step * (group + 0.5);
  const boxCentre = (group: number, index: number): number =>
    groupCentre(group) + slot * (index + 0.5 - series.length / 2);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"`,
    `  font-family="sans-serif" font-size="12" fill="${TEXT}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${WIDTH / 2}" y="24" text-anchor="middle" font-size="18" font-weight="bold">${escapeXml(title)}</text>`,
    ...legend(series.map(({ name }) => name)),
    text(unit, PLOT.left, PLOT.top - 11),
    ...ticks.flatMap((tick) => [
      `<path d="M${PLOT.left} ${height(tick)}H${PLOT.right}" stroke="${tick === 0 ? TEXT : GRID}"/>`,
      text(tick.toLocaleString("en"), PLOT.left - 8, height(tick) + 4, "end"),
    ]),
    ...groups.map((name, group) => text(name, groupCentre(group), PLOT.bottom + 18)),
    ...series.flatMap(({ spreads }, index) =>
      spreads.flatMap((spread, group) =>
        spread === undefined
          ? []
          : [box(spread, height, boxCentre(group, index), Math.min(slot * 0.8, WIDEST_BOX), colour(index))],
      ),
    ),
    "</svg>\n",
  ].join("\n");
}

/** From 0 to above the largest value, in steps of 1, 2 or 5 times a power of ten. */
function axisFor(series: readonly Series[]): { ticks: number[]; height(value: number): number } {
  const most = Math.max(...series.flatMap(({ spreads }) => spreads.map((spread) => spread?.most ?? 0))) || 1;
  const power = 10 ** Math.floor(Math.log10(most / 4));
  const step = power * ([1, 2, 5].find((factor) => most / (factor * power) <= 8) ?? 10);
  const count = Math.ceil(most / step);
  return {
    // A product of whole numbers, or a quotient: 3 * 0.1 is 0.30000000000000004.
    ticks: Array.from({ length: count + 1 }, (_, index) => (step < 1 ? index / Math.round(1 / step) : index * step)),
    height: (value) => toTenth(PLOT.bottom - ((PLOT.bottom - PLOT.top) * value) / (count * step)),
  };
}

function box(
  { least, lower, median, upper, most }: Spread,
  height: (value: number) => number,
  centre: number,
  width: number,
  line: string,
): string {
  const [left, x, right] = [toTenth(centre - width / 2), toTenth(centre), toTenth(centre + width / 2)];
  const across = (value: number): string => `M${left} ${height(value)}H${right}`;
  const whiskers = `M${x} ${height(least)}V${height(lower)}M${x} ${height(upper)}V${height(most)}`;
  const frame = `${across(lower)}V${height(upper)}H${left}Z`;
  return `<path d="${frame}${whiskers}${across(least)}${across(most)}${across(median)}" fill="${line}55" stroke="${line}"/>`;
}

function legend(names: readonly string[]): string[] {
  const [mark, gap] = [25, 30];
  const widths = names.map((name) => mark + 5 + name.length * LETTER);
  let left = (WIDTH - widths.reduce((sum, width) => sum + width + gap, -gap)) / 2;
  return names.flatMap((name, index) => {
    const at = toTenth(left);
    left += (widths[index] ?? 0) + gap;
    return [
      `<rect x="${at}" y="${LEGEND_LINE - 7}" width="${mark}" height="14" rx="3" fill="${colour(index)}55" stroke="${colour(index)}"/>`,
      text(name, at + mark + 5, LEGEND_LINE + 4, "start"),
    ];
  });
}

function text(content: string, x: number, y: number, anchor = "middle"): string {
  return `<text x="${toTenth(x)}" y="${toTenth(y)}" text-anchor="${anchor}">${escapeXml(content)}</text>`;
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? TEXT;
}

function toTenth(value: number): number {
  return Math.round(value * 10) / 10;
}
