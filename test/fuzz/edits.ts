// Edits: lines of a file and options do the same, and what dtdiff --patch writes turns one tree into the other.

import { differences, patchText } from "../../src/devicetree/diff.ts";
import { FIELD, headOf } from "../../src/devicetree/format.ts";
import { treeFromBlob } from "../../src/devicetree/from/blob.ts";
import type { DeviceTree } from "../../src/devicetree/tree.ts";
import { parseEdits } from "../../src/options/edits.ts";
import { written } from "../support/written.ts";
import { type Host, systemOn } from "./machine.ts";
import { bytesOf, hold, orRefusal, runCommand, sameBytes, summaryOf, type Target, textOf } from "./target.ts";
import { listingOf } from "./trees.ts";

/** A blob, as long as it says, and what follows it. */
function splitAfterBlob(input: Uint8Array): { readonly first: Uint8Array; readonly rest: Uint8Array } {
  const size =
    headOf(input) === undefined ? 0 : new DataView(input.buffer, input.byteOffset).getUint32(FIELD.totalSize);
  return { first: input.subarray(0, size), rest: input.subarray(size) };
}

const FILES = new Map([["initrd", new Uint8Array(0x1235).fill(7)]]);

/** Options that say what lines of a file say. */
function optionsOf(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const [, long = "", value = ""] = /^([^ \t]*)[ \t]*(.*)$/s.exec(line) ?? [];
    return value === "" ? [`--${long}`] : [`--${long}`, value];
  });
}

export const edits: Target = {
  name: "edits",
  holds: "edits of a file are refused in one line, or give a blob that can be read, the same as from options",
  words: [
    ...[
      "set ",
      "delete ",
      "add-node ",
      "delete-node ",
      "bootargs ",
      "initrd ",
      "no-initrd\n",
      "usable ",
      "elfcorehdr ",
    ],
    ...[
      "reserve ",
      "unreserve ",
      "boot-cpu ",
      "seeds\n",
      "/chosen",
      "/memory@0/reg",
      "&{/}",
      "&0x1",
      "phandle",
      '="x"',
    ],
    ...[
      "=<1 2>",
      "=[00]",
      "=&{/}",
      "=/bits/ 64 <1>",
      "0x1000,0x2000",
      "initrd@0x10000",
      "\\x2f",
      "\n",
      "#",
      "security-x",
    ],
  ],
  isText: true,
  work: 300,
  attempt(host, input) {
    const { first, rest } = splitAfterBlob(input);
    const files = new Map([...FILES, ["tree", first], ["edits", rest]]);
    const world = { host, machine: "ppc64" as const, files };
    const byFile = runCommand(world, ["dtedit", "--secrets", "--from", "edits", "tree", "-"]);
    if (byFile.code === 0) {
      treeFromBlob(byFile.out, "edited");
      const lines = textOf(rest)
        .split("\n")
        .map((line) => line.replace(/^[ \t\r]+|[ \t\r]+$/g, ""))
        .filter((line) => line !== "" && !line.startsWith("#"));
      const options = optionsOf(lines);
      const byOptions = runCommand(world, ["dtedit", "--secrets", ...options, "tree", "-"]);
      if (byOptions.code !== 0 || !sameBytes(byOptions.out, byFile.out))
        throw new Error(`options do otherwise than lines: ${byOptions.code} ${byOptions.err}`);
    }
    return summaryOf(host, byFile);
  },
};

function listAll(tree: DeviceTree): string {
  return listingOf(tree, true).split("\n").sort().join("\n");
}

/** Leads from one tree to the other, or is refused in one line. */
function holdPatch(host: Host, before: DeviceTree, after: DeviceTree): string {
  const patch = orRefusal(() => ({ text: written((write) => patchText(write, differences(before, after))) }));
  if (typeof patch === "string") return patch;
  const { system } = systemOn({ host, files: new Map([["patch", bytesOf(patch.text)]]) });
  for (const edit of parseEdits(system, [{ long: "from", value: "patch", place: "--from" }])) edit(before);
  const left = differences(before, after);
  if (left.length > 0) throw new Error(`${left.length} differences are left`);
  // Entries of a blob's own length are the same to dtdiff.
  const none = { reservations: [], bootCpu: 0 };
  hold("patched", listAll({ ...before, ...none }), listAll({ ...after, ...none }));
  return `${patch.text.length}`;
}

export const patches: Target = {
  name: "patches",
  holds: "what dtdiff --patch writes is taken by --from and leads from A to B",
  words: ["reg\0", "phandle\0", "linux,phandle\0", "name\0", "\0\0\0\x01", "\0\0\0\x02", "\0\0\0\x03", "&1\0", "a/b\0"],
  isText: false,
  work: 300,
  attempt(host, input) {
    const { first, rest } = splitAfterBlob(input);
    const trees = orRefusal(() => ({ before: treeFromBlob(first, "A"), after: treeFromBlob(rest, "B") }));
    return typeof trees === "string" ? trees : holdPatch(host, trees.before, trees.after);
  },
};
