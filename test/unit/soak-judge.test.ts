// What a chain's console has to say of each kernel, and what is said where it does not.

import { describe, expect, test } from "bun:test";
import { hasFailed, Judge, toldBy, whyNothingCame } from "../../scripts/soak/judge.ts";
import { present } from "../support/present.ts";

interface Kernel {
  readonly nonce: string;
  readonly online?: string;
  readonly present?: string;
  readonly id?: string;
}

/** A console as init makes it, kernel after kernel. */
function consoleOf(...kernels: readonly Kernel[]): string {
  const blocks = kernels.map(({ nonce, online = "0-3", present = "0-3", id = `id-${nonce}` }, number) =>
    [
      `+ echo "soak: kernel ${number}"`,
      `soak: kernel ${number}`,
      "+ cat /proc/cmdline",
      `console=hvc0 kexecbox.nonce=${nonce} -- /hop/${number}`,
      ...["+ cat /sys/devices/system/cpu/online", online, "+ cat /sys/devices/system/cpu/present", present],
      ...["+ cat /proc/sys/kernel/random/boot_id", id, '+ echo "soak: seen"', "soak: seen"],
      `+ kexec -l /kernel/0 "--append=console=hvc0 kexecbox.nonce=next -- /hop/${number + 1}"`,
      "+ kexec -e",
    ].join("\n"),
  );
  return `${blocks.join("\n")}\n`;
}

function verdicts(...kernels: readonly Kernel[]): (string | undefined)[] {
  const [judge, text] = [new Judge(4), consoleOf(...kernels)];
  return kernels.map((_, number) => judge.wrongIn(present(toldBy(text, number)), `nonce${number}`));
}

const [first, second] = [{ nonce: "nonce0" }, { nonce: "nonce1" }];

test("kernels with their own nonces, all cpus and boot ids of their own are whole", () => {
  expect(verdicts(first, second)).toEqual([undefined, undefined]);
});

describe("a kernel is not whole", () => {
  test.each([
    ["with the command line of the one before it", { nonce: "nonce0" }, "its command line has no nonce1"],
    ["with a nonce that only begins as its own", { nonce: "nonce11" }, "its command line has no nonce1"],
    ["without one of its cpus", { ...second, online: "0-1,3" }, "cpus 0-1,3 of 0-3 are online, 0-3 expected"],
    ["that knows of fewer", { ...second, online: "0-2", present: "0-2" }, "cpus 0-2 of 0-2 are online, 0-3 expected"],
    ["that is the one before it", { ...second, id: "id-nonce0" }, "it has the boot id of another kernel, id-nonce0"],
  ])("%s", (_, kernel, reason) => {
    expect(verdicts(first, kernel)).toEqual([undefined, reason]);
  });
});

test("what a kernel's init has not told to the end is not judged", () => {
  const text = consoleOf(first, second);
  const cut = text.slice(0, text.lastIndexOf("soak: seen"));
  expect(toldBy(cut, 0)).toBeDefined();
  expect(toldBy(cut, 1)).toBeUndefined();
  expect(toldBy(text, 2)).toBeUndefined();
});

test("where no kernel came, the failed line is told, or the last one that was run", () => {
  const text = consoleOf(first);
  expect(hasFailed(text)).toBe(false);
  expect(whyNothingCame({ text, hasEnded: false, killedBy: undefined })).toBe("nothing more came after + kexec -e");
  const ended = { text, hasEnded: true };
  expect(whyNothingCame({ ...ended, killedBy: undefined })).toBe("the guest ended after + kexec -e");
  expect(whyNothingCame({ ...ended, killedBy: "SIGKILL" })).toBe("the guest ended by SIGKILL after + kexec -e");
  const failed = `${text}init: /hop/0:7: kexec: exit 3\n`;
  expect(hasFailed(failed)).toBe(true);
  expect(whyNothingCame({ text: failed, hasEnded: true, killedBy: undefined })).toBe("init: /hop/0:7: kexec: exit 3");
});
