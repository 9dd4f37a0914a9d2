// Who takes a node's interrupts, as Linux finds it out (drivers/of/irq.c).
// Devicetree Specification 0.4, 2.4 (the interrupt tree, and the maps of nexus nodes).

import type { ByteString } from "../sys/engine.ts";
import { cellIn, firstCellIn, wordsOf } from "./cells.ts";
import { textOf } from "./strings.ts";
import type { Position, Survey } from "./survey.ts";
import { property } from "./tree.ts";

/** Cells of an address and an interrupt together (include/linux/of.h MAX_PHANDLE_ARGS). */
const MAX_WORDS = 16;
/** Nodes that an interrupt goes through: real ones pass two or three. */
const MAX_STEPS = 16;

/** What has been found out of a tree: of a million nodes all may be on one way, or below one map. */
interface Known {
  readonly parents: Map<Position, Position | undefined>;
  /** From where the way to who takes an interrupt never ends. */
  readonly endless: Set<Position>;
  readonly maps: Map<Position, InterruptMap | undefined>;
}

/** The interrupt-map of a node. */
interface InterruptMap {
  readonly words: readonly number[];
  /** Which bits of each word of an address and an interrupt are compared. */
  readonly mask: readonly number[];
  /** How many of these words are an address. */
  readonly addressCells: number;
  /** By what is compared, where in `words` the node is that the first such line leads to. */
  readonly lines: ReadonlyMap<string, number>;
}

const knownOf = new WeakMap<Survey, Known>();

function known(survey: Survey): Known {
  const made = knownOf.get(survey) ?? { parents: new Map(), endless: new Set(), maps: new Map() };
  knownOf.set(survey, made);
  return made;
}

/**
 * The node in whose cells this node's interrupts are: the first with #interrupt-cells on the way from the node, which goes
 * at each step to the interrupt-parent, else to the parent (of_irq_find_parent). Undefined where there is none, or where
 * the way goes in a circle, on which Linux hangs.
 */
export function interruptParent(survey: Survey, position: Position): Position | undefined {
  const { parents, endless } = known(survey);
  const passed: Position[] = [];
  let found: Position | undefined;
  for (let at: Position | undefined = position; at !== undefined && found === undefined; ) {
    if (parents.has(at)) {
      found = parents.get(at);
      if (endless.has(at) || passed.includes(at)) for (const each of passed) endless.add(each);
      break;
    }
    parents.set(at, undefined);
    passed.push(at);
    const phandle = firstCellIn(at.node, "interrupt-parent");
    at = phandle === undefined ? at.parent : survey.byPhandle.get(phandle);
    if (at !== undefined && has(at, "#interrupt-cells")) found = at;
  }
  // All on the way have the same one: a way is gone once, however many begin on it.
  for (const each of passed) parents.set(each, found);
  return found;
}

/** Whether Linux would look for who takes the node's interrupts for ever. */
export function isEndless(survey: Survey, position: Position): boolean {
  return interruptParent(survey, position) === undefined && known(survey).endless.has(position);
}

/**
 * The controller that one of a node's interrupts reaches, through the maps that lie between (of_irq_parse_raw).
 * Undefined where a map has no line for it, or there is no controller.
 * @param interrupt its cells, which `parent` counts
 */
export function interruptController(
  survey: Survey,
  { node }: Position,
  parent: Position,
  interrupt: readonly number[],
): Position | undefined {
  let address: readonly number[] = wordsOf((property(node, "reg") ?? new Uint8Array(0)).subarray(0, 4 * MAX_WORDS));
  let words = interrupt;
  let at: Position | undefined = parent;
  for (let step = 0; at !== undefined && step < MAX_STEPS; step++) {
    if (has(at, "interrupt-controller")) return at;
    if (!has(at, "interrupt-map")) {
      at = interruptParent(survey, at);
      continue;
    }
    const map = mapOf(survey, at);
    if (map === undefined || address.length < map.addressCells) return undefined;
    const line = map.lines.get(masked([...address.slice(0, map.addressCells), ...words], map.mask));
    if (line === undefined) return undefined;
    const target = targetAt(survey, map.words, line);
    address = map.words.slice(line + 1, line + 1 + (target?.addressCells ?? 0));
    words = map.words.slice(line + 1 + address.length, target?.end);
    at = target?.position;
  }
  return undefined;
}

function has({ node }: Position, name: ByteString): boolean {
  return property(node, name) !== undefined;
}

function masked(words: readonly number[], mask: readonly number[]): string {
  return words.map((word, index) => word & (mask[index] ?? -1)).join();
}

/** The target that a line of a map names at `offset`; undefined where none can be made out. */
function targetAt(
  { byPhandle }: Survey,
  words: readonly number[],
  offset: number,
): { readonly position: Position; readonly addressCells: number; readonly end: number } | undefined {
  const position = byPhandle.get(words[offset] ?? 0);
  if (position === undefined) return undefined;
  const addressCells = cellIn(position.node, "#address-cells") ?? 0;
  const interruptCells = cellIn(position.node, "#interrupt-cells");
  if (interruptCells === undefined || addressCells + interruptCells > MAX_WORDS) return undefined;
  const end = offset + 1 + addressCells + interruptCells;
  return end > words.length ? undefined : { position, addressCells, end };
}

function mapOf(survey: Survey, position: Position): InterruptMap | undefined {
  const { maps } = known(survey);
  if (!maps.has(position)) maps.set(position, readMap(survey, position));
  return maps.get(position);
}

function readMap(survey: Survey, position: Position): InterruptMap | undefined {
  const { node } = position;
  const addressCells = nearestAddressCells(position);
  const compared = addressCells + (cellIn(node, "#interrupt-cells") ?? Infinity);
  if (compared > MAX_WORDS) return undefined;
  const words = wordsOf(property(node, "interrupt-map") ?? new Uint8Array(0));
  const mask = wordsOf((property(node, "interrupt-map-mask") ?? new Uint8Array(0)).subarray(0, 4 * MAX_WORDS));
  const lines = new Map<string, number>();
  for (let at = 0; at < words.length; ) {
    const target = targetAt(survey, words, at + compared);
    // Nobody knows where the next line begins.
    if (target === undefined) break;
    const key = masked(words.slice(at, at + compared), mask);
    if (!lines.has(key) && isAvailable(target.position)) lines.set(key, at + compared);
    at = target.end;
  }
  return { words, mask, addressCells, lines };
}

/** What the node says, or the nearest above it that says it: older trees leave it to the bus. */
export function nearestAddressCells(position: Position): number {
  for (let at: Position | undefined = position; at !== undefined; at = at.parent) {
    const cells = cellIn(at.node, "#address-cells");
    if (cells !== undefined) return cells;
  }
  return 2;
}

/** drivers/of/base.c of_device_is_available. */
function isAvailable({ node }: Position): boolean {
  const status = property(node, "status");
  return status === undefined || /^(ok|okay)$/.test(textOf(status));
}
