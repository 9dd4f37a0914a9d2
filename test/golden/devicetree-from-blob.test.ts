// Blobs that dtc makes are read as dtc and libfdt read them, sound ones and broken ones.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { treeFromBlob } from "../../src/devicetree/from/blob.ts";
import type { Failure } from "../../src/failure.ts";
import { readBlob } from "../support/blob-reader.ts";
import { sortedSource } from "../support/dtc.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { libfdtReads } from "../support/libfdt.ts";
import { BOOT_CPU, changesOf, SOURCE, soundBlob, soundBlobs } from "../support/sound-blobs.ts";

const folder = temporaryFolder({ on: "disk" });

test.each([...soundBlobs])(
  "the blob of version %d that unit tests break is what dtc makes of its source",
  (version, blob) => {
    const command = ["dtc", "-q", "-q", "-I", "dts", "-O", "dtb", "-b", String(BOOT_CPU), "-V", String(version)];
    const { exitCode, stdout } = Bun.spawnSync(command, { stdin: Buffer.from(SOURCE) });
    expect({ exitCode, hex: stdout.toString("hex") }).toEqual({ exitCode: 0, hex: blob.toString("hex") });
  },
);

describe("a blob", () => {
  test("made by dtc keeps its order, its meaning and its reservations", () => {
    const source = `/dts-v1/; /memreserve/ 0x1000 0x2000; / { zebra = "z"; apple; node@2 { reg = <2>; }; node@1 {}; };`;
    writeFileSync(folder.in("source"), source);
    const made = Bun.spawnSync(["dtc", "-q", "-I", "dts", "-O", "dtb", folder.in("source")]).stdout;
    writeFileSync(folder.in("blob"), made);
    const { out } = runInside({}, "fs2dt", "-b", "0x8000", folder.in("blob"));
    const { root, reserved } = readBlob(out);
    expect(root.properties.map(({ name }) => name)).toEqual(["zebra", "apple"]);
    expect(root.children.map(({ name }) => name)).toEqual(["node@2", "node@1"]);
    expect(reserved).toEqual([
      { start: 0x1000n, size: 0x2000n },
      { start: 0x8000n, size: BigInt(out.length) },
    ]);
    writeFileSync(folder.in("ours"), out);
    writeFileSync(folder.in("theirs"), made);
    expect(sortedSource("dtb", folder.in("ours"))).toBe(sortedSource("dtb", folder.in("theirs")));
  });
});

/**
 * What we refuse and libfdt (of version 1.6.1) does not: it takes lengths at the end of 32 bits for small ones, and in
 * version 16 it does not look at size_dt_strings.
 */
const STRICTER = new RegExp(
  [
    "a (property|node) without a name",
    "a slash in",
    "not a multiple of 8",
    "token 0x9 is not",
    "0xfffffff[cf] bytes are not within",
  ].join("|"),
);

/** "" where there is none. */
function refusalOf(blob: Uint8Array): string {
  try {
    treeFromBlob(blob, "blob");
    return "";
  } catch (error) {
    return (error as Failure).fact;
  }
}

describe("any change at all, in version", () => {
  // libfdt does not read version 1, and dies of some of these in 2 and 3.
  test.each([16, 17])(
    "%d, is for libfdt what it is for us",
    (version) => {
      for (const broken of changesOf(soundBlob(version))) {
        const refusal = refusalOf(broken);
        const ownStrings = version === 16 && broken.readUInt32BE(32) !== soundBlob(16).readUInt32BE(32);
        if (!STRICTER.test(refusal) && !ownStrings) expect(libfdtReads(broken)).toBe(refusal === "");
      }
    },
    60_000,
  );
});
