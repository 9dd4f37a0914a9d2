// What the numbers of a property mean, in words: addresses as ranges, phandles as paths, interrupts with who takes them.
// Devicetree Specification 0.4, 2.3 and 2.4; names with phandles in them: Linux drivers/of/property.c.

import { hex } from "../../failure.ts";
import type { ByteString } from "../../sys/engine.ts";
import { cellIn, cellsAt, wordsOf } from "../cells.ts";
import { addressCells, interruptParent, type Survey, type Surveyed, sizeCells } from "../survey.ts";

/** Properties whose entries are address and size in the parent's cells. */
const REGIONS: ReadonlySet<ByteString> = new Set(["reg", "linux,usable-memory", "assigned-addresses"]);
const TRANSLATIONS: ReadonlySet<ByteString> = new Set(["ranges", "dma-ranges"]);

/** Properties that are nothing but phandles. */
const PHANDLES: ReadonlySet<ByteString> = new Set([
  "interrupt-parent",
  "l2-cache",
  "next-level-cache",
  "memory-region",
  "phy-handle",
  "cpu",
  "operating-points-v2",
  "cpu-idle-states",
]);

/** Properties of phandles with arguments, and which property of the node so named counts those. */
const WITH_ARGUMENTS: Readonly<Record<ByteString, ByteString>> = {
  clocks: "#clock-cells",
  dmas: "#dma-cells",
  "interrupts-extended": "#interrupt-cells",
  iommus: "#iommu-cells",
  mboxes: "#mbox-cells",
  "msi-parent": "#msi-cells",
  phys: "#phy-cells",
  "power-domains": "#power-domain-cells",
  pwms: "#pwm-cells",
  resets: "#reset-cells",
  gpios: "#gpio-cells",
};

/** How many cells of the property belong together; undefined where nothing says it, or what is said does not fit. */
export function cellsInGroup(
  survey: Survey,
  surveyed: Surveyed,
  name: ByteString,
  value: Uint8Array,
): number | undefined {
  const cells = cellsByName(survey, surveyed, name);
  return cells === undefined || cells === 0 || value.length === 0 || value.length % (4 * cells) !== 0
    ? undefined
    : cells;
}

function cellsByName(survey: Survey, surveyed: Surveyed, name: ByteString): number | undefined {
  const { node, parent } = surveyed;
  if (parent !== undefined && REGIONS.has(name)) return addressCells(parent.node) + sizeCells(parent.node);
  if (parent !== undefined && TRANSLATIONS.has(name)) {
    return addressCells(node) + addressCells(parent.node) + sizeCells(node);
  }
  const taker = name === "interrupts" ? interruptParent(survey, surveyed) : undefined;
  return taker === undefined ? undefined : cellIn(taker.node, "#interrupt-cells");
}

/** A comment on the property's value; undefined where there is nothing to say. */
export function annotation(
  survey: Survey,
  surveyed: Surveyed,
  name: ByteString,
  value: Uint8Array,
): string | undefined {
  const group = cellsInGroup(survey, surveyed, name, value);
  if (group !== undefined) {
    if (name === "interrupts") return `to ${interruptParent(survey, surveyed)!.path}`;
    const entries = Array.from({ length: value.length / (4 * group) }, (_, index) => 4 * group * index);
    return entries.map((at) => (TRANSLATIONS.has(name) ? translated : region)(surveyed, value, at)).join(", ");
  }
  if (value.length === 0 || value.length % 4 !== 0) return undefined;
  if (PHANDLES.has(name)) return pathsOf(survey, wordsOf(value), () => 0);
  const counter = WITH_ARGUMENTS[name.replace(/^.*-gpios?$/, "gpios")];
  if (counter === undefined) return undefined;
  return pathsOf(survey, wordsOf(value), (path) => cellIn(survey.byPath.get(path)!.node, counter) ?? 0);
}

function region({ parent }: Surveyed, value: Uint8Array, at: number): string {
  const address = addressCells(parent!.node);
  return span(cellsAt(value, at, address)!, cellsAt(value, at + 4 * address, sizeCells(parent!.node))!);
}

function translated({ node, parent }: Surveyed, value: Uint8Array, at: number): string {
  const [own, above] = [addressCells(node), addressCells(parent!.node)];
  const size = cellsAt(value, at + 4 * (own + above), sizeCells(node))!;
  return `${span(cellsAt(value, at, own)!, size)} at ${hex(cellsAt(value, at + 4 * own, above)!)}`;
}

function span(start: bigint, size: bigint): string {
  return size === 0n ? hex(start) : `${hex(start)}-${hex(start + size)}`;
}

/** The nodes that are named, as far as they are there; `argumentsOf` counts the words behind each. */
function pathsOf(
  survey: Survey,
  words: readonly number[],
  argumentsOf: (path: ByteString) => number,
): string | undefined {
  const paths: ByteString[] = [];
  for (let at = 0; at < words.length; ) {
    const path = survey.pathsOfPhandles.get(words[at]!);
    if (path === undefined) return paths.length === 0 ? undefined : paths.join(" ");
    paths.push(path);
    at += 1 + argumentsOf(path);
  }
  return paths.join(" ");
}
