// Pretended machines for kexec, whose kernels tell enough of their memory to find places in it.

import { blob } from "../../src/devicetree/to/blob.ts";
import { type Pretended, WITHOUT_TREE } from "./loading.ts";
import { cells } from "./tree.ts";

export const PPC64: Pretended = {
  pageSize: 0x10000,
  files: { "/proc/cmdline": "BOOT_IMAGE=/vmlinux root=/dev/vda1 crashkernel=1G quiet\n" },
};

export const WITH_CRASHKERNEL: Pretended = {
  ...PPC64,
  files: {
    ...PPC64.files,
    "/proc/device-tree/chosen/linux,crashkernel-base": cells(0, 0x1000_0000),
    "/proc/device-tree/chosen/linux,crashkernel-size": cells(0, 0x1000_0000),
  },
};

export const ARM64: Pretended = {
  machine: "aarch64",
  files: {
    ...WITHOUT_TREE,
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

export const X86_64: Pretended = {
  machine: "x86_64",
  files: {
    ...WITHOUT_TREE,
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
