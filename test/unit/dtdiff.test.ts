// What dtdiff shows to people: references by the nodes that they name, and of long values the part that differs.

import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { differences, differenceText } from "../../src/devicetree/diff.ts";
import { differencesInMeaning } from "../../src/devicetree/diff-meaning.ts";
import type { DeviceTree, Node } from "../../src/devicetree/tree.ts";
import { changes, copied, deviceTrees, mutate } from "../support/device-trees.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { cells, makeTree, type Tree } from "../support/tree.ts";
import { written } from "../support/written.ts";

const folder = temporaryFolder();

/** The commands' words for trees A and B, and what they print. */
function compared(a: Tree, b: Tree, ...options: readonly string[]): { code: number | undefined; out: string } {
  mkdirSync(folder.in("trees"), { recursive: true });
  const paths = [a, b].map((tree, index) => {
    const path = folder.in(`trees/${made++}-${index}`);
    makeTree(path, tree);
    return path;
  });
  const { code, out, err } = runInside({}, "dtdiff", ...options, ...paths);
  expect(err).toBe("");
  return { code, out: out.toString() };
}
let made = 0;

const text = (words: string): Uint8Array => Buffer.from(`${words}\0`);

/** A board whose controllers have these phandles, in the order: pic, clk, gpio, supply, map, dai. */
function board(numbers: readonly number[], ...more: Tree): Tree {
  const [pic = 0, clk = 0, gpio = 0, supply = 0, other = 0, dai = 0] = numbers;
  const controller = (phandle: number, counter: string, count: number): Tree => [
    ["phandle", cells(phandle)],
    [counter, cells(count)],
  ];
  return [
    ["#address-cells", cells(1)],
    ["#size-cells", cells(1)],
    ["interrupt-parent", cells(pic)],
    ["pic@0", [["linux,phandle", cells(pic)], ["#address-cells", cells(0)], ...controller(pic, "#interrupt-cells", 2)]],
    ["clk", controller(clk, "#clock-cells", 1)],
    ["gpio", controller(gpio, "#gpio-cells", 2)],
    ["supply", [["phandle", cells(supply)]]],
    ["other", controller(other, "#clock-cells", 0)],
    ["dai", controller(dai, "#sound-dai-cells", 0)],
    [
      "uart@10",
      [
        ["clocks", cells(clk, 2, other, clk, 1)],
        ["interrupts-extended", cells(pic, 1, 4)],
        ["reset-gpios", cells(gpio, 1, 0, 0, gpio, 3, 1)],
        ["vdd-supply", cells(supply)],
        ["pinctrl-0", cells(supply, other)],
        ["sound-dai", cells(dai)],
        ["fifo-depth", cells(2)],
      ],
    ],
    [
      "pci@20",
      [
        ["#address-cells", cells(3)],
        ["#interrupt-cells", cells(1)],
        ["interrupt-map", cells(0, 0, 0, 1, pic, 9, 4, 0, 0, 0, 2, pic, 10, 4)],
        ["iommu-map", cells(0, other, 0, 0x10000)],
      ],
    ],
    ...more,
  ];
}

const BEFORE = [1, 2, 3, 4, 5, 6];
const SHIFTED = [2, 3, 4, 5, 6, 7];

