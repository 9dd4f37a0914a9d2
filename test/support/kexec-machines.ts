// Pretended machines for kexec, whose kernels tell enough of their memory to find places in it.

import { blob } from "../../src/devicetree/to/blob.ts";
import { coreFile, crashFiles, NO_ADDRESS } from "./core-files.ts";
import { type Pretended, WITHOUT_TREE } from "./loading.ts";
import { cells } from "./tree.ts";

export const PPC64: Pretended = {
  pageSize: 0x10000,
  files: { "/proc/cmdline": "BOOT_IMAGE=/vmlinux root=/dev/vda1 crashkernel=1G quiet\n" },
};

/** What lies below 64 KiB on the pretended ppc64 machine. */
export const VECTORS = Uint8Array.from({ length: 0x1_0000 }, (_, at) => (at * 7 + (at >> 8)) & 0xff);

export const WITH_CRASHKERNEL: Pretended = {
  ...PPC64,
  files: {
    ...PPC64.files,
    ...crashFiles(2),
    "/proc/kcore": coreFile("ppc64", [
      { address: 0xc000_0000_0000_0000n, physical: 0n, size: 0x8000_0000n, bytes: VECTORS },
      { address: 0xc008_0000_0000_0000n, physical: NO_ADDRESS, size: 0x1000_0000n },
    ]),
    "/proc/device-tree/chosen/linux,crashkernel-base": cells(0, 0x1000_0000),
    "/proc/device-tree/chosen/linux,crashkernel-size": cells(0, 0x1000_0000),
  },
};

export const ARM64: Pretended = {
  machine: "aarch64",
  files: {
    ...WITHOUT_TREE,
    ...crashFiles(2),
    "/proc/kcore": coreFile("aarch64", [
      { address: 0xffff_8000_0801_0000n, physical: 0x4021_0000n, size: 0x11f_0000n },
      { address: 0xffff_0000_0000_0000n, physical: 0x4000_0000n, size: 0x4000_0000n },
    ]),
    "/proc/cmdline": "quiet\n",
    "/proc/device-tree/#address-cells": cells(2),
    "/proc/device-tree/#size-cells": cells(2),
    "/proc/device-tree/memory@40000000/reg": cells(0, 0x4000_0000, 0, 0x4000_0000),
    "/proc/device-tree/memory@40000000/device_type": "memory\0",
    "/proc/device-tree/psci/method": "smc\0",
    "/proc/device-tree/chosen/kaslr-seed": cells(0, 0),
    "/proc/device-tree/chosen/linux,initrd-start": cells(0x4800_0000),
    "/proc/device-tree/chosen/linux,initrd-end": cells(0x4900_0000),
    "/proc/iomem": `40000000-7fffffff : System RAM
  40210000-413fffff : Kernel code
  60000000-6fffffff : Crash kernel
`,
    "/sys/firmware/fdt": blob(
      { name: "", properties: [], children: [] },
      { version: 17, padding: 0, maxSize: 4096, address: undefined, reservations: [], bootCpu: 0 },
    ),
  },
};

export const RISCV64: Pretended = {
  machine: "riscv64",
  files: {
    ...WITHOUT_TREE,
    ...crashFiles(2),
    "/proc/kcore": coreFile("riscv64", [
      { address: 0xffff_ffff_8000_0000n, physical: 0x8020_0000n, size: 0x1e6_c000n },
      { address: 0xffff_af80_0000_0000n, physical: 0x8000_0000n, size: 0x4000_0000n },
    ]),
    "/proc/cmdline": "quiet\n",
    "/proc/device-tree/#address-cells": cells(2),
    "/proc/device-tree/#size-cells": cells(2),
    "/proc/device-tree/memory@80000000/reg": cells(0, 0x8000_0000, 0, 0x4000_0000),
    "/proc/device-tree/memory@80000000/device_type": "memory\0",
    "/proc/device-tree/cpus/cpu@0/riscv,isa": "rv64imafdc\0",
    "/proc/device-tree/chosen/linux,initrd-start": cells(0x8820_0000),
    "/proc/device-tree/chosen/linux,initrd-end": cells(0x8920_0000),
    "/proc/device-tree/reserved-memory/#address-cells": cells(2),
    "/proc/device-tree/reserved-memory/#size-cells": cells(2),
    "/proc/device-tree/reserved-memory/mmode_resv0@80000000/reg": cells(0, 0x8000_0000, 0, 0x8_0000),
    "/proc/iomem": `80000000-bfffffff : System RAM
  80000000-8007ffff : Reserved
  80202000-81fb93ff : Kernel code
  a0000000-afffffff : Crash kernel
`,
  },
};

export const X86_64: Pretended = {
  machine: "x86_64",
  files: {
    ...WITHOUT_TREE,
    ...crashFiles(2),
    "/proc/kcore": coreFile("x86_64", [
      { address: 0xffff_ffff_8100_0000n, physical: 0x100_0000n, size: 0x100_0000n },
      { address: 0xffff_c900_0000_0000n, physical: NO_ADDRESS, size: 0x1000_0000_0000n },
      { address: 0xffff_8880_0000_1000n, physical: 0x1000n, size: 0x9e000n },
      { address: 0xffff_8880_0010_0000n, physical: 0x10_0000n, size: 0x7fee_0000n },
    ]),
    "/proc/cmdline": "console=ttyS0\n",
    "/proc/iomem": `00001000-0009fbff : System RAM
00100000-7ffdffff : System RAM
  01000000-01ffffff : Kernel code
  10000000-1fffffff : Crash kernel
`,
    ...Object.fromEntries(
      [
        ["0x0", "0x9fbff", "System RAM"],
        ["0x100000", "0x7ffdffff", "System RAM"],
        ["0x7ffe0000", "0x7fffffff", "Reserved"],
      ].flatMap(([start, end, type], index) =>
        Object.entries({ start, end, type }).map(([name, value]) => [
          `/sys/firmware/memmap/${index}/${name}`,
          `${value}\n`,
        ]),
      ),
    ),
  },
};
