// A tree as JSON, for programs: nodes and properties by their names.

import { Failure, hex } from "../../failure.ts";
import { ascii } from "../../json.ts";
import type { ByteString, Write } from "../../sys/engine.ts";
import { wordsOf } from "../cells.ts";
import { kindOf } from "../kinds.ts";
import { below } from "../names.ts";
import { eachPartOfStrings } from "../strings.ts";
import type { DeviceTree, Node } from "../tree.ts";
import { writeDigits } from "../value-text.ts";
import { visit, walk } from "../walk.ts";

/**
 * Writes one line: `{"reservations":[{"start":"0x0","size":"0x0"}],"bootCpu":0,"root":{"properties":{},"nodes":{}}}`. All of
 * it is ASCII; bytes of names and texts that are not are \u0080 to \u00ff.
 * @throws Failure where two properties or two nodes have one name; nothing is written then
 */
export function treeJson(write: Write, { root, reservations, bootCpu }: DeviceTree): void {
  refuseTwins(root);
  const entries = reservations.map(({ start, end }) => ({ start: hex(start), size: hex(end - start) }));
  write(`{"reservations":${JSON.stringify(entries)},"bootCpu":${bootCpu},"root":`);
  writeNode(write, root);
  write("}\n");
}

/** Writes one node with all that is in it: `{"properties":{},"nodes":{}}`. */
export function nodeJson(write: Write, node: Node): void {
  refuseTwins(node);
  writeNode(write, node);
  write("\n");
}

function refuseTwins(root: Node): void {
  visit(root, {
    enter({ properties, children }, path) {
      for (const items of [properties, children]) {
        const names = new Set<ByteString>();
        for (const { name } of items) {
          if (names.has(name)) throw new Failure(below(path, name), "is there twice");
          names.add(name);
        }
      }
    },
  });
}

function writeNode(write: Write, root: Node): void {
  /** What is written before the next child, and its name: not before the root. */
  let between: string | undefined;
  walk(root, {
    enter(node) {
      if (between !== undefined) write(`${between}${ascii(node.name)}:`);
      write('{"properties":{');
      let comma = "";
      for (const { name, value } of node.properties) {
        write(`${comma}${ascii(name)}:`);
        writeJsonValue(write, node.name, name, value);
        comma = ",";
      }
      write('},"nodes":{');
      between = "";
      return true;
    },
    leave() {
      write("}}");
      between = ",";
    },
  });
}

function writeJsonValue(write: Write, node: ByteString, name: ByteString, value: Uint8Array): void {
  switch (kindOf(name, value, node)) {
    case "empty":
      write("true");
      return;
    case "strings": {
      let between = "[";
      eachPartOfStrings(value, (part, begins, ends) => {
        write(`${begins ? `${between}"` : ""}${ascii(part).slice(1, -1)}${ends ? '"' : ""}`);
        between = ",";
      });
      write("]");
      return;
    }
    case "cells":
      for (let at = 0; at < value.length; at += CHUNK)
        write(`${at === 0 ? "[" : ","}${wordsOf(value.subarray(at, at + CHUNK)).join()}`);
      write("]");
      return;
    case "bytes":
      write('{"bytes":"');
      writeDigits(write, value, "");
      write('"}');
  }
}

/** Bytes whose cells become text at a time. */
const CHUNK = 4096;
