// How a module comes into the kernel, and what is said where the kernel refuses it.

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { errno } from "../../src/sys/errno.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder();

/** What the kernel answers, its log after that, and the program's story. */
function run(answer: number, args: readonly string[], { content = "\x7fELF", log = "" } = {}) {
  writeFileSync(folder.in("virtio-blk.ko"), content, "latin1");
  const on = {
    finit_module: () => answer,
    syslog: ([, bytes]: readonly unknown[]) => {
      if (bytes instanceof Uint8Array) bytes.set(Buffer.from(log));
      return log.length;
    },
  };
  const { code, err, engine } = runInside({ on }, "insmod", folder.in("virtio-blk.ko"), ...args);
  return { code, err: err.replaceAll(folder.path, "@"), calls: engine.asked("finit_module"), open: engine.leftOpen };
}

test("the kernel gets the file and the parameters in one string", () => {
  const { code, err, calls, open } = run(0, ["num_queues=1", "a=b c"]);
  expect([code, err, open]).toEqual([0, "", []]);
  expect(calls.map(({ path, args }) => [path.replace(folder.path, "@"), ...args.slice(1)])).toEqual([
    ["@/virtio-blk.ko", "num_queues=1 a=b c", 0],
  ]);
});

test("a module that is there already is no error", () => {
  expect(run(-errno.EEXIST, []).code).toBe(0);
});

test("a refusal ends with the kernel's own words where they are about the module", () => {
  const log = "<6>[    0.1] other\n<4>[    1.522] virtio_blk: Unknown symbol register_virtio_driver (err -2)\n";
  const { code, err } = run(-errno.ENOENT, [], { log });
  expect(err).toBe(
    'insmod: @/virtio-blk.ko: ENOENT (no such file or directory); the kernel\'s log ends with "virtio_blk: Unknown symbol register_virtio_driver (err -2)"\n',
  );
  expect(code).toBe(3);
  const elsewhere = run(-errno.EPERM, [], { log: "<6>[ 0.1] random: crng init done\n" });
  expect(elsewhere.err).toBe("insmod: @/virtio-blk.ko: EPERM (operation not permitted)\n");
});

test("a module that is still compressed is told from one that is none", () => {
  const { err } = run(-errno.ENOEXEC, [], { content: "\xfd7zXZ\0\0\x04" });
  expect(err).toBe(
    "insmod: @/virtio-blk.ko: ENOEXEC (exec format error); compressed with xz: unxz makes the module of it\n",
  );
  expect(run(-errno.ENOEXEC, []).err).toBe("insmod: @/virtio-blk.ko: ENOEXEC (exec format error)\n");
});

test("without a file, and with one that is not there, nothing is asked of the kernel", () => {
  expect(runInside({}, "insmod").err).toBe("insmod: FILE: missing\n");
  const { code, err } = runInside({}, "insmod", folder.in("none.ko"));
  expect([code, err.replaceAll(folder.path, "@")]).toEqual([
    1,
    "insmod: @/none.ko: ENOENT (no such file or directory)\n",
  ]);
});
