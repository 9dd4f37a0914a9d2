// What a person sees of npm run boot: the timeline, the last line, the exit code, and the log of a boot that failed.

import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { targets } from "../../scripts/machines/machines.ts";
import { temporaryFolder } from "../support/folder.ts";
import { capture, present } from "../support/present.ts";

const folder = temporaryFolder({ on: "disk" });

async function boot(...args: string[]) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../../scripts/boot.ts"), ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, lines: stdout.trimEnd().split("\n"), stderr };
}

async function scriptOf(text: string): Promise<string> {
  const path = folder.in("script");
  await writeFile(path, text);
  return path;
}

test("a boot shows its steps with their seconds, ends with PASS and exits 0", async () => {
  const { code, lines, stderr } = await boot("--target", "ppc64", "--smp", "2");
  const steps = lines
    .slice(1, -1)
    .map((line) => line.replace(/^ *[0-9]+\.[0-9]{2} s {2}/, "").replace(/0x[0-9a-f]+|[0-9]+/g, "N"));
  expect(steps).toEqual([
    "first kernel's init",
    "fsNdt: N nodes, N properties, N bytes, version N",
    "loadem: N segments, N bytes, entry N",
    "the jump",
    "second kernel's init, N of N cpus online",
  ]);
  expect(lines.at(-1)).toMatch(/^PASS the second kernel printed [0-9a-f]{16}$/);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

describe("a boot that did not reach the second kernel ends with FAIL, exits 1 and keeps the whole console", () => {
  const failing = {
    "when a line of the script fails": ["echo before\nloadem -k\n", "FAIL init: /init.script:2: loadem: exit 1"],
    "when the script just ends": ["echo before\n", "FAIL no jump"],
    // The first kernel prints the nonce too: that is none of the second kernel's doing.
    "when only the first kernel printed the nonce": ["cat /proc/cmdline\n", "FAIL no jump"],
  } as const;
  test.each(Object.entries(failing))("%s", async (_, [script, verdict]) => {
    const { code, lines } = await boot("--target", "ppc64", "--smp", "1", "--script", await scriptOf(script));
    expect(code).toBe(1);
    expect(lines.at(-1)).toBe(verdict);
    const log = capture(/whole of it is (.*)$/m, lines.join("\n"));
    expect(await readFile(log, "latin1")).toContain(present(script.split("\n")[0]));
    await rm(log);
  });

  test("when the second kernel does not come up in time", async () => {
    // A loop in place of a kernel: "b ." at its entry and at 0x60.
    const image = folder.in("loop");
    await writeFile(image, Buffer.alloc(0x100, Buffer.from("48000000", "hex")));
    const { code, lines } = await boot("--target", "ppc64", "--smp", "1", "--next-kernel", image, "--timeout", "15");
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatch(/^FAIL the second kernel did not print [0-9a-f]{16}$/);
    const log = capture(/whole of it is (.*)$/m, lines.join("\n"));
    expect(existsSync(log)).toBe(true);
    await rm(log);
  });
});

describe("what cannot be booted is refused with one line", () => {
  const refused = {
    "an unknown target": [["--target", "vax"], 2, `boot: --target: 'vax' is none of ${targets.join(" ")}\n`],
    "no number of cpus": [["--smp", "0"], 2, "boot: --smp: '0' is not a number above 0\n"],
    "a kernel that is not there": [["--kernel", "/nowhere"], 1, "boot: /nowhere: cannot be read: ENOENT\n"],
    "too little memory for the segments": [
      ["--target", "ppc64", "--memory", "8"],
      1,
      "boot: --memory: 8 MiB: stub: no room for its 0x[0-9a-f]+ bytes: .*\n",
    ],
  } as const;
  test.each(Object.entries(refused))("%s", async (_, [args, code, message]) => {
    const result = await boot(...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(new RegExp(`^${message}$`));
  });
});
