// The matrix as a picture: a line for each row, a column for each way.

import { escapeXml } from "../xml.ts";
import { nameOf, type Row, titleOf, WAYS } from "./cells.ts";
import type { Result } from "./run.ts";

const [LEFT, TOP, COLUMN, LINE, MARGIN] = [420, 34, 70, 18, 10];
const [TEXT, EMPTY] = ["#54555a", "#f2f3f5"];
/** Told apart without colours too: by their signs. */
const [PASSED, FAILED, NOT_RUN] = [
  { fill: "#cfe8d5", sign: "" },
  { fill: "#f3c5bd", sign: "✗ " },
  { fill: "#dbdee4", sign: "not run" },
];

/** An SVG document. What was not run is grey; where a row has no such way, the place is empty. */
export function drawMatrix(rows: readonly Row[], results: readonly Result[]): string {
  const found = new Map(results.map((result) => [result.name, result]));
  const [width, height] = [LEFT + COLUMN * WAYS.length + MARGIN, TOP + LINE * rows.length + MARGIN];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`,
    `  font-family="sans-serif" font-size="12" fill="${TEXT}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...WAYS.map((way, column) => centred(way, column, TOP - MARGIN)),
    ...rows.flatMap((row, line) => drawRow(row, line, found)),
    "</svg>\n",
  ].join("\n");
}

function drawRow(row: Row, line: number, found: ReadonlyMap<string, Result>): string[] {
  const y = TOP + LINE * line;
  return [
    `<text x="${LEFT - MARGIN}" y="${y + 13}" text-anchor="end">${escapeXml(titleOf(row))}</text>`,
    ...WAYS.flatMap((way, column) => {
      const result = found.get(nameOf({ row, way }));
      if (!row.ways.includes(way)) return [box(column, y, EMPTY)];
      const { fill, sign } = result === undefined ? NOT_RUN : result.passed ? PASSED : FAILED;
      const seconds = result === undefined ? "" : `${result.seconds.toFixed(0)} s`;
      return [box(column, y, fill), centred(`${sign}${seconds}`, column, y + 13)];
    }),
  ];
}

function box(column: number, y: number, fill: string): string {
  return `<rect x="${LEFT + COLUMN * column}" y="${y}" width="${COLUMN - 2}" height="${LINE - 2}" fill="${fill}"/>`;
}

function centred(content: string, column: number, y: number): string {
  return `<text x="${LEFT + COLUMN * (column + 0.5)}" y="${y}" text-anchor="middle">${escapeXml(content)}</text>`;
}
