// Which applet is run, what --help and --list print, and how a failure ends.

import { describe, expect, test } from "bun:test";
import { version as VERSION } from "../../package.json";
import { applets } from "../../src/applets/table.ts";
import { run, runToTheEnd } from "../../src/kexecbox.ts";
import { errno } from "../../src/sys/errno.ts";
import { System } from "../../src/sys/system.ts";
import { type FakeWorld, fakeEngine } from "../support/fake-engine.ts";

/** What tests run is the source itself. */
const OURS = `kexecbox ${VERSION} source`;

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
    expect(called(["kexecbox"])).toEqual({ code: 2, out: "", err: `kexecbox: no applet given: ${list}\n` });
    expect(called(["kexecbox", "frobnicate", "-l"])).toEqual({
      code: 2,
      out: "",
      err: `kexecbox: frobnicate: no such applet; ${list}\n`,
    });
    expect(called(["kexecbox", "--fs2dt"])).toMatchObject({ code: 2, out: "" });
    // An argument is a name, and no path.
    expect(called(["kexecbox", "/bin/echo", "x"])).toMatchObject({ code: 2, out: "" });
  });

  test("it names the one that was meant, where that is certain enough", () => {
    const said = (meant: string) => ({ code: 2, out: "", err: expect.stringContaining(`did you mean ${meant}?\n`) });
    expect(called(["kexecbox", "laodem", "-k"])).toEqual(said("loadem"));
    expect(called(["kexecbox", "laodem"]).err).toBe("kexecbox: laodem: no such applet: did you mean loadem?\n");
    expect(called(["kexecbox", "help", "fs2dtt"])).toEqual(said("fs2dt"));
    expect(called(["kexecbox", "help", "frobnicate"]).err).toBe(`kexecbox: frobnicate: no such applet; ${list}\n`);
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

  test.each(applets.map((applet) => ({ ...applet })))(
    "of $name names every option, and is printable ASCII",
    ({ name, options }) => {
      const { code, out, err } = called([name, "--help"]);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(called(["kexecbox", name, "--help"]).out).toBe(out);
      expect(out).toStartWith(`usage: ${name}`);
      for (const { short, long } of options)
        expect(out).toMatch(new RegExp(`^  ${short === undefined ? "   " : `-${short},`} --${long}( |$)`, "m"));
      expect(out).toMatch(/^([ -~]*\n)+$/);
    },
  );
});

describe("asked for help", () => {
  test("the program prints the same in all words for it, also of an applet", () => {
    const { out } = called(["kexecbox", "--help"]);
    for (const words of [["-h"], ["help"]]) expect(called(["kexecbox", ...words])).toEqual({ code: 0, out, err: "" });
    for (const name of NAMES) {
      const own = called(["kexecbox", name, "--help"]);
      expect(called(["kexecbox", "help", name])).toEqual(own);
      expect(called(["kexecbox", "--help", name])).toEqual(own);
      if (name !== "echo") expect(called([name, "-h"])).toEqual(own);
    }
  });

  test("an applet prints it wherever that stands, whatever else is wrong", () => {
    const { out } = called(["fs2dt", "--help"]);
    for (const line of ["/nonexistent --help", "-b 8 -h x", "-b 8 x y -v -h", "--nonesuch --help", "-b 8 -b 8 -h"])
      expect(called(["fs2dt", ...line.split(" ")])).toEqual({ code: 0, out, err: "" });
    expect(called(["loadem", "-a", "1", "-f", "x", "--help"]).out).toStartWith("usage: loadem");
  });

  test("an option's value and what follows -- are no question", () => {
    expect(called(["fs2dt", "-B", "--help", "x"]).err).toBe(
      "fs2dt: -b: missing: the address at which the blob will lie\n",
    );
    expect(called(["fs2dt", "-B-h", "--bootargs=--help", "x"]).code).toBe(2);
    expect(called(["cat", "--", "--help"])).toEqual({
      code: 1,
      out: "",
      err: "cat: --help: ENOENT (no such file or directory)\n",
    });
  });

  test("echo knows --help alone, and as its first word only", () => {
    expect(called(["echo", "--help"]).out).toStartWith("usage: echo");
    for (const words of ["-h", "-V", "-h --help", "--version x"])
      expect(called(["echo", ...words.split(" ")])).toEqual(echo(words));
    for (const words of ["a --help", "-n a -h", "a -V --version", "-- -h"])
      expect(called(["echo", ...words.split(" ")]).out).toContain(words.replace("-n ", ""));
  });
});

