// A plan as the commands that load the same segments byte for byte: fs2dt or zeropage, and loadem, to be edited by people.

import { hex } from "../failure.ts";
import { bytesOf, type KexecImage } from "../kexec/image.ts";
import { formatPipeline, quoteWord } from "../script/quote.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import { writeFolder } from "./folder.ts";
import { CORE_HEADER, type NextKernel, type NextKernelRequest, rawCommands } from "./next-kernel.ts";

/** Commands of a shell, in their order; the first of them cut out what no file holds as it is loaded. */
export function listRawLines(system: System, request: NextKernelRequest, next: NextKernel): ByteString[] {
  const { kernel, initrds, tree } = request;
  const name = baseName(kernel.file);
  const cuts: ByteString[] = [];
  const cut = (option: string, target: ByteString): ByteString => {
    cuts.push(`kexec ${option} ${quoteWord(kernel.file)} > ${quoteWord(target)}`);
    return target;
  };
  const coreHeader = `${name}.${CORE_HEADER}`;
  if (next.coreHeader !== undefined) {
    const hotplug = request.hotplug ? "--hotplug " : "";
    cuts.push(`${CORE_HEADER} ${hotplug}-b ${hex(next.coreHeader.start)} > ${quoteWord(coreHeader)}`);
  }
  const own = kernel.brought.initrd === undefined ? [] : [`${name}.initrd`];
  const files = {
    kernel: kernel.isAsItIs ? kernel.file : cut("--extract", `${name}.image`),
    initrds: initrds ?? own.map((file) => cut("--extract-initrd", file)),
    coreHeader,
    tree: tree.bytes === undefined ? undefined : cut("--extract-dtb", `${name}.dtb`),
  };
  return [...cuts, formatPipeline(rawCommands(system, request, next, files))];
}

/** The script in a folder of segments. */
const SCRIPT = "load";

/**
 * Writes the segments into a folder, and the same commands as a script, which loads them from there.
 * @param image what the plan became
 * @throws Failure where a file cannot be written, or another's is there; nothing is written then
 */
export function saveSegments(
  system: System,
  folder: ByteString,
  request: NextKernelRequest,
  next: NextKernel,
  { segments, handed }: KexecImage,
): void {
  const { argument } = next;
  const at = (name: string): ByteString => `${folder}/${name}`;
  const [, kernel, ...rest] = segments.map(({ bytes }) => bytes);
  const coreHeader = next.coreHeader === undefined ? undefined : rest.pop();
  // One that is larger than a segment goes on in the next one.
  const initrds = rest.map((bytes, index) => ({ name: index === 0 ? "initrd" : `initrd-${index}`, bytes }));
  const files = [
    { name: argument.fileName, bytes: handed && bytesOf(handed) },
    { name: "kernel", bytes: kernel },
    ...initrds,
    { name: CORE_HEADER, bytes: coreHeader },
  ].flatMap(({ name, bytes }) => (bytes === undefined ? [] : [{ name, bytes }]));
  const commands = rawCommands(system, request, next, {
    kernel: at("kernel"),
    initrds: initrds.map(({ name }) => at(name)),
    coreHeader: at(CORE_HEADER),
    tree: request.tree.bytes === undefined ? undefined : at(argument.fileName),
  });
  const [program = ""] = commands[0] ?? [];
  const saved = `-f ${quoteWord(at(argument.fileName))}`;
  const text = [
    "#!/bin/sh",
    "# Loads the segments that kexec --save wrote. A script of init as well.",
    `# ${saved} in place of -s loads what ${program} wrote then.`,
    formatPipeline(commands),
    "",
  ];
  writeFolder(system, folder, files, { name: SCRIPT, text: text.join("\n") });
}

function baseName(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf("/") + 1);
}
