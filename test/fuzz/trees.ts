// Blobs become trees, and trees are written in every form: what is read of each is the same tree again.

import { treeChecks } from "../../src/arch/tree-checks.ts";
import { findingsIn } from "../../src/devicetree/check/checks.ts";
import { differences } from "../../src/devicetree/diff.ts";
import { versions } from "../../src/devicetree/format.ts";
import { treeFromBlob } from "../../src/devicetree/from/blob.ts";
import { below, unescapeName } from "../../src/devicetree/names.ts";
import { surveyOf } from "../../src/devicetree/survey.ts";
import { blob } from "../../src/devicetree/to/blob.ts";
import { writeDirectory } from "../../src/devicetree/to/directory.ts";
import { treeJson } from "../../src/devicetree/to/json.ts";
import { coloured, plain, treeSource } from "../../src/devicetree/to/source-text.ts";
import { type DeviceTree, type Node, tellingProperties } from "../../src/devicetree/tree.ts";
import { parseValue, resolveValue } from "../../src/devicetree/values.ts";
import { visit } from "../../src/devicetree/walk.ts";
import { hex } from "../../src/failure.ts";
import { written } from "../support/written.ts";
import { type Host, systemOn } from "./machine.ts";
import { hold, orRefusal, runCommand, summaryOf, type Target } from "./target.ts";

