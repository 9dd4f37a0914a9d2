// A second kernel boots from every version of the blob that fs2dt writes.

import { describe, expect, test } from "bun:test";
import { usualScript } from "../../scripts/boot/scene.ts";
import { passed } from "../support/boots.ts";

describe.each(["ppc64", "ppc64le"] as const)("a second %s kernel boots", (target) => {
  for (const version of [2, 3, 16, 17]) {
    test(`from a blob of version ${version}, which the test payload sees too`, async () => {
      const special = {
        script: (needs: Parameters<typeof usualScript>[0]) =>
          usualScript(needs).replace("fs2dt ", `fs2dt -V ${version} `),
      };
      await passed({ target, smp: 4 }, special);
      const lines = await passed({ target, smp: 2, payload: true }, special);
      expect(lines.join("\n")).toContain(` version=0x${version.toString(16)} `);
    });
  }
});
