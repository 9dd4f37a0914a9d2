// Trees of machines that qemu makes have no error, and fs2dt takes them.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder({ on: "disk" });

describe("the tree of a machine that qemu makes has no error:", () => {
  function dumped(emulator: string, ...words: readonly string[]): string {
    const file = folder.in("machine.dtb");
    const command = [
      emulator,
      "-nodefaults",
      "-nographic",
      "-S",
      "-M",
      `${words[0]},dumpdtb=${file}`,
      ...words.slice(1),
    ];
    const { exitCode, stderr } = Bun.spawnSync(command, { stdin: null, timeout: 60_000 });
    expect({ exitCode, stderr: exitCode === 0 ? "" : stderr.toString() }).toEqual({ exitCode: 0, stderr: "" });
    return file;
  }

  const MACHINES = [
    ["pseries, before RTAS is instantiated", ["qemu-system-ppc64", "pseries", "-m", "512"]],
    [
      "pseries, with what Linux adds to it before it goes on",
      ["qemu-system-ppc64", "pseries,x-vof=on", "-smp", "4", "-m", "1024"],
    ],
    ["pegasos2", ["qemu-system-ppc", "pegasos2", "-m", "512"]],
    ["powernv8", ["qemu-system-ppc64", "powernv8", "-m", "1024"]],
    ["powernv10", ["qemu-system-ppc64", "powernv10", "-m", "1024"]],
    ["powernv9", ["qemu-system-ppc64", "powernv9", "-smp", "2", "-m", "1024"]],
    ["arm64's virt", ["qemu-system-aarch64", "virt,gic-version=3", "-cpu", "cortex-a57", "-smp", "2", "-m", "512"]],
  ] as const;

  /** What is true of it, and no error. */
  const PEGASOS2 = [
    "/cpus/PowerPC,G4: warning: a reg, but no unit address [unit-address]",
    "/: warning: no #size-cells [root]",
    "/: warning: no compatible [root]",
    "",
  ].join("\n");

  test.each(MACHINES)(
    "%s",
    (name, [emulator, ...words]) => {
      const file = dumped(emulator, ...words);
      if (name.includes("what Linux adds")) {
        const edits = ["--set", "/rtas/linux,rtas-base=<0x3000000>", "--set", "/rtas/linux,rtas-entry=<0x3000000>"];
        const { code, out } = runInside({}, "dtedit", ...edits, file, "-");
        expect(code).toBe(0);
        writeFileSync(file, out);
      }
      const { code, out, err } = runInside({}, "dtcheck", file);
      expect({ code, out: out.toString(), err }).toEqual({
        code: 0,
        out: name === "pegasos2" ? PEGASOS2 : "",
        err: "",
      });
      expect(runInside({}, "fs2dt", "-b", "0x8000", file).code).toBe(0);
    },
    60_000,
  );
});
