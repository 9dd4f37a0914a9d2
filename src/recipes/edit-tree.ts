// Edits a tree and writes it as a blob, source text, JSON or a directory.

import { reportCutBootargs } from "../arch/cut-bootargs.ts";
import { refuseErrors } from "../arch/refuse-errors.ts";
import { settleLists } from "../devicetree/changing.ts";
import type { Edit } from "../devicetree/edit/edits.ts";
import type { ReadRules } from "../devicetree/from/directory.ts";
import { readTree } from "../devicetree/from/source.ts";
import { listPerhapsOwn, reservationsAt } from "../devicetree/own-entry.ts";
import { hasSecrets } from "../devicetree/secrets.ts";
import { surveyOf } from "../devicetree/survey.ts";
import { type BlobForm, blob } from "../devicetree/to/blob.ts";
import { writeDirectory } from "../devicetree/to/directory.ts";
import { treeJson } from "../devicetree/to/json.ts";
import { plain, treeSource } from "../devicetree/to/source-text.ts";
import type { DeviceTree } from "../devicetree/tree.ts";
import { type MemoryRange, rangeOfSize } from "../range.ts";
import type { ByteString, Write } from "../sys/engine.ts";
import { type Content, STDOUT, type System } from "../sys/system.ts";

export const formats = ["dtb", "dts", "json", "dir"] as const;
export type Format = (typeof formats)[number];

export interface EditTreeRequest {
  /** A directory, a blob, or `-` for a blob on standard input. */
  readonly source: ByteString;
  /** A file, which is replaced, a directory, which must not be there, or `-` for standard output. */
  readonly target: ByteString;
  readonly format: Format;
  /** `notice` gets all that does not end the work. */
  readonly rules: ReadRules;
  /** In their order. */
  readonly edits: readonly Edit[];
  /** Where the blob will lie, a multiple of 8; undefined where that is not known. */
  readonly address: bigint | undefined;
  /** Whether a tree is refused in which the checks find an error. */
  readonly check: boolean;
  readonly form: BlobForm;
}

/** Writes the whole tree or nothing. Throws Failure. */
export function editTree(system: System, request: EditTreeRequest): void {
  const { target, format } = request;
  const tree = readTree(system, request.source, request.rules);
  for (const edit of request.edits) edit(tree);
  settleLists();
  if (request.address !== undefined) {
    tree.reservations = reservationsAt(tree, request.address);
    tree.address = request.address;
  }
  if (request.check) refuseErrors(tree, request.rules.notice);
  else reportCutBootargs(tree.root, request.rules.notice);
  if (format === "dir") {
    writeDirectory(system, tree.root, target);
    return;
  }
  const mode = hasSecrets(tree.root) ? 0o600 : 0o666;
  if (format === "dtb") {
    const bytes = editedBlob(tree, request.form);
    if (target === "-") system.writeAll(STDOUT, bytes, "standard output");
    else replaceFile(system, request, bytes, mode);
    return;
  }
  const writeText = textWriter(tree, format);
  if (target === "-") system.printParts(writeText);
  else replaceFile(system, request, writeText, mode);
}

function replaceFile(system: System, { target, rules }: EditTreeRequest, content: Content, mode: number): void {
  const lost = system.replaceFile(target, content, mode);
  if (lost !== "") rules.notice(target, lost);
}

function textWriter(tree: DeviceTree, format: "dts" | "json"): (write: Write) => void {
  if (format === "json") return (write) => treeJson(write, tree);
  const survey = surveyOf(tree);
  return (write) => treeSource(write, survey, { paint: plain, annotate: false });
}

/** What may be the blob's own entry grows with it, and never shrinks: it may be firmware's. */
function editedBlob(tree: DeviceTree, form: BlobForm): Uint8Array {
  const bytes = blob(tree.root, { ...tree, ...form });
  const own = tree.address === undefined && bytes.length > (tree.blobSize ?? 0) ? listPerhapsOwn(tree) : [];
  if (own.length === 0) return bytes;
  const size = BigInt(bytes.length);
  // What would end above 2^64 is not the blob's.
  const grown = (range: MemoryRange) =>
    own.includes(range) && range.start + size <= 1n << 64n ? rangeOfSize(range.start, size) : range;
  const reservations = tree.reservations.map(grown);
  return blob(tree.root, { ...tree, ...form, reservations });
}
