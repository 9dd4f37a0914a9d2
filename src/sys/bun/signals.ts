// Signals under Bun that wait until they are let through.

import type { HeldSignals } from "../engine.ts";
import { libc, makeExecutable, mapPages } from "./libc.ts";

/** Of glibc's struct sigaction: the handler, 1024 bits of mask, flags. */
const SIGACTION_SIZE = 152;
const SIGACTION_FLAGS = 136;
const SA_RESTART = 0x10000000;

/**
 * Bun has threads that no mask of ours reaches, and the kernel gives a signal to any thread that lets it in. A handler
 * is for all of them. It cannot be JavaScript: it is a page of code, which sets a byte in the page after it.
 */
export function holdSignals(pageSize: number): HeldSignals {
  const { start, bytes } = mapPages(2 * pageSize);
  const handler = BigInt(start);
  const came = bytes.subarray(pageSize, pageSize + 128);
  writeHandler(new DataView(bytes.buffer, bytes.byteOffset), pageSize);
  makeExecutable(start, pageSize);
  const handling = new DataView(new ArrayBuffer(SIGACTION_SIZE));
  handling.setBigUint64(0, handler, true);
  handling.setInt32(SIGACTION_FLAGS, SA_RESTART, true);
  const before = new Map<number, Uint8Array>();
  return {
    hold(signals) {
      for (const signal of signals) {
        came[signal] = 0;
        const old = new Uint8Array(SIGACTION_SIZE);
        libc.sigaction(signal, new Uint8Array(handling.buffer), old);
        before.set(signal, old);
      }
    },
    pending: (signal) => came[signal] === 1,
    release(signals) {
      for (const signal of signals) {
        const now = new DataView(new ArrayBuffer(SIGACTION_SIZE));
        libc.sigaction(signal, null, new Uint8Array(now.buffer));
        // An action that was set meanwhile stays.
        if (now.getBigUint64(0, true) !== handler) continue;
        libc.sigaction(signal, before.get(signal) ?? null, null);
        if (came[signal] === 1) libc.raise(signal);
      }
    },
  };
}

/** Code that sets the byte at `pageSize` plus the signal's number. */
function writeHandler(code: DataView, pageSize: number): void {
  if (process.arch === "arm64") {
    code.setUint32(0, 0x10000001 | ((pageSize / 4) << 5), true); // adr x1, .+pageSize
    code.setUint32(4, 0x52800022, true); // mov w2, #1
    code.setUint32(8, 0x38206822, true); // strb w2, [x1, x0]
    code.setUint32(12, 0xd65f03c0, true); // ret
  } else {
    code.setUint32(0, 0x00058d48, true); // lea pageSize(%rip - 7), %rax
    code.setInt32(3, pageSize - 7, true);
    code.setUint32(7, 0x013804c6, true); // movb $1, (%rax,%rdi)
    code.setUint8(11, 0xc3); // ret
  }
}
