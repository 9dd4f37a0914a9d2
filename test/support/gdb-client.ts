// Talks to a guest as gdb does, and to qemu by its monitor: stops the guest where it comes to an address, and reads memory.
// gdb's documentation, "Remote Protocol"; qemu's, "QMP Reference".

import { existsSync, readFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { hex } from "../../src/failure.ts";
import { present } from "./present.ts";

/** Milliseconds between two looks for a socket, and how often there is one. */
const PAUSE = 20;
const MOST_LOOKS = 3000;

/** What comes from a socket, piece by piece. */
class Reader {
  #text = "";
  #wake = () => {};
  #ended = false;

  constructor(readonly socket: Socket) {
    socket.setEncoding("latin1");
    socket.on("data", (text) => {
      this.#text += text;
      this.#wake();
    });
    socket.on("close", () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on("error", () => {});
  }

  /** The first match in what has come, which is taken out with all before it. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#text);
      if (found !== null) {
        this.#text = this.#text.slice(found.index + found[0].length);
        return found;
      }
      if (this.#ended) throw new Error(`the guest ended, and had said ${JSON.stringify(this.#text.slice(-200))}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

async function connect(path: string): Promise<Socket> {
  for (let looks = 0; !existsSync(path); looks++) {
    if (looks > MOST_LOOKS) throw new Error(`nobody made the socket ${path}`);
    await Bun.sleep(PAUSE);
  }
  return new Promise((resolve, reject) => {
    const socket = createConnection(path, () => resolve(socket));
    socket.once("error", reject);
  });
}

export class GdbClient {
  private constructor(
    readonly socket: Socket,
    readonly reader: Reader,
  ) {}

  /** Waits for a guest that waits for gdb (-S). */
  static async connect(path: string): Promise<GdbClient> {
    const socket = await connect(path);
    return new GdbClient(socket, new Reader(socket));
  }

  async #ask(command: string): Promise<string> {
    const sum = [...Buffer.from(command, "latin1")].reduce((total, byte) => (total + byte) % 256, 0);
    this.socket.write(`$${command}#${sum.toString(16).padStart(2, "0")}`);
    const [, answer] = await this.reader.until(/\$([^#]*)#../);
    this.socket.write("+");
    return present(answer);
  }

  /** Lets the guest run until a cpu of its is at the address. */
  async runTo(address: number): Promise<void> {
    const breakpoint = `0,${address.toString(16)},4`;
    const set = await this.#ask(`Z${breakpoint}`);
    const stopped = await this.#ask("c");
    const removed = await this.#ask(`z${breakpoint}`);
    if (set !== "OK" || removed !== "OK" || !stopped.startsWith("T05")) throw new Error(`${set} ${stopped} ${removed}`);
  }

  /** Lets it run on by itself. */
  async leave(): Promise<void> {
    await this.#ask("D");
    this.socket.destroy();
  }

  /** Ends the guest. */
  kill(): void {
    this.socket.end("$k#6b");
  }
}

/** Qemu's arguments for a monitor that readMemory() can ask. */
export function monitorWords(socket: string): string[] {
  return ["-chardev", `socket,id=qmp,path=${socket},server=on,wait=off`, "-mon", "chardev=qmp,mode=control"];
}

/** Physical memory of a guest that is stopped, by ranges of an address and a number of bytes. */
export async function readMemory(
  socket: string,
  ranges: readonly { readonly start: number; readonly size: number }[],
  folder: string,
): Promise<Buffer[]> {
  const monitor = await connect(socket);
  const reader = new Reader(monitor);
  await reader.until(/"QMP"[^\n]*\n/);
  const ask = async (execute: string, args = {}): Promise<void> => {
    monitor.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    const [, kind, text] = await reader.until(/\{"(return|error)": ([^\n]*)\}\r?\n/);
    if (kind !== "return") throw new Error(text);
  };
  await ask("qmp_capabilities");
  const memory: Buffer[] = [];
  for (const { start, size } of ranges) {
    const file = `${folder}/memory-${hex(start)}`;
    await ask("pmemsave", { val: start, size, filename: file });
    memory.push(readFileSync(file));
  }
  monitor.destroy();
  return memory;
}
