// npm run fuzz: looks for dumps that break vmcore-dmesg and vmcore, led by what of their code has run.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, inTemporaryFolder } from "./cache.ts";
import { endWith } from "./command.ts";

const HELP = `usage: npm run fuzz -- [MINUTES]

Change dumps at random for so many minutes (default: 10), and read them with
vmcore-dmesg and vmcore, which have to end with 0, or with 1 and a named error,
within 10 s and 512 MiB. What breaks that is kept as finding-N, what makes them
do something new as dump-N, in fuzz of the cache. The next run goes on from each
dump-N that is there. The exit code is 1 if something was found.
`;

async function fuzz(made: string): Promise<number> {
  const folder = join(cacheFolder(), "fuzz");
  mkdirSync(folder, { recursive: true });
  const entrypoints = ["target", "loop"].map((name) => join(import.meta.dir, "fuzz", `${name}.ts`));
  await Bun.build({ entrypoints, outdir: made, target: "node", naming: "[name].mjs" });
  const words = ["node", join(made, "loop.mjs"), join(made, "target.mjs"), folder, process.argv[2] ?? "10"];
  return Bun.spawn(words, { stdout: "inherit", stderr: "inherit" }).exited;
}

await endWith("fuzz", () => inTemporaryFolder(fuzz), HELP);
