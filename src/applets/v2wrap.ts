// v2wrap: the 256 bytes that take every cpu from the old kernel to the new one, on standard output.

import { builtInStub } from "../arch/stubs.ts";
import type { Applet } from "../cli/applet.ts";
import { parse } from "../cli/options.ts";
import { EXIT, usage } from "../failure.ts";
import { STDOUT } from "../sys/system.ts";

const v2wrap: Applet = {
  name: "v2wrap",
  summary: "Write the 256-byte stub through which the next kernel is entered",
  operands: "> FILE",
  options: [
    {
      long: "machine",
      value: "ppc64|ppc|arm64|x86_64",
      help: "Write that machine's stub (default: the running machine's).",
    },
  ],
  notes: `
The device tree blob, on x86_64 the zero page, directly follows the stub. On
ppc64 the stub has this layout; all words are big endian:

  0x00   the cpu that boots enters here, in either endian
  0x60   the secondary cpus enter here, in the copy of the stub at address 0
  0xf4   how many of them to wait for; loadem stores it
  0xf8   the kernel's address; loadem -c 0x100 stores it
  0x100  the device tree blob

On ppc the kernel's address is at 0xfc, big endian; loadem -c 0x100 stores it.

On ppc, arm64 and x86_64 the secondary cpus do not come through the stub. On
arm64 and x86_64 it only needs the kernel's address at 0xf8, little endian;
loadem -c 0xf8 stores it. On riscv64 no stub is needed: the running kernel
itself hands the tree over.
`,
  run(system, args) {
    const { given, operands } = parse(v2wrap.options, args);
    const [operand] = operands;
    if (operand !== undefined) throw usage(operand, "not expected: the stub goes to standard output");
    system.refuseTerminal();
    const stub = builtInStub("--machine", given.get("machine") ?? system.machine);
    system.writeAll(STDOUT, stub, "standard output");
    return EXIT.done;
  },
};

export default v2wrap;
