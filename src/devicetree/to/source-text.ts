// A tree as device tree source, which dtc compiles to the same tree again.
// Devicetree Specification 0.4, chapter 6.

import { hex } from "../../failure.ts";
import type { ByteString, Write } from "../../sys/engine.ts";
import { kindOf } from "../kinds.ts";
import { below, escapeName } from "../names.ts";
import { type Position, positionOf, type Survey } from "../survey.ts";
import type { Property } from "../tree.ts";
import { writeValue } from "../value-text.ts";
import { annotation, cellsInGroup } from "./annotations.ts";

/** How each part of the text is shown: as it is, or in a colour. */
export interface Paint {
  readonly node: (text: string) => string;
  readonly property: (text: string) => string;
  readonly text: (text: string) => string;
  readonly comment: (text: string) => string;
}

const asItIs = (text: string): string => text;

export const plain: Paint = { node: asItIs, property: asItIs, text: asItIs, comment: asItIs };

/** Puts a text between the escapes of a colour. */
function ansi(code: number): (text: string) => string {
  return (text) => `\x1b[${code}m${text}\x1b[0m`;
}

/** ANSI escapes, as every Linux console has them. */
export const coloured: Paint = { node: ansi(1), property: ansi(36), text: ansi(32), comment: ansi(2) };

export interface SourceStyle {
  readonly paint: Paint;
  /** With comments that say what numbers mean. */
  readonly annotate: boolean;
}

/** Writes the whole tree with its reserve map. */
export function treeSource(write: Write, survey: Survey, style: SourceStyle): void {
  const { reservations, bootCpu } = survey.tree;
  write("/dts-v1/;\n\n");
  for (const { start, end } of reservations) write(`/memreserve/ ${hex(start)} ${hex(end - start)};\n`);
  if (bootCpu !== 0) write(`${style.paint.comment(`/* boot cpu: ${hex(bootCpu)} */`)}\n`);
  if (reservations.length > 0 || bootCpu !== 0) write("\n");
  nodeSource(write, survey, positionOf(survey, survey.tree.root), style);
}

/** Writes one node with all that is in it, as it stands in source. */
export function nodeSource(write: Write, survey: Survey, position: Position, style: SourceStyle): void {
  let open = 0;
  let isOnlyBegun = false;
  const closeDownTo = (level: number): void => {
    while (open > level) {
      write(`${tabs(--open)}};\n`);
      isOnlyBegun = false;
    }
  };
  for (const each of withDescendants(survey, position)) {
    const level = each.depth - position.depth;
    closeDownTo(level);
    if (level > 0 && !isOnlyBegun) write("\n");
    write(`${tabs(level)}${style.paint.node(each.parent === undefined ? "/" : escapeName(each.node.name))} {\n`);
    open = level + 1;
    isOnlyBegun = each.node.properties.length === 0;
    for (const property of each.node.properties) {
      write(tabs(open));
      propertySource(write, survey, each, property, style);
    }
  }
  closeDownTo(0);
}

/** Parents before their children: what follows a node and lies deeper is in it. */
function withDescendants(survey: Survey, position: Position): readonly Position[] {
  const start = survey.nodes.indexOf(position);
  const next = survey.nodes.findIndex(({ depth }, index) => index > start && depth <= position.depth);
  return survey.nodes.slice(start, next < 0 ? undefined : next);
}

/** One property, as it stands in source, on a line. */
function propertySource(
  write: Write,
  survey: Survey,
  position: Position,
  property: Property,
  style: SourceStyle,
): void {
  const { paint } = style;
  const { name, value } = property;
  const node = position.node.name;
  write(`${paint.property(escapeName(name))}${value.length === 0 ? "" : " = "}`);
  const isText = kindOf(name, value, node) === "strings";
  const writePart = isText ? (part: string) => write(paint.text(part)) : write;
  writeValue(writePart, name, value, cellsInGroup(survey, position, name, value), node);
  const comment = style.annotate ? annotation(survey, position, name, value) : undefined;
  write(comment === undefined ? ";\n" : `; ${paint.comment(`/* ${escapeComment(comment)} */`)}\n`);
}

/** A path for a comment: it must not end the comment, nor hold anything that a terminal acts on. */
function escapeComment(text: ByteString): string {
  return text
    .split(/([ /])/)
    .map((part) => (part === " " || part === "/" ? part : escapeName(part)))
    .join("")
    .replaceAll("*/", "*\\x2f");
}

function tabs(depth: number): string {
  return "\t".repeat(depth);
}

/** Names that no source text can have: dtc will not read them. */
export function unwritableNames(survey: Survey): ByteString[] {
  return survey.nodes.flatMap(({ node, path, parent }) => [
    ...(parent !== undefined && escapeName(node.name) !== node.name ? [path] : []),
    ...node.properties.filter(({ name }) => escapeName(name) !== name).map(({ name }) => below(path, name)),
  ]);
}
