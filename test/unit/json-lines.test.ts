// A record of long work, of which a line may be torn.

import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { addRecord, openRecord } from "../../scripts/json-lines.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder();

test("what was not written whole is dropped, and nothing is joined to it", async () => {
  const path = folder.in("deep/er/record");
  expect(await openRecord(path, true)).toEqual([]);
  addRecord(path, { a: 1 });
  writeFileSync(path, `${readFileSync(path)}{"b":`);
  expect(await openRecord(path, true)).toEqual([{ a: 1 }]);
  addRecord(path, { c: 3 });
  expect(await openRecord(path, true)).toEqual([{ a: 1 }, { c: 3 }]);
  expect(await openRecord(path, false)).toEqual([]);
  expect(readFileSync(path, "utf8")).toBe("");
});

test("a line that is no JSON is told by its number", () => {
  const path = folder.in("record");
  writeFileSync(path, '{"a":1}\n{"b":\n');
  expect(openRecord(path, true)).rejects.toThrow("record:2: is no JSON");
});
