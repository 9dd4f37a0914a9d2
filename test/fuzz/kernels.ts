// Kernels in every form of file, and what they are compressed with.

import { openKernel } from "../../src/kernels/kernel.ts";
import { findUnpackedSize } from "../../src/kernels/unpacked-size.ts";
import { pieceSize, readStart } from "../../src/kexec/piece.ts";
import type { Machine } from "../../src/sys/engine.ts";
import type { Packing } from "../../src/sys/unpack.ts";
import { UNPACK } from "../../src/sys/unpack.ts";
import { type Belongings, filesOf } from "./belongings.ts";
import { type Host, systemOn } from "./machine.ts";
import { orRefusal, runCommand, sameBytes, summaryOf, type Target } from "./target.ts";

/** On which machine, and the words before the kernel's file. */
const COMMANDS = [
  ["x86_64", ["zeropage", "-b", "0x4400100", "-B", "quiet"]],
  ["x86_64", ["zeropage", "--kernel"]],
  ["x86_64", ["kexec", "-n", "--no-checks", "--append", "x"]],
  ["ppc64", ["kexec", "-n", "--no-checks", "--dtb", "tree", "--append", "x"]],
  ["aarch64", ["kexec", "--extract"]],
  ["aarch64", ["kexec", "--extract-initrd"]],
  ["ppc64le", ["kexec", "--extract-dtb"]],
  ["ppc64", ["loadem", "-n", "--no-checks", "-a", "0x1000000", "-e", "-f"]],
] as const;

export function kernelsOn(belongings: Belongings): Target {
  return {
    name: "kernels",
    holds: "a file is refused in one line, or is a kernel whose pieces are as long as they say, which --extract writes",
    words: [
      "HdrS",
      "MZ",
      "PE\0\0",
      "ARM\x64",
      "zimg",
      "gzip",
      "zstd22",
      ".linux\0\0",
      ".initrd\0",
      ".cmdline",
      "\x7fELF\x02\x02",
    ],
    isText: false,
    work: 600,
    attempt(host, input) {
      const filesOn = (machine: Machine) => new Map([...filesOf(belongings, machine), ["kernel", input]]);
      const { system } = systemOn({ host, machine: "ppc64", files: filesOn("ppc64") });
      const told = orRefusal(() => {
        const { kind, layers, pieces, length, memsz, head } = openKernel(system, "kernel");
        if (memsz < BigInt(length)) throw new Error(`${memsz} bytes of memory for ${length}`);
        const bytes = readStart(system, pieces, length);
        if (bytes.length !== length || pieces.reduce((sum, piece) => sum + pieceSize(piece), 0) !== length)
          throw new Error(`${bytes.length} bytes in place of ${length}`);
        if (!sameBytes(head, bytes.subarray(0, head.length))) throw new Error("its head is not its beginning");
        return { bytes, text: `${kind} ${layers.join(", ")} ${length} ${host.sha256(bytes)}` };
      });
      const runs = COMMANDS.map(([machine, words]) => {
        const outcome = runCommand({ host, machine, files: filesOn(machine) }, [...words, "kernel"]);
        if (words.includes("--extract" as never) && typeof told !== "string" && !sameBytes(outcome.out, told.bytes))
          throw new Error(`--extract writes ${outcome.out.length} other bytes: ${outcome.err}`);
        return summaryOf(host, outcome);
      });
      return [typeof told === "string" ? told : told.text, ...runs].join("\n");
    },
  };
}

const METHODS: readonly Packing[] = ["gzip", "zstd", "lzma", "xz"];

/** Bytes: a size that is told is taken for true up to this. */
const MOST = 4 << 20;

/** What came out, unless it is a fault that one engine calls so and another one so. */
function unpackedBy(host: Host, method: Packing, input: Uint8Array): string {
  const told = findUnpackedSize(method, input);
  if (typeof told === "number") return `${method} ${told}`;
  const output = new Uint8Array(Math.min(Math.max(told.size, 1), MOST));
  const got = host.unpack(method, input, output);
  if (got > output.length) throw new Error(`${method}: ${got} bytes in ${output.length}`);
  if (got > 0 && told.isSure && got !== told.size && told.size <= MOST)
    throw new Error(`${method}: ${got} bytes, and ${told.size} were told for sure`);
  if (method === "xz" || method === "lzma") return `${method} ${told.size}`;
  const failed = got === UNPACK.full ? "full" : "failed";
  return `${method} ${got < 0 ? failed : host.sha256(output.subarray(0, got))}`;
}

export const packed: Target = {
  name: "packed",
  holds: "compressed bytes tell their size, or what is wrong with them; what comes out is never longer than its memory",
  words: ["\x1f\x8b\x08", "\x28\xb5\x2f\xfd", "\xfd7zXZ\0", "\x5d\0\0", "\xff\xff\xff\xff"],
  isText: false,
  work: 600,
  attempt(host, input) {
    return METHODS.map((method) => unpackedBy(host, method, input)).join("\n");
  },
};
