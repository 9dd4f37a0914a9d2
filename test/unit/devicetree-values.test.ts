// Values written as text and read back.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { kindOf } from "../../src/devicetree/kinds.ts";
import { treeJson } from "../../src/devicetree/to/json.ts";
import { writeValue } from "../../src/devicetree/value-text.ts";
import { parseValue, resolveValue } from "../../src/devicetree/values.ts";
import { ANY, values } from "../support/device-trees.ts";
import { cells } from "../support/tree.ts";
import { written } from "../support/written.ts";

test("a value as text is read back as the same bytes, under any name and in any grouping", () => {
  const none = () => {
    throw new Error("a reference");
  };
  fc.assert(
    fc.property(
      fc.oneof(values, fc.uint8Array({ maxLength: 40 })),
      ANY.property,
      fc.integer({ min: 1, max: 5 }),
      (value, name, group) => {
        for (const text of [Infinity, group].map((each) => written((write) => writeValue(write, name, value, each)))) {
          expect(text).toMatch(/^[ -~]*$/);
          if (value.length > 0) expect(resolveValue(parseValue(text, "value"), none)).toEqual(value);
          else expect(text).toBe("");
        }
      },
    ),
    { numRuns: 10_000 },
  );
}, 120_000);

test("blanks in a value are those of ASCII alone", () => {
  const read = (text: string) => resolveValue(parseValue(text, "value"), () => ({ path: "/", phandle: () => 1 }));
  expect(read(" \t<1\t2>\n,\r&{/}\v\f")).toEqual(Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 2, 0x2f, 0));
  for (const text of ["<1>\xa0", "\xa0<1>", "<1\xa0>", "\ufeff<1>"])
    expect(() => read(text)).toThrow("value: character");
});

test("a value that many references to a deep node would make too large is refused", () => {
  const path = `/${"x".repeat(65_535)}`;
  const read = (times: number) =>
    resolveValue(parseValue(Array(times).fill("&{/x}").join(","), "value"), () => ({ path, phandle: () => 1 }));
  expect(read(1023)).toHaveLength(1023 * (path.length + 1));
  expect(() => read(1024)).toThrow("67109888 bytes are more than 67108864");
});

test("a number is the same in any base, and one that is none, or too large, is refused", () => {
  const read = (text: string) =>
    Array.from(resolveValue(parseValue(text, "value"), () => ({ path: "/", phandle: () => 1 })));
  const one = [0, 0, 0, 1];
  for (const text of [
    "<1>",
    "<01>",
    "<0x1>",
    "<0X1>",
    "<0x00000001>",
    "<000000000001>",
    "<0x000000000000001>",
    "< 1 >",
  ])
    expect(read(text)).toEqual(one);
  for (const text of ["<4294967295>", "<0xFFFFFFFF>", "<0xffffffff>", "<037777777777>", "<-1>", "<- 1>"])
    expect(read(text)).toEqual([255, 255, 255, 255]);
  expect(read("<0 010 999999999>")).toEqual([0, 0, 0, 0, 0, 0, 0, 8, 0x3b, 0x9a, 0xc9, 0xff]);
  expect(read("/bits/ 64 <0xffffffff>")).toEqual([0, 0, 0, 0, 255, 255, 255, 255]);
  for (const text of [
    "<1a>",
    "<0x>",
    "<0xg>",
    "<08>",
    "<1_0>",
    "<4294967296>",
    "<0x100000000>",
    "<--1>",
    "<1",
    "/bits/ 8 <256>",
  ])
    expect(() => read(text)).toThrow("value: character");
});

const latin = (text: string): Uint8Array => Buffer.from(text, "latin1");

