// What a person chooses of a boot, and what is refused.

import { describe, expect, test } from "bun:test";
import { HELP, parseChoices } from "../../scripts/boot/choices.ts";
import { defaultKernel, machines } from "../../scripts/machines/machines.ts";
import { Failure } from "../../src/failure.ts";
import { usual } from "../support/boots.ts";
import { present } from "../support/present.ts";

function refusal(...args: string[]): string {
  try {
    parseChoices(args);
  } catch (error) {
    if (error instanceof Failure) return `${error.exitCode} ${error.message}`;
    throw error;
  }
  return "taken";
}

test("an executable for another machine is taken where a kernel of ours runs it, with that kernel", () => {
  const choices = present(parseChoices(["--target", "ppc64", "--program", "ppc"]));
  expect(choices.program).toBe("ppc");
  expect(defaultKernel(choices)).toBe("small-ppc64-compat");
  expect(defaultKernel({ ...choices, program: undefined })).toBe("small-ppc64");
  expect(() => parseChoices(["--target", "ppc64le", "--program", "x64-small"])).toThrow("--program");
});

test("without options it is the distribution's ppc64le kernel on the usual machine", () => {
  expect(parseChoices([])).toEqual({ ...usual, small: false });
});

describe("--machine", () => {
  test.each([
    ["powernv8", "POWER8"],
    ["powernv9", "POWER9"],
    ["powernv10", "POWER10"],
  ])("%s is that machine, with its own cpu model unless another is given", (board, cpu) => {
    expect(parseChoices(["--machine", board])).toMatchObject({ board, cpu, machine: [] });
    expect(parseChoices(["--machine", board, "--cpu", "power9_v2.0"])).toMatchObject({ board, cpu: "power9_v2.0" });
  });

  test("gives qemu's -M what follows the machine's name, and everything where there is none", () => {
    expect(parseChoices(["--machine", "powernv9,hb-mode=on,a=b"])).toMatchObject({
      board: "powernv9",
      machine: ["hb-mode=on", "a=b"],
    });
    expect(parseChoices(["--machine", "cap-htm=off,powernv9"])).toMatchObject({
      board: undefined,
      machine: ["cap-htm=off", "powernv9"],
    });
    expect(parseChoices(["--target", "arm64-small", "--machine", "gic-version=3"])).toMatchObject({
      board: undefined,
      machine: ["gic-version=3"],
    });
  });

  test("refuses kernels that know only the usual machine, and the payload", () => {
    const refused = (kernel: string): string =>
      `2 --machine: ${kernel} does not run on powernv9: it was made for the usual machine`;
    expect(refusal("--machine", "powernv9", "--small")).toBe(refused("small-ppc64le"));
    expect(refusal("--machine", "powernv9", "--target", "ppc64")).toBe(refused("small-ppc64"));
    expect(refusal("--machine", "powernv9", "--next-kernel", "small-ppc64")).toBe(refused("small-ppc64"));
    expect(refusal("--machine", "powernv9", "--target", "ppc64", "--kernel", "/boot/vmlinux")).toBe("taken");
    expect(refusal("--machine", "powernv9", "--payload")).toStartWith("2 --payload: not on powernv9");
  });

  test("is told of in the help, with every name", () => {
    for (const { guest } of machines)
      for (const board of Object.keys(guest.boards ?? {})) expect(HELP).toContain(board);
  });
});

test("--memory takes qemu's further words after the MiB", () => {
  expect(parseChoices(["--memory", "1024,maxmem=8G,slots=8"])).toMatchObject({
    memory: 1024,
    memoryOptions: ["maxmem=8G", "slots=8"],
  });
  expect(parseChoices(["--memory", "512"])).toMatchObject({ memory: 512, memoryOptions: [] });
  for (const text of ["", "maxmem=8G", "0,slots=1", "1G"])
    expect(refusal("--memory", text)).toBe(`2 --memory: '${text.split(",")[0]}' is not a number above 0`);
});

describe("--crash", () => {
  test("panics by sysrq unless another cause is named", () => {
    expect(parseChoices([])?.crash).toBeUndefined();
    expect(parseChoices(["--crash"])).toMatchObject({ crash: "sysrq", crashkernel: "256M" });
    expect(parseChoices(["--crash", "--smp", "1"])).toMatchObject({ crash: "sysrq", smp: 1 });
    expect(parseChoices(["--crash", "oom", "--crashkernel", "128M"])).toMatchObject({
      crash: "oom",
      crashkernel: "128M",
    });
    expect(refusal("--crash", "fire")).toBe("2 --crash: 'fire' is none of sysrq smp nmi oom");
  });

  test("goes with no other way to the second kernel, and with no NMI where there is none", () => {
    expect(refusal("--crash", "--payload")).toBe("2 --payload: does not go with --crash");
    expect(refusal("--crash", "--direct")).toBe("2 --direct: does not go with --crash");
    expect(refusal("--crash", "--next-initrd", "x")).toBe("2 --next-initrd: does not go with --crash");
    expect(refusal("--crash", "nmi", "--target", "arm64")).toBe("2 --crash: no nmi on arm64: qemu gives none");
  });

  test("goes with a crash kernel only that sees a disk", () => {
    const small = "2 --crash: small-ppc64le sees no disk to save a dump on";
    expect(refusal("--crash", "--target", "ppc64le", "--small")).toBe(small);
    expect(refusal("--crash", "--target", "ppc64le", "--next-kernel", "small-ppc64le")).toBe(small);
    expect(parseChoices(["--crash", "--target", "ppc64", "--small"])).toMatchObject({ crash: "sysrq" });
    const other = ["--crash", "--target", "ppc64le", "--small", "--next-kernel", "stock-ppc64le"];
    expect(parseChoices(other)).toMatchObject({ crash: "sysrq" });
  });
});

describe("--direct", () => {
  test("is refused with what only a first kernel has a use for", () => {
    expect(refusal("--direct", "--uefi", "--target", "arm64-small")).toBe(
      "2 --uefi: does not go with --direct: there is no firmware",
    );
    expect(refusal("--direct", "--script", "x")).toBe(
      "2 --script: does not go with --direct: there is no first init to run it",
    );
    expect(refusal("--direct", "--machine", "powernv9")).toBe(
      "2 --direct: not on powernv9: it does not start without its firmware",
    );
    expect(refusal("--direct", "--payload", "--target", "ppc64")).toBe("taken");
  });
});

test("--gdb keeps the next kernel where it was linked to be, after the words of --append, and boots once", () => {
  expect(parseChoices(["--gdb", "--append", "a b"])).toMatchObject({ gdb: true, append: "a b nokaslr" });
  expect(parseChoices(["--append", "a b"])).toMatchObject({ gdb: false, append: "a b" });
  expect(refusal("--gdb", "--runs", "2")).toBe("2 --runs: does not go with --gdb");
});