describe("a reference is the node that it names:", () => {
  test("a tree with all phandles renumbered does not differ", () => {
    expect(compared(board(BEFORE), board(SHIFTED))).toEqual({ code: 0, out: "" });
    expect(compared(board(SHIFTED), board(BEFORE))).toEqual({ code: 0, out: "" });
    expect(compared(board(BEFORE), board([6, 5, 4, 3, 2, 1]))).toEqual({ code: 0, out: "" });
  });

  test("a new node that shifts all others' phandles is what differs", () => {
    const added: Tree[number] = ["new", [["phandle", cells(1)]]];
    expect(compared(board(BEFORE), board(SHIFTED, added))).toEqual({
      code: 1,
      out: "/new\n+ new {\n+   phandle = <0x1>;\n+ };\n",
    });
  });

  test("a node that is referred to for the first time gets its phandle without a word, whoever lost it is told", () => {
    const user: Tree[number] = ["user", [["clocks", cells(9)]]];
    const target = (...properties: Tree): Tree[number] => ["target", properties];
    const phandle: Tree[number] = ["phandle", cells(9)];
    expect(compared(board(BEFORE, target()), board(BEFORE, target(phandle), user))).toEqual({
      code: 1,
      out: "/user\n+ user {\n+   clocks = <&{/target}>;\n+ };\n",
    });
    expect(compared(board(BEFORE, target(phandle), user), board(BEFORE, target(), user))).toEqual({
      code: 1,
      out: "/target\n- phandle = <0x9>;\n\n/user\n- clocks = <&{/target}>;\n+ clocks = <0x9>;\n",
    });
    expect(compared(board(BEFORE, target(phandle)), board(BEFORE, target()))).toMatchObject({ code: 1 });
  });

  test("one number that names another node differs, though no byte does", () => {
    const [a, b] = [board([1, 2, 3, 4, 5, 6]), board([1, 2, 3, 5, 4, 6])];
    const x = (supply: number): Tree[number] => ["x", [["vdd-supply", cells(supply)]]];
    expect(compared([...a, x(4)], [...b, x(4)])).toEqual({
      code: 1,
      out: "/x\n- vdd-supply = <&{/supply}>;\n+ vdd-supply = <&{/other}>;\n",
    });
    expect(compared([...a, x(4)], [...b, x(5)])).toEqual({ code: 0, out: "" });
  });

  test("a number that only looks like one is compared as a number, and people are told", () => {
    const tree = (numbers: readonly number[], number: number): Tree =>
      board(numbers, ["x", [["acme,depth", cells(number)]]], ["y", [["reg", cells(number, number)]]]);
    expect(compared(tree(BEFORE, 1), tree(SHIFTED, 2))).toEqual({
      code: 1,
      out:
        "/x\n- acme,depth = <0x1>;\n+ acme,depth = <0x2>;\n  /* the same nodes, if these are phandles */\n\n" +
        "/y\n- reg = <0x1 0x1>;\n+ reg = <0x2 0x2>;\n",
    });
  });

  test("--phandles compares them by number, and so does --patch", () => {
    const [a, b] = [board(BEFORE), board(SHIFTED)];
    const { code, out } = compared(a, b, "--phandles");
    expect(code).toBe(1);
    expect(out).toContain("/uart@10\n- clocks = <0x2 0x2 0x5 0x2 0x1>;\n+ clocks = <0x3 0x2 0x6 0x3 0x1>;\n");
    expect(out).toContain("/supply\n- phandle = <0x4>;\n+ phandle = <0x5>;\n");
    const patch = compared(a, b, "--patch");
    expect(patch.code).toBe(1);
    expect(patch.out).toContain("set /supply/phandle=<0x5>\n");
    expect(patch.out).toContain("set /uart@10/clocks=<0x3 0x2 0x6 0x3 0x1>\n");
  });

  test("PowerVM's other numbers of a node with ibm,phandle say nothing", () => {
    const tree = (own: number, theirs: number): Tree => [
      [
        "pic",
        [
          ["ibm,phandle", cells(own)],
          ["phandle", cells(theirs)],
          ["linux,phandle", cells(theirs)],
        ],
      ],
      ["dev", [["interrupt-parent", cells(own)]]],
    ];
    expect(compared(tree(5, 0x1000), tree(7, 0x2000))).toEqual({ code: 0, out: "" });
  });
});

describe("trees that are the same by their bytes are the same by what they mean,", () => {
  const allSame = (a: DeviceTree, b: DeviceTree): void => {
    if (differences(a, b).length > 0) return;
    expect(differencesInMeaning(a, b).found).toEqual([]);
  };

  test("whatever the order of nodes and properties, and whoever has a phandle twice", () => {
    fc.assert(
      fc.property(deviceTrees(), changes(1, 6), (tree, some) => {
        allSame(tree, copied(tree));
        allSame(
          tree,
          mutate(
            tree,
            some.map((change) => ({ ...change, does: "reverse" as const })),
          ),
        );
      }),
      { numRuns: 1500 },
    );
    const node = (name: string, ...properties: readonly (readonly [string, number])[]): Node => ({
      name,
      properties: properties.map(([name, word]) => ({ name, value: cells(word) })),
      children: [],
    });
    const tree = (...children: Node[]): DeviceTree => ({
      root: { name: "", properties: [], children },
      reservations: [],
      address: undefined,
      bootCpu: 0,
    });
    const user = node("user", ["interrupt-parent", 5]);
    const [first, second] = [node("a", ["phandle", 5]), node("b", ["phandle", 5])];
    allSame(tree(first, second, user), tree(second, first, user));
    const both = [node("c", ["phandle", 5], ["linux,phandle", 6]), node("c", ["linux,phandle", 6], ["phandle", 5])];
    for (const other of [first, node("b", ["phandle", 6])])
      for (const [one, two] of [both, both.toReversed()])
        if (one !== undefined && two !== undefined) allSame(tree(one, other, user), tree(two, other, user));
  }, 60_000);

  test("and what differs in meaning is told without an exception, the same way round as back", () => {
    fc.assert(
      fc.property(deviceTrees(), changes(0, 4), (tree, some) => {
        const other = mutate(tree, some);
        const [there, back] = [differencesInMeaning(tree, other), differencesInMeaning(other, tree)];
        expect(written((write) => differenceText(write, there.found, there.comments))).toMatch(/^[\n -~]*$/);
        expect(back.found.length).toBe(there.found.length);
        const exact = differences(tree, other).map(({ kind }) => kind);
        if (exact.length === 0) expect(there.found).toEqual([]);
      }),
      { numRuns: 1500 },
    );
  }, 60_000);
});

