// The glibc inside Bun's executables follows Debian's, without asking for it at every build.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { askOnceADay } from "../../scripts/glibc.ts";
import { Failure } from "../../src/failure.ts";
import { temporaryFolder } from "../support/folder.ts";

const before = process.env.XDG_CACHE_HOME;
const home = temporaryFolder();

beforeEach(() => {
  process.env.XDG_CACHE_HOME = home.path;
});

afterEach(() => {
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before;
});

const says = (text: string) => () => Promise.resolve(text);
const fails = () => Promise.reject(new Failure("apt-get", "no network"));

test("what Debian has is asked for once a day, for each architecture", async () => {
  expect(await askOnceADay("amd64", says("1"), 20_000)).toBe("1");
  expect(await askOnceADay("amd64", says("2"), 20_000)).toBe("1");
  expect(await askOnceADay("arm64", says("3"), 20_000)).toBe("3");
  expect(await askOnceADay("amd64", says("2"), 20_001)).toBe("2");
});

test("without Debian's archive the last answer of two months holds, and there is an error where there is none", async () => {
  await askOnceADay("amd64", says("1"), 20_000);
  await askOnceADay("amd64", says("2"), 20_010);
  expect(await askOnceADay("amd64", fails, 20_012)).toBe("2");
  // It is asked again once it can be.
  expect(await askOnceADay("amd64", says("3"), 20_012)).toBe("3");
  expect(askOnceADay("amd64", fails, 20_100)).rejects.toThrow("no network");
  expect(askOnceADay("arm64", fails, 20_012)).rejects.toThrow("no network");
});
