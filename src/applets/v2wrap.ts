// v2wrap: the 256 bytes that take every cpu from the old kernel to the new one, on standard output.

import { builtInStub } from "../arch/stubs.ts";
import { type Applet } from "../cli/applet.ts";
import { parse } from "../cli/options.ts";
import { EXIT, usage } from "../failure.ts";
import { STDOUT } from "../sys/system.ts";

const v2wrap: Applet = {
  name: "v2wrap",
  summary: "Writes the 256-byte stub that stands before what the kernel expects",
  operands: "> FILE",
  options: [
    { long: "machine", value: "ppc64|arm64|x86_64", help: "writes that machine's stub (default: the running one's)" },
  ],
  notes: `
The stub enters a kernel that expects a device tree. On ppc64 its layout is
this, all words big endian:

  0x00   the cpu that boots enters here, in either endian
  0x60   all other cpus enter here, in the copy of the stub at address 0
  0xf4   how many of them to wait for; loadem stores it
  0xf8   the kernel's address; loadem -c 0x100 stores it
  0x100  the device tree blob, which is not part of the stub

On arm64 the other cpus are off, and it has only the kernel's address, little
endian: loadem -c 0xf8 stores it. So it is on x86_64, where a zero page stands
behind it in place of the tree.
`,
  run(system, args) {
    const { given, operands } = parse(v2wrap.options, args);
    if (operands.length > 0) throw usage(operands[0]!, "not expected: the stub goes to standard output");
    system.refuseTerminal();
    const stub = builtInStub("--machine", given.get("machine") ?? system.machine);
    system.writeAll(STDOUT, stub, "standard output");
    return EXIT.done;
  },
};

export default v2wrap;
