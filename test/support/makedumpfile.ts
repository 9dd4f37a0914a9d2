// Debian's makedumpfile, of a dump's own machine, as another reader of its log.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { inTemporaryFolder } from "../../scripts/cache.ts";
import { type Architecture, debianPrograms } from "../../scripts/debian-programs.ts";
import { type MachineName, machineNamed } from "../../scripts/machines/machines.ts";
import { present } from "./present.ts";

/** There is none for big endian. */
const ARCHITECTURES: Readonly<Partial<Record<MachineName, Architecture>>> = {
  ppc64: "ppc64el",
  arm64: "arm64",
  x86_64: "amd64",
};
const EMULATORS: Readonly<Record<Architecture, string>> = {
  ppc64el: "qemu-ppc64le",
  arm64: "qemu-aarch64",
  amd64: "qemu-x86_64",
};

/**
 * The lines of its --dump-dmesg, as vmcore-dmesg has them. It tells who wrote a record, and indents the second and the later lines
 * of one, where we repeat the time, as dmesg does.
 */
export async function dmesgOfMakedumpfile(machine: MachineName, dump: string): Promise<string[]> {
  const architecture = present(ARCHITECTURES[machine]);
  // Kernels are newer than Debian 12.
  const files = await (await debianPrograms(architecture, "testing")).withLibraries("makedumpfile");
  return inTemporaryFolder((folder) => {
    for (const { path, content, mode } of files) {
      const file = `${folder}/${path}`;
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content, { mode });
    }
    // By mmap it has taken memory for zeros in a dump whose zeros are left out.
    const words = [EMULATORS[architecture], "-L", folder, `${folder}/bin/makedumpfile`, "--non-mmap"];
    const { exitCode, stderr } = Bun.spawnSync([...words, "--dump-dmesg", dump, `${folder}/log`]);
    if (exitCode !== 0) throw new Error(`makedumpfile of ${machineNamed(machine).name}: ${stderr}`);
    return Promise.resolve(repeatTimes(readFileSync(`${folder}/log`, "latin1").trimEnd().split("\n")));
  });
}

export function repeatTimes(lines: readonly string[]): string[] {
  let [head, time] = ["", ""];
  return lines.map((line) => {
    const [whole, own] = /^(\[ *\d+\.\d{6}\] )(?:\[ *[TC]\d+\] )?/.exec(line) ?? [];
    if (whole !== undefined && own !== undefined) [head, time] = [whole, own];
    const isFurther = whole === undefined && line.startsWith(" ".repeat(head.length));
    return whole !== undefined || isFurther ? time + line.slice(head.length) : line;
  });
}
