// Lines of other people's scripts that call kexec, as they stand there: a real shell takes them apart, and what they do on
// a pretended machine is told in words.

import { beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { nodeOf, readBlob } from "../support/blob-reader.ts";
import { bzImage } from "../support/bzimage.ts";
import type { Answer } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { arm64Image } from "../support/forms.ts";
import { ARM64, PPC64, WITH_CRASHKERNEL, X86_64 } from "../support/kexec-machines.ts";
import { type Load, type LoadRun, type Pretended, runPretended, segmentOf } from "../support/loading.ts";
import { present } from "../support/present.ts";
import { ZeroPageReader } from "../support/zero-page-reader.ts";

interface Line {
  readonly of: string;
  readonly machine: Pretended;
  /** The script's variables. */
  readonly given?: Readonly<Record<string, string>>;
  readonly text: string;
  /** What each call of kexec does, in order. */
  readonly does: readonly string[];
}

const FILES = {
  "/boot/vmlinuz": bzImage(),
  "/boot/vmlinux": Buffer.alloc(0x20_0000, 0x60).fill("run0", 0x5c, 0x60, "latin1"),
  "/boot/Image": Buffer.concat([arm64Image(), Buffer.alloc(0x1000, 1)]),
  "/boot/initrd.img": Buffer.alloc(0x1_2345, 0x11),
  "/kexec/kernel": bzImage({ kernel: new Uint8Array(0x4000).fill(0xdd) }),
  "/kexec/initrd": Buffer.alloc(0x2_0000, 0x22),
} as const;

const folder = temporaryFolder({ lasts: "file" });
const here = (path: string): string => folder.in(path.slice(1).replaceAll("/", "-"));

const LINES: readonly Line[] = [
  {
    of: "Debian's kexec-tools, /etc/init.d/kexec-load and /etc/init.d/kexec",
    machine: X86_64,
    given: { KERNEL_IMAGE: "/boot/vmlinuz", INITRD: "/boot/initrd.img", REAL_APPEND: "root=/dev/sda1 ro quiet" },
    text: `
      if [ -z "$INITRD" ]
      then
          /sbin/kexec -l "$KERNEL_IMAGE" --append="$REAL_APPEND"
      else
          /sbin/kexec -l "$KERNEL_IMAGE" --initrd="$INITRD" --append="$REAL_APPEND"
      fi
      /sbin/kexec -e`,
    does: ["loads /boot/vmlinuz, /boot/initrd.img: root=/dev/sda1 ro quiet", "jumps"],
  },
  {
    of: "the same without an initrd",
    machine: X86_64,
    given: { KERNEL_IMAGE: "/boot/vmlinuz", REAL_APPEND: "" },
    text: `/sbin/kexec -l "$KERNEL_IMAGE" --append="$REAL_APPEND"`,
    does: ["loads /boot/vmlinuz: "],
  },
  {
    of: "Debian's kdump-tools, kdump-config load and unload, with an ELF kernel",
    machine: WITH_CRASHKERNEL,
    given: {
      KEXEC: "kexec",
      KDUMP_CMDLINE: "root=/dev/vda2 quiet",
      KDUMP_CMDLINE_APPEND: "nr_cpus=1 systemd.unit=kdump-tools-dump.service",
      KDUMP_INITRD: "/boot/initrd.img",
      KDUMP_KERNEL: "/boot/vmlinux",
    },
    text: `
      KEXEC_CMD="$KEXEC -p"
      KEXEC_CMD="$KEXEC_CMD --args-linux"
      KDUMP_CMDLINE="$KDUMP_CMDLINE $KDUMP_CMDLINE_APPEND"
      KEXEC_CMD="$KEXEC_CMD --command-line=\\"$KDUMP_CMDLINE\\""
      KEXEC_CMD="$KEXEC_CMD --initrd=$KDUMP_INITRD"
      KEXEC_CMD="$KEXEC_CMD $KDUMP_KERNEL"
      eval $KEXEC_CMD
      $KEXEC -p -u`,
    does: [
      "loads for a panic /boot/vmlinux, /boot/initrd.img: root=/dev/vda2 quiet nr_cpus=1 systemd.unit=kdump-tools-dump.service elfcorehdr=0x1ffe0000",
      "unloads the crash kernel",
    ],
  },
  {
    of: "Fedora's kdumpctl on ppc64le, start and stop",
    machine: WITH_CRASHKERNEL,
    given: {
      KEXEC: "kexec",
      KEXEC_ARGS: "--dt-no-old-root",
      standard_kexec_args: "-d -p",
      KDUMP_COMMANDLINE: "root=/dev/mapper/fedora-root ro irqpoll maxcpus=1 numa=off",
      TARGET_INITRD: "/boot/initrd.img",
      KDUMP_KERNEL: "/boot/vmlinux",
    },
    text: `
      $KEXEC $KEXEC_ARGS $standard_kexec_args \\
          --command-line="$KDUMP_COMMANDLINE" \\
          --initrd=$TARGET_INITRD $KDUMP_KERNEL
      $KEXEC -p -u`,
    does: [
      "loads for a panic /boot/vmlinux, /boot/initrd.img: root=/dev/mapper/fedora-root ro irqpoll maxcpus=1 numa=off elfcorehdr=0x1ffe0000",
      "unloads the crash kernel",
    ],
  },
  {
    of: "petitboot, discover/boot.c, with a device tree from the boot option",
    machine: PPC64,
    given: {
      local_initrd: "/boot/initrd.img",
      local_dtb: "/sys/firmware/fdt",
      args: "root=/dev/sda2 console=hvc0",
      local_image: "/boot/vmlinux",
    },
    text: `
      kexec -l --debug "--initrd=$local_initrd" "--dtb=$local_dtb" "--append=$args" "$local_image"
      kexec -e
      kexec -e -f`,
    does: ["loads /boot/vmlinux, /boot/initrd.img, a tree of its own: root=/dev/sda2 console=hvc0", "jumps", "jumps"],
  },
  {
    of: "systemd, systemctl kexec",
    machine: ARM64,
    given: { kernel: "/boot/Image", options: "root=LABEL=root rw", initrd: "/boot/initrd.img" },
    text: `/usr/sbin/kexec --load "$kernel" --append "$options" --initrd "$initrd"`,
    does: ["loads /boot/Image, /boot/initrd.img: root=LABEL=root rw"],
  },
  {
    of: "op-test of OpenPOWER, testcases/OpTestKexec.py",
    machine: PPC64,
    text: `
      kexec -l /boot/vmlinux --initrd /boot/initrd.img --append="\`cat /proc/cmdline\`"
      kexec -u
      kexec -e
      kexec -f /boot/vmlinux --initrd /boot/initrd.img --append="\`cat /proc/cmdline\`"
      kexec -l -e /boot/vmlinux --initrd /boot/initrd.img --append="\`cat /proc/cmdline\`"`,
    does: [
      "loads /boot/vmlinux, /boot/initrd.img: root=/dev/sda3 ro",
      "unloads",
      "jumps",
      "loads /boot/vmlinux, /boot/initrd.img: root=/dev/sda3 ro, jumps",
      "loads /boot/vmlinux, /boot/initrd.img: root=/dev/sda3 ro, jumps",
    ],
  },
  {
    of: "heads, initrd/bin/kexec-boot.sh",
    machine: X86_64,
    given: {
      filepath: "/boot/vmlinuz",
      initrd: "/boot/initrd.img",
      cmdline: "root=/dev/mapper/qubes rd.luks=1  quiet",
    },
    text: `
      kexeccmd="kexec"
      kexeccmd="$kexeccmd -l $filepath"
      kexeccmd="$kexeccmd --initrd=$initrd"
      kexeccmd="$kexeccmd --append=\\"$cmdline\\""
      eval "$kexeccmd" \\
      || die "Failed to load the new kernel"
      kexec -e`,
    does: ["loads /boot/vmlinuz, /boot/initrd.img: root=/dev/mapper/qubes rd.luks=1  quiet", "jumps"],
  },
  {
    of: "ZFSBootMenu, zfsbootmenu-core.sh",
    machine: X86_64,
    given: {
      mnt: "",
      kernel: "/boot/vmlinuz",
      initramfs: "/boot/initrd.img",
      root_prefix: "root=zfs:",
      fs: "zroot/ROOT/void",
    },
    text: `
      kexec -a -l "\${mnt}\${kernel}" \\
        --initrd="\${mnt}\${initramfs}" \\
        --command-line="\${root_prefix}\${fs} \${cli_args}"
      kexec -e -i`,
    does: ["loads /boot/vmlinuz, /boot/initrd.img: root=zfs:zroot/ROOT/void ", "jumps"],
  },
  {
    of: "CoreOS, bootengine",
    machine: X86_64,
    given: { BOOTENGINE_ROOT_CMDLINE: "PARTUUID=1234", BOOTENGINE_KERNEL_PATH: "/boot/vmlinuz" },
    text: `
      kexec --reuse-cmdline \\
          --append="root=\${BOOTENGINE_ROOT_CMDLINE}" \\
          --load $BOOTENGINE_KERNEL_PATH
      kexec --exec`,
    does: ["loads /boot/vmlinuz: console=ttyS0 root=PARTUUID=1234", "jumps"],
  },
  {
    of: "Buildroot, support/testing/tests/package/test_kexec.py",
    machine: ARM64,
    text: `
      kexec -d -l --dtb=/sys/firmware/fdt --reuse-cmdline --serial=ttyAMA0 --append=br-test /boot/Image
      kexec -d -e`,
    does: ["loads /boot/Image, a tree of its own: quiet br-test", "jumps"],
  },
  {
    of: "Linux itself, tools/testing/selftests/liveupdate/do_kexec.sh",
    machine: X86_64,
    given: { KERNEL: "/boot/vmlinuz", INITRAMFS: "/boot/initrd.img" },
    text: `
      set -- -l -s --reuse-cmdline "$KERNEL"
      set -- "$@" --initrd="$INITRAMFS"
      kexec "$@"
      kexec -e`,
    does: ["has the kernel load /boot/vmlinuz, /boot/initrd.img: console=ttyS0", "jumps"],
  },
  {
    of: "NixOS, nixos/modules/installer/netboot/kexec-boot.sh",
    machine: X86_64,
    given: { kexecTree: "/kexec", parameters: "init=/nix/store/init loglevel=4" },
    text: `
      kexec --load \\
          --initrd="$kexecTree/initrd" \\
          --command-line="$(echo "$parameters")" \\
          -- "$kexecTree/kernel"

      kexec -e`,
    does: ["loads /kexec/kernel, /kexec/initrd: init=/nix/store/init loglevel=4", "jumps"],
  },
  {
    of: "what people type",
    machine: PPC64,
    text: `kexec -l /boot/vmlinux --initrd=/boot/initrd.img --append="quiet nosmt" && kexec -e`,
    does: ["loads /boot/vmlinux, /boot/initrd.img: quiet nosmt", "jumps"],
  },
];

/** The arguments of each call of kexec that a shell makes of a script. */
function callsIn({ text, given = {} }: Line): string[][] {
  const stubs = [
    // Each argument after the calls' number of them, so that two calls can be told apart.
    `kexec() { printf '%s\\0' "$#" "$@"; }`,
    "cat() { echo 'root=/dev/sda3 ro'; }",
  ];
  // A function's name has no slash in it.
  const script = [...stubs, text.replaceAll(/\/(usr\/)?sbin\/kexec/g, "kexec")].join("\n");
  const { stdout, exitCode } = Bun.spawnSync(["bash", "-c", script], { env: { ...given, PATH: "/usr/bin:/bin" } });
  expect(exitCode).toBe(0);
  const words = stdout.toString("latin1").split("\0").slice(0, -1);
  const calls: string[][] = [];
  for (let at = 0; at < words.length; at += 1 + Number(words[at])) {
    calls.push(words.slice(at + 1, at + 1 + Number(words[at])));
  }
  return calls;
}

const ON_DISK: ReadonlySet<string> = new Set(Object.keys(FILES));

/** The files of those names are in the folder. */
const redirected: Answer = (args, call) =>
  call.pass(args.map((arg, index) => (index === 1 && ON_DISK.has(String(arg)) ? here(String(arg)) : arg)));

/** A tree that is told from the running machine's by a property, and is as good. */
function ownTree(machine: Pretended): Buffer {
  const { out, err, code } = runPretended(
    folder.path,
    machine,
    "fs2dt",
    "-b",
    "0",
    "--set",
    "/chosen/own",
    "/proc/device-tree",
  );
  if (code !== 0) throw new Error(err);
  return out;
}

function run(machine: Pretended, args: readonly string[]): LoadRun {
  const on = { openat: redirected, statx: redirected, reboot: () => 0 };
  const own = machine.machine === "x86_64" ? {} : { "/sys/firmware/fdt": ownTree(machine) };
  const files = { ...machine.files, "/sys/kernel/kexec_loaded": "1\n", ...own };
  return runPretended(folder.path, { ...machine, on, files }, "kexec", ...args);
}

function nameOf(bytes: Buffer): string {
  const found = Object.entries(FILES).find(([, content]) => content.includes(bytes) && bytes.length > 0x1000);
  return found?.[0] ?? `${bytes.length} strange bytes`;
}

/** A crash kernel of ppc64 is told to stay where it is: the word that is stored there, back as it was in the file. */
function asInTheFile(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length > 0x60 && copy.readUInt32BE(0x5c) === 1) copy.write("run0", 0x5c, "latin1");
  return copy;
}

