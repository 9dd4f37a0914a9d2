// Every rule that no kernel checks is broken in a guest of each machine where it holds, or the documentation says why not.

import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadRules } from "../../src/arch/load-rules.ts";
import { checks } from "../../src/kexec/checks.ts";
import { worlds as arm64 } from "../support/rules/arm64.ts";
import { worlds as ppc64 } from "../support/rules/ppc64.ts";
import { worlds as riscv64 } from "../support/rules/riscv64.ts";
import { worlds as x86_64 } from "../support/rules/x86_64.ts";

/** Rules of trees. An x86-64 kernel gets none. */
const OF_TREES = ["tree", "initrd"];

for (const { machine, title, worlds, notShown, without } of [
  { machine: "ppc64le", title: "ppc64", worlds: ppc64, notShown: ["rma", "elfcorehdr"], without: [] },
  { machine: "aarch64", title: "arm64", worlds: arm64, notShown: ["initrd-reach", "elfcorehdr"], without: [] },
  {
    machine: "riscv64",
    title: "riscv64",
    worlds: riscv64,
    notShown: ["entry-alignment", "taken", "elfcorehdr"],
    without: [],
  },
  { machine: "x86_64", title: "x86-64", worlds: x86_64, notShown: ["taken", "elfcorehdr"], without: OF_TREES },
] as const) {
  const broken: readonly string[] = worlds.flatMap((world) => world.broken.map(({ rule }) => rule));

  describe(title, () => {
    test("has a guest for each rule, or it is told why there is none", () => {
      const unchecked = [...checks, ...loadRules[machine].checks].filter(({ errno }) => errno === undefined);
      const expected = [...new Set([...broken, ...notShown, ...without])].sort();
      expect(unchecked.map(({ name }) => name).sort()).toEqual(expected);
      expect(broken.filter((rule) => [...notShown, ...without].some((name) => name === rule))).toEqual([]);
    });

    test("the page says of each rule that no guest shows why that is", async () => {
      const page = await readFile(join(import.meta.dir, "../../docs/loading.md"), "utf8");
      const section = page.split("\nWhat no guest shows:\n")[1]?.split(/\n\n(?!\|)/)[0] ?? "";
      const rows = [...section.matchAll(/^\| ([a-z][a-z-]*) \| ([a-z0-9-]+) \| .+ \|$/gm)];
      expect(rows.filter(([, , of]) => of === title || of === "all").map(([, name]) => name)).toEqual([...notShown]);
    });
  });
}
