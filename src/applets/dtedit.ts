// dtedit: a tree, changed as told, into a blob, source text, JSON or a directory.

import { type Applet } from "../cli/applet.ts";
import { type Arguments, parse } from "../cli/options.ts";
import { addressOf } from "../cli/values.ts";
import { refuseErrors } from "../devicetree/check/checks.ts";
import { readTree } from "../devicetree/from/source.ts";
import { surveyOf } from "../devicetree/survey.ts";
import { blob } from "../devicetree/to/blob.ts";
import { writeDirectory } from "../devicetree/to/directory.ts";
import { treeJson } from "../devicetree/to/json.ts";
import { plain, treeSource } from "../devicetree/to/source-text.ts";
import type { DeviceTree } from "../devicetree/tree.ts";
import { EXIT, usage } from "../failure.ts";
import { EDIT_NOTES, editOptions, editsOf } from "../options/edits.ts";
import { type BlobForm, blobFormOf, blobOptions, noticesOf, readOptions, readRulesOf } from "../options/trees.ts";
import type { ByteString } from "../sys/engine.ts";
import { STDOUT, type System } from "../sys/system.ts";

const formats = ["dtb", "dts", "json", "dir"] as const;
type Format = (typeof formats)[number];

const dtedit: Applet = {
  name: "dtedit",
  summary: "Change a device tree and write it as blob, source, JSON or directory",
  operands: "IN OUT",
  options: [
    { short: "O", long: "format", value: "FORMAT", help: "Write OUT as dtb (a blob, the default), dts, json or dir." },
    {
      short: "b",
      long: "address",
      value: "ADDR",
      help: "Say where the blob will lie, a multiple of 8. It reserves its own memory.",
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
    const given = parse(dtedit.options, args);
    const { source, target, format, address } = requested(given);
    const edits = editsOf(system, given.inTurn);
    const form = blobFormOf(given.given);
    if (target === "-" && format === "dtb") system.refuseTerminal();
    const notice = noticesOf(system, "dtedit");
    const tree = readTree(system, source, readRulesOf(given.given, notice));
    for (const edit of edits) edit(tree);
    tree.address = address ?? tree.address;
    if (given.given.has("check")) refuseErrors(tree, notice);
    if (format === "dir") writeDirectory(system, tree.root, target);
    else writeTo(system, target, inFormat(system, tree, format, form));
    return EXIT.done;
  },
};

interface Request {
  readonly source: ByteString;
  readonly target: ByteString;
  readonly format: Format;
  readonly address: bigint | undefined;
}

function requested({ given, operands }: Arguments): Request {
  const [source, target, ...more] = operands;
  if (source === undefined || target === undefined || more.length > 0)
    throw usage("operands", `IN and OUT are needed, ${operands.length} are given`);
  const name = given.get("format") ?? "dtb";
  const format = formats.find((known) => known === name);
  if (format === undefined) throw usage("-O", `'${name}' is none of ${formats.join(" ")}`);
  if (format === "dir" && target === "-") throw usage("OUT", "a directory cannot be written to standard output");
  const address = given.get("address");
  return { source, target, format, address: address === undefined ? undefined : addressOf(address, "blob", 8n) };
}

function inFormat(system: System, tree: DeviceTree, format: Exclude<Format, "dir">, form: BlobForm): Uint8Array {
  switch (format) {
    case "dtb":
      return blob(tree.root, { ...tree, ...form });
    case "dts":
      return system.bytes(treeSource(surveyOf(tree), { paint: plain, annotate: false }));
    case "json":
      return system.bytes(treeJson(tree));
  }
}

function writeTo(system: System, target: ByteString, bytes: Uint8Array): void {
  if (target === "-") system.writeAll(STDOUT, bytes, "standard output");
  else system.replaceFile(target, bytes);
}

export default dtedit;