describe("asked for the version", () => {
  const line = `${OURS} (bun, ppc64le)\n`;
  const version = (...args: readonly string[]) => called(args, { machine: "ppc64le" });

  test("it tells version, commit, engine and machine", () => {
    for (const word of ["-V", "--version"]) expect(version("kexecbox", word)).toEqual({ code: 0, out: line, err: "" });
    expect(version("kexecbox", "loadem", "--version").out).toBe(line);
    expect(version("loadem", "-k", "-V").out).toBe(line);
    expect(version("cat", "x", "--version").out).toBe(line);
  });

  test("the commands that have a --version of their own tell it where that stands alone", () => {
    for (const name of ["fs2dt", "dtedit"]) {
      expect(version(name, "--version").out).toBe(line);
      expect(version(name, "-V").err).toBe(`${name}: argument 1 (-V): needs N\n`);
      expect(version(name, "x", "--version").err).toBe(`${name}: argument 2 (--version): needs N\n`);
      expect(version(name, "-V", "4", "x", ...(name === "fs2dt" ? ["-b", "0"] : ["y"])).err).toContain(
        "-V: 4 is none of 1 2 3 16 17\n",
      );
    }
  });
});

/** An engine of which each file that is opened throws this. */
function throwing(error: unknown): ReturnType<typeof fakeEngine> {
  return fakeEngine({
    on: {
      openat: () => {
        throw error;
      },
    },
  });
}

test.each([
  ["QuickJS", Object.assign(new Error("out of memory"), { name: "InternalError" })],
  ["QuickJS, which has none for an error,", null],
  [
    "QuickJS, in an expression,",
    Object.assign(new Error("out of memory in regexp execution"), { name: "InternalError" }),
  ],
  ["Bun", new RangeError("Out of memory")],
])("too little memory, as %s has it, is no fault of ours", (_, error) => {
  const engine = throwing(error);
  expect(runToTheEnd(new System(engine), ["cat", "x"])).toBe(1);
  expect(engine.stderr).toBe("cat: memory: out of memory\n");
});

test.each([
  [["cat", "x"], 1],
  [["dtdiff", "x", "x"], 2],
  [["/bin/kexecbox", "dtdiff", "x", "x"], 2],
] as const)("%p without even the memory to tell it ends with its own code", (words, code) => {
  let tells = 0;
  const engine = fakeEngine({
    on: {
      openat: () => {
        throw null;
      },
      write: (_, { pass }) => {
        if (tells++ === 0) throw null;
        return pass();
      },
    },
  });
  expect(runToTheEnd(new System(engine), words)).toBe(code);
  expect(engine.stderr).toBe("kexecbox: memory: out of memory\n");
});

describe("a fault of ours", () => {
  test("is told in one line with the version, and ends with 70", () => {
    const told = (name: string, message: string): string => {
      const engine = throwing(Object.assign(new Error(message), { name }));
      expect(runToTheEnd(new System(engine), ["cat", "x"])).toBe(70);
      return engine.stderr;
    };
    // The stack follows where the source itself is run.
    expect(told("Broken", "all\nof it")).toStartWith(
      `kexecbox: internal error: Broken: all\\x0aof it; ${OURS} (bun, x86_64)\n`,
    );
    expect(told("InternalError", "stack overflow")).toStartWith("kexecbox: internal error: stack overflow; kexecbox ");
    expect(runToTheEnd(new System(fakeEngine()), ["echo", "x"])).toBe(0);
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

  test("is made of sentences for options, and of a line without full stop for an applet", () => {
    for (const { summary, options } of applets) {
      expect(summary).toMatch(/^[A-Z].*[^.]$/);
      for (const { help } of options) expect(help).toMatch(/^[A-Z][^\n]*\.$/);
    }
  });

  test("wraps what an option does under where it began", () => {
    const { out } = called(["kexecbox", "loadem", "--help"]);
    expect(out).toMatch(/\n {2}-4, --pad {2,}Pad .*\n {10,}that another cpio can follow\.\n/);
  });

  const passedOn = ["--help", "x -h", "--version"];
  test.each(passedOn)("does not end process 1, whatever the kernel's command line says: %s", (line) => {
    class Slept extends Error {}
    const asked: string[] = [];
    const on = {
      getpid: () => 1,
      reboot: () => {
        asked.push("reboot");
        return -errno.EPERM;
      },
      mount: () => -errno.EBUSY,
      mkdirat: () => -errno.EEXIST,
      setsid: () => 0,
      ppoll: () => {
        throw new Slept();
      },
    };
    expect(() => called(["init", ...line.split(" ")], { on })).toThrow(Slept);
    expect(asked).toEqual(["reboot"]);
  });
});
