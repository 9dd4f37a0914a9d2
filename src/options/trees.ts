// The options that every command on trees has: how a tree is read, and how a blob is written.

import type { Option } from "../cli/applet.ts";
import type { Arguments } from "../cli/options.ts";
import { numberOf } from "../cli/values.ts";
import { MAX_BLOB, type Version, versions } from "../devicetree/format.ts";
import type { ReadRules } from "../devicetree/from/directory.ts";
import type { BlobForm } from "../devicetree/to/blob.ts";
import { escapeText, type Notice, usage } from "../failure.ts";
import type { System } from "../sys/system.ts";

type Given = Arguments["given"];

export const readOptions: readonly Option[] = [
  { long: "secrets", help: "Copy security-* properties (default: leave them empty)." },
  { long: "strict", help: "Refuse a symbolic link in a directory (default: name it and leave it out)." },
  {
    long: "max-size",
    value: "BYTES",
    help: "Refuse to read a larger directory, and to write a larger blob (default: 2147483647).",
  },
];

export const blobOptions: readonly Option[] = [
  {
    short: "V",
    long: "version",
    value: "N",
    help: "Write version 1, 2, 3, 16 or 17 of the format (default: 17). The fs2dt of 2005 wrote 2.",
  },
  { long: "pad", value: "BYTES", help: "Leave BYTES free at the end of the blob, for later additions." },
];

export function parseReadRules(given: Given, notice: Notice): ReadRules {
  return {
    secrets: given.has("secrets"),
    strict: given.has("strict"),
    maxSize: parseSize("--max-size", given.get("max-size"), MAX_BLOB),
    notice,
  };
}

/** How a command reports what does not end it: by a line on standard error. */
export function noticeOn(system: System, tool: string): Notice {
  return (place, fact) => system.say(`${tool}: ${escapeText(place)}: ${escapeText(fact)}`);
}

export function parseBlobForm(given: Given): BlobForm {
  return {
    version: parseVersion(given.get("version")),
    padding: parseSize("--pad", given.get("pad"), 0),
    maxSize: parseSize("--max-size", given.get("max-size"), MAX_BLOB),
  };
}

const DEFAULT_VERSION: Version = 17;

function parseVersion(text: string | undefined): Version {
  if (text === undefined) return DEFAULT_VERSION;
  const version = versions.find((known) => BigInt(known) === numberOf("-V", text));
  if (version === undefined) throw usage("-V", `${text} is none of ${versions.join(" ")}`);
  return version;
}

function parseSize(place: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const size = numberOf(place, text);
  if (size > BigInt(MAX_BLOB)) throw usage(place, `${size} is more than ${MAX_BLOB}`);
  return Number(size);
}
