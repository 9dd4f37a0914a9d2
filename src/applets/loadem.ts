// loadem: loads any file at any address with kexec_load, exactly as told, and jumps there.

import type { Applet, Option } from "../cli/applet.ts";
import { type Directive, parseInOrder } from "../cli/options.ts";
import { EXIT, usage } from "../failure.ts";
import { unload } from "../kexec/unload.ts";
import { diagnose, forQemu } from "../options/load-modes.ts";
import { chooseViews, viewOptions } from "../options/plan-views.ts";
import { parsePlan } from "../options/segments.ts";
import { jumpIntoLoaded } from "../recipes/jump.ts";
import { loadPlan } from "../recipes/load.ts";

/** What builds an image, from left to right. */
const building: readonly Option[] = [
  { short: "a", long: "address", value: "ADDR", help: "Open a segment at physical ADDR." },
  { short: "f", long: "file", value: "FILE", help: "Append FILE to the segment." },
  { short: "s", long: "stdin", help: "Append standard input to the segment." },
  { short: "w", long: "stub", help: "Append the built-in stub, the one that v2wrap writes." },
  { short: "4", long: "pad", help: "Pad the segment with zeros to a multiple of 4, so that another cpio can follow." },
  {
    short: "z",
    long: "zero",
    value: "SIZE",
    help: "Extend the segment by SIZE zeros that no file holds (memsz beyond bufsz).",
  },
  {
    short: "e",
    long: "entry",
    help: "Set the entry point to where the segment's next byte goes: to its start if -e follows -a directly.",
  },
  {
    short: "c",
    long: "chain",
    value: "OFF",
    help: "Store the address of the segment in the previous segment, at byte OFF: before OFF if big endian, from OFF on if little endian.",
  },
  { long: "poke", value: "OFF=WORD", help: "Store a 32-bit WORD at byte OFF of the segment." },
  {
    long: "endian",
    value: "big|little",
    help: "Set the byte order of the words that -c and --poke store from here on.",
  },
  {
    short: "r",
    long: "round",
    value: "PAGE",
    help: "Round the size of every segment up to a multiple of PAGE. Give it once, anywhere.",
  },
  {
    short: "t",
    long: "type",
    value: "ARCH",
    help: "Set the kernel's ELF machine: 21 is ppc64 (default: the running kernel's). A 32-bit program on a 64-bit kernel needs it.",
  },
  { short: "p", long: "panic", help: "Load a crash kernel, which is entered when the running kernel panics." },
  {
    long: "hotplug",
    help: "With -p: let the running kernel mend the ELF core header when memory or cpus come and go. It is to begin a segment of its own.",
  },
  {
    long: "secondaries",
    value: "N|unknown",
    help: "Set how many secondary cpus the stub waits for (default: counted in the running machine's device tree).",
  },
];

/** What is to be done with it. */
const modes: readonly Option[] = [
  { short: "n", long: "dry-run", help: "Print the segments and check them, but load nothing." },
  {
    short: "v",
    long: "verbose",
    help: "Print the segments on standard error, then load them; with -k, what was found out before the jump.",
  },
  { long: "no-checks", help: "Skip loadem's own checks. The kernel's remain." },
  diagnose,
  forQemu("-t says of which machine they are."),
  { short: "k", long: "reboot", help: "Jump into the loaded kernel. Only -v and --no-checks go with it." },
  { short: "u", long: "unload", help: "Unload the loaded kernel (with -p: the crash kernel)." },
];

const loadem: Applet = {
  name: "loadem",
  summary: "Load files at physical addresses for kexec, and jump there",
  operands: "",
  options: [...building, ...modes, ...viewOptions],
  notes: `
Options act from left to right on the segment that the last -a opened. -c
stores 8 bytes: OFF-8 to OFF if big endian, OFF to OFF+8 if little endian. The
byte order is that of the built-in stub if the word goes into one, else that of
the running machine. -n shows which one.

  fs2dt -b 0x5000100 -i initrd@0x9000000 -B 'console=hvc0' /proc/device-tree | \\
    loadem -a 0x5000000 -e -w -s -a 0x6000000 -c 0x100 -f vmlinux.kexec \\
      -a 0x9000000 -f initrd -r 0x10000
  loadem -k
`,
  run(system, args) {
    const directives = parseInOrder(loadem.options, args);
    const has = (long: string) => directives.some((directive) => directive.long === long);
    const say = (line: string) => system.say(`loadem: ${line}`);
    if (has("reboot")) {
      refuseOthers(directives, ["reboot", "verbose", "no-checks"]);
      return jumpIntoLoaded(system, {
        option: "-k",
        unload: undefined,
        skipChecks: has("no-checks"),
        say: has("verbose") ? say : () => {},
      });
    }
    if (has("unload")) {
      refuseOthers(directives, ["unload", "panic"]);
      unload(system, has("panic"));
      return EXIT.done;
    }
    const qemu = directives.find(({ long }) => long === "qemu")?.value;
    if (qemu !== undefined && has("diagnose"))
      throw usage("--diagnose", "does not go with --qemu: it asks the running kernel");
    return loadPlan(system, {
      ...parsePlan(system, directives),
      action: has("dry-run") ? "check" : has("diagnose") ? "diagnose" : "load",
      skipChecks: has("no-checks"),
      qemu,
      ...chooseViews(system, {
        json: has("json"),
        svg: directives.find(({ long }) => long === "svg")?.value,
        prints: has("dry-run"),
        tells: has("verbose"),
        say,
      }),
      say,
    });
  },
};

function refuseOthers(directives: readonly Directive[], allowed: readonly string[]): void {
  const other = directives.find(({ long }) => !allowed.includes(long));
  if (other !== undefined) throw usage(other.place, `does not go with --${allowed[0]}`);
}

export default loadem;
