import { describe, expect, test } from "bun:test";
import { version as VERSION } from "../../package.json";
import init from "../../src/applets/init.ts";
import poweroff from "../../src/applets/poweroff.ts";
import type { Program } from "../../src/cli/applet.ts";
import { Failure } from "../../src/failure.ts";
import { abis } from "../../src/sys/abi.ts";
import type { Argument, Engine } from "../../src/sys/engine.ts";
import { errno } from "../../src/sys/errno.ts";
import { System } from "../../src/sys/system.ts";

/** Thrown where the real reboot(2) does not return. */
class MachineOff extends Error {}

interface World {
  pid?: number;
  /** Contents by path. */
  files?: Record<string, string>;
  /** What is typed on the console. */
  typed?: string;
  /** Exit statuses, as wait4 has them, of programs by their name; all others end well. */
  status?: Record<string, number>;
  openDescriptors?: readonly number[];
  mount?: number;
  reboot?: "works" | number;
  /** Where /proc/PID/exe leads. */
  links?: Record<string, string>;
  /** Children that others left behind, and that have ended. */
  orphans?: number;
}

interface Story {
  /** What was asked of the kernel, in words, except reading. */
  readonly calls: string[];
  /** Everything written to the console. */
  readonly console: string;
}

/** Plays a kernel for process 1: nothing here reaches the real one. */
class FakeKernel implements Engine {
  readonly name = "quickjs";
  readonly args = [];
  readonly machine = "x86_64";
  readonly pageSize = 4096;
  readonly calls: string[] = [];
  console = "";
  readonly #names = new Map(Object.entries(abis.x86_64.call).map(([name, number]) => [number, name]));
  readonly #open: Map<number, { path: string; at: number }>;
  readonly #children = new Map<number, string>();

  constructor(readonly world: World) {
    const descriptors = world.openDescriptors ?? [0, 1, 2];
    this.#open = new Map(descriptors.map((descriptor) => [descriptor, { path: "console", at: 0 }]));
  }

  gather(): number {
    throw new Error("init reads no device tree");
  }

  syscall(number: number, ...args: Argument[]): number {
    const name = this.#names.get(number) ?? `call ${number}`;
    const { world } = this;
    const [first, second, third] = args;
    switch (name) {
      case "getpid":
        return world.pid ?? 1;
      case "mkdirat":
        this.calls.push(`mkdir ${second}`);
        return -errno.EEXIST;
      case "mount":
        this.calls.push(`mount ${third} on ${second}`);
        return world.mount ?? 0;
      case "statx":
        return this.#statx(Number(first), String(second), args[4] as Uint8Array);
      case "openat":
        return this.#openFile(String(second));
      case "close":
        this.#open.delete(Number(first));
        return 0;
      case "read":
        return this.#read(Number(first), second as Uint8Array);
      case "write":
        this.console += Buffer.from(second as Uint8Array).toString("latin1");
        return (second as Uint8Array).length;
      case "readlinkat": {
        const target = world.links?.[String(second)];
        return target === undefined ? -errno.ENOENT : this.encode(target, third as Uint8Array, 0);
      }
      case "wait4":
        return this.#wait(Number(first), second as Uint8Array | null);
      case "reboot":
        this.calls.push(`reboot 0x${Number(third).toString(16)}`);
        if (world.reboot === undefined || world.reboot === "works") throw new MachineOff();
        return world.reboot;
      case "ppoll":
        // Sleeping for ever is where the machine's story ends for us.
        this.calls.push("sleep");
        throw new MachineOff();
      default:
        this.calls.push(`${name} ${args.filter((value) => typeof value !== "object").join(" ")}`.trim());
        return 0;
    }
  }

  #statx(directory: number, path: string, bytes: Uint8Array): number {
    if (path === "" && !this.#open.has(directory)) return -errno.EBADF;
    if (path !== "" && this.world.files?.[path] === undefined) return -errno.ENOENT;
    new DataView(bytes.buffer).setUint16(28, 0o100644, true);
    return 0;
  }

  #openFile(path: string): number {
    if (path !== "/dev/console" && this.world.files?.[path] === undefined) return -errno.ENOENT;
    let descriptor = 0;
    while (this.#open.has(descriptor)) descriptor++;
    this.#open.set(descriptor, { path, at: 0 });
    this.calls.push(`open ${path} as ${descriptor}`);
    return descriptor;
  }

  #read(descriptor: number, bytes: Uint8Array): number {
    const file = this.#open.get(descriptor)!;
    const text = descriptor === 0 ? (this.world.typed ?? "") : this.world.files![file.path]!;
    const part = text.slice(file.at, file.at + bytes.length);
    file.at += part.length;
    return this.encode(part, bytes, 0);
  }

  #wait(pid: number, status: Uint8Array | null): number {
    if (pid === -1) {
      this.calls.push("reap");
      this.world.orphans = (this.world.orphans ?? 0) - 1;
      return this.world.orphans >= 0 ? 99 : -errno.ECHILD;
    }
    const program = this.#children.get(pid)!;
    new DataView(status!.buffer).setInt32(0, this.world.status?.[program] ?? 0, true);
    return pid;
  }

  spawn(path: string, argv: readonly string[], stdin: number, stdout: number, stderr: number): number {
    if (path === "/broken") throw new TypeError("fault of ours");
    const pid = 100 + this.#children.size;
    this.#children.set(pid, argv[0]!);
    this.calls.push(`spawn ${path} as ${argv.join(" ")} with ${stdin} ${stdout} ${stderr}`);
    return pid;
  }

  address(): bigint {
    throw new Error("not in this story");
  }

  memory(): Uint8Array {
    throw new Error("not in this story");
  }

  decode(bytes: Uint8Array, start: number, end: number): string {
    return Buffer.from(bytes.subarray(start, end)).toString("latin1");
  }

  encode(text: string, bytes: Uint8Array, at: number): number {
    bytes.set(Buffer.from(text, "latin1"), at);
    return text.length;
  }

  exit(): never {
    throw new Error("process 1 has ended: kernel panic");
  }
}

