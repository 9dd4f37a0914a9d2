// Memory that firmware keeps, on running machines: loadem knows it from what the kernel tells, and nothing loads over it.

import { expect, test } from "bun:test";
import { type ScriptNeeds, usualScript } from "../../scripts/boot/scene.ts";
import { attempted, passed } from "../support/boots.ts";
import { withoutPlace } from "../support/loading.ts";
import { present } from "../support/present.ts";
import { example } from "../support/readme.ts";

const PAGE = { path: "page", content: new Uint8Array(0x1000).fill(1), mode: 0o644 } as const;

/** Where prom_init puts RTAS in 512 MiB. */
const RTAS = 0x1fff0000;

const pseries = { target: "ppc64le", smp: 1, memory: 512 } as const;

/** What a guest's console shows whose first init runs these lines, and comes to no second kernel. */
async function consoleOf(choices: Parameters<typeof attempted>[0], lines: readonly string[]): Promise<string[]> {
  const script = () => lines.map((line) => `${line}\n`).join("");
  const { verdict, run } = await attempted(choices, { files: [PAGE], script });
  expect(verdict.passed).toBe(false);
  return run.lines.map(({ text }) => withoutPlace(text));
}

/** loadem, with a page at each address; the first is entered. */
function loading(addresses: readonly string[], options = ""): string {
  const segments = addresses.map((address, index) => `-a ${address}${index === 0 ? " -e" : ""} -f /page`);
  return `loadem ${options} -r 0x10000 ${segments.join(" ")}`;
}

test.each(["ppc64", "ppc64le"] as const)(
  "on pseries, %s, a segment over RTAS is refused by its name, where the kernel says that it is and keeps it",
  async (target) => {
    const lines = await consoleOf({ ...pseries, target }, [
      "dtdump /proc/device-tree /rtas > /rtas.dts",
      "cat /rtas.dts",
      "dtdump /sys/firmware/fdt > /fdt.dts",
      "cat /fdt.dts",
      loading(["0x5000000", "0x6000000"], "-n"),
      loading(["0x5000000", `0x${RTAS.toString(16)}`]),
    ]);
    const number = (name: string) =>
      Number(present(lines.map((text) => new RegExp(`^\\t${name} = <(0x[0-9a-f]+)>;$`).exec(text)?.[1]).find(Boolean)));
    expect(number("linux,rtas-base")).toBe(RTAS);
    // The running kernel reserved its whole page.
    expect(lines).toContain("/memreserve/ 0x1fff0000 0x10000;");
    const end = RTAS + number("rtas-size");
    expect(lines).toContain(
      "loadem: segment 1 (0x1fff0000-0x20000000, /page): lies over " +
        `0x1fff0000-0x${end.toString(16)}, which is taken: RTAS`,
    );
    // Of what else is loaded, and of what was not checked, there is no word.
    expect(lines.filter((text) => text.includes("not checked"))).toEqual([]);
  },
);

test("on powernv9 a segment over OPAL is refused by its name, and the README's addresses are not", async () => {
  const addresses = [...example("/fs2dt ").matchAll(/-a (0x[0-9a-f]+)/g)].map(([, address]) => present(address));
  expect(addresses.length).toBe(4);
  const lines = await consoleOf({ target: "ppc64le", small: false, board: "powernv9", cpu: "POWER9", smp: 1 }, [
    loading(addresses, "-n"),
    loading([present(addresses[0]), "0x30000000"]),
  ]);
  expect(lines).toContain("entry 0x5000000, arch 21 (the running kernel's), pages of 0x10000 bytes");
  const refusals = lines.filter((text) => text.startsWith("loadem: segment "));
  expect(refusals.map((text) => text.replace(/-0x31[0-9a-f]+,/, "-END,"))).toEqual([
    "loadem: segment 1 (0x30000000-0x30010000, /page): lies over 0x30000000-END, which is taken: OPAL",
  ]);
  expect(lines.filter((text) => text.includes("not checked"))).toEqual([]);
});

test.each([
  ["POWER8", "dies"],
  ["POWER9", "comes up"],
] as const)("on %s a kernel that mem= takes memory from copies an initrd there and %s", async (cpu, end) => {
  const away = { target: "ppc64le", cpu, smp: 2, memory: 1024 } as const;
  const script = (options: string) => (needs: ScriptNeeds) =>
    usualScript({ ...needs, addresses: { ...needs.addresses, initrd: 0x2800_0000 } }).replace("loadem -v", options);
  const append = "mem=512M";
  if (end === "comes up") {
    await passed(away, { append, script: script("loadem -v") });
    return;
  }
  const refused = await attempted(away, { append, script: script("loadem -v") });
  const fact = "/initrd): lies over 0x20000000-0x40000000, which is taken: mem= leaves it unmapped";
  expect(refused.run.lines.filter(({ text }) => withoutPlace(text).endsWith(fact))).toHaveLength(1);
  const { verdict, run } = await attempted({ ...away, timeout: 60 }, { append, script: script("loadem --no-checks") });
  expect(verdict.passed).toBe(false);
  // It does not even say that it switches over.
  expect(run.lines.at(-1)?.text).toBe("+ loadem -k");
});
