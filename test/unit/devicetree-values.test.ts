// Values written as text and read back.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseValue, resolveValue, valueText } from "../../src/devicetree/values.ts";
import { ANY, values } from "../support/device-trees.ts";

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
        for (const text of [valueText(name, value), valueText(name, value, group)]) {
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
