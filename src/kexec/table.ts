// An image as text: segments, entry, and every word that was stored, with the reason for its byte order.

import { escapeText, hex } from "../failure.ts";
import type { MachineFacts } from "./facts.ts";
import type { KexecImage } from "./image.ts";

const HEADS = ["segment", "start", "end", "bufsz", "memsz", "from"];

/** Lines, each ended by a newline. */
export function formatImage(image: KexecImage, facts: MachineFacts): string {
  const rows = image.segments.map(({ start, end, bytes, from }, index) => [
    String(index),
    hex(start),
    hex(end),
    hex(bytes.length),
    hex(end - start),
    escapeText(from),
  ]);
  const lines = alignColumns([HEADS, ...rows]);
  const arch = image.arch === 0n ? `${facts.elfMachine} (the running kernel's)` : String(image.arch);
  const pages = facts.pageSize === 1n ? "" : `, pages of ${hex(facts.pageSize)} bytes`;
  lines.push(`entry ${hex(image.entry ?? 0n)}, arch ${arch}${pages}${image.crash ? ", crash kernel" : ""}`);
  for (const { segment, at, value, endian, reason } of image.words) {
    lines.push(`stored ${hex(value)} at ${hex(segment.start + BigInt(at))}, ${endian} endian ${reason}`);
  }
  return lines.map((line) => `${line}\n`).join("");
}

function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
