// What a kernel says of itself to those who read its dumps: the note VMCOREINFO, lines of NAME=VALUE
// (kernel/vmcore_info.c; kernel/crash_core.c before 6.9).

import { Failure } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import type { CoreFile } from "./core.ts";

const NOTE_NAME = "VMCOREINFO";

/** The kernel keeps a page of it; the largest are 64 KiB. */
const MOST_BYTES = 256 * 1024;

/** More than any structure of a kernel has that is asked for here. */
const LARGEST_SIZE = 1n << 20n;

export class VmcoreInfo {
  /** Of two lines of one name the later one counts. */
  readonly #values = new Map<string, string>();

  constructor(text: ByteString) {
    for (const line of text.slice(0, MOST_BYTES).replace(/\0.*/s, "").split("\n")) {
      const [, name, value] = /^([^=]+)=(.*)$/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) this.#values.set(name, value);
    }
  }

  /** `OSRELEASE`, `CRASHTIME`: as it stands there. */
  text(name: string): ByteString | undefined {
    return this.#values.get(name);
  }

  /** SYMBOL(name): an address in the crashed kernel. */
  symbol(name: string): bigint | undefined {
    return parseHex(this.text(`SYMBOL(${name})`));
  }

  /** NUMBER(name), modulo 2^64. */
  number(name: string): bigint | undefined {
    const text = this.text(`NUMBER(${name})`);
    if (text === undefined || !/^(0x[0-9a-f]{1,16}|-?[0-9]{1,20})$/i.test(text)) return undefined;
    return BigInt.asUintN(64, BigInt(text));
  }

  /**
   * SIZE(name), OFFSET(name): bytes.
   * @throws Failure where it is not told, or no structure is so large
   */
  bytes(kind: "SIZE" | "OFFSET", name: string): number {
    const text = this.text(`${kind}(${name})`);
    if (text === undefined) throw new Failure(NOTE_NAME, `does not tell ${kind}(${name})`);
    const value = /^[0-9]{1,20}$/.test(text) ? BigInt(text) : LARGEST_SIZE;
    if (value >= LARGEST_SIZE) throw new Failure(NOTE_NAME, `${kind}(${name}) is ${text}, which cannot be`);
    return Number(value);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }
}

function parseHex(text: string | undefined): bigint | undefined {
  return text !== undefined && /^(0x)?[0-9a-f]{1,16}$/i.test(text)
    ? BigInt(`0x${text.replace(/^0x/i, "")}`)
    : undefined;
}

/**
 * What a dump's kernel says; undefined where it has no such note.
 * @throws Failure where the notes cannot be read
 */
export function readVmcoreInfo(core: CoreFile): VmcoreInfo | undefined {
  for (const { name, contents } of core.notes()) {
    if (name === NOTE_NAME) return new VmcoreInfo(core.system.text(contents.subarray(0, MOST_BYTES)));
  }
  return undefined;
}
