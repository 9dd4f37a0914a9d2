// Initrds of hundreds of megabytes, and one above 4 GiB: every byte gets to the next kernel.

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type ScriptNeeds, usualScript } from "../../scripts/boot/scene.ts";
import { passed } from "../support/boots.ts";
import { initrdThat } from "../support/crash-kernel.ts";

const MIB = 2 ** 20;

/** Of so many bytes, no two blocks of which are alike. */
function noise(length: number): Uint8Array {
  return new Uint8Array(Uint32Array.from({ length: length / 4 }, (_, at) => Math.imul(at + 1, 0x9e3779b1)).buffer);
}

/** The next kernel's, whose init tells the SHA-256 of a file in it that has nearly all of its bytes. */
async function largeInitrd(bytes: Uint8Array): Promise<Uint8Array> {
  const tells = "loadem -n --no-checks --json -r 0x10000 -a 0x10000000 -f /noise";
  return initrdThat("ppc64", [tells], [{ path: "noise", content: bytes, mode: 0o644 }]);
}

const kexecScript = ({ bootargs }: ScriptNeeds) =>
  `kexec -l /vmlinux.kexec --initrd=/initrd --append='${bootargs}'\nkexec -e\n`;

/** Above 4 GiB. */
const highScript = (needs: ScriptNeeds) =>
  usualScript({ ...needs, addresses: { ...needs.addresses, initrd: 0x1_4000_0000 } });

test.each([
  ["100 MiB, where loadem is told", 100, 2048, undefined],
  ["300 MiB, where kexec finds room", 300, 4096, kexecScript],
  ["100 MiB above 4 GiB", 100, 8192, highScript],
] as const)(
  "an initrd of %s",
  async (_, size, memory, script) => {
    const bytes = noise(size * MIB);
    const initrd = await largeInitrd(bytes);
    const choices = { target: "ppc64", smp: 2, memory, timeout: 600 } as const;
    const lines = await passed(choices, { initrd, ...(script === undefined ? {} : { script }) });
    expect(lines.join("\n")).toContain(createHash("sha256").update(bytes).digest("hex"));
  },
  900_000,
);
