// Counts what an engine's own functions look at and move: blocks of code do not tell that one of them went through a whole list.

import type { Host } from "../../test/fuzz/machine.ts";

/** Items, characters and bytes, by the name of the function that looked at them. */
export class NativeWork {
  /** No Map, whose own functions are counted. */
  #counts: Record<string, number> = {};
  /** Not while a machine that is pretended, or what measures, works. */
  isOn = false;

  add(name: string, count: number): void {
    if (this.isOn) this.#counts[name] = (this.#counts[name] ?? 0) + count;
  }

  /** Since it was taken last. */
  take(): ReadonlyMap<string, number> {
    const counts = new Map(Object.entries(this.#counts));
    this.#counts = {};
    return counts;
  }

  /** Does what is not counted. */
  readonly pause = <T>(work: () => T): T => {
    const before = this.isOn;
    this.isOn = false;
    try {
      return work();
    } finally {
      this.isOn = before;
    }
  };
}

/** What an engine does without the kernel goes through something, too. */
export function countedHost(host: Host, work: NativeWork): Host {
  return {
    ...host,
    decode(bytes, start, end) {
      work.add("decode", end - start);
      return host.decode(bytes, start, end);
    },
  };
}

type Method = (this: never, ...args: unknown[]) => unknown;
type Sized = ArrayLike<unknown>;

/** How much one call looked at: by what it was called on, what it gave and what it was given. */
type Weigh = (self: Sized, result: unknown, args: readonly unknown[]) => number;

const lengthOf = (value: unknown): number =>
  typeof value === "string" || Array.isArray(value) || ArrayBuffer.isView(value)
    ? ((value as unknown as Sized).length ?? 0)
    : 0;

const whole: Weigh = (self) => self.length;
const made: Weigh = (_, result) => lengthOf(result);
const given: Weigh = (_, __, args) => lengthOf(args[0]);
const both: Weigh = (self, result) => self.length + lengthOf(result);

/** From where it begins up to what it finds. */
const found: Weigh = ({ length }, result, [wanted, from]) => {
  const start = Math.min(Number(from ?? 0), length);
  const isThere = typeof result === "number" && result >= 0;
  return (isThere ? (result as number) - start : length - start) + (typeof wanted === "string" ? wanted.length : 1);
};

/** What is behind the place moves. */
const spliced: Weigh = ({ length }, result, [start, , ...added]) =>
  Math.max(0, length - Number(start)) + lengthOf(result) + added.length;

const ARRAY: Readonly<Record<string, Weigh>> = {
  ...{ indexOf: found, lastIndexOf: whole, slice: made, splice: spliced, shift: whole, unshift: whole },
  ...{ concat: made, join: both, reverse: whole, sort: whole, fill: whole, copyWithin: whole, flat: made },
};
const TYPED: Readonly<Record<string, Weigh>> = {
  ...{
    indexOf: found,
    lastIndexOf: whole,
    slice: made,
    set: given,
    fill: whole,
    reverse: whole,
    sort: whole,
    join: both,
  },
};
const STRING: Readonly<Record<string, Weigh>> = {
  ...{
    indexOf: found,
    lastIndexOf: whole,
    slice: made,
    substring: made,
    split: whole,
    replace: both,
    replaceAll: both,
  },
  ...{ toLowerCase: whole, toUpperCase: whole, trim: whole, trimEnd: whole, padStart: made, padEnd: made },
  ...{ repeat: made, startsWith: given, endsWith: given, concat: made, match: whole },
};

/** Makes each function of the engine that goes through something tell how much that was. */
export function countNatives(work: NativeWork): void {
  const wrap = (prototype: object, name: string, weigh: Weigh) => {
    const original = Reflect.get(prototype, name) as Method;
    Object.defineProperty(prototype, name, {
      value(this: never, ...args: unknown[]) {
        if (!work.isOn) return original.apply(this, args);
        const before = lengthOf(this);
        const result = original.apply(this, args);
        work.add(
          name,
          work.pause(() => weigh(typeof this === "string" ? this : ({ length: before } as Sized), result, args)),
        );
        return result;
      },
    });
  };
  const all = (prototype: object, weights: Readonly<Record<string, Weigh>>) => {
    for (const [name, weigh] of Object.entries(weights)) wrap(prototype, name, weigh);
  };
  all(Array.prototype, ARRAY);
  all(Object.getPrototypeOf(Uint8Array.prototype), TYPED);
  all(String.prototype, STRING);
  includeByIndex(Array.prototype);
  includeByIndex(String.prototype);
  for (const iterable of [[], new Map(), new Set()])
    countSteps(work, Object.getPrototypeOf(iterable[Symbol.iterator]()));
  for (const name of ["keys", "values", "entries"]) wrapStatic(work, Object, name);
  countMatches(work);
  for (const prototype of [Map.prototype, Set.prototype])
    for (const name of ["get", "has", "set", "add"]) countKeys(work, prototype, name);
}

/** So that what it looks at is counted there. */
function includeByIndex(prototype: { includes: unknown; indexOf: unknown }): void {
  const original = prototype.indexOf as Method;
  Object.defineProperty(prototype, "includes", {
    // No list here has NaN in it.
    value(this: never, ...args: unknown[]) {
      return (original.apply(this, args) as number) >= 0;
    },
  });
}

/** A list that is spread, or gone through. */
function countSteps(work: NativeWork, prototype: { next: () => unknown }): void {
  const { next } = prototype;
  prototype.next = function step(this: never) {
    work.add("next", 1);
    return next.call(this);
  };
}

function wrapStatic(work: NativeWork, owner: object, name: string): void {
  const original = Reflect.get(owner, name) as Method;
  Object.defineProperty(owner, name, {
    value(...args: unknown[]) {
      const result = original.apply(owner as never, args);
      work.add(name, lengthOf(result));
      return result;
    },
  });
}

/** A name is hashed as a whole. */
function countKeys(work: NativeWork, prototype: object, name: string): void {
  const original = Reflect.get(prototype, name) as Method | undefined;
  if (original === undefined) return;
  Object.defineProperty(prototype, name, {
    value(this: never, ...args: unknown[]) {
      if (typeof args[0] === "string") work.add(name, args[0].length);
      return original.apply(this, args);
    },
  });
}

/** Up to where it matches; all of the rest where it does not, but for one that may match at one place only. */
function countMatches(work: NativeWork): void {
  const { exec } = RegExp.prototype;
  RegExp.prototype.exec = function counted(text: string) {
    const start = this.global || this.sticky ? this.lastIndex : 0;
    const match = exec.call(this, text);
    const looked = match === null ? text.length - start : match.index + match[0].length - start;
    work.add("exec", match === null && this.sticky ? 1 : looked);
    return match;
  };
}
