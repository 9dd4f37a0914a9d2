// scripts/command.ts: what scripts print arrives, however slowly it is read.

import { expect, test } from "bun:test";
import { join } from "node:path";

const SCRIPT = `
  import { endWith, print } from ${JSON.stringify(join(import.meta.dir, "../../scripts/command.ts"))};
  await endWith("script", async () => {
    await print("x".repeat(1 << 20));
    await print("the end");
    return 1;
  });
`;

test("a long text and the line after it reach a slow reader whole, before the exit code", async () => {
  const child = Bun.spawn([process.execPath, "-e", SCRIPT], { stdout: "pipe" });
  await Bun.sleep(200);
  const text = await new Response(child.stdout).text();
  expect(await child.exited).toBe(1);
  expect(text.length).toBe((1 << 20) + "the end".length);
  expect(text).toEndWith("the end");
});
