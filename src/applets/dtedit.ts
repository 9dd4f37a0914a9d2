// dtedit: edits a tree and writes it as a blob, source text, JSON or a directory.

import type { Applet } from "../cli/applet.ts";
import { type Arguments, parse } from "../cli/options.ts";
import { addressOf } from "../cli/values.ts";
import { EXIT, usage } from "../failure.ts";
import { EDIT_NOTES, editOptions, parseEdits } from "../options/edits.ts";
import { blobOptions, noticeOn, parseBlobForm, parseReadRules, readOptions } from "../options/trees.ts";
import { type EditTreeRequest, editTree, formats } from "../recipes/edit-tree.ts";
import type { System } from "../sys/system.ts";

const dtedit: Applet = {
  name: "dtedit",
  summary: "Change a device tree: write blob, source, JSON or directory",
  operands: "IN OUT",
  options: [
    { short: "O", long: "format", value: "FORMAT", help: "Write OUT as dtb (a blob, the default), dts, json or dir." },
    {
      short: "b",
      long: "address",
      value: "ADDR",
      help: "Set the blob's address, a multiple of 8. The blob reserves its own memory.",
    },
    ...blobOptions,
    ...editOptions,
    ...readOptions,
    { long: "check", help: "Write nothing if dtcheck finds an error." },
  ],
  notes: `
IN is a directory, a blob of any version up to 17, or - for a blob on standard
input. OUT is a file, which is replaced; or a new directory (-O dir); or - for
standard output. It is written whole or not at all. A blob that reserved its
own memory still does, with its new size.

${EDIT_NOTES}

  dtedit -i initrd@0x8000000 -B 'console=hvc0' before.dtb after.dtb
  dtedit --set '/chosen/linux,stdout-path="/vdevice/vty@0"' a.dtb b.dtb
`,
  run(system, args) {
    const request = parseRequest(system, parse(dtedit.options, args));
    if (request.target === "-" && request.format === "dtb") system.refuseTerminal();
    editTree(system, request);
    return EXIT.done;
  },
};

function parseRequest(system: System, { given, inTurn, operands }: Arguments): EditTreeRequest {
  const [source, target, ...more] = operands;
  if (source === undefined || target === undefined || more.length > 0)
    throw usage("operands", `IN and OUT are needed, ${operands.length} are given`);
  const name = given.get("format") ?? "dtb";
  const format = formats.find((known) => known === name);
  if (format === undefined) throw usage("-O", `'${name}' is none of ${formats.join(" ")}`);
  if (format === "dir" && target === "-") throw usage("OUT", "a directory cannot be written to standard output");
  const address = given.get("address");
  return {
    source,
    target,
    format,
    address: address === undefined ? undefined : addressOf(address, "blob", 8n),
    edits: parseEdits(system, inTurn),
    form: parseBlobForm(given),
    rules: parseReadRules(given, noticeOn(system, "dtedit")),
    check: given.has("check"),
  };
}

export default dtedit;
