// What the device tree compiler and libfdt's programs say: witnesses that are not ours.

/**
 * The sorted source of a tree that dtc reads. By definition two things differ between a blob and its folder:
 * - `/memreserve/` lines: a directory has no reserve map, so dtc writes none for it.
 * - `name` properties: dtc drops those that say the node's own name, wherever they come from. So it makes no
 *   difference that versions 2 and 3 have one for each node, and 16 and 17 none. One that says something else
 *   would stay.
 */
export function sortedSource(format: "dtb" | "fs", path: string): string {
  const { exitCode, signalCode, stdout, stderr } = Bun.spawnSync([
    "dtc",
    "-q",
    "-q",
    "-s",
    "-I",
    format,
    "-O",
    "dts",
    path,
  ]);
  if (exitCode !== 0) throw new Error(`dtc: ${signalCode ?? exitCode} ${stderr.toString()}`);
  return stdout.toString("latin1").replace(/^\/memreserve\/.*\n/gm, "");
}

/** The reserve map as fdtdump reads it. */
export function dumpedReservations(path: string): [start: bigint, size: bigint][] {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["fdtdump", path]);
  if (exitCode !== 0) throw new Error(`fdtdump: ${stderr.toString()}`);
  return [...stdout.toString("latin1").matchAll(/^\/memreserve\/ 0x([0-9a-f]+) 0x([0-9a-f]+);$/gm)].map(
    ([, start, size]) => [BigInt(`0x${start}`), BigInt(`0x${size}`)],
  );
}

/** A property's bytes as fdtget reads them. */
export function gottenBytes(path: string, node: string, property: string): Buffer {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["fdtget", "-t", "bx", path, node, property]);
  if (exitCode !== 0) throw new Error(`fdtget: ${stderr.toString()}`);
  return Buffer.from(
    stdout
      .toString()
      .trim()
      .split(/\s+/)
      .filter((byte) => byte !== "")
      .map((byte) => parseInt(byte, 16)),
  );
}
