// The edits as a person writes them: options that act in their turn, or lines of a file that say the same.

import { confineTree, tellCoreHeader } from "../arch/hand-overs.ts";
import type { Option } from "../cli/applet.ts";
import type { Directive } from "../cli/options.ts";
import { numberOf } from "../cli/values.ts";
import { dropInitrd, setBootargs, setInitrd, setSeeds } from "../devicetree/edit/chosen.ts";
import {
  addNode,
  deleteNode,
  deleteProperty,
  type Edit,
  type PropertyName,
  reserve,
  setValue,
  unreserve,
} from "../devicetree/edit/edits.ts";
import { unescapeName } from "../devicetree/names.ts";
import { findNode, phandleOrNew } from "../devicetree/references.ts";
import type { DeviceTree } from "../devicetree/tree.ts";
import { parseValue, type Resolve, resolveValue, type WrittenValue } from "../devicetree/values.ts";
import { Failure, hex, usage } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import { INITRD_FORM, parseInitrd } from "./initrd.ts";
import { RANGES, rangeOf, rangesOf } from "./ranges.ts";

export const editOptions: readonly Option[] = [
  {
    long: "set",
    value: "NODE/PROPERTY[=VALUE]",
    inTurn: true,
    help: "Set a property of an existing node. Without =VALUE it is empty.",
  },
  { long: "delete", value: "NODE/PROPERTY", inTurn: true, help: "Delete a property." },
  { long: "add-node", value: "NODE", inTurn: true, help: "Add an empty node to an existing one." },
  { long: "delete-node", value: "NODE", inTurn: true, help: "Delete a node and everything in it." },
  {
    short: "B",
    long: "bootargs",
    value: "TEXT",
    inTurn: true,
    help: "Set /chosen/bootargs, the next kernel's command line.",
  },
  {
    short: "i",
    long: "initrd",
    value: INITRD_FORM,
    inTurn: true,
    help: "Set linux,initrd-start and linux,initrd-end, and reserve that memory in place of an older initrd's.",
  },
  { long: "no-initrd", inTurn: true, help: "Delete the initrd's two properties and its entry in the reserve map." },
  {
    long: "usable",
    value: "START,SIZE",
    inTurn: true,
    help: "Confine a crash kernel to this memory. On arm64 and riscv64: set linux,usable-memory-range. Elsewhere, with the exception vectors and firmware's memory: set linux,usable-memory in every memory node (linux,drconf-usable-memory for a partition's blocks), and reserve what lies between.",
  },
  {
    long: "elfcorehdr",
    value: "START,SIZE",
    inTurn: true,
    help: "Tell a crash kernel where the ELF core header is. On arm64 and riscv64: set linux,elfcorehdr. Elsewhere: set elfcorehdr= in /chosen/bootargs, and reserve that memory. After -B.",
  },
  { long: "reserve", value: RANGES, inTurn: true, help: "Add entries to the reserve map (/memreserve/ in source)." },
  { long: "unreserve", value: "START,SIZE", inTurn: true, help: "Delete an entry of the reserve map." },
  {
    long: "boot-cpu",
    value: "ID",
    inTurn: true,
    help: "Set boot_cpuid_phys, the hardware id of the cpu that boots. The ppc64 stub corrects it.",
  },
  { long: "seeds", inTurn: true, help: "Set a fresh kaslr-seed and rng-seed, in a tree of any machine." },
  {
    long: "from",
    value: "FILE",
    inTurn: true,
    help: "Read edits from FILE, one a line: the long name of an option above without dashes, a blank, its value.",
  },
];

/** What the help of an applet with these options says of them. */
export const EDIT_NOTES = `Edits act in the order in which they are given. NODE is /a/path, an alias,
&label, &{/a/path} or &phandle. VALUE is "text", <cells>, [bytes] or &node, as
in device tree source, with commas between. An edit fails if what it names is
not there; only --set and --add-node may name something new. --usable and
--elfcorehdr are given once.`;

/** Reads no tree. Asks for the sizes of --initrd's files, and reads that of --from. */
export function parseEdits(system: System, directives: readonly Directive[]): Edit[] {
  const once = new Set<string>();
  return directives.flatMap((directive) =>
    directive.long === "from" ? readEdits(system, directive.value, once) : [parseEdit(system, directive, once)],
  );
}

/** Of these a second one would leave in the reserve map what the first one put there. */
const ONCE = ["usable", "elfcorehdr"];

/**
 * Lines of an option's long name and its value. Empty lines and those that begin with # say nothing.
 * @param once which of ONCE were given; it grows
 */
function readEdits(system: System, file: ByteString, once: Set<string>): Edit[] {
  const bytes = system.mustReadFile(file, LARGEST_FILE);
  const edits: Edit[] = [];
  for (let [at, number] = [0, 1]; at < bytes.length; number++) {
    const newline = bytes.indexOf(NEWLINE, at);
    const end = newline < 0 ? bytes.length : newline;
    const line = trimmed(bytes.subarray(at, end));
    const place = `${file}:${number}`;
    if (line.length > 0 && line[0] !== HASH) edits.push(inLine(place, () => parseLine(system, line, place, once)));
    at = end + 1;
  }
  return edits;
}

