// poweroff: turns the machine off if process 1 is this program, so that no other machine goes down by accident.

import type { Applet } from "../cli/applet.ts";
import { parse } from "../cli/options.ts";
import { EXIT, Failure, usage } from "../failure.ts";
import { CWD, REBOOT_POWER_OFF, REBOOT_RESTART, type System } from "../sys/system.ts";

const poweroff: Applet = {
  name: "poweroff",
  summary: "Write out cached data and turn the machine off",
  operands: "",
  options: [
    { long: "reboot", help: "Restart the machine through its firmware instead." },
    { long: "force", help: "Do it even if process 1 is another program than this one." },
  ],
  run(system, args) {
    const { given, operands } = parse(poweroff.options, args);
    if (operands[0] !== undefined) throw usage(operands[0], "no operand is expected");
    if (!given.has("force") && !processOneIsThisProgram(system)) {
      throw new Failure("process 1", "is not this program; --force ends the machine anyway");
    }
    system.call("sync");
    const command = given.has("reboot") ? REBOOT_RESTART : REBOOT_POWER_OFF;
    return system.must(system.reboot(command), "reboot", EXIT.refused);
  },
};

function processOneIsThisProgram(system: System): boolean {
  const processOne = system.readLink(CWD, "/proc/1/exe");
  return typeof processOne === "string" && processOne === system.readLink(CWD, "/proc/self/exe");
}

export default poweroff;
