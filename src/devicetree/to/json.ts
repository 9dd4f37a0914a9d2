// A tree as JSON, for programs: nodes and properties by their names.

import { Failure, hex } from "../../failure.ts";
import { asciiLine } from "../../json.ts";
import type { ByteString } from "../../sys/engine.ts";
import { wordsOf } from "../cells.ts";
import { kindOf } from "../kinds.ts";
import { below } from "../names.ts";
import { stringsOf } from "../strings.ts";
import type { DeviceTree, Node } from "../tree.ts";
import { hexDigits } from "../value-text.ts";
import { visit } from "../walk.ts";

/** `true`, texts, cells, or bytes as hexadecimal digits. */
type Value = true | readonly string[] | readonly number[] | { readonly bytes: string };

interface JsonNode {
  readonly properties: Record<ByteString, Value>;
  readonly nodes: Record<ByteString, JsonNode>;
}

/**
 * One line: `{"reservations":[{"start":"0x0","size":"0x0"}],"bootCpu":0,"root":{"properties":{},"nodes":{}}}`. All of it
 * is ASCII; bytes of names and texts that are not are \u0080 to \u00ff.
 * @throws Failure where two properties or two nodes have one name
 */
export function treeJson({ root, reservations, bootCpu }: DeviceTree): string {
  const json = {
    reservations: reservations.map(({ start, end }) => ({ start: hex(start), size: hex(end - start) })),
    bootCpu,
    root: jsonOf(root),
  };
  return asciiLine(json);
}

/** One node with all that is in it: `{"properties":{},"nodes":{}}`. */
export function nodeJson(node: Node): string {
  return asciiLine(jsonOf(node));
}

function jsonOf(root: Node): JsonNode {
  const top = emptyNode();
  const open: JsonNode[] = [];
  visit(root, {
    enter(node, path) {
      const made = open.length === 0 ? top : emptyNode();
      for (const { name, value } of node.properties) {
        if (name in made.properties) throw new Failure(below(path, name), "is there twice");
        made.properties[name] = jsonValue(node.name, name, value);
      }
      const parent = open.at(-1);
      if (parent !== undefined && node.name in parent.nodes) throw new Failure(path, "is there twice");
      if (parent !== undefined) parent.nodes[node.name] = made;
      open.push(made);
    },
    leave: () => void open.pop(),
  });
  return top;
}

function emptyNode(): JsonNode {
  return { properties: emptyTable(), nodes: emptyTable() };
}

/** Without what objects are born with: a property may be called `constructor`. */
function emptyTable<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

function jsonValue(node: ByteString, name: ByteString, value: Uint8Array): Value {
  switch (kindOf(name, value, node)) {
    case "empty":
      return true;
    case "strings":
      return stringsOf(value);
    case "cells":
      return wordsOf(value);
    case "bytes":
      return { bytes: hexDigits(value, "") };
  }
}
