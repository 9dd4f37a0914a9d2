import { expect, test } from "bun:test";
import { fieldOf, firstError, mirrorsFrom, sourcesList } from "../../scripts/debian.ts";

const FETCHED = [
  "http://a.example/debian/|bookworm|main|Debian",
  "http://a.example/debian/|bookworm-updates|main|Debian",
  "http://b.example/debian-security/|bookworm-security|main|Debian-Security",
];
const OTHERS = [
  "https://c.example/linux/debian/|bookworm|stable|$(LABEL)",
  "https://d.example/packages/|bookworm|main|$(LABEL)",
];

test("mirrors are told by the labels of the archives apt has fetched", () => {
  const mirrors = mirrorsFrom([...OTHERS, ...FETCHED].join("\n"));
  expect(mirrors).toEqual({ main: "http://a.example/debian/", security: "http://b.example/debian-security/" });
});

test("where apt has fetched nothing yet, mirrors are told by component, suite and path", () => {
  const targets = [...OTHERS, ...FETCHED.map((line) => line.replace(/Debian.*$/, "$(LABEL)"))];
  const unlabelled = targets.map((line) => `${line.split("|").slice(0, 3).join("|")}|$(LABEL)`);
  expect(mirrorsFrom(unlabelled.join("\n")))
    .toEqual({ main: "http://a.example/debian/", security: "http://b.example/debian-security/" });
});

test("a vendor's own repository is not taken for a Debian mirror", () => {
  expect(() => mirrorsFrom(OTHERS.join("\n"))).toThrow("apt: no Debian mirror among this machine's package sources");
});

test("a private sources list takes security suites from the security mirror, or leaves them out without one", () => {
  const suites = { names: ["bookworm", "bookworm-security"], architecture: "ppc64el" };
  expect(sourcesList("deb", { main: "M", security: "S" }, suites))
    .toBe("deb M bookworm main\ndeb S bookworm-security main\n");
  expect(sourcesList("deb-src", { main: "M", security: undefined }, suites)).toBe("deb-src M bookworm main\n");
});

test("of apt's errors the first is shown, without what follows from it", () => {
  expect(firstError("W: a warning\nE: Failed to fetch X\nE: Some index files failed")).toBe("Failed to fetch X");
});

test("a field of a package record is found by its whole name, in the newest version", () => {
  const record = "Package: x\nPre-Version: 0\nVersion: 2\n\nPackage: x\nVersion: 1\n";
  expect(fieldOf(record, "Version")).toBe("2");
  expect(() => fieldOf(record, "Depends")).toThrow("no field Depends");
});
