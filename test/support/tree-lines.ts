// Option lines of dtdump, dtedit, dtdiff and dtcheck for one tree: right and wrong ones, about what is in it and what is not.

import fc from "fast-check";
import { escapeName, escapePath } from "../../src/devicetree/names.ts";
import type { DeviceTree } from "../../src/devicetree/tree.ts";
import { visit } from "../../src/devicetree/walk.ts";
import { joined, option, sometimes, words } from "./arbitraries.ts";

type Words = fc.Arbitrary<readonly string[]>;

/** Paths of what is in the tree, as the edits write them. */
function pathsIn({ root }: DeviceTree): { nodes: string[]; properties: string[] } {
  const nodes: string[] = [];
  const properties: string[] = [];
  visit(root, {
    enter(node, path) {
      nodes.push(escapePath(path));
      for (const { name } of node.properties)
        properties.push(`${path === "/" ? "" : escapePath(path)}/${escapeName(name)}`);
    },
  });
  return { nodes, properties };
}

const VALUES = [
  '="text"',
  '="a", "b\\n\\x00\\"", <1 0x2 03>',
  "=<-1>",
  "=[00 ff]",
  "=[0]",
  "=/bits/ 64 <0x123456789abcdef0 -1>",
  "=/bits/ 8 <256>",
  "=&{/}",
  "=<&{/} &{/chosen}>",
  "=&nonesuch",
  "=<1",
  '="open',
  "",
  "=",
  "=<>",
  "=[]",
  "=\xa0",
  '="\xe9\xff"',
  "=/bits/ 16 <&{/}>",
  "=<08>",
];

/** Up to three edits. */
function edits({ nodes, properties }: { nodes: readonly string[]; properties: readonly string[] }): Words {
  const node = fc.constantFrom(...nodes, "/nonesuch", "chosen", "&label", "&1", "&0x2", "/n", "&{/cpus}", "");
  const property = fc.oneof(
    { weight: properties.length + 2, arbitrary: fc.constantFrom(...properties, "/", "x") },
    { weight: 3, arbitrary: fc.tuple(node, fc.constantFrom("/", "/new", "/\\xff")).map((parts) => parts.join("")) },
  );
  const assignment = fc.tuple(property, fc.constantFrom(...VALUES)).map((parts) => parts.join(""));
  const edit = fc.oneof(
    { weight: 2, arbitrary: option("--set", assignment) },
    option("--delete", property),
    option(
      "--add-node",
      fc.tuple(node, fc.nat(8)).map((parts) => parts.join("/new@")),
    ),
    option("--delete-node", node),
    option("-B", fc.constantFrom("quiet", "", "\xe9 = \xa0")),
    option("-i", fc.constantFrom("0x1000,0x2000", "0x2000,0x1000", "nonesuch@0x8000", "edits@0x8000", "1")),
    words("--no-initrd"),
    words("--usable", "0x1000,0x1000"),
    option("--reserve", fc.constantFrom("0x1000,0x10", "0,0", "1,2,3", "0x1000,8,0x2000,8")),
    option("--unreserve", fc.constantFrom("0x1000,0x10", "0x2000,8")),
    option("--boot-cpu", fc.constantFrom("1", "0x100000000")),
    option("--from", fc.constantFrom("edits", "edits", "edits", "nonesuch")),
  );
  return fc.array(edit, { maxLength: 3, size: "max" }).map((some) => some.flat());
}

/** A line about the files `blob`, which has this tree, `other` and `edits`. */
export function treeLines(tree: DeviceTree): Words {
  const paths = pathsIn(tree);
  const one = (...choices: readonly string[]): Words => fc.constantFrom(...choices).map((word) => [word]);
  return fc.oneof(
    joined(
      words("dtdump"),
      sometimes(2, words("-a")),
      words("blob"),
      sometimes(2, one(...paths.nodes, "chosen", "/nonesuch", "&9")),
    ),
    joined(words("dtdump", "--json"), sometimes(8, words("-a")), words("blob"), sometimes(3, one(...paths.nodes))),
    joined(
      words("dtdiff"),
      sometimes(2, one("--patch", "--phandles")),
      words("blob"),
      one("other", "other", "other", "blob", "nonesuch"),
    ),
    joined(words("dtcheck"), sometimes(3, option("--skip", fc.constantFrom("reg,memory", "nonesuch"))), words("blob")),
    {
      weight: 2,
      arbitrary: joined(
        words("dtedit"),
        sometimes(2, option("-O", fc.constantFrom("dtb", "dts", "json", "elf"))),
        sometimes(2, option("-V", fc.constantFrom("1", "2", "3", "16", "17", "4"))),
        sometimes(4, option("--pad", fc.constantFrom("100", "0", "x"))),
        sometimes(4, option("-b", fc.constantFrom("0x8000", "4"))),
        edits(paths),
        sometimes(6, words("--check")),
        words("blob", "-"),
      ),
    },
  );
}
