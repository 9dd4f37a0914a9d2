// What a tree was changed to is what the second kernel has, property by property: the kernel itself is the witness.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { image } from "../../initramfs/image.ts";
import { type ScriptNeeds, SECOND_INIT, sceneFor, usualScript } from "../../scripts/boot/scene.ts";
import { kernelsFor } from "../../scripts/boot.ts";
import { build } from "../../scripts/build.ts";
import { runGuest } from "../../scripts/guest.ts";
import { applets } from "../../src/applets/table.ts";
import { type ReadNode, readBlob } from "../support/blob-reader.ts";
import { received, usual } from "../support/boots.ts";
import { dumpedReservations, gottenBytes } from "../support/dtc.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";

const folder = temporaryFolder({ on: "disk" });

/** One of each kind that a running pseries can be given without harm. */
const EDITS = [
  "# what the test looks for afterwards",
  'set /chosen/kexecbox,text="one","two"',
  "set /chosen/kexecbox,numbers=<1 0xffffffff>, /bits/ 64 <0x123456789abcdef0>",
  "set /chosen/kexecbox,console=<&{/vdevice/vty@71000000}>",
  "add-node /kexecbox@1",
  "add-node /kexecbox@1/inner",
  "set /kexecbox@1/inner/flag",
  "set /kexecbox@1/inner/bytes=[00 11 22]",
  "delete /vm,uuid",
  "delete-node /event-sources/hot-plug-events",
  "reserve 0x1f000000,0x10000",
  "",
].join("\n");

/** What a kernel writes into the tree of its own accord, or is told by the stub. */
const OWN_TO_THE_KERNEL = new Set(["/chosen/linux,kernel-end", "/chosen/linux,memory-limit"]);

/** Path of a property, and its bytes in hexadecimal. */
function propertiesOf(root: ReadNode): Map<string, string> {
  const found = new Map<string, string>();
  const open = [{ node: root, path: "" }];
  for (let top = open.pop(); top !== undefined; top = open.pop()) {
    for (const { name, value } of top.node.properties) found.set(`${top.path}/${name}`, value.toString("hex"));
    for (const node of top.node.children) open.push({ node, path: `${top.path}/${node.name}` });
  }
  return found;
}

test.each(["ppc64", "ppc64le"] as const)(
  "the second %s kernel has the tree that the edits made",
  async (target) => {
    const choices = { ...usual, target, smp: 2 };
    const { first, next } = await kernelsFor(choices);
    const executable = readFileSync(await build(target));
    const names = applets.map(({ name }) => name);
    const second = [
      `echo "${SECOND_INIT}"`,
      "cat /proc/cmdline",
      "fs2dt -b 0 /proc/device-tree | cat > /dev/hvc2",
      "cat /sys/firmware/fdt > /dev/hvc3",
      "poweroff",
      "",
    ].join("\n");
    const initrd = Buffer.concat(image({ executable, applets: names, script: Buffer.from(second) }));
    const script = (needs: ScriptNeeds): string =>
      usualScript(needs)
        .replace("/proc/device-tree |", "--from /edits --check /proc/device-tree > /tree\ncat /tree > /dev/hvc1\n")
        .replace(" -w -s ", " -w -f /tree ");
    const files = [{ path: "edits", content: Buffer.from(EDITS), mode: 0o644 } as const];
    const { guest, nonce } = await sceneFor(choices, first, next, folder.path, { script, files, initrd });
    const consoles = [1, 2, 3].flatMap((number) => [
      "-chardev",
      `file,id=tree${number},path=${folder.in(`hvc${number}`)}`,
      "-device",
      `spapr-vty,chardev=tree${number}`,
    ]);
    const run = await runGuest({ ...guest, extra: [...(guest.extra ?? []), ...consoles] }, { timeout: 120 });
    const lines = run.lines.map(({ text }) => text);
    if (run.end !== "off") throw new Error(lines.slice(-30).join("\n"));
    expect(lines[lines.lastIndexOf(SECOND_INIT) + 2]).toContain(nonce);

    const [meant, found, handed] = [1, 2, 3].map((number) => received(folder.in(`hvc${number}`)));
    const wanted = propertiesOf(readBlob(present(meant)).root);
    const there = propertiesOf(readBlob(present(found)).root);
    const different = [...new Set([...wanted.keys(), ...there.keys()])].filter(
      (path) => wanted.get(path) !== there.get(path) && !OWN_TO_THE_KERNEL.has(path),
    );
    expect(different).toEqual([]);

    // libfdt on what the second kernel says that it was handed.
    const blob = folder.in("handed");
    await writeFile(blob, present(handed));
    const get = (node: string, name: string): string => gottenBytes(blob, node, name).toString("hex");
    expect(gottenBytes(blob, "/chosen", "kexecbox,text").toString()).toBe("one\0two\0");
    expect(get("/chosen", "kexecbox,numbers")).toBe("00000001ffffffff123456789abcdef0");
    expect(get("/chosen", "kexecbox,console")).toBe(get("/vdevice/vty@71000000", "phandle"));
    expect(get("/kexecbox@1/inner", "bytes")).toBe("001122");
    expect(get("/kexecbox@1/inner", "flag")).toBe("");
    expect(() => get("/", "vm,uuid")).toThrow("FDT_ERR_NOTFOUND");
    expect(() => get("/event-sources/hot-plug-events", "phandle")).toThrow("FDT_ERR_NOTFOUND");
    expect(dumpedReservations(blob)).toContainEqual([0x1f000000n, 0x10000n]);
  },
  200_000,
);
