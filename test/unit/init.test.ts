// What process 1 does from its start until the machine is off.

import { describe, expect, test } from "bun:test";
import { version as VERSION } from "../../package.json";
import init from "../../src/applets/init.ts";
import type { Program } from "../../src/cli/applet.ts";
import { Failure } from "../../src/failure.ts";
import { errno } from "../../src/sys/errno.ts";
import { System } from "../../src/sys/system.ts";
import { MachineOff, machineWith, type Story, type World } from "../support/process-one.ts";

/** The program that init is part of. */
const program: Program = { names: ["fs2dt", "loadem", "echo"] };

/** Process 1 from its start until the machine is off. */
function boot(world: World, ...args: string[]): Story {
  const machine = machineWith(world);
  expect(() => init.run(new System(machine.engine), args, program)).toThrow(MachineOff);
  return machine;
}

const OFF = "reboot 0x4321fedc";

describe("init as any process but 1", () => {
  test("refuses before it has done anything", () => {
    const { engine, calls, console } = machineWith({ pid: 4711, files: { "/init.script": "echo x" } });
    expect(() => init.run(new System(engine), [], program)).toThrow(
      new Failure("process id 4711", "only process 1 may be init", 2),
    );
    expect(calls).toEqual([]);
    expect(console).toBe("");
  });
});

