// The names and words of error numbers are the C library's.

import { dlopen, FFIType } from "bun:ffi";
import { expect, test } from "bun:test";
import { errno } from "../../src/sys/errno.ts";
import errnoText from "../../src/sys/strerror.ts";

const { symbols: libc } = dlopen("libc.so.6", {
  strerror: { args: [FFIType.i32], returns: FFIType.cstring },
  strerrorname_np: { args: [FFIType.i32], returns: FFIType.cstring },
});

/** Of a number, as strerror(3) and its like have them; undefined of one that is none. */
function textOf(number: number): string | undefined {
  const name = `${libc.strerrorname_np(number) ?? ""}`;
  const words = `${libc.strerror(number)}`;
  if (!name.startsWith("E")) return undefined;
  // glibc names 95 by its second name.
  return `${name.replace(/^ENOTSUP$/, "EOPNOTSUPP")} (${words.charAt(0).toLowerCase()}${words.slice(1)})`;
}

test.each(Object.entries(errno))("%s has the number that the C library gives it", (name, number) => {
  expect(textOf(number)).toStartWith(`${name} (`);
});

/** Linux gives none above it to a program (linux/errno.h has those that stay inside the kernel from 512 on). */
const BEYOND = 512;

test("every error that the C library knows has its name and its words, and no other number has any", () => {
  const numbers = Array.from({ length: BEYOND }, (_, index) => index + 1);
  expect(numbers.map(errnoText)).toEqual(numbers.map((number) => textOf(number) ?? `error ${number}`));
  expect(numbers.filter((number) => textOf(number) !== undefined)).toHaveLength(131);
});

test("a result is named by its number, with or without its sign; an unknown one stays a number", () => {
  expect(errnoText(-errno.EPIPE)).toBe("EPIPE (broken pipe)");
  expect(errnoText(errno.EPIPE)).toBe("EPIPE (broken pipe)");
  expect(errnoText(-4000)).toBe("error 4000");
});
