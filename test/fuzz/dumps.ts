// Dumps of a crashed kernel's memory, and what a machine's own kernel tells in files.

import { type Belongings, filesOf } from "./belongings.ts";
import { runCommand, summaryOf, type Target } from "./target.ts";

const READERS = [
  ["vmcore-dmesg", "dump"],
  ["vmcore", "dump"],
  ["vmcore", "--json", "dump"],
] as const;

export const dumps: Target = {
  name: "dumps",
  holds: "vmcore-dmesg, vmcore and a copy end with 0, or with 1 and a named error",
  words: [
    "0\n",
    "-1\n",
    "8\n",
    "4294967295",
    "18446744073709551615",
    "ffffffffffffffff",
    "SYMBOL(prb)=",
    "SIZE(log)=16\n",
  ],
  isText: false,
  work: 300,
  attempt(host, input) {
    const files = new Map([["dump", input]]);
    const runs = READERS.map((words) => {
      const outcome = runCommand({ host, files }, words);
      if (outcome.code > 1) throw new Error(`${words[0]}: exit code ${outcome.code}`);
      return summaryOf(host, outcome);
    });
    const copy = runCommand({ host, files }, ["vmcore", "--copy", "copy", "dump"]);
    const copied = copy.machine.files.get("copy");
    if (copy.code === 0 && copied === undefined) throw new Error("nothing was copied");
    return [...runs, `${copy.code} ${copied === undefined ? "" : host.sha256(copied)} ${copy.err}`].join("\n");
  },
};

/** Files of the running kernel, of which a kernel of another age or a container may tell anything. */
const FACTS = [
  ...["/proc/iomem", "/proc/cmdline", "/proc/meminfo", "/proc/self/status", "/sys/kernel/kexec_loaded"],
  ...["/sys/kernel/vmcoreinfo", "/sys/firmware/memmap/0/start", "/sys/kernel/boot_params/data", "/proc/kcore"],
  ...[
    "/sys/firmware/fdt",
    "/sys/devices/system/cpu/online",
    "/sys/firmware/efi/systab",
    "/sys/kernel/security/lockdown",
  ],
  ...["/proc/device-tree/memory@0/reg", "/proc/device-tree/memory@0/device_type", "/proc/device-tree/#address-cells"],
  ...["/proc/device-tree/rtas/linux,rtas-base", "/proc/device-tree/chosen/linux,initrd-start"],
  ...["/proc/device-tree/reserved-memory/x@1000/reg", "/proc/device-tree/cpus/cpu@0/reg"],
];

const COMMANDS = [
  ["x86_64", ["kexec", "-n", "kernel"]],
  ["x86_64", ["elfcorehdr", "-b", "0x1000000"]],
  ["ppc64", ["kexec", "-n", "--dtb", "tree", "vmlinux"]],
  ["aarch64", ["kexec", "-p", "-n", "--dtb", "tree", "Image"]],
  ["aarch64", ["loadem", "-n", "-a", "0x1000000", "-e", "-f", "Image"]],
  ["ppc64le", ["kexec", "-S"]],
  ["ppc64", ["elfcorehdr"]],
  ["ppc64", ["kexec", "-n", "vmlinux"]],
  ["ppc64le", ["loadem", "-n", "-a", "0x1000000", "-e", "-f", "vmlinux"]],
] as const;

/** An input is the files one after the other, with a NUL behind each. */
export function factsOn(belongings: Belongings): Target {
  return {
    name: "facts",
    holds: "whatever /proc and /sys say, a command ends as documented",
    words: [
      ...["00001000-0009ffff : System RAM\n", "  01000000-01ffffff : Kernel code\n", "100000-1fffff : Crash kernel\n"],
      ...[
        "ffffffffffffffff",
        "quiet crashkernel=256M",
        "MemTotal:  1024 kB\n",
        "CapEff:\t000001ffffffffff\n",
        "[none]",
        "\0",
      ],
    ],
    isText: true,
    work: 1000,
    attempt(host, input) {
      const told = splitAtZeros(input).flatMap((part, index): [string, Uint8Array][] => {
        const path = FACTS[index];
        return path === undefined ? [] : [[path, part]];
      });
      const runs = COMMANDS.map(([machine, words]) => {
        const files = new Map([...filesOf(belongings, machine), ...told]);
        return summaryOf(host, runCommand({ host, machine, files }, words));
      });
      return runs.join("\n");
    },
  };
}

function splitAtZeros(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf(0, at);
    if (end < 0) return [...parts, bytes.subarray(at)];
    parts.push(bytes.subarray(at, end));
    at = end + 1;
  }
}
