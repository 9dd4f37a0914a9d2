// What a person adds to an initramfs to kexec from there: bytes of files before compression.

import { statSync } from "node:fs";
import type { AddedFile } from "../../initramfs/image.ts";
import { build } from "../build.ts";
import { debianPrograms } from "../debian-programs.ts";
import { RELEASES } from "../peers/releases.ts";
import type { Findings } from "./bench.ts";
import type { GuestBench } from "./guest.ts";
import { goalIn, peerOf } from "./guests.ts";
import { atMost, row } from "./row.ts";

function bytesOf(files: readonly AddedFile[]): number {
  return files.reduce((sum, { content }) => sum + content.length, 0);
}

export async function guestBytesFindings({ guest }: Pick<GuestBench, "guest">): Promise<Findings> {
  const { target, architecture } = peerOf(guest);
  const ours = statSync(await build(target)).size;
  const rows = [row("added to an initramfs: kexecbox", "bytes", [ours], goalIn(guest, atMost(900_000)))];
  for (const release of RELEASES) {
    const { withLibraries } = await debianPrograms(architecture, release);
    const added = async (...programs: readonly string[]) => [bytesOf(await withLibraries(...programs))];
    rows.push(
      row(`added to an initramfs: ${release}'s kexec, its libraries`, "bytes", await added("kexec")),
      row(`added to an initramfs: ${release}'s kexec, dtc, their libraries`, "bytes", await added("kexec", "dtc")),
    );
  }
  return { rows, samples: new Map() };
}
