// What is read from apt's lists: mirrors, records, the kernel of a meta package.

import { describe, expect, test } from "bun:test";
import { firstError, mirrorsFrom, sourcesList } from "../../scripts/apt.ts";
import { dependenciesIn, fieldOf } from "../../scripts/debian.ts";
import { imageIn, partsOf } from "../../scripts/kernels/stock.ts";

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
  expect(mirrors).toEqual({
    main: "http://a.example/debian/",
    security: "http://b.example/debian-security/",
  });
});

test("where apt has fetched nothing yet, mirrors are told by component, suite and path", () => {
  const unlabelled = [
    ...OTHERS,
    "http://b.example/security/debian/|bookworm-security|main|$(LABEL)",
    "http://a.example/debian/|bookworm|main|$(LABEL)",
  ];
  expect(mirrorsFrom(unlabelled.join("\n"))).toEqual({
    main: "http://a.example/debian/",
    security: "http://b.example/security/debian/",
  });
});

test("a vendor's own repository is not taken for a Debian mirror", () => {
  expect(() => mirrorsFrom(OTHERS.join("\n"))).toThrow("apt: no Debian mirror among this machine's package sources");
});

test("security suites come from the security mirror, and are left out where there is none", () => {
  const suites = { names: ["bookworm", "bookworm-security"], architecture: "ppc64el" };
  expect(sourcesList("deb", { main: "M", security: "S" }, suites)).toBe(
    "deb M bookworm main\ndeb S bookworm-security main\n",
  );
  expect(sourcesList("deb-src", { main: "M", security: undefined }, suites)).toBe("deb-src M bookworm main\n");
});

test("of apt's errors the first is shown, without what follows from it", () => {
  expect(firstError("W: a warning\nE: Failed to fetch X\nE: Some index files failed")).toBe("Failed to fetch X");
});

test("a field of a package record is found by its whole name, in the record that comes first", () => {
  const record = "Package: x\nPre-Version: 0\nVersion: 2\n\nPackage: x\nVersion: 1\n";
  expect(fieldOf(record, "Version")).toBe("2");
  expect(() => fieldOf(record, "Depends")).toThrow("no field Depends");
});

test("a package depends on all that its record names, whatever the version and in place of whatever", () => {
  const record = "Package: a\nPre-Depends: b\nDepends: c | d (>= 0.1), e-6.1.0-50 (= 6.1.176-1)\n";
  expect(dependenciesIn(record)).toEqual(["c", "d", "e-6.1.0-50"]);
  expect(dependenciesIn("Package: busybox-static\n")).toEqual([]);
});

describe("the kernel that a meta package depends on", () => {
  const depends = [
    "linux-base-cloud-arm64",
    "linux-image-7.3.4+deb13-cloud-arm64-dbg",
    "linux-image-7.3.4+deb13-cloud-arm64",
    "linux-modules-cloud-arm64",
  ];

  test("is found by its flavour, whatever its version looks like", () => {
    expect(imageIn(depends, "cloud-arm64")).toBe("linux-image-7.3.4+deb13-cloud-arm64");
    expect(imageIn(["linux-image-6.1.0-50-powerpc64le"], "powerpc64le")).toBe("linux-image-6.1.0-50-powerpc64le");
    expect(imageIn(depends, "powerpc64le")).toBeUndefined();
  });

  test("is in that package, or in the two that it is split into since Debian 14", () => {
    const image = "linux-image-7.3.4+deb13-cloud-arm64";
    const split = ["linux-base-7.3.4+deb13-cloud-arm64", "linux-binary-7.3.4+deb13-cloud-arm64", "linux-modules-7"];
    expect(partsOf(image, split)).toEqual([
      { name: "linux-binary-7.3.4+deb13-cloud-arm64", files: ["./usr/lib/modules/*/vmlinu[xz]"] },
      { name: "linux-base-7.3.4+deb13-cloud-arm64", files: ["./usr/lib/modules/*/config"] },
    ]);
    expect(partsOf(image, ["kmod", "linux-base"]).map(({ name }) => name)).toEqual([image]);
  });
});
