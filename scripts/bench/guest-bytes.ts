// What a person adds to an initramfs to kexec from there, on ppc64le: bytes of files before compression.

import { statSync } from "node:fs";
import type { AddedFile } from "../../initramfs/image.ts";
import { build } from "../build.ts";
import { debianPrograms } from "../debian-programs.ts";
import type { Findings } from "./bench.ts";
import { atMost, row } from "./row.ts";

function bytesOf(files: readonly AddedFile[]): number {
  return files.reduce((sum, { content }) => sum + content.length, 0);
}

export async function guestBytesFindings(): Promise<Findings> {
  const { withLibraries } = await debianPrograms();
  const ours = statSync(await build("ppc64le")).size;
  const kexec = bytesOf(await withLibraries("kexec"));
  const both = bytesOf(await withLibraries("kexec", "dtc"));
  return {
    rows: [
      row("added to an initramfs: kexecbox", "bytes", [ours], atMost(900_000)),
      row("added to an initramfs: kexec, its libraries", "bytes", [kexec]),
      row("added to an initramfs: kexec, dtc, their libraries", "bytes", [both]),
    ],
    samples: new Map(),
  };
}
