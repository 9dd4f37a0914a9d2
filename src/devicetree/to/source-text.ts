// A tree as device tree source, which dtc compiles to the same tree again.
// Devicetree Specification 0.4, chapter 6.

import { hex } from "../../failure.ts";
import type { ByteString } from "../../sys/engine.ts";
import { kindOf } from "../kinds.ts";
import { below, escapeName } from "../names.ts";
import { type Position, positionOf, type Survey } from "../survey.ts";
import type { Property } from "../tree.ts";
import { valueText } from "../value-text.ts";
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

/** The whole tree with its reserve map. */
export function treeSource(survey: Survey, style: SourceStyle): string {
  const { reservations, bootCpu } = survey.tree;
  return [
    "/dts-v1/;",
    "",
    ...reservations.map(({ start, end }) => `/memreserve/ ${hex(start)} ${hex(end - start)};`),
    ...(bootCpu === 0 ? [] : [style.paint.comment(`/* boot cpu: ${hex(bootCpu)} */`)]),
    ...(reservations.length > 0 || bootCpu !== 0 ? [""] : []),
    nodeSource(survey, positionOf(survey, survey.tree.root), style),
  ].join("\n");
}

/** One node with all that is in it, as it stands in source. */
export function nodeSource(survey: Survey, position: Position, style: SourceStyle): string {
  const lines: string[] = [];
  let open = 0;
  const closeDownTo = (level: number): void => {
    while (open > level) lines.push(`${tabs(--open)}};`);
  };
  for (const each of withDescendants(survey, position)) {
    const level = each.depth - position.depth;
    closeDownTo(level);
    if (level > 0 && !lines.at(-1)?.endsWith(" {")) lines.push("");
    lines.push(`${tabs(level)}${style.paint.node(each.parent === undefined ? "/" : escapeName(each.node.name))} {`);
    open = level + 1;
    for (const property of each.node.properties) lines.push(tabs(open) + propertySource(survey, each, property, style));
  }
  closeDownTo(0);
  return `${lines.join("\n")}\n`;
}

/** Parents before their children: what follows a node and lies deeper is in it. */
function withDescendants(survey: Survey, position: Position): readonly Position[] {
  const start = survey.nodes.indexOf(position);
  const next = survey.nodes.findIndex(({ depth }, index) => index > start && depth <= position.depth);
  return survey.nodes.slice(start, next < 0 ? undefined : next);
}

/** One property, as it stands in source. */
function propertySource(survey: Survey, position: Position, property: Property, style: SourceStyle): string {
  const { paint } = style;
  const { name, value } = property;
  const node = position.node.name;
  const text = valueText(name, value, cellsInGroup(survey, position, name, value), node);
  const shown = kindOf(name, value, node) === "strings" ? paint.text(text) : text;
  const comment = style.annotate ? annotation(survey, position, name, value) : undefined;
  const end = comment === undefined ? ";" : `; ${paint.comment(`/* ${escapeComment(comment)} */`)}`;
  return `${paint.property(escapeName(name))}${text === "" ? "" : ` = ${shown}`}${end}`;
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