/** Files, a tree of the person's own, the command line: as the next kernel will find them. */
function toldBy(machine: Pretended, load: Load): string {
  const [argument, kernel, initrd] = [0, 1, 2].map((index) => load.segments[index]);
  const bytes = present(argument).bytes.subarray(0x100);
  const files = [kernel, initrd].flatMap((segment) =>
    segment === undefined ? [] : [nameOf(asInTheFile(segment.bytes))],
  );
  if (machine.machine === "x86_64") {
    return `${files.join(", ")}: ${new ZeroPageReader(bytes, present(argument).mem + 0x100n).commandLine}`;
  }
  const { properties } = nodeOf(readBlob(bytes).root, "/chosen");
  const bootargs = present(properties.find(({ name }) => name === "bootargs"))
    .value.toString("latin1")
    .slice(0, -1);
  const own = properties.some(({ name }) => name === "own") ? ["a tree of its own"] : [];
  return `${[...files, ...own].join(", ")}: ${bootargs}`;
}

function inWords(machine: Pretended, { loads, fileLoads, changes }: LoadRun): string {
  const crash = loads.some(({ flags }) => (flags & 1n) !== 0n);
  const said = changes.map((change) => {
    if (change === "reboot") return "jumps";
    if (change === "kexec_file_load") {
      const { kernel, initrd, commandLine } = present(fileLoads[0]);
      const names = [kernel, ...(initrd === undefined ? [] : [nameOf(initrd)])];
      return `has the kernel load ${names.join(", ")}: ${commandLine.slice(0, -1)}`;
    }
    const load = present(loads[0]);
    if (load.segments.length === 0) return `unloads${crash ? " the crash kernel" : ""}`;
    expect(load.entry).toBe(segmentOf(load, 0).mem);
    return `loads ${crash ? "for a panic " : ""}${toldBy(machine, load)}`;
  });
  return said.join(", ");
}

beforeAll(() => {
  for (const [path, content] of Object.entries(FILES)) writeFileSync(here(path), content);
});

describe("a line of", () => {
  test.each(LINES.map((line) => [line.of, line] as const))("%s", (_, line) => {
    const runs = callsIn(line).map((args) => run(line.machine, args));
    expect(runs.map(({ code, err }) => (code === 0 ? 0 : err))).toEqual(line.does.map(() => 0));
    expect(runs.map((each) => inWords(line.machine, each))).toEqual([...line.does]);
  });
});
