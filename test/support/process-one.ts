// A pretended machine for process 1, which tells what was asked of its kernel, in words, and what the console showed.

import { errno } from "../../src/sys/errno.ts";
import { SIGCHLD, WNOHANG } from "../../src/sys/system.ts";
import { type Answer, type CallName, type FakeEngine, fakeEngine } from "./fake-engine.ts";

/** Thrown where the real reboot(2) does not return, and where a machine sleeps for ever. */
export class MachineOff extends Error {}

export interface World {
  readonly pid?: number;
  /** Contents by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** What is typed on the console. */
  readonly typed?: string;
  /** Exit statuses, as wait4 has them, of programs by their name; all others end well. */
  readonly status?: Readonly<Record<string, number>>;
  readonly openDescriptors?: readonly number[];
  readonly mount?: number;
  readonly reboot?: "works" | number;
  /** Where /proc/PID/exe leads. */
  readonly links?: Readonly<Record<string, string>>;
  /** Children that others left behind, and that have ended. */
  readonly orphans?: number;
}

export interface Story {
  readonly engine: FakeEngine;
  /** What was asked of the kernel, in words, except reading. */
  readonly calls: readonly string[];
  /** Everything written to the console. */
  readonly console: string;
}

/** Nothing that is asked of this machine reaches the real one. */
export function machineWith(world: World): Story {
  const calls: string[] = [];
  let console = "";
  let orphans = world.orphans ?? 0;
  const children: string[] = [];
  /** Process ids of those that were not waited for. */
  const running: number[] = [];
  const descriptors = world.openDescriptors ?? [0, 1, 2];
  const open = new Map(descriptors.map((descriptor) => [descriptor, { path: "/dev/console", at: 0 }]));
  const contents = (path: string): string | undefined =>
    path === "/dev/console" ? (world.typed ?? "") : world.files?.[path];

  /** Asked, told, and done with nothing. */
  const told = (name: CallName): Partial<Record<CallName, Answer>> => ({
    [name]: (args: Parameters<Answer>[0]) => {
      calls.push(`${name} ${args.filter((value) => typeof value !== "object").join(" ")}`.trim());
      return 0;
    },
  });

  const on: Partial<Record<CallName, Answer>> = {
    ...told("setsid"),
    ...told("ioctl"),
    ...told("pipe2"),
    ...told("sync"),
    getpid: () => world.pid ?? 1,
    mkdirat([, path]) {
      calls.push(`mkdir ${path}`);
      return -errno.EEXIST;
    },
    mount([, directory, type]) {
      calls.push(`mount ${type} on ${directory}`);
      return world.mount ?? 0;
    },
    statx([directory, path, , , status]) {
      if (path === "" && !open.has(Number(directory))) return -errno.EBADF;
      const isThere = path === "/proc/self/exe" || world.files?.[String(path)] !== undefined;
      if (path !== "" && !isThere) return -errno.ENOENT;
      viewOf(status).setUint16(28, 0o100755, true);
      return 0;
    },
    openat([, name]) {
      const path = String(name);
      if (contents(path) === undefined) return -errno.ENOENT;
      let descriptor = 0;
      while (open.has(descriptor)) descriptor++;
      open.set(descriptor, { path, at: 0 });
      calls.push(`open ${path} as ${descriptor}`);
      return descriptor;
    },
    close([descriptor]) {
      open.delete(Number(descriptor));
      return 0;
    },
    read([descriptor, bytes]) {
      const file = open.get(Number(descriptor));
      if (file === undefined || !(bytes instanceof Uint8Array)) return -errno.EBADF;
      const part = contents(file.path)?.slice(file.at, file.at + bytes.length) ?? "";
      file.at += part.length;
      return put(part, bytes);
    },
    write([, bytes]) {
      if (!(bytes instanceof Uint8Array)) return -errno.EFAULT;
      console += Buffer.from(bytes).toString("latin1");
      return bytes.length;
    },
    readlinkat([, path, bytes]) {
      const target = world.links?.[String(path)];
      return target === undefined ? -errno.ENOENT : put(target, bytes);
    },
    kill([pid, signal]) {
      calls.push(`kill ${children[Number(pid) - FIRST_CHILD]} by ${signal}`);
      return 0;
    },
    rt_sigaction([signal, action]) {
      if (signal === SIGCHLD) calls.push(`${viewOf(action).getBigUint64(0, true) === 1n ? "ignore" : "heed"} SIGCHLD`);
      return 0;
    },
    wait4([pid, status, options]) {
      if (pid === -1 && orphans > 0) {
        calls.push("reap an orphan");
        return ORPHAN + orphans--;
      }
      const [child] = pid === -1 ? running : running.filter((each) => each === pid);
      if (child === undefined) return -errno.ECHILD;
      if (options === WNOHANG && pid === -1) return 0;
      running.splice(running.indexOf(child), 1);
      viewOf(status).setInt32(0, world.status?.[children[child - FIRST_CHILD] ?? ""] ?? 0, true);
      return child;
    },
    reboot([, , command]) {
      calls.push(`reboot 0x${Number(command).toString(16)}`);
      if (world.reboot === undefined || world.reboot === "works") throw new MachineOff();
      return world.reboot;
    },
    ppoll() {
      // Sleeping for ever is where the machine's story ends for us.
      calls.push("sleep");
      throw new MachineOff();
    },
  };

  function spawn(path: string, argv: readonly string[], ...stdio: readonly number[]): number {
    if (path === "/broken") throw new TypeError("fault of ours");
    if (path === "/text") return -errno.ENOEXEC;
    // What the small engine throws where it has no memory for an error.
    if (path === "/hungry") throw null;
    const [name = ""] = argv;
    children.push(name);
    calls.push(`spawn ${path} as ${argv.join(" ")} with ${stdio.join(" ")}`);
    const pid = FIRST_CHILD + children.length - 1;
    running.push(pid);
    return pid;
  }

  return {
    engine: fakeEngine({ name: "quickjs", on, spawn }),
    calls,
    get console() {
      return console;
    },
  };
}

const FIRST_CHILD = 100;
const ORPHAN = 1000;

function put(text: string, bytes: unknown): number {
  if (!(bytes instanceof Uint8Array)) return -errno.EFAULT;
  bytes.set(Buffer.from(text, "latin1"));
  return text.length;
}

function viewOf(bytes: unknown): DataView {
  if (!(bytes instanceof Uint8Array)) throw new Error("no memory to answer in");
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
