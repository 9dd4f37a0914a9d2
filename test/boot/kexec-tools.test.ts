// docs/kexec-tools.md says of our kexec what a guest says, but for addresses, which another kernel changes.

import { expect, test } from "bun:test";
import { compareIn } from "../../scripts/peers/guest.ts";
import { cellsInPage, cellsOf, formatTable } from "../../scripts/peers/page.ts";

test("every wrong use has the answer on ppc64le that the page has", async () => {
  const table = cellsOf(formatTable(await compareIn("ppc64", [])));
  const own = (rows: readonly string[][]) =>
    rows.map(([what, , answer = ""]) => [what, answer.replaceAll(/0x[0-9a-f]+/g, "0x...")]);
  expect(own(table)).toEqual(own(await cellsInPage("ppc64")));
}, 600_000);
