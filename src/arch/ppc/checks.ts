// What can be known to be wrong with an image on ppc.

import { headOf } from "../../devicetree/format.ts";
import { treeFromBlob } from "../../devicetree/from/blob.ts";
import { memoryOf, VECTORS } from "../../devicetree/memory.ts";
import { textOf } from "../../devicetree/strings.ts";
import { child, property } from "../../devicetree/tree.ts";
import { hex, unlessFailure } from "../../failure.ts";
import { blame, type Check, type Finding, findEnteredCode } from "../../kexec/check.ts";
import { crashTreeChecks, lackingByTree } from "../../kexec/crash-tree-checks.ts";
import type { MachineFacts } from "../../kexec/facts.ts";
import { entryAlignment, formCheck } from "../../kexec/form-checks.ts";
import { addressOf, bytesOf, type KexecImage } from "../../kexec/image.ts";
import { type Parameter, wordsOfLine } from "../../kexec/parameters.ts";
import { stubChecks } from "../../kexec/stub-checks.ts";
import type { TreeTelling } from "../../kexec/told-header.ts";
import { contains, formatRange, rangeOfSize, roundDown } from "../../range.ts";

/** As a ppc64 tree, which it cannot be told from: it leaves the first 64 KiB to the crash kernel. */
const confinement: TreeTelling = { memoryOf, limitsOf: memoryOf, besides: [VECTORS], readsHeaderProperty: false };

export const checks: readonly Check[] = [
  entryAlignment(4n),
  formCheck({
    machine: "ppc",
    product: "vmlinux",
    finish: ", and objcopy -O binary makes of that what can be entered",
  }),
  ...stubChecks,
  { name: "kernel-block", errno: undefined, find: outsideItsBlock },
  { name: "other-cpus", errno: undefined, find: withOthersAtZero },
  ...crashTreeChecks(confinement),
];

/** What a crash kernel will not have. */
export const listLacking = lackingByTree(confinement);

/** Linux 6.1 starts the other cpus by the addresses that it was linked for, and waits for ever. */
function withOthersAtZero(image: KexecImage, { kernelBlock }: MachineFacts): Finding | undefined {
  const { handed } = image;
  const code = findEnteredCode(image).find(({ by }) => by === "stub");
  if (kernelBlock === undefined || handed === undefined || code === undefined || code.address === 0n) return undefined;
  const root = unlessFailure(
    () => treeFromBlob(bytesOf(handed), "", (name) => name === "chosen" || name === "cpus").root,
  );
  const cpus = root === undefined ? [] : (child(root, "cpus")?.children ?? []);
  const count = cpus.filter((node) => textOf(property(node, "device_type") ?? NONE) === "cpu").length;
  const line = textOf(property(root && child(root, "chosen"), "bootargs") ?? NONE);
  if (count < 2 || wordsOfLine(line).some(isAlone)) return undefined;
  const cure = "load it there, or give it maxcpus=1";
  return blame(
    image,
    code.segment,
    `an e500's kernel starts other cpus, ${count - 1} in its tree, from 0 alone: ${cure}`,
  );
}

/** Documentation/admin-guide/kernel-parameters.txt */
function isAlone({ name, value }: Parameter): boolean {
  return name === "nosmp" || ((name === "maxcpus" || name === "nr_cpus") && (value === "0" || value === "1"));
}

const NONE = new Uint8Array(0);

/** Such a kernel stops before it has a console. */
function outsideItsBlock(image: KexecImage, { kernelBlock }: MachineFacts): Finding | undefined {
  const { handed } = image;
  const code = findEnteredCode(image).find(({ by }) => by === "stub");
  if (kernelBlock === undefined || handed === undefined || code === undefined) return undefined;
  const block = rangeOfSize(roundDown(code.address, kernelBlock), kernelBlock);
  if (code.address !== block.start) {
    return blame(image, code.segment, `an e500's kernel has to begin at a multiple of ${hex(kernelBlock)}`);
  }
  const tree = addressOf(handed);
  const size = headOf(bytesOf(handed))?.size ?? 0;
  if (contains(block, rangeOfSize(tree, BigInt(size)))) return undefined;
  const fact = `the device tree blob at ${hex(tree)} is not within ${formatRange(block)}`;
  return blame(image, handed.segment, `${fact}, all that an e500's kernel maps when it is entered`);
}
