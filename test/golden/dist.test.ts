// What is given to others: the folder that npm run dist makes.

import { beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv";
import addFormats from "ajv-formats";
import { deliver } from "../../scripts/dist.ts";
import { targets } from "../../scripts/machines/machines.ts";

const ROOT = join(import.meta.dir, "../..");
const SCHEMAS = join(ROOT, "node_modules/@cyclonedx/cyclonedx-library/res/schema");

/** What the list's own schema has in its $id before its name. */
const BASE = "http://cyclonedx.org/schema";

/** An empty cache means compiling four engines, and fetching Bun twice. */
const COLD_BUILD_MS = 20 * 60_000;

let folder = "";
beforeAll(async () => {
  folder = await deliver();
}, COLD_BUILD_MS);

function read(name: string): string {
  return readFileSync(join(folder, name), "utf8");
}

function schema(name: string) {
  return JSON.parse(readFileSync(join(SCHEMAS, `${name}.SNAPSHOT.schema.json`), "utf8"));
}

interface Component {
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly components?: readonly Component[];
}

interface Bill {
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

function bill(): Bill {
  return JSON.parse(read("kexecbox.cdx.json"));
}

/** The names of what an executable has inside, in alphabetical order. */
function namesInside({ components, dependencies }: Bill, executable: string): string[] {
  const refs = dependencies.find(({ ref }) => ref === executable)?.dependsOn ?? [];
  return refs.map((ref) => components.find((each) => each["bom-ref"] === ref)?.name ?? `${ref} is not there`).sort();
}

test("every executable is there, and every file has its hash", () => {
  const executables = targets.map((target) => `kexecbox-${target}`);
  const files = [...executables, "LICENSES", "kexecbox.cdx.json"].sort();
  expect(readdirSync(folder).sort()).toEqual([...files, "SHA256SUMS"].sort());
  const { stdout, exitCode } = Bun.spawnSync(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: folder });
  expect(exitCode).toBe(0);
  expect(stdout.toString().trimEnd().split("\n").sort()).toEqual(files.map((name) => `${name}: OK`).sort());
});

test("the terms of all that is inside are told, with the versions of Debian's packages", () => {
  const licenses = read("LICENSES");
  const named = [...licenses.matchAll(/^=+\n(.*)\n/gm)].map(([, name]) => name);
  const inside = ["kexecbox", "minimist", "QuickJS", "musl", "zlib", "Zstandard", "liblzma", "Bun", "glibc", "libgcc"];
  expect(named).toEqual(expect.arrayContaining([...inside, "GPL-3", "LGPL-2", "LGPL-2.1"]));
  for (const name of ["libc6", "libgcc-s1"])
    expect(licenses).toMatch(new RegExp(`^  ${name} \\d\\S+ arm64 sha256`, "m"));
});

test("the list of what is inside is CycloneDX as its schema has it", () => {
  // Names of mail and web addresses of other alphabets, which are checked as plain text.
  const ajv = new Ajv({ strict: false, allErrors: true, formats: { "idn-email": true, "iri-reference": true } });
  addFormats(ajv);
  // They call each other by the names of their files, whatever they call themselves.
  for (const name of ["spdx", "jsf-0.82", "cryptography-defs"])
    ajv.addSchema(schema(name), `${BASE}/${name}.SNAPSHOT.schema.json`);
  const validate = ajv.compile(schema("bom-1.6"));
  validate(bill());
  expect(validate.errors).toBe(null);
  validate({ ...bill(), components: [{ type: "library" }] });
  expect(validate.errors).toEqual([expect.objectContaining({ message: "must have required property 'name'" })]);
});

test("the list names, for each executable, its hash and all that was put into it", () => {
  const list = bill();
  const small = ["QuickJS", "Zstandard", "liblzma", "minimist", "musl", "zlib"];
  const bun = ["Bun", "libc6", "libgcc-s1", "minimist"];
  const expected = {
    "kexecbox-ppc64": small,
    "kexecbox-ppc64le": small,
    "kexecbox-ppc": [...small, "libgcc"].sort(),
    "kexecbox-arm64-small": [...small, "libgcc"].sort(),
    "kexecbox-riscv64": [...small, "libgcc"].sort(),
    "kexecbox-x64-small": small,
    "kexecbox-arm64": bun,
    "kexecbox-x64": bun,
  };
  const found = targets.map((target) => [`kexecbox-${target}`, namesInside(list, `kexecbox-${target}`)]);
  expect(Object.fromEntries(found)).toEqual(expected);
  for (const line of read("SHA256SUMS").trimEnd().split("\n")) {
    const [sum, name] = line.split("  ");
    if (!name?.startsWith("kexecbox-")) continue;
    const { hashes } = list.components.find((each) => each.name === name) ?? {};
    expect(hashes?.map(({ alg, content }) => `${alg} ${content}`)).toEqual([`SHA-256 ${sum}`]);
  }
});

test("the list has each part's version as its authors give it, and the parts that Bun tells of itself", () => {
  const { components } = bill();
  const versions = Object.fromEntries(components.map(({ name, version }) => [name, version]));
  expect(versions).toMatchObject({ QuickJS: "2025.04.26", musl: "1.2.5", zlib: "1.3.1", Zstandard: "1.5.7" });
  expect(versions.libc6).toMatch(/^2\.\d+-\d+/);
  const inBun = components.find(({ name }) => name === "Bun")?.components?.map(({ name }) => name);
  expect(inBun).toEqual(expect.arrayContaining(["webkit", "boringssl", "zstd", "mimalloc"]));
});

test(
  "made again, every file is the same byte for byte",
  async () => {
    const before = read("SHA256SUMS");
    folder = await deliver();
    expect(read("SHA256SUMS")).toBe(before);
  },
  COLD_BUILD_MS,
);
