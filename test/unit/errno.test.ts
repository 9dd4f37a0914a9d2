// The names and words of error numbers are the C library's.

import { dlopen, FFIType } from "bun:ffi";
import { expect, test } from "bun:test";
import { type ErrnoName, errno } from "../../src/sys/errno.ts";
import errnoText, { errnoWords } from "../../src/sys/strerror.ts";

const { symbols: libc } = dlopen("libc.so.6", {
  strerror: { args: [FFIType.i32], returns: FFIType.cstring },
  strerrorname_np: { args: [FFIType.i32], returns: FFIType.cstring },
});

const named = Object.entries(errno) as [ErrnoName, number][];

test.each(named)("%s has the number that the C library gives it", (name, number) => {
  // glibc names 95 by its second name.
  const itsName = `${libc.strerrorname_np(number)}`.replace(/^ENOTSUP$/, "EOPNOTSUPP");
  expect(itsName).toBe(name);
});

test.each(named)("%s reads as strerror has it, in lower case", (name, number) => {
  const words = `${libc.strerror(number)}`;
  expect(errnoWords[name]).toBe(`${words.charAt(0).toLowerCase()}${words.slice(1)}`);
});

test("a result is named by its number, with or without its sign; an unknown one stays a number", () => {
  expect(errnoText(-errno.EPIPE)).toBe("EPIPE (broken pipe)");
  expect(errnoText(errno.EPIPE)).toBe("EPIPE (broken pipe)");
  expect(errnoText(-4000)).toBe("error 4000");
});