describe("what a property is shown as,", () => {
  const NUMBERS = [
    "clock-frequency",
    "clocks",
    "d-cache-sets",
    "ibm,chip-id",
    "ibm,dynamic-memory-v2",
    "ibm,ppc-interrupt-server#s",
    "#clock-cells",
    "interrupt-parent",
    "linux,crashkernel-base",
    "linux,drconf-usable-memory",
    "linux,elfcorehdr",
    "linux,rtas-base",
    "linux,usable-memory-range",
    "mode-bootloader",
    "opal-base-address",
    "opp-hz",
    "opp-microvolt",
    "opp-peak-kBps",
    "phandle",
    "pinctrl-0",
    "reg",
    "regulator-max-microvolt",
    "regulator-min-microamp",
    "reserved-ranges",
    "reset-gpios",
    "spi-max-frequency",
    "startup-delay-us",
    "vdd-supply",
  ];
  const TEXTS = [
    "bootargs",
    "clock-names",
    "compatible",
    "gpio-line-names",
    "label",
    "model",
    "regulator-name",
    "status",
  ];
  const BYTES = ["local-mac-address", "rng-seed", "ibm,drc-names"];

  test("where its name is known, is one thing whatever its value, and bytes where it cannot be that", () => {
    fc.assert(
      fc.property(fc.oneof(values, fc.uint8Array({ minLength: 1, maxLength: 12 })), (value) => {
        if (value.length === 0) return;
        for (const name of NUMBERS) expect(kindOf(name, value)).toBe(value.length % 4 === 0 ? "cells" : "bytes");
        for (const name of TEXTS) expect(kindOf(name, value)).toBe(value.at(-1) === 0 ? "strings" : "bytes");
        for (const name of BYTES) expect(kindOf(name, value)).toBe("bytes");
      }),
      { numRuns: 1000 },
    );
    for (const name of [...NUMBERS, ...TEXTS, ...BYTES]) expect(kindOf(name, new Uint8Array(0))).toBe("empty");
  });

  test("where it is not, is text only if a person could have written it", () => {
    // 800,000; 4,000,000; the tail of a clock; numbers of one and of two cells that are printable.
    for (const number of [0x000c3500, 0x003d0900, 0x73240000, 0x2e600000, 0x41004201])
      expect([number, kindOf("acme,x", cells(number))]).toEqual([number, "cells"]);
    for (const value of ["\0a\0", "a\x01\0", "a\tb\0", "a\nb\0", "\x7f\0", "\xe9\0", "\0\0\0", "a"])
      expect([value, kindOf("acme,x", latin(value))]).toEqual([value, value.length % 4 === 0 ? "cells" : "bytes"]);
    for (const value of ["a\0", "ab c\0", "okay\0", "a\0b\0", "a, b\0", "pwm\0", "abcd\0\0x\0"])
      expect([value, kindOf("acme,x", latin(value))]).toEqual([value, value.includes("\0\0") ? "cells" : "strings"]);
  });

  test("where its node is a table of paths, is text under any name", () => {
    for (const node of ["aliases", "__fixups__", "__symbols__"]) {
      expect(kindOf("clocks", latin("/soc/clocks\0"), node)).toBe("strings");
      expect(kindOf("reg", latin("/abc\0\0\0\0"), node)).toBe("strings");
    }
    expect(kindOf("clocks", latin("/soc/clocks\0"), "soc")).toBe("cells");
  });

  test("is in JSON a list of numbers for 800000 as for 900000, and a list of texts for no text as for some", () => {
    const shown = (name: string, ...all: readonly Uint8Array[]): unknown[] =>
      all.map((value) => {
        const root = { name: "", properties: [{ name, value }], children: [] };
        const json = written((write) => treeJson(write, { root, reservations: [], address: undefined, bootCpu: 0 }));
        return (JSON.parse(json) as { root: { properties: Record<string, unknown> } }).root.properties[name];
      });
    for (const name of ["opp-microvolt", "regulator-min-microvolt", "acme,x"])
      expect(shown(name, cells(800000), cells(900000), cells(1000000))).toEqual([[800000], [900000], [1000000]]);
    expect(shown("gpio-line-names", latin("\0\0\0\0"), latin("\0\0a\0"), latin("a\0\0"))).toEqual([
      ["", "", "", ""],
      ["", "", "a"],
      ["a", ""],
    ]);
    expect(shown("bootargs", latin("\0"), latin("root"), latin("a\nb\0"))).toEqual([
      [""],
      { bytes: "726f6f74" },
      ["a\nb"],
    ]);
  });
});
