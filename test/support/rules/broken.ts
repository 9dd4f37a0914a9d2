// What the tests of rules that no kernel checks are told: a machine, how each rule is broken there, and what becomes of it.

import type { AddedFile } from "../../../initramfs/image.ts";
import { handOverWords } from "../../../scripts/boot/addresses.ts";
import type { Choices } from "../../../scripts/boot/choices.ts";
import type { ScriptNeeds } from "../../../scripts/boot/scene.ts";
import { hex } from "../../../src/failure.ts";

/** The words of a load. */
export interface Words {
  /** Where the blob or the zero page is told to lie. */
  readonly argument: number;
  /** Options of fs2dt or zeropage: what the next kernel is told of its initrd, and more. */
  readonly told: string;
  readonly more: string;
  /** More of the next kernel's command line. */
  readonly append: string;
  /** loadem's segments: the stub with what follows it, the kernel, the initrd, others. */
  readonly stub: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly others: string;
}

/** What words are made of. */
export interface Needs extends ScriptNeeds {
  /** With these the machine comes up. */
  readonly usual: Words;
  /** Bytes of /vmlinux.kexec, or of the bzImage that it is cut out of. */
  readonly kernelSize: number;
  /** What `learns` of the world printed. */
  readonly learned: readonly string[];
}

/**
 * How it ends: with a line of the next kernel, or in `silence`: not one line, though the next kernel speaks as early as
 * it can, before the machine starts anew or has had three times the cpu that the first line takes with all rules kept.
 */
export type End = RegExp | "silence";

export interface Broken {
  /** The check's name, as docs/loading.md has it. */
  readonly rule: string;
  readonly how: string;
  words(needs: Needs): Partial<Words>;
  /** Of loadem. */
  readonly refusal: RegExp;
  readonly end: End;
}

/** What looks like a broken rule, and is none. */
export interface Sound {
  readonly how: string;
  words(needs: Needs): Partial<Words>;
}

/** Physical addresses of the segments. */
export interface Places {
  readonly stub: number;
  readonly kernel: number;
  readonly initrd: number;
}

/** Guests that have all in common but what is loaded. */
export interface World {
  readonly name: string;
  readonly choices: Partial<Choices> & Pick<Choices, "target" | "cpu">;
  /** Whether qemu cannot keep this machine's state: then each guest starts from the beginning. */
  readonly isUnkept?: boolean;
  /** Where the machine comes up with them. */
  readonly places: Places;
  /** Added to the first kernel's command line. */
  readonly append?: string;
  /** For the first initramfs. */
  files?(made: { readonly kernel: Uint8Array; readonly initrd: Uint8Array }): readonly AddedFile[];
  /** Lines of the first init, before anything is loaded. */
  readonly first?: readonly string[];
  /** A line of the first init that tells what words need. */
  readonly learns?: string;
  /** What differs from words that serve elsewhere. */
  usual?(needs: Needs): Partial<Words>;
  /** Whether the next kernel is a crash kernel, which a panic enters. */
  readonly crash?: boolean;
  /** Lines of the next init. */
  readonly asks?: readonly string[];
  readonly broken: readonly Broken[];
  readonly sound?: readonly Sound[];
}

/** What serves where nothing else is said. */
export function usualWords({ addresses, chain, initrdSize, bss }: ScriptNeeds): Words {
  const { tree, initrd } = addresses;
  const handOver = handOverWords(addresses, chain);
  return {
    argument: tree,
    told: tell(initrd, initrdSize),
    more: "",
    append: "",
    stub: handOver.argument.join(" "),
    kernel: `${handOver.kernel.join(" ")} -f /vmlinux.kexec -z ${hex(bss)}`,
    initrd: `-a ${hex(initrd)} -f /initrd`,
    others: "",
  };
}

/** The option that tells of an initrd. */
export function tell(start: number, size: number): string {
  return `-i ${hex(start)},${hex(start + size)}`;
}

export function file(path: string, content: Uint8Array): AddedFile {
  return { path, content, mode: 0o644 };
}

/** The pipeline that loads. */
export function lineOf(words: Words, { argument, source, bootargs }: ScriptNeeds, options: string): string {
  const generator = argument === "zero page" ? "zeropage" : "fs2dt";
  const input = argument === "zero page" ? "/bzImage" : source;
  const told = `-b ${hex(words.argument)} -B '${`${bootargs} ${words.append}`.trim()}' ${words.told} ${words.more}`;
  const segments = [words.stub, words.kernel, words.initrd, words.others].join(" ");
  return `${generator} ${told} ${input} | loadem ${options} -r 0x10000 ${segments}`.replace(/ +/g, " ").trim();
}
