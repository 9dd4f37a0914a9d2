import { describe, expect, test } from "bun:test";
import { applets, run } from "../../src/kexecbox.ts";
import { errno } from "../../src/sys/errno.ts";
import { System } from "../../src/sys/system.ts";
import { type FakeWorld, fakeEngine } from "../support/fake-engine.ts";

const NAMES = applets.map(({ name }) => name);

function called(args: readonly string[], world: FakeWorld = {}): { code: number; out: string; err: string } {
  const engine = fakeEngine(world);
  const code = run(new System(engine), args);
  return { code, out: engine.stdout.toString("latin1"), err: engine.stderr };
}

const echo = (text: string) => ({ code: 0, out: `${text}\n`, err: "" });

describe("the name it is called by", () => {
  test("chooses the applet, in whatever folder it lies", () => {
    for (const name of ["echo", "/echo", "/usr/bin/echo", "./echo", "bin/kexecbox/echo"]) {
      expect(called([name, "cat", "x"])).toEqual(echo("cat x"));
    }
  });

  test("that is no applet's leaves the choice to the first argument", () => {
    for (const name of ["kexecbox", "/bin/kexecbox", "box", "echo.old", "echo/", "Echo", ""]) {
      expect(called([name, "echo", "echo"])).toEqual(echo("echo"));
    }
  });

  test("may be missing", () => {
    expect(called([]).code).toBe(2);
  });
});

describe("asked for no applet there is", () => {
  const list = `there are ${NAMES.join(" ")}`;

  test("it ends with 2 and lists them", () => {
    expect(called(["kexecbox"])).toEqual({ code: 2, out: "", err: `kexecbox: no applet named: ${list}\n` });
    expect(called(["kexecbox", "kexec", "-l"])).toEqual({
      code: 2,
      out: "",
      err: `kexecbox: kexec: no such applet; ${list}\n`,
    });
    expect(called(["kexecbox", "--fs2dt"])).toMatchObject({ code: 2, out: "" });
    // An argument is a name, and no path.
    expect(called(["kexecbox", "/bin/echo", "x"])).toMatchObject({ code: 2, out: "" });
  });

  test("it shows escaped what is not printable", () => {
    expect(called(["kexecbox", "\xe9\n\x1b"]).err).toStartWith("kexecbox: \\xe9\\x0a\\x1b: no such applet");
  });
});

describe("--list", () => {
  test("prints the names of all applets, one a line", () => {
    expect(called(["kexecbox", "--list"])).toEqual({
      code: 0,
      out: NAMES.map((name) => `${name}\n`).join(""),
      err: "",
    });
    expect(NAMES).toEqual(expect.arrayContaining(["fs2dt", "loadem", "v2wrap", "init"]));
  });

  test("is nothing to an applet", () => {
    expect(called(["echo", "--list"])).toEqual(echo("--list"));
  });
});

describe("help", () => {
  test("of the program has a line for each applet and tells the exit codes", () => {
    const { code, out, err } = called(["kexecbox", "--help"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const { name, summary } of applets)
      expect(out).toMatch(new RegExp(`^  ${name} +${summary.replace(/[^\w ]/g, ".")}$`, "m"));
    expect(out).toContain("0 done, 1 input or I/O, 2 usage, 3 the kernel refused");
  });

  // echo prints --help as any other word.
  test.each(NAMES.filter((name) => name !== "echo"))("of %s names every option, and is printable ASCII", (name) => {
    const { code, out, err } = called([name, "--help"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(called(["kexecbox", name, "--help"]).out).toBe(out);
    const applet = applets.find((each) => each.name === name)!;
    expect(out).toStartWith(`usage: ${name}`);
    for (const { short, long } of applet.options)
      expect(out).toMatch(new RegExp(`^  ${short === undefined ? "   " : `-${short},`} --${long}( |$)`, "m"));
    expect(out).toMatch(/^([ -~]*\n)+$/);
  });
});

describe("a failure", () => {
  test("is told under the applet's name, whichever way it was called", () => {
    const err = "fs2dt: -b: missing: the address at which the blob will lie\n";
    expect(called(["fs2dt", "x"])).toEqual({ code: 2, out: "", err });
    expect(called(["kexecbox", "fs2dt", "x"])).toEqual({ code: 2, out: "", err });
  });

  test("that cannot be told, for standard error is closed, keeps its exit code", () => {
    expect(called(["fs2dt", "x"], { on: { write: () => -errno.EBADF } }).code).toBe(2);
  });

  test("to print ends with 1", () => {
    const world: FakeWorld = {
      on: { write: ([descriptor], { pass }) => (descriptor === 1 ? -errno.ENOSPC : pass()) },
    };
    expect(called(["kexecbox", "--list"], world)).toEqual({
      code: 1,
      out: "",
      err: "kexecbox: standard output: ENOSPC (no space left on device)\n",
    });
  });
});

describe("help", () => {
  test.each([["--help"], ...NAMES.map((name) => [name, "--help"])])(
    "fits a console of 80 columns: %s %s",
    (...words) => {
      const { code, out } = called(["kexecbox", ...words]);
      expect(code).toBe(0);
      expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
    },
  );

  test("wraps what an option does under where it began", () => {
    const { out } = called(["kexecbox", "loadem", "--help"]);
    expect(out).toMatch(/\n {2}-4, --pad {2,}pads .*\n {10,}for another cpio to follow\n/);
  });

  test("does not end process 1, whatever the kernel's command line says", () => {
    class Slept extends Error {}
    const asked: string[] = [];
    const on = {
      getpid: () => 1,
      reboot: () => (asked.push("reboot"), -errno.EPERM),
      mount: () => -errno.EBUSY,
      mkdirat: () => -errno.EEXIST,
      setsid: () => 0,
      ppoll: () => {
        throw new Slept();
      },
    };
    expect(() => called(["init", "--help"], { on })).toThrow(Slept);
    expect(asked).toEqual(["reboot"]);
  });
});
