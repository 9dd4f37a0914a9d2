// A guest at a prompt: it is typed to, and its state can be kept, so that other guests go on from there.

import { readFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { Failure } from "../src/failure.ts";
import { command, type Guest } from "./guest.ts";
import { undoOnInterrupt } from "./interrupt.ts";

export interface LiveOptions {
  /** A path for qemu's monitor, of 100 bytes at most: a socket in a folder of the caller's. */
  readonly monitor: string;
  /** What keep() wrote of a guest with the same words: this one goes on from there. */
  readonly state?: string;
}

/** Milliseconds between two questions. */
const PAUSE = 20;

/** Of a cpu's second: what /proc counts in. USER_HZ, the same on every machine that Linux runs on here. */
const TICKS = 100;

export class LiveGuest {
  #text = "";
  #hasEnded = false;
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #errors: Promise<string>;
  readonly #socket: string;
  readonly #forget: () => void;
  readonly #waiting = new Set<() => void>();

  private constructor(guest: Guest, { monitor, state }: LiveOptions) {
    const incoming = state === undefined ? [] : ["-incoming", `exec:cat ${quote(state)}`];
    const extra = [...(guest.extra ?? []), "-qmp", `unix:${monitor},server=on,wait=off`, ...incoming];
    this.#child = Bun.spawn(command({ ...guest, extra }, "stdio"), { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
    this.#errors = new Response(this.#child.stderr).text();
    this.#socket = monitor;
    this.#forget = undoOnInterrupt(() => this.#child.kill("SIGKILL"));
    this.#read().finally(() => this.#wake());
  }

  /** @throws Failure with qemu's last message if qemu itself fails */
  static async start(guest: Guest, options: LiveOptions): Promise<LiveGuest> {
    const live = new LiveGuest(guest, options);
    if (options.state !== undefined) {
      // As it was kept.
      await live.#askUntil("query-status", "paused");
      await live.askMonitor("cont");
    }
    return live;
  }

  /** All that its console has shown. */
  get text(): string {
    return this.#text;
  }

  /** Whether it has turned itself off, or started anew, which qemu does not do for it. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The signal by which qemu has ended; undefined where it has not, or by itself. */
  get killedBy(): string | undefined {
    const { signalCode } = this.#child;
    return signalCode == null ? undefined : `${signalCode}`;
  }

  /** Seconds of a cpu that qemu has used so far: what a busy host does not change. */
  get cpuSeconds(): number {
    const whole = this.#child.resourceUsage()?.cpuTime.total;
    if (whole !== undefined) return Number(whole) / 1e6;
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "latin1");
    // utime and stime, counted from behind the name, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  }

  /** The console's terminal edits the line. Its end is typed here. */
  type(line: string): void {
    this.#child.stdin.write(`${line}\n`);
    this.#child.stdin.flush();
  }

  /**
   * Waits for text on the console, the guest's end, or a while, whichever comes first.
   * @returns whether the text has come
   */
  async shows(isThere: (text: string) => boolean, milliseconds: number): Promise<boolean> {
    const end = performance.now() + milliseconds;
    while (!isThere(this.#text)) {
      const left = end - performance.now();
      if (this.#hasEnded || left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return true;
  }

  /**
   * Writes its state into a file, and lets it go on. It stands still meanwhile: where qemu emulates the cpus, a page that is
   * written while it is copied can be kept as it was before (a race on dirty bits that qemu's tests/qtest/migration-test.c
   * tells of, "especially on PPC"). That is taken for the reason why a kernel that went on from such a state once counted an
   * interrupt that had ended.
   */
  async keep(path: string): Promise<void> {
    await this.askMonitor("stop");
    // By default it would be slow, so that a network is left for others.
    await this.askMonitor("migrate-set-parameters", { "max-bandwidth": 2 ** 40 });
    await this.askMonitor("migrate", { uri: `exec:cat > ${quote(path)}` });
    await this.#askUntil("query-migrate", "completed");
    await this.askMonitor("cont");
  }

  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    this.#forget();
  }

  async #read(): Promise<void> {
    for await (const chunk of this.#child.stdout) {
      this.#text += Buffer.from(chunk).toString("latin1").replaceAll("\r", "");
      this.#wake();
    }
    await this.#child.exited;
    this.#hasEnded = true;
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  async #askUntil(question: string, wanted: string): Promise<void> {
    for (;;) {
      const { status } = (await this.askMonitor(question)) as { readonly status?: string };
      if (status === wanted) return;
      if (status === "failed" || status === "running") throw new Failure(question, status);
      await Bun.sleep(PAUSE);
    }
  }

  /** One command to qemu's monitor (QMP), on a connection of its own. */
  async askMonitor(execute: string, words: object = {}): Promise<unknown> {
    const socket = await this.#connect();
    // Where qemu dies the reader comes to its end.
    socket.on("error", () => {});
    try {
      const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
      const answer = async (): Promise<unknown> => {
        for (;;) {
          const { done, value } = await lines.next();
          if (done) throw await this.#failure();
          const reply = JSON.parse(value);
          if (reply.error !== undefined) throw new Failure(execute, reply.error.desc);
          if ("return" in reply) return reply.return;
        }
      };
      socket.write('{"execute":"qmp_capabilities"}\n');
      await answer();
      socket.write(`${JSON.stringify({ execute, arguments: words })}\n`);
      return await answer();
    } finally {
      socket.destroy();
    }
  }

  async #connect(): Promise<Socket> {
    while (!this.#hasEnded) {
      const socket = createConnection(this.#socket);
      const isConnected = await new Promise<boolean>((resolve) => {
        socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      });
      if (isConnected) return socket;
      // qemu has yet to make it.
      await Bun.sleep(PAUSE);
    }
    throw await this.#failure();
  }

  async #failure(): Promise<Failure> {
    const said = (await this.#errors).trim().split("\n").at(-1);
    return new Failure("qemu", said || "ended");
  }
}

/** For the shell that qemu starts. */
function quote(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
