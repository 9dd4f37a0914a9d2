// npm run peers: the same lines and the same hostile inputs for kexecbox and for Debian's programs, in guests; what they say goes
// into pages.

import { usage } from "../src/failure.ts";
import { endWith } from "./command.ts";
import { compareIn } from "./peers/guest.ts";
import { readHostile } from "./peers/hostile-guest.ts";
import { putHostileIntoPage } from "./peers/hostile-page.ts";
import { putIntoPage } from "./peers/page.ts";
import { PEER_NAMES } from "./peers/releases.ts";
import { ensure } from "./setup.ts";

const HELP = `usage: npm run peers [-- MACHINE|hostile...]

Type wrong and odd uses of kexec at ours and at kexec-tools of Debian's stable
and testing, in one guest, and put what they say into docs/kexec-tools.md.

  MACHINE     ${PEER_NAMES.join(", ")}
  hostile     twelve hostile inputs for kexecbox, dtc, fdtdump and kexec-tools,
              in a guest of arm64; what they make of them goes into
              docs/reliability.md

Default: all of it.
`;

const HOSTILE = "hostile";

async function main(words: readonly string[]): Promise<void> {
  const names = [...PEER_NAMES, HOSTILE] as const;
  const unknown = words.find((word) => !names.some((name) => name === word));
  if (unknown !== undefined) throw usage(unknown, `no such machine; there are: ${names.join(" ")}`);
  for (const name of names.filter((name) => words.length === 0 || words.includes(name))) {
    await ensure(`guest-${name === HOSTILE ? "arm64" : name}`);
    const page = name === HOSTILE ? putHostileIntoPage(await readHostile()) : putIntoPage(await compareIn(name));
    process.stdout.write(`${name}: ${await page}\n`);
  }
}

if (import.meta.main) await endWith("peers", () => main(process.argv.slice(2)), HELP);
