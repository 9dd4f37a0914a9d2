// A plan as the commands that load the same segments byte for byte: fs2dt or zeropage, and loadem, to be edited by people.

import { formatPipeline, quoteWord } from "../script/quote.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import { type NextKernel, type NextKernelRequest, rawCommands } from "./next-kernel.ts";

/** Lines, each ended by a newline; the first of them cut out what no file holds as it is loaded. */
export function formatRawLines(system: System, request: NextKernelRequest, next: NextKernel): ByteString {
  const { kernel, initrds } = request;
  const brings = initrds.length === 0 && kernel.brought.initrd !== undefined;
  const files = {
    kernel: kernel.isAsItIs ? kernel.file : `${baseName(kernel.file)}.image`,
    initrds: brings ? [`${baseName(kernel.file)}.initrd`] : initrds,
  };
  const cut = [
    ...(kernel.isAsItIs ? [] : [`kexec --extract ${quoteWord(kernel.file)} > ${quoteWord(files.kernel)}`]),
    ...(brings ? [`kexec --extract-initrd ${quoteWord(kernel.file)} > ${quoteWord(files.initrds[0] ?? "")}`] : []),
  ];
  return [...cut, formatPipeline(rawCommands(system, request, next, files)), ""].join("\n");
}

function baseName(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf("/") + 1);
}
