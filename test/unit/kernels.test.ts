// What is asked of a kernel's configuration, and what it took.

import { expect, test } from "bun:test";
import { optionsNotTaken } from "../../scripts/kernels/small.ts";

test("options of a fragment that the kernel's configuration did not take are found", () => {
  const fragments = "# CONFIG_NET is not set\nCONFIG_A=y\nCONFIG_AB=y\nCONFIG_N=8\n";
  expect(optionsNotTaken(fragments, "CONFIG_AB=y\nCONFIG_N=8\nCONFIG_NET=y\n")).toEqual(["CONFIG_A=y"]);
});
