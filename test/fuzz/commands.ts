// Command lines of every applet, on a machine of memory: parsed and carried out as far as a kernel would have to be asked.

import { applets } from "../../src/applets/table.ts";
import type { Machine } from "../../src/sys/engine.ts";
import { type Belongings, filesOf } from "./belongings.ts";
import { runCommand, summaryOf, type Target, textOf } from "./target.ts";

const MACHINES: readonly Machine[] = ["ppc64", "ppc64le", "aarch64", "riscv64", "x86_64"];

/** What must not reach a kernel when only a plan was asked for. */
const SHOWING = ["-n", "--dry-run", "--plan", "--save", "--qemu", "--help"];

/** Whether the kernel must not be asked to do anything. */
function isShowing(words: readonly string[]): boolean {
  const [tool = ""] = words;
  if (tool === "kexec" || tool === "loadem") return words.some((word) => SHOWING.includes(word));
  return !["insmod", "poweroff"].includes(tool);
}

/** Command lines: the machine, the applet, its arguments, each a line. */
export function linesOn(belongings: Belongings): Target {
  return {
    name: "lines",
    holds:
      "every command line ends with 0, 1, 2 or 3; where that is not 0, in lines of text and with nothing written; only what loads asks the kernel to load",
    words: [
      ...applets.flatMap(({ name, options }) => [
        `${name}\n`,
        ...options.flatMap(({ short, long }) => [`--${long}\n`, ...(short === undefined ? [] : [`-${short}\n`])]),
      ]),
      ...MACHINES.map((name) => `${name}\n`),
      ...[
        "0x1000",
        "0x1000000\n",
        "4096\n",
        "0xffffffffffffffff\n",
        "18446744073709551616",
        "1,2",
        "0x100=1\n",
        "-1\n",
        "-\n",
      ],
    ],
    isText: true,
    work: 1000,
    attempt(host, input) {
      const [name = "", ...words] = textOf(input).split("\n");
      const machine = MACHINES.find((each) => each === name) ?? "ppc64";
      const outcome = runCommand({ host, machine, files: filesOf(belongings, machine), stdin: STDIN }, words);
      if (outcome.machine.refused.length > 0 && isShowing(words))
        throw new Error(`${JSON.stringify(words)} asked for ${outcome.machine.refused.join(" ")}`);
      return summaryOf(host, outcome);
    },
  };
}

const STDIN = Uint8Array.from("set /chosen/x=<1>\n", (character) => character.charCodeAt(0));
