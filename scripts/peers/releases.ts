// The machines that kexec-tools are compared on, and a release's programs as files of one guest.

import { basename } from "node:path";
import type { AddedFile } from "../../initramfs/image.ts";
import { Failure } from "../../src/failure.ts";
import { type Architecture, debianPrograms, type Release } from "../debian-programs.ts";
import type { SmallTarget, StockName } from "../machines/machines.ts";

/** The releases that are compared with. */
export const RELEASES = ["stable", "testing"] as const satisfies readonly Release[];

export interface Peer {
  readonly target: SmallTarget;
  readonly kernel: StockName;
  readonly architecture: Architecture;
  /** MiB. */
  readonly memory: number;
}

export const PEERS = {
  ppc64: { target: "ppc64le", kernel: "stable-ppc64le", architecture: "ppc64el", memory: 1024 },
  arm64: { target: "arm64-small", kernel: "stable-arm64", architecture: "arm64", memory: 1024 },
  x86_64: { target: "x64-small", kernel: "stable-x64", architecture: "amd64", memory: 1024 },
} as const satisfies Readonly<Record<string, Peer>>;

/** The machines of which Debian has a kernel and kexec-tools. */
export type PeerName = keyof typeof PEERS;

export const PEER_NAMES = Object.keys(PEERS) as PeerName[];

export interface ReleasePrograms {
  /** In a folder of their own, since releases have libraries of the same names. */
  readonly files: readonly AddedFile[];
  /** The words that run a program, before its arguments. */
  command(program: string): string;
}

export async function programsOf(
  architecture: Architecture,
  release: Release,
  ...programs: readonly string[]
): Promise<ReleasePrograms> {
  const files = await (await debianPrograms(architecture, release)).withLibraries(...programs);
  const loader = files.find(({ path }) => /^ld(64|-linux)/.test(basename(path)));
  if (loader === undefined) throw new Failure(release, "its programs have no ld.so");
  const folder = `/${release}`;
  return {
    files: files.map((file) => ({ ...file, path: `${release}/${basename(file.path)}` })),
    command: (program) => `${folder}/${basename(loader.path)} --library-path ${folder} ${folder}/${program}`,
  };
}