const [TAB, NEWLINE, RETURN, BLANK, HASH] = [9, 10, 13, 32, 35];

/** Without outer blanks. A line may be most of the file: it is not copied. */
function trimmed(line: Uint8Array): Uint8Array {
  const isBlank = (byte: number | undefined) => byte === BLANK || byte === TAB || byte === RETURN;
  let [start, end] = [0, line.length];
  while (start < end && isBlank(line[start])) start++;
  while (start < end && isBlank(line[end - 1])) end--;
  return line.subarray(start, end);
}

/** Bytes of a file of edits. */
const LARGEST_FILE = 64 * 1024 * 1024;

function parseLine(system: System, line: Uint8Array, place: string, once: Set<string>): Edit {
  const isBlank = (byte: number | undefined) => byte === BLANK || byte === TAB;
  let end = 0;
  while (end < line.length && !isBlank(line[end])) end++;
  let start = end;
  while (isBlank(line[start])) start++;
  const [long, value] = [line.subarray(0, end), line.subarray(start)].map((part) => system.text(part)) as [
    string,
    string,
  ];
  const option = editOptions.find((each) => each.long === long);
  if (option === undefined || long === "from") throw new Failure(place, `'${long}' is not an edit`);
  if ((option.value === undefined) !== (value === "")) {
    if (option.value === undefined) throw new Failure(place, `${long} takes no value`);
    if (long !== "bootargs") throw new Failure(place, `${long} needs ${option.value}`);
  }
  const edit = parseEdit(system, { long, value, place }, once);
  return (tree) => inLine(place, () => edit(tree));
}

/** Does `work` for a line of a file. Every mistake there is one of input, and its place is the line. */
function inLine<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(place, error.place === place ? error.fact : `${error.place}: ${error.fact}`);
  }
}

function parseEdit(system: System, { long, value, place }: Directive, once: Set<string>): Edit {
  if (once.has(long)) throw usage(place, `--${long} is given twice`);
  if (ONCE.includes(long)) once.add(long);
  switch (long) {
    case "set":
      return parseSetting(place, value);
    case "delete": {
      const name = parsePropertyName(place, value);
      return (tree) => deleteProperty(tree, name);
    }
    case "add-node": {
      const { node, name } = parsePropertyName(place, value);
      if (name.includes("/")) throw usage(place, `'${value}' has a slash in a node's name`);
      return (tree) => addNode(tree, node, name);
    }
    case "delete-node":
      return (tree) => deleteNode(tree, value);
    case "bootargs":
      return (tree) => setBootargs(tree, value);
    case "initrd": {
      const range = parseInitrd(system, value);
      return (tree) => setInitrd(tree, range);
    }
    case "no-initrd":
      return dropInitrd;
    case "usable": {
      const range = rangeOf("--usable", value);
      return (tree) => confineTree(tree, range);
    }
    case "elfcorehdr": {
      const range = rangeOf("--elfcorehdr", value);
      return (tree) => tellCoreHeader(tree, range);
    }
    case "reserve": {
      const ranges = rangesOf("--reserve", value);
      return (tree) => reserve(tree, ranges);
    }
    case "unreserve": {
      const range = rangeOf("--unreserve", value);
      return (tree) => unreserve(tree, range);
    }
    case "boot-cpu": {
      const id = numberOf("--boot-cpu", value);
      if (id >= 1n << 32n) throw usage("--boot-cpu", `${hex(id)} is not below 2^32`);
      return (tree) => {
        tree.bootCpu = Number(id);
      };
    }
    default:
      return ({ root }) => setSeeds(root, (length) => system.random(length));
  }
}

/** The value's syntax is checked now. The nodes that it refers to are found when the edit's turn has come. */
function parseSetting(place: string, text: ByteString): Edit {
  const equals = text.indexOf("=");
  const name = parsePropertyName(place, equals < 0 ? text : text.slice(0, equals));
  const value = equals < 0 ? [] : asUsage(place, () => parseValue(text, place, equals + 1));
  return settingOf(name, value);
}

/** By a function of its own, so that the text is let go, which may be most of a file. */
function settingOf(name: PropertyName, value: WrittenValue): Edit {
  return (tree) => setValue(tree, name, resolveValue(value, resolveIn(tree)));
}

function asUsage<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Failure ? usage(place, error.fact) : error;
  }
}

function resolveIn({ root }: DeviceTree): Resolve {
  return (reference) => {
    const match = findNode(root, reference);
    return { path: match.path, phandle: () => phandleOrNew(root, match) };
  };
}

/** `/chosen/bootargs` → `/chosen` and `bootargs`. A slash in a property's own name is written `\x2f`. */
function parsePropertyName(place: string, text: ByteString): PropertyName {
  const slash = text.lastIndexOf("/");
  const name = unescapeName(text.slice(slash + 1));
  if (slash < 0 || name === "" || name.includes("\0")) {
    throw usage(place, `'${text}' is not a path that ends with a name`);
  }
  return { node: text.slice(0, slash) || "/", name };
}