/** A value in a listing. */
function listed(value: Uint8Array): string {
  return Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The tree as lines, a node or a property each, in the tree's own order. */
export function listingOf({ root, reservations, bootCpu }: DeviceTree, isTelling = false): string {
  const lines = [`boot cpu ${bootCpu}`, ...reservations.map(({ start, end }) => `${hex(start)} ${hex(end - start)}`)];
  visit(root, {
    enter(node, path) {
      lines.push(`${JSON.stringify(path)} {`);
      for (const { name, value } of isTelling ? tellingProperties(node) : node.properties)
        lines.push(`${JSON.stringify(name)} ${listed(value)}`);
    },
    leave: () => void lines.push("}"),
  });
  return lines.join("\n");
}

/** No larger than an input may become: for what repeats bytes, as a blob's strings may. */
const MOST = 16 << 20;

function holdBlobs(tree: DeviceTree): string[] {
  return versions.map((version) => {
    const made = orRefusal(() => blob(tree.root, { ...tree, version, padding: 0, maxSize: MOST }));
    if (typeof made === "string") return made;
    const again = treeFromBlob(made, "again");
    // Version 1 cannot say which cpu boots, and before 16 a name is written that each node has.
    const wanted = { ...tree, bootCpu: version === 1 ? 0 : tree.bootCpu };
    hold(`version ${version}`, listingOf(again, version < 16), listingOf(wanted, version < 16));
    return `${version} ${made.length}`;
  });
}

/** Source text of one line for each node and property, as treeSource() writes it; the reserve map and the boot cpu are not in it. */
function listingOfSource(text: string): string {
  const lines: string[] = [];
  const paths: string[] = [];
  for (const line of text.slice(text.indexOf("\n/ {") + 1).split("\n")) {
    const plainLine = line.replace(/^\t+/, "");
    if (plainLine === "") continue;
    if (plainLine === "};") {
      paths.pop();
      lines.push("}");
    } else if (plainLine.endsWith(" {")) {
      const name = unescapeName(plainLine.slice(0, -2));
      const parent = paths.at(-1);
      paths.push(parent === undefined ? "/" : below(parent, name));
      lines.push(`${JSON.stringify(paths.at(-1))} {`);
    } else {
      const [name = "", ...value] = plainLine.slice(0, -1).split(" = ");
      const resolve = () => {
        throw new Error("a reference");
      };
      const bytes =
        value.length === 0 ? new Uint8Array(0) : resolveValue(parseValue(value.join(" = "), "value"), resolve);
      lines.push(`${JSON.stringify(unescapeName(name))} ${listed(bytes)}`);
    }
  }
  return lines.join("\n");
}

function holdSource(tree: DeviceTree): string {
  const survey = surveyOf(tree);
  const text = written((write) => treeSource(write, survey, { paint: plain, annotate: false }));
  const head = listingOf({ ...tree, root: { name: "", properties: [], children: [] } }).slice(0, -'\n"/" {\n}'.length);
  hold("source", `${head}\n${listingOfSource(text)}`, listingOf(tree));
  const annotated = written((write) => treeSource(write, survey, { paint: coloured, annotate: true }));
  // Colours are the only escapes.
  if (!/^[\n\t -~]*$/.test(annotated.replaceAll("\x1b", ""))) throw new Error("annotated source is not text");
  return `source ${text.length} ${annotated.length}`;
}

type Json = { readonly properties: Record<string, JsonValue>; readonly nodes: Record<string, Json> };
type JsonValue = true | readonly string[] | readonly number[] | { readonly bytes: string };

function bytesOfJson(value: JsonValue): string {
  if (value === true) return "";
  if ("bytes" in value) return value.bytes;
  const parts = (value as readonly (string | number)[]).map((part) =>
    typeof part === "number"
      ? part.toString(16).padStart(8, "0")
      : `${Array.from(part, (character) => character.charCodeAt(0).toString(16).padStart(2, "0")).join("")}00`,
  );
  return parts.join("");
}

/** Properties and nodes by their names, each once, sorted. */
function sortedListing(node: Node): string[] {
  const own = node.properties.map(({ name, value }) => `${JSON.stringify(name)} ${listed(value)}`);
  const inner = node.children.map((child) => `${JSON.stringify(child.name)} { ${sortedListing(child).join(" ")} }`);
  return [...own, ...inner].sort();
}

function sortedJson(json: Json): string[] {
  const own = Object.entries(json.properties).map(([name, value]) => `${JSON.stringify(name)} ${bytesOfJson(value)}`);
  const inner = Object.entries(json.nodes).map(
    ([name, node]) => `${JSON.stringify(name)} { ${sortedJson(node).join(" ")} }`,
  );
  return [...own, ...inner].sort();
}

/** Whether two properties, or two children, of one node have one name. */
function hasTwins({ properties, children }: Node): boolean {
  const some = (items: readonly { readonly name: string }[]) =>
    new Set(items.map(({ name }) => name)).size < items.length;
  return some(properties) || some(children) || children.some(hasTwins);
}

function holdJson({ parseJson }: Host, tree: DeviceTree): string {
  const text = orRefusal(() => written((write) => treeJson(write, tree)));
  if (!text.startsWith("{")) {
    if (!hasTwins(tree.root)) throw new Error(`JSON is refused without reason: ${text}`);
    return text;
  }
  if (!/^[ -~]+\n?$/.test(text)) throw new Error("JSON is not one line of ASCII");
  const json = parseJson?.(text) as { root: Json } | undefined;
  if (json !== undefined) hold("JSON", sortedJson(json.root).join("\n"), sortedListing(tree.root).join("\n"));
  return `JSON ${text.length}`;
}

function holdDirectory(host: Host, tree: DeviceTree): string {
  const { machine, system } = systemOn({ host });
  const refusal = orRefusal(() => {
    writeDirectory(system, tree.root, "/new");
    return "";
  });
  if (refusal !== "") {
    if (machine.files.size > 0) throw new Error(`half a directory is left: ${refusal}`);
    return refusal;
  }
  const wanted: string[] = [];
  visit(tree.root, {
    enter({ properties }, path) {
      const own = path === "/" ? "/new" : `/new${path}`;
      wanted.push(`${own} {`, ...properties.map(({ name, value }) => `${own}/${name} ${listed(value)}`));
    },
  });
  const found = Array.from(machine.files, ([path, bytes]) =>
    bytes === undefined ? `${path} {` : `${path} ${listed(bytes)}`,
  );
  hold("directory", found.sort().join("\n"), wanted.sort().join("\n"));
  return `directory ${found.length}`;
}

/** Who asks for some children of the root alone gets them as they are. */
function holdPart(input: Uint8Array, tree: DeviceTree): void {
  const isWanted = (name: string): boolean => name < "d";
  const part = treeFromBlob(input, "part", isWanted);
  const { root } = tree;
  const wanted = { ...root, children: root.children.filter(({ name }) => isWanted(name)) };
  hold("part", listingOf(part), listingOf({ ...tree, root: wanted }));
}

/** What the commands make of the file, each with something else besides. */
const COMMANDS: readonly (readonly string[])[] = [
  ["fs2dt", "-b", "0x1000000", "tree"],
  ["fs2dt", "-b", "0x1000000", "-V", "2", "--check", "-B", "x", "-i", "0x2000000,0x2001000", "tree"],
  ["dtedit", "--usable", "0x2000000,0x1000000", "--elfcorehdr", "0x2100000,0x1000", "tree", "-"],
  ["dtedit", "-O", "json", "--seeds", "--reserve", "0,16", "tree", "new"],
  ["dtdump", "-a", "tree"],
  ["dtcheck", "tree"],
];

export const blobs: Target = {
  name: "blobs",
  holds:
    "a blob is refused by name, or gives a tree that comes back from blobs of every version, source, JSON and a directory; no check and no command fails otherwise",
  words: [
    "reg\0",
    "#address-cells\0",
    "phandle\0",
    "\0\0\0\x01",
    "\0\0\0\x03",
    "memory@0\0",
    "security-password\0",
    "&1\0",
  ],
  isText: false,
  work: 600,
  attempt(host, input) {
    const machines = ["ppc64", "aarch64", "x86_64", "ppc64le"] as const;
    const machine = machines[(input.at(-1) ?? 0) % machines.length] ?? "ppc64";
    const runs = COMMANDS.map((words) =>
      summaryOf(
        host,
        runCommand(
          {
            host,
            machine,
            files: new Map([
              ["tree", input],
              ["/proc/meminfo", MEMORY],
            ]),
          },
          words,
        ),
      ),
    );
    const tree = orRefusal(() => treeFromBlob(input, "tree"));
    if (typeof tree === "string") return [tree, ...runs].join("\n");
    holdPart(input, tree);
    const found = findingsIn(tree, new Set(), treeChecks).length;
    const none = orRefusal(() => differences(tree, tree).length);
    if (none !== 0 && !hasTwins(tree.root)) throw new Error(`a tree differs from itself: ${none}`);
    const forms = [...holdBlobs(tree), holdSource(tree), holdJson(host, tree), holdDirectory(host, tree)];
    return [`${found} findings`, ...forms, ...runs].join("\n");
  },
};

/** 16 MiB: what is unpacked is no larger. */
export const MEMORY = Uint8Array.from("MemAvailable:   16384 kB\n", (character) => character.charCodeAt(0));
