// npm run peers: the same lines for our kexec and for Debian's, in one guest of each machine; what they say goes into a page.

import { usage } from "../src/failure.ts";
import { endWith } from "./command.ts";
import { machines } from "./machines/machines.ts";
import { compareIn } from "./peers/guest.ts";
import { putIntoPage } from "./peers/page.ts";
import { ensure } from "./setup.ts";

const HELP = `usage: npm run peers [-- MACHINE...]

Type wrong and odd uses of kexec at ours and at kexec-tools of Debian's stable
and testing, in one guest, and put what they say into docs/kexec-tools.md.

  MACHINE     ${machines.map(({ name }) => name).join(", ")} (default: all)
`;

async function main(words: readonly string[]): Promise<void> {
  const chosen = words.map((word) => {
    const found = machines.find(({ name }) => name === word);
    if (found === undefined)
      throw usage(word, `no such machine; there are: ${machines.map(({ name }) => name).join(" ")}`);
    return found;
  });
  for (const { name } of chosen.length === 0 ? machines : chosen) {
    await ensure(`guest-${name}`);
    process.stdout.write(`${name}: ${await putIntoPage(await compareIn(name))}\n`);
  }
}

if (import.meta.main) await endWith("peers", () => main(process.argv.slice(2)), HELP);