describe("of a long value", () => {
  const large = (at: number, ...bytes: readonly number[]): Uint8Array => {
    const value = new Uint8Array(6_000_000).fill(1);
    value.set(bytes, at);
    return value;
  };

  test("the part that differs is shown, with where it is, and all of it in a patch", () => {
    const [a, b]: readonly Tree[] = [[["p", large(3_000_000, 0xaa)]], [["p", large(3_000_000, 0xbb, 0xcc)]]];
    if (a === undefined || b === undefined) throw new Error("two");
    const { code, out } = compared(a, b);
    expect(code).toBe(1);
    const shown = (word: string, end: string): string =>
      `p = ... <${"0x1010101 ".repeat(8)}${word}${" 0x1010101".repeat(8)}> ...; ` +
      `/* 0x5b8d80 bytes: 0x2dc6a0-0x2dc6e4 shown, 0x2dc6c0-${end} differ */\n`;
    expect(out).toBe(`/\n- ${shown("0xaa010101", "0x2dc6c2")}+ ${shown("0xbbcc0101", "0x2dc6c2")}`);
    expect(compared(a, b, "--patch").out.length).toBeGreaterThan(6_000_000);
  });

  test("whose references have other numbers, the one that names another node", () => {
    const clocks = (shift: number, at: number, count = 1000): Tree => [
      [
        "n",
        [["clocks", cells(...Array.from({ length: count }, (_, index) => shift + (index === at ? 3 : index % 3)))]],
      ],
      ...Array.from({ length: 4 }, (_, index): Tree[number] => [
        `c${index}`,
        [
          ["phandle", cells(shift + index)],
          ["#clock-cells", cells(0)],
        ],
      ]),
    ];
    const where = "0xfa0 bytes: 0x780-0x7c8 shown, 0x7a3-0x7a4 differ";
    const { out } = compared(clocks(1, -1), clocks(2, 488));
    expect(out.match(/\/\* .* \*\//g)).toEqual([`/* ${where} */`, `/* ${where} */`]);
    expect(out.split("\n").filter((each) => each.startsWith("+"))[0]).toContain("&{/c1} &{/c3} &{/c0}");
    // The same numbers, one of which names another node.
    const swapped = compared(
      clocks(1, 488),
      clocks(1, 488).map((each) => (each[0] === "c3" ? ["c9", each[1]] : each)),
    );
    expect(swapped.out).toContain(where);
    expect(swapped.out).toContain("&{/c1} &{/c9} &{/c0}");
    const longer = compared(clocks(1, -1), clocks(5, -1, 1003)).out;
    expect(longer).toContain("0xfac bytes: 0xf80-0xfac shown, 0xfa0-0xfac differ");
  });

  test("that one side alone has, the beginning", () => {
    const model: Tree[number] = ["model", text("a")];
    const added = compared([model], [model, ["p", large(0, 2)]]);
    expect(added.out).toStartWith("/\n+ p = <0x2010101 0x1010101 ");
    expect(added.out).toEndWith("0x1010101> ...; /* 0x5b8d80 bytes: 0x0-0x64 shown */\n");
    expect(added.out.length).toBeLessThan(500);
    const node = compared([model, ["n", [["p", large(0, 2)]]]], [model]);
    expect(node.out.length).toBeLessThan(500);
    expect(node.out).toContain("-   p = <0x2010101");
  });

  test("the differing words of a text, and all of a command line", () => {
    const line = (word: string): Uint8Array => text(`console=hvc0 ${"x".repeat(900)} ${word} quiet`);
    const short = compared([["chosen", [["bootargs", line("a")]]]], [["chosen", [["bootargs", line("b")]]]]);
    expect(short.out).toContain(`x a quiet";\n`);
    const long = (word: string): Uint8Array => text(`console=hvc0 ${"x".repeat(2000)} ${word} quiet`);
    const { out } = compared([["chosen", [["bootargs", long("a")]]]], [["chosen", [["bootargs", long("b")]]]]);
    expect(out).toBe(
      `/chosen\n- bootargs = ... "${"x".repeat(33)} a quiet"; /* 0x7e6 bytes: 0x7bc-0x7e6 shown, 0x7de-0x7df differ */\n` +
        `+ bootargs = ... "${"x".repeat(33)} b quiet"; /* 0x7e6 bytes: 0x7bc-0x7e6 shown, 0x7de-0x7df differ */\n`,
    );
  });

  test("from which bytes are gone, or into which some came, the place on both sides", () => {
    const whole = Uint8Array.from({ length: 4001 }, (_, index) => index % 251);
    const less = Uint8Array.from([...whole.subarray(0, 2000), ...whole.subarray(2010)]);
    const { out } = compared([["p", whole]], [["p", less]]);
    expect(out).toMatch(/^\/\n- p = \.\.\. \[[0-9a-f ]+\] \.\.\.; \/\* 0xfa1 bytes: .* 0x7d0-0x7da differ \*\/\n/);
    expect(out).toMatch(/\n\+ p = \.\.\. \[[0-9a-f ]+\] \.\.\.; \/\* 0xf97 bytes: .* 0x7d0-0x7d0 differ \*\/\n$/);
  });
});

describe("an entry of the reserve map that is as long as its blob", () => {
  /** A blob at this address, of a tree with so many bytes in a property. */
  function blobAt(address: string, bytes: number): string {
    const path = folder.in(`blob${made}`);
    makeTree(folder.in(`of-blob${made++}`), [["p", "x".repeat(bytes)]]);
    const { out } = runInside({}, "fs2dt", "-b", address, folder.in(`of-blob${made - 1}`));
    writeFileSync(path, out);
    return path;
  }

  const diff = (...paths: string[]): string => runInside({}, "dtdiff", ...paths).out.toString();

  test("is a difference where the other blob has none there", () => {
    const text = diff(blobAt("0x48000000", 8), blobAt("0x50000000", 8));
    expect(text).toBe("the reserve map\n- 0x48000000,0x70\n+ 0x50000000,0x70\n");
  });

  test("hides no other one at the same address", () => {
    const [before, after] = [blobAt("0x48000000", 8), blobAt("0x48000000", 800)];
    const both = folder.in(`both${made++}`);
    writeFileSync(both, runInside({}, "dtedit", "--reserve", "0x48000000,0x500000", before, "-").out);
    expect(diff(both, after)).toContain("- 0x48000000,0x500000\n");
  });

  test("is the blob's own where both have one there", () => {
    const text = diff(blobAt("0x48000000", 8), blobAt("0x48000000", 800));
    expect(text).toStartWith("/\n- p = ");
    expect(text).not.toContain("0x48000000");
  });
});

describe("secrets that differ", () => {
  const tree = (password: string): string => {
    const path = folder.in(`secret${made++}`);
    makeTree(path, [["options", [["security-password", `${password}\0`]]]]);
    return path;
  };
  const diff = (...words: string[]) => {
    const { code, out, err } = runInside({}, "dtdiff", ...words);
    return { code, out: out.toString(), err };
  };

  test("make trees differ, and are not shown", () => {
    const err = "dtdiff: /options/security-password: differs (--secrets shows how)\n";
    for (const options of [[], ["--patch"]]) {
      expect(diff(...options, tree("first"), tree("other"))).toEqual({ code: 1, out: "", err });
    }
    expect(diff(tree("first"), tree("first"))).toEqual({ code: 0, out: "", err: "" });
  });

  test("are shown with --secrets", () => {
    expect(diff("--secrets", tree("first"), tree("other"))).toMatchObject({ code: 1, err: "" });
    expect(diff("--secrets", tree("first"), tree("other")).out).toContain("first");
  });
});
