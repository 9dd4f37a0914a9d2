import { expect, test } from "bun:test";
import { install } from "../../src/cli/install.ts";
import { abis } from "../../src/sys/abi.ts";
import type { Argument, Engine } from "../../src/sys/engine.ts";
import { errno } from "../../src/sys/errno.ts";
import { System } from "../../src/sys/system.ts";

/** The links asked of a kernel in which the executable and the directory lie where a test wants them. */
function linksMade(executable: string, directory: string, present: Record<string, string> = {}): string[] {
  const links: string[] = [];
  const paths: Record<string, string> = {
    "/proc/self/exe": executable,
    "/proc/self/fd/3": directory,
    ...present,
  };
  const { call } = abis.ppc64;
  function syscall(number: number, ...args: Argument[]): number {
    switch (number) {
      case call.openat:
        return 3;
      case call.readlinkat: {
        const target = paths[String(args[1])];
        if (target === undefined) return -errno.EINVAL;
        (args[2] as Uint8Array).set(Buffer.from(target));
        return target.length;
      }
      case call.symlinkat:
        if (present[String(args[2])] !== undefined) return -errno.EEXIST;
        links.push(`${args[2]} -> ${args[0]}`);
        return 0;
      default:
        throw new Error(`unexpected system call ${number}`);
    }
  }
  function decode(bytes: Uint8Array, start: number, end: number): string {
    return Buffer.from(bytes.subarray(start, end)).toString("latin1");
  }
  const kernel = { machine: "ppc64", syscall, decode } as unknown as Engine;
  expect(install(new System(kernel), ["fs2dt", "loadem"], ["here"])).toBe(0);
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
