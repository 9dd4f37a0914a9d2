// loadem: loads any file at any address with kexec_load, exactly as told, and jumps there.

import { type Told, tellSecondaries } from "../arch/ppc64/secondaries.ts";
import { builtInStub } from "../arch/stubs.ts";
import { type Applet, type Option } from "../cli/applet.ts";
import { type Directive, parseInOrder } from "../cli/options.ts";
import { EXIT, Failure, hex, usage } from "../failure.ts";
import { checkImage, segmentPlace } from "../kexec/checks.ts";
import { assembled, type KexecImage, refuseChangedFiles } from "../kexec/image.ts";
import { firstRefused, jump, load, unload } from "../kexec/load.ts";
import { type MachineFacts, machineFacts } from "../kexec/machine.ts";
import { type Plan, planned } from "../kexec/plan.ts";
import { errnoText } from "../sys/errno.ts";
import type { System } from "../sys/system.ts";

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
    help: "Enter the kernel here: at the start of the segment, or after what it holds so far.",
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
    help: "Say for which ELF machine the kernel is: 21 is ppc64 (default: the running kernel's).",
  },
  { short: "p", long: "panic", help: "Load a crash kernel, which is entered when the running kernel panics." },
  {
    long: "secondaries",
    value: "N|unknown",
    help: "Set how many secondary cpus the stub waits for (default: counted in the running machine's device tree).",
  },
];

/** What is to be done with it. */
const modes: readonly Option[] = [
  { short: "n", long: "dry-run", help: "Print the segments and check them, but load nothing." },
  { short: "v", long: "verbose", help: "Print the segments on standard error, then load them." },
  { long: "no-checks", help: "Check nothing here; the kernel still does." },
  {
    long: "diagnose",
    help: "Find the segment that the kernel refuses: load the first, the first two, and so on. Nothing stays loaded, not even what was loaded before.",
  },
  { short: "k", long: "reboot", help: "Jump into the loaded kernel. No other option goes with it." },
  { short: "u", long: "unload", help: "Unload the loaded kernel (with -p: the crash kernel)." },
];

const loadem: Applet = {
  name: "loadem",
  summary: "Load files at physical addresses for kexec, and jump there",
  operands: "",
  options: [...building, ...modes],
  notes: `
Options act from left to right on the segment that the last -a opened. -c
stores 8 bytes: OFF-8 to OFF if big endian, OFF to OFF+8 if little endian. The
byte order is that of the built-in stub if the word goes into one, else that of
the running machine. -n says which was taken.

  fs2dt -b 0x5000100 /proc/device-tree | \\
    loadem -a 0x5000000 -e -w -s -a 0x6000000 -c 0x100 -f vmlinux.kexec \\
      -r 0x10000
  loadem -k
`,
  run(system, args) {
    const directives = parseInOrder(loadem.options, args);
    const has = (long: string) => directives.some((directive) => directive.long === long);
    if (has("reboot")) {
      refuseOthers(directives, ["reboot"]);
      return jump(system);
    }
    if (has("unload")) {
      refuseOthers(directives, ["unload", "panic"]);
      unload(system, has("panic"));
      return EXIT.done;
    }
    return loadAsTold(system, directives, has);
  },
};

function refuseOthers(directives: readonly Directive[], allowed: readonly string[]): void {
  const other = directives.find(({ long }) => !allowed.includes(long));
  if (other !== undefined) throw usage(other.place, `does not go with --${allowed[0]}`);
}

function loadAsTold(system: System, directives: readonly Directive[], has: (long: string) => boolean): number {
  const plan = planned(system, directives, () => builtInStub("-w", system.machine));
  if (plan.segments.length === 0) throw usage("no segment", "-a opens one; --help lists all options");
  refuseForeignArch(plan, system.abi.elfMachine);
  const image = assembled(system, plan);
  const machine = machineFacts(system);
  const told = tellSecondaries(image, plan.secondaries, machine.secondaries);
  // Before the checks: what they refuse is best seen in the whole plan.
  if (has("dry-run")) system.print(table(image, machine, told));
  else if (has("verbose")) sayTable(system, table(image, machine, told));
  if (!has("no-checks")) checkImage(image, machine);
  if (has("dry-run")) return EXIT.done;
  if (has("diagnose")) return diagnose(system, image);
  refuseChangedFiles(system, plan);
  return load(system, image);
}

/** The kernel would say EINVAL. */
function refuseForeignArch({ arch }: Plan, elfMachine: number): void {
  if (arch === 0n || arch === BigInt(elfMachine)) return;
  const known = "x86_64 is 62, ppc64 21, arm64 183";
  throw new Failure("-t", `this machine's kernel takes ${elfMachine} or 0, not ${arch} (${known})`, EXIT.refused);
}

function diagnose(system: System, image: KexecImage): number {
  const refused = firstRefused(system, image);
  if (refused === undefined) {
    system.say(`loadem: the kernel takes all ${image.segments.length} segments; nothing is loaded now`);
    return EXIT.done;
  }
  const culprit = segmentPlace(image, image.segments[refused.count - 1]!);
  throw new Failure(culprit, `the kernel refuses it: ${errnoText(refused.result)}`, EXIT.refused);
}

function sayTable(system: System, table: string): void {
  for (const line of table.trimEnd().split("\n")) system.say(`loadem: ${line}`);
}

/** The image as -n prints it: segments, entry, and every word that was stored, with the reason for its byte order. */
function table(image: KexecImage, machine: MachineFacts, told: Told | undefined): string {
  const heads = ["segment", "start", "end", "bufsz", "memsz", "from"];
  const rows = image.segments.map(({ start, end, bytes, from }, index) => [
    String(index),
    hex(start),
    hex(end),
    hex(bytes.length),
    hex(end - start),
    from,
  ]);
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]!.length)));
  const lines = [heads, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
  const arch = image.arch === 0n ? `${machine.elfMachine} (the running kernel's)` : String(image.arch);
  lines.push(
    `entry ${hex(image.entry ?? 0n)}, arch ${arch}, pages of ${hex(machine.pageSize)} bytes${image.crash ? ", crash kernel" : ""}`,
  );
  for (const { segment, at, value, as, because } of image.stored) {
    const address = image.segments[segment]!.start + BigInt(at);
    lines.push(`stored ${hex(value)} at ${hex(address)}, ${as} endian ${because}`);
  }
  if (told !== undefined) lines.push(`stub waits for ${told.secondaries} secondary cpus, ${told.because}`);
  return `${lines.join("\n")}\n`;
}

export default loadem;
