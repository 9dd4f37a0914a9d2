// What dtedit writes is there whole, or not at all: nothing half done stays, in no file of its own either.

import { beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { treeFromBlob } from "../../src/devicetree/from/blob.ts";
import { blobOf, meaning } from "../support/device-trees.ts";
import { temporaryFolder } from "../support/folder.ts";
import { buildRunners, type Run, runWith, x64 } from "../support/run.ts";

const children = Array.from({ length: 40 }, (_, index) => ({
  name: `n@${index}`,
  properties: [{ name: "p", value: new Uint8Array(5000).fill(index) }],
  children: [],
}));
const tree = { root: { name: "", properties: [], children }, reservations: [], address: undefined, bootCpu: 0 };
const BEFORE = "what was there before";

const folder = temporaryFolder({ lasts: "file", on: "disk" });
beforeAll(async () => {
  await buildRunners();
}, 600_000);

let place: string;
beforeEach(() => {
  rmSync(folder.in("here"), { recursive: true, force: true });
  mkdirSync(folder.in("here"));
  place = folder.in("here");
  writeFileSync(folder.in("blob"), blobOf(tree));
});

function edited(under: readonly string[], words: readonly string[]): Run {
  return runWith(x64, ["dtedit", ...words], { cwd: place, under });
}

/** Runs it with a call that does not do what it does otherwise. */
function injected(fault: string, ...words: readonly string[]): Run {
  return edited(["strace", "-o", "/dev/null", "-e", `inject=${fault}`], words);
}

describe("a file", () => {
  test("is made, or takes the place of the one that is there", () => {
    for (const before of [false, true]) {
      if (before) writeFileSync(join(place, "out"), BEFORE);
      expect(edited([], ["../blob", "out"])).toMatchObject({ code: 0, err: "" });
      expect(meaning(treeFromBlob(readFileSync(join(place, "out")), "out"))).toBe(meaning(tree));
      expect(readdirSync(place)).toEqual(["out"]);
    }
  });

  test("may be the one that was read", () => {
    writeFileSync(join(place, "blob"), blobOf(tree));
    expect(edited([], ["--add-node", "/new", "blob", "blob"])).toMatchObject({ code: 0, err: "" });
    expect(treeFromBlob(readFileSync(join(place, "blob")), "blob").root.children).toHaveLength(41);
    expect(readdirSync(place)).toEqual(["blob"]);
  });

  const FAULTS = [
    ["a disk that is full", "write:error=ENOSPC:when=1", "out: ENOSPC (no space left on device)"],
    ["a disk that breaks", "write:error=EIO:when=1", "out: EIO (input/output error)"],
    ["no permission to replace it", "renameat2:error=EACCES", "out: EACCES (permission denied)"],
    ["no permission to make one", "openat:error=EACCES:when=3", "out: EACCES (permission denied)"],
  ] as const;

  test.each(FAULTS)("is as it was before, and nothing beside it: %s", (_, fault, said) => {
    for (const before of [false, true]) {
      if (before) writeFileSync(join(place, "out"), BEFORE);
      const { code, err } = injected(fault, "../blob", "out");
      expect({ code, err }).toEqual({ code: 1, err: `dtedit: ${said}\n` });
      expect(readdirSync(place)).toEqual(before ? ["out"] : []);
      if (before) expect(readFileSync(join(place, "out"), "latin1")).toBe(BEFORE);
    }
  });

  test("is as it was where it may not grow so large, half of the new one being written", () => {
    writeFileSync(join(place, "out"), BEFORE);
    const { code, err } = edited(["bash", "-c", `trap '' XFSZ; ulimit -f 64; exec "$@"`, "bash"], ["../blob", "out"]);
    expect({ code, err }).toEqual({ code: 1, err: "dtedit: out: EFBIG (file too large)\n" });
    expect(readdirSync(place)).toEqual(["out"]);
    expect(readFileSync(join(place, "out"), "latin1")).toBe(BEFORE);
  });

  test.each(["INT", "TERM"])(
    "is whole where SIG%s comes while it is written, and the program ends by that",
    (signal) => {
      writeFileSync(join(place, "out"), BEFORE);
      // The signal comes with the write itself.
      const { signal: ended } = injected(`write:signal=SIG${signal}`, "../blob", "out");
      expect(ended).toBe(`SIG${signal}`);
      expect(readdirSync(place)).toEqual(["out"]);
      expect(meaning(treeFromBlob(readFileSync(join(place, "out")), "out"))).toBe(meaning(tree));
    },
  );

  test("is no device, no link and no directory", () => {
    mkdirSync(join(place, "directory"));
    symlinkSync("target", join(place, "link"));
    for (const [path, kind] of [
      ["/dev/full", "device"],
      ["directory", "directory"],
      ["link", "symlink"],
    ] as const) {
      expect(edited([], ["../blob", path])).toMatchObject({ code: 1, err: `dtedit: ${path}: a ${kind} is there\n` });
    }
    expect(edited([], ["../blob", "nonesuch/out"])).toMatchObject({
      code: 1,
      err: "dtedit: nonesuch/out: ENOENT (no such file or directory)\n",
    });
    expect(readdirSync(place).sort()).toEqual(["directory", "link"]);
  });

  test("is not begun where an edit is wrong", () => {
    for (const words of [
      ["--delete", "/nonesuch"],
      ["--set", "/p=<"],
      ["--pad", "x"],
    ]) {
      expect(edited([], [...words, "../blob", "out"]).code).toBeGreaterThan(0);
      expect(readdirSync(place)).toEqual([]);
    }
  });
});

describe("a directory", () => {
  test("is made, and is the tree again", () => {
    expect(edited([], ["-O", "dir", "../blob", "out"])).toMatchObject({ code: 0, err: "" });
    expect(runWith(x64, ["dtdiff", "out", "../blob"], { cwd: place })).toMatchObject({ code: 0, err: "" });
  });

  const FAULTS = [
    [
      "a disk that is full in the middle",
      "write:error=ENOSPC:when=20",
      /^dtedit: out\/n@\d+\/p: ENOSPC \(no space left on device\)\n$/,
    ],
    ["a node that cannot be made", "mkdirat:error=ENOSPC:when=30", /^dtedit: out\/n@\d+: ENOSPC/],
    ["a property that cannot be made", "openat:error=EMFILE:when=30", /^dtedit: out\/n@\d+\/p: EMFILE/],
  ] as const;

  test.each(FAULTS)("is not there: %s", (_, fault, said) => {
    const { code, err } = injected(fault, "-O", "dir", "../blob", "out");
    expect(err).toMatch(said);
    expect(code).toBe(1);
    expect(readdirSync(place)).toEqual([]);
  });

  test.each(["INT", "TERM"])("is not there where SIG%s comes in the middle, and the program ends by that", (signal) => {
    const { signal: ended } = injected(`write:signal=SIG${signal}:when=20`, "-O", "dir", "../blob", "out");
    expect(ended).toBe(`SIG${signal}`);
    expect(readdirSync(place)).toEqual([]);
  });

  test("is none that is there already, not even an empty one or a file", () => {
    mkdirSync(join(place, "out"));
    writeFileSync(join(place, "file"), BEFORE);
    for (const path of ["out", "file"]) {
      expect(edited([], ["-O", "dir", "../blob", path])).toMatchObject({
        code: 1,
        err: `dtedit: ${path}: EEXIST (file exists)\n`,
      });
    }
    expect(readdirSync(join(place, "out"))).toEqual([]);
    expect(readFileSync(join(place, "file"), "latin1")).toBe(BEFORE);
  });
});