/** The program that both applets here are part of. */
const program: Program = { names: ["fs2dt", "loadem", "echo"] };

/** Process 1 from its start until the machine is off. */
function boot(world: World, ...args: string[]): Story {
  const kernel = new FakeKernel(world);
  expect(() => init.run(new System(kernel), args, program)).toThrow(MachineOff);
  return kernel;
}

const OFF = "reboot 0x4321fedc";

describe("init as any process but 1", () => {
  test("refuses before it has done anything", () => {
    const kernel = new FakeKernel({ pid: 4711, files: { "/init.script": "echo x" } });
    expect(() => init.run(new System(kernel), [], program)).toThrow(
      new Failure("process id 4711", "only process 1 may be init", 2),
    );
    expect(kernel.calls).toEqual([]);
    expect(kernel.console).toBe("");
  });
});

describe("init as process 1", () => {
  test("mounts, makes the console its terminal, runs the script, reaps, turns the machine off", () => {
    const files = { "/init.script": "echo a\nfs2dt -b 8 /x|/loadem -k # go\n" };
    const { calls, console } = boot({ files, orphans: 1 });
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
      "reap",
      "reap",
      "pipe2 524288",
      "spawn /proc/self/exe as fs2dt -b 8 /x with 0 0 2",
      "spawn /loadem as /loadem -k with 0 1 2",
      "reap",
      "sync",
      OFF,
    ]);
    expect(console).toBe("+ echo a\n+ fs2dt -b 8 /x | /loadem -k\n");
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
        "init: foo: no such file; left out",
        "init: -x: no such option; left out",
        "init: /t: one script is enough; left out",
        "+ echo b",
        "",
      ].join("\n"),
    );
  });

  test("finds a program by its path, then among the applets, then in the usual folders", () => {
    const script = "/a/b\necho\nkexecbox --list\nsh";
    const files = { "/init.script": script, "/bin/echo": "", "/sbin/sh": "", "/usr/bin/sh": "" };
    expect(boot({ files }).calls.filter((call) => call.startsWith("spawn"))).toEqual([
      "spawn /a/b as /a/b with 0 1 2",
      "spawn /proc/self/exe as echo with 0 1 2",
      "spawn /proc/self/exe as kexecbox --list with 0 1 2",
      "spawn /sbin/sh as sh with 0 1 2",
    ]);
  });

  test("never ends, not even by a fault of its own: it says so and turns the machine off", () => {
    const { calls, console } = boot({ files: { "/init.script": "/broken" } });
    expect(console).toContain(
      `init: internal error: TypeError: fault of ours; kexecbox ${VERSION} source (quickjs, x86_64)\n`,
    );
    expect(calls.at(-1)).toBe(OFF);
  });

  test("sleeps when the machine cannot be turned off", () => {
    const { calls, console } = boot({ files: { "/init.script": "echo a" }, reboot: -errno.EPERM });
    expect(console).toContain("init: power off: EPERM (operation not permitted)\n");
    expect(calls.at(-1)).toBe("sleep");
  });
});

describe("poweroff", () => {
  const ours = { "/proc/1/exe": "/bin/kexecbox", "/proc/self/exe": "/bin/kexecbox" };
  const other = { "/proc/1/exe": "/sbin/init", "/proc/self/exe": "/bin/kexecbox" };

  /** The calls it made, if it turned the machine off, or its error. */
  function run(world: World, ...args: string[]): string[] | string {
    const kernel = new FakeKernel(world);
    try {
      poweroff.run(new System(kernel), args, program);
    } catch (error) {
      if (error instanceof MachineOff) return kernel.calls;
      if (error instanceof Failure) return `${error.exitCode}: ${error.message}`;
      throw error;
    }
    throw new Error("it returned");
  }

  test("writes out what is cached, then turns the machine off or starts it again", () => {
    expect(run({ links: ours })).toEqual(["sync", "reboot 0x4321fedc"]);
    expect(run({ links: ours }, "--reboot")).toEqual(["sync", "reboot 0x1234567"]);
  });

  test("leaves a machine alone whose process 1 is another program, or cannot be told, unless forced", () => {
    const refused = "1: process 1: is not this program; --force ends the machine anyway";
    expect(run({ links: other })).toBe(refused);
    expect(run({})).toBe(refused);
    expect(run({ links: other }, "--force")).toEqual(["sync", "reboot 0x4321fedc"]);
  });

  test("tells when the kernel refuses", () => {
    expect(run({ links: ours, reboot: -errno.EPERM })).toBe("3: reboot: EPERM (operation not permitted)");
  });

  test("takes no operand", () => {
    expect(run({ links: ours }, "now")).toBe("2: now: no operand is expected");
  });
});
