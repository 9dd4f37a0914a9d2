// Where --install makes its links lead.

import { expect, test } from "bun:test";
import { install } from "../../src/cli/install.ts";
import { errno } from "../../src/sys/errno.ts";
import { System } from "../../src/sys/system.ts";
import { fakeEngine } from "../support/fake-engine.ts";

/** The links asked of a kernel in which the executable and the directory lie where a test wants them. */
function linksMade(executable: string, directory: string, present: Record<string, string> = {}): string[] {
  const links: string[] = [];
  const paths: Record<string, string> = {
    "/proc/self/exe": executable,
    "/proc/self/fd/3": directory,
    ...present,
  };
  const engine = fakeEngine({
    machine: "ppc64",
    on: {
      openat: () => 3,
      readlinkat([, path, bytes]) {
        const target = paths[String(path)];
        if (target === undefined || !(bytes instanceof Uint8Array)) return -errno.EINVAL;
        bytes.set(Buffer.from(target));
        return target.length;
      },
      symlinkat([target, , name]) {
        if (present[String(name)] !== undefined) return -errno.EEXIST;
        links.push(`${name} -> ${target}`);
        return 0;
      },
    },
  });
  expect(install(new System(engine), ["fs2dt", "loadem"], ["here"])).toBe(0);
  // Nothing else is asked of the kernel.
  expect(engine.calls.map(({ name }) => name)).toEqual(
    engine.calls.map(() => expect.stringMatching(/^(openat|readlinkat|symlinkat)$/)),
  );
  return links;
}

test("links are relative in the executable's own directory, so that it can be moved as a whole", () => {
  expect(linksMade("/opt/box/kexecbox", "/opt/box")).toEqual(["fs2dt -> kexecbox", "loadem -> kexecbox"]);
  expect(linksMade("/kexecbox", "/")).toEqual(["fs2dt -> kexecbox", "loadem -> kexecbox"]);
});

test("links are absolute anywhere else", () => {
  expect(linksMade("/opt/kexecbox", "/bin")).toEqual(["fs2dt -> /opt/kexecbox", "loadem -> /opt/kexecbox"]);
  expect(linksMade("/opt/box/kexecbox", "/opt")).toContain("loadem -> /opt/box/kexecbox");
  expect(linksMade("/kexecbox", "/bin")).toEqual(["fs2dt -> /kexecbox", "loadem -> /kexecbox"]);
});

test("an absolute link to the executable will do where a relative one would be made", () => {
  expect(linksMade("/bin/kexecbox", "/bin", { fs2dt: "/bin/kexecbox" })).toEqual(["loadem -> kexecbox"]);
});

test("the executable itself stays where it bears an applet's name", () => {
  expect(linksMade("/bin/loadem", "/bin")).toEqual(["fs2dt -> loadem"]);
});