describe("init as process 1", () => {
  test("mounts, makes the console its terminal, runs the script, reaps, turns the machine off", () => {
    const files = { "/init.script": "echo a\nfs2dt -b 8 /x|/loadem -k # go\n", "/loadem": "" };
    const { calls, console } = boot({ files, orphans: 2 });
    expect(calls).toEqual([
      "mkdir /proc",
      "mount proc on /proc",
      "mkdir /sys",
      "mount sysfs on /sys",
      "mkdir /dev",
      "mount devtmpfs on /dev",
      "setsid",
      "ioctl 0 21518 0",
      "open /init.script as 3",
      "spawn /proc/self/exe as echo a with 0 1 2",
      "reap an orphan",
      "reap an orphan",
      "pipe2 524288",
      "spawn /proc/self/exe as fs2dt -b 8 /x with 0 0 2",
      "spawn /loadem as /loadem -k with 0 1 2",
      "sync",
      OFF,
    ]);
    expect(console).toBe("+ echo a\n+ fs2dt -b 8 /x | /loadem -k\n");
  });

  test("mounts securityfs where the kernel has its directory", () => {
    const { calls } = boot({ files: { "/init.script": "echo a", "/sys/kernel/security": "" } });
    const mounts = calls.filter((call) => call.startsWith("mount "));
    expect(mounts.at(-1)).toBe("mount securityfs on /sys/kernel/security");
    expect(mounts).toHaveLength(4);
  });

  test("goes on where everything is mounted already", () => {
    const { calls, console } = boot({ files: { "/init.script": "echo a" }, mount: -errno.EBUSY });
    expect(console).toBe("+ echo a\n");
    expect(calls.at(-1)).toBe(OFF);
  });

  test("tells what could not be mounted, and goes on", () => {
    const { console } = boot({ files: { "/init.script": "echo a" }, mount: -errno.ENODEV });
    expect(console).toBe(
      [
        "init: /proc: proc: ENODEV (no such device)",
        "init: /sys: sysfs: ENODEV (no such device)",
        "init: /dev: devtmpfs: ENODEV (no such device)",
        "+ echo a",
        "",
      ].join("\n"),
    );
  });

  test("opens the console where the kernel had none to give", () => {
    const { calls } = boot({ files: { "/init.script": "echo a" }, openDescriptors: [] });
    expect(calls.filter((call) => call.startsWith("open"))).toEqual([
      "open /dev/console as 0",
      "open /dev/console as 1",
      "open /dev/console as 2",
      "open /init.script as 3",
    ]);
  });

  test("stops at the first failing line, says which, and turns the machine off", () => {
    const { calls, console } = boot({
      files: { "/init.script": "echo a\n\nfs2dt /x | loadem -k\necho never\n" },
      status: { loadem: 3 << 8 },
    });
    expect(console).toBe("+ echo a\n+ fs2dt /x | loadem -k\ninit: /init.script:3: loadem: exit 3\n");
    expect(calls.at(-1)).toBe(OFF);
  });

  test("leaves it to the kernel to forget whoever ends while nothing is asked for at the prompt", () => {
    const { calls } = boot({ typed: "echo a\n", orphans: 2 });
    const from = calls.indexOf("ignore SIGCHLD");
    expect(calls.slice(from).map((call) => call.replace(/ as .*/, ""))).toEqual([
      "ignore SIGCHLD",
      "reap an orphan",
      "reap an orphan",
      "heed SIGCHLD",
      "spawn /proc/self/exe",
      "ignore SIGCHLD",
      "heed SIGCHLD",
      "sync",
      OFF,
    ]);
  });

  test("runs nothing of a script of more than 128 KiB", () => {
    const { calls, console } = boot({ files: { "/init.script": `echo a\n${"#".repeat(131_066)}` } });
    expect(console).toBe("init: /init.script: more than 131072 bytes\n");
    expect(calls.filter((call) => call.startsWith("spawn"))).toEqual([]);
    expect(boot({ files: { "/init.script": `echo a\n${"#".repeat(131_065)}` } }).console).toBe("+ echo a\n");
  });

  test("says by which signal a program died", () => {
    const { console } = boot({ files: { "/init.script": "echo a" }, status: { echo: 11 } });
    expect(console).toContain("init: /init.script:1: echo: signal 11\n");
  });

  test("runs nothing of a script that has a syntax error", () => {
    const { calls, console } = boot({ files: { "/init.script": "echo a\necho 'b" } });
    expect(console).toBe("init: /init.script:2:6: unterminated '\n");
    expect(calls.filter((call) => call.startsWith("spawn"))).toEqual([]);
    expect(calls.at(-1)).toBe(OFF);
  });

  test("goes to the prompt where there is no script, tells failures there, and ends with the input", () => {
    const typed = "echo a\n\nloadem -k\nnonesuch\necho 'b\necho c";
    const { calls, console } = boot({ typed, status: { loadem: 3 << 8 } });
    expect(console).toBe(
      [
        "init: the prompt; poweroff or end of input (^D) turns the machine off",
        "kexecbox> kexecbox> kexecbox> init: loadem: exit 3",
        "kexecbox> init: nonesuch: no such command",
        "kexecbox> init: prompt:1:6: unterminated '",
        "kexecbox> ",
        "",
      ].join("\n"),
    );
    expect(calls.filter((call) => call.startsWith("spawn"))).toEqual([
      "spawn /proc/self/exe as echo a with 0 1 2",
      "spawn /proc/self/exe as loadem -k with 0 1 2",
      "spawn /proc/self/exe as echo c with 0 1 2",
    ]);
    expect(calls.at(-1)).toBe(OFF);
  });

  test("runs at the prompt what && and || leave, tells each failure, and goes on behind a semicolon", () => {
    const typed = "loadem -n && loadem -k || echo a; nonesuch; echo b\necho *\n";
    const { calls, console } = boot({ typed, status: { loadem: 3 << 8 } });
    expect(console.split("\n").slice(1)).toEqual([
      "kexecbox> init: loadem: exit 3",
      "init: nonesuch: no such command",
      "kexecbox> init: prompt:1:6: * means nothing here; in quotes it is text",
      "kexecbox> ",
      "",
    ]);
    expect(calls.filter((call) => call.startsWith("spawn")).map((call) => call.replace(/ with .*/, ""))).toEqual([
      "spawn /proc/self/exe as loadem -n",
      "spawn /proc/self/exe as echo a",
      "spawn /proc/self/exe as echo b",
    ]);
  });

  test("reads on at the prompt where a line ends with a backslash, as the last lines of kexec --plan do", () => {
    const typed = "echo a \\\n  loadem\necho 'b\\'\n# c \\\necho d\\\\\necho \\\n";
    const { calls, console } = boot({ typed });
    expect(console.split("\n").slice(1)).toEqual(["kexecbox> > kexecbox> kexecbox> kexecbox> kexecbox> > ", ""]);
    expect(calls.filter((call) => call.startsWith("spawn")).map((call) => call.replace(/ with .*/, ""))).toEqual([
      "spawn /proc/self/exe as echo a loadem",
      "spawn /proc/self/exe as echo b\\",
      "spawn /proc/self/exe as echo d\\",
      "spawn /proc/self/exe as echo",
    ]);
  });

  test("goes to the prompt after a script, failing or not, only when asked", () => {
    const files = { "/init.script": "loadem -k" };
    for (const status of [0, 3 << 8]) {
      expect(boot({ files, status: { loadem: status } }, "--prompt").console).toContain("kexecbox> ");
      expect(boot({ files, status: { loadem: status } }).console).not.toContain("kexecbox> ");
    }
  });

  test("runs the script it is given instead of the usual one", () => {
    const { console } = boot({ files: { "/init.script": "echo a", "/other": "echo b" } }, "/other");
    expect(console).toBe("+ echo b\n");
  });

  test("leaves out words of the kernel's command line that mean nothing to it, with a line for each", () => {
    const files = { "/init.script": "echo a", "/s": "echo b", "/t": "" };
    const { console } = boot({ files }, "foo", "-x", "/s", "/t");
    expect(console).toBe(
      [
        "init: foo: no such file; ignored",
        "init: -x: no such option; ignored",
        "init: /t: one script is enough; ignored",
        "+ echo b",
        "",
      ].join("\n"),
    );
  });

  test("finds a program by its path, then among the applets, then in the usual folders", () => {
    const script = "/a/b\necho\nkexecbox --list\nsh";
    const files = { "/init.script": script, "/a/b": "", "/bin/echo": "", "/sbin/sh": "", "/usr/bin/sh": "" };
    expect(boot({ files }).calls.filter((call) => call.startsWith("spawn"))).toEqual([
      "spawn /a/b as /a/b with 0 1 2",
      "spawn /proc/self/exe as echo with 0 1 2",
      "spawn /proc/self/exe as kexecbox --list with 0 1 2",
      "spawn /sbin/sh as sh with 0 1 2",
    ]);
  });

  test("never ends, not even by a fault of its own: it says so and turns the machine off", () => {
    const { calls, console } = boot({ files: { "/init.script": "/broken", "/broken": "" } });
    expect(console).toContain(
      `init: internal error: TypeError: fault of ours; kexecbox ${VERSION} source (quickjs, x86_64)\n`,
    );
    expect(calls.at(-1)).toBe(OFF);
  });

  test("says where it has no memory, and goes on at the prompt", () => {
    const files = { "/init.script": "/hungry", "/hungry": "" };
    expect(boot({ files }).console).toBe("+ /hungry\ninit: /init.script:1: memory: out of memory\n");
    const { calls, console } = boot({ typed: "/hungry\necho a\n", files: { "/hungry": "" } });
    expect(console).toContain("kexecbox> init: memory: out of memory\nkexecbox> ");
    expect(calls).toContain("spawn /proc/self/exe as echo a with 0 1 2");
  });

  test("sleeps when the machine cannot be turned off", () => {
    const { calls, console } = boot({ files: { "/init.script": "echo a" }, reboot: -errno.EPERM });
    expect(console).toContain("init: power off: EPERM (operation not permitted)\n");
    expect(calls.at(-1)).toBe("sleep");
  });
});
