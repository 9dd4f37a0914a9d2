// What kexec would load of a scene: a stub of ours with what it hands over, a kernel and an initrd, at their places.

import { archs } from "../../src/arch/archs.ts";
import { makeBootParams, SEED_SIZE } from "../../src/arch/x86_64/make-boot-params.ts";
import { readSetupHeader } from "../../src/arch/x86_64/setup-header.ts";
import { blob } from "../../src/devicetree/to/blob.ts";
import type { KexecImage, Segment } from "../../src/kexec/image.ts";
import { FORM_SPAN } from "../../src/kexec/piece.ts";
import { STUB_SIZE } from "../../src/kexec/stub.ts";
import type { NextPlaces } from "../../src/recipes/next-places.ts";
import { bzImage } from "./bzimage.ts";
import type { Scene } from "./place-judge.ts";
import { commandLineOf, factsOf, headOf } from "./place-scenes.ts";
import { present } from "./present.ts";
import { cells } from "./tree.ts";

/** More than the stub and what is behind it have here. */
export const MOST_ARGUMENT = 0x4000n;

export function imageOf(scene: Scene, { argument, kernel, kernelSize, initrd, round }: NextPlaces): KexecImage {
  const arch = present(archs.find(({ name }) => name === scene.machine));
  const whole = (size: bigint): bigint => ((size + round - 1n) / round) * round;
  const told = initrd === undefined ? undefined : { start: initrd, end: initrd + present(scene.initrd) };
  const { bytes: code, endian } = present(arch.stub);
  const stub = Buffer.from(code());
  if (endian === "big") stub.writeBigUInt64BE(kernel, STUB_SIZE - 8);
  else stub.writeBigUInt64LE(kernel, STUB_SIZE - 8);
  const handed = handOver(scene, argument + BigInt(STUB_SIZE), told);
  const bytes = Buffer.concat([stub, handed]);
  const first: Segment = { start: argument, end: argument + whole(scene.argument), bytes, from: "stub" };
  const head = headOf(scene);
  // What --poke 0x5c=1 makes of it.
  if (scene.crash && scene.machine === "ppc64" && scene.kernel.copies) head.set([0, 0, 0, 1], 0x5c);
  const second: Segment = { start: kernel, end: kernel + kernelSize, bytes: head, from: "kernel" };
  const third =
    told === undefined
      ? []
      : [{ start: told.start, end: told.start + whole(present(scene.initrd)), bytes: initrdOf(scene), from: "initrd" }];
  const chain = { kind: "chain", segment: first, at: STUB_SIZE - 8, size: 8, value: kernel, reason: "" } as const;
  return {
    segments: [first, second, ...third],
    words: [{ ...chain, endian }],
    entry: argument,
    handed: { segment: first, target: arch },
    arch: 0n,
    crash: scene.crash,
  };
}

function initrdOf({ initrd }: Scene): Uint8Array {
  return new Uint8Array(Number(present(initrd)));
}

interface Told {
  readonly start: bigint;
  readonly end: bigint;
}

function handOver(scene: Scene, address: bigint, initrd: Told | undefined): Uint8Array {
  const { machine, memory, kernel } = scene;
  if (machine === "x86_64") {
    const start = bzImage({
      initSize: Number(kernel.uses),
      alignment: Number(kernel.multiple),
      relocatable: !kernel.fixed,
      preferred: kernel.preferred,
      highestInitrd: Number(kernel.highestInitrd),
      xloadflags: kernel.above4G ? 0x7f : 0x7d,
    });
    const header = readSetupHeader("bzImage", start.subarray(0, FORM_SPAN), start.length);
    const memoryMap = memory.map((range) => ({ ...range, type: 1 }));
    const seed = new Uint8Array(SEED_SIZE);
    const commandLine = Buffer.from("quiet");
    return makeBootParams(header, { address, commandLine, initrd, memoryMap, rsdp: 0n, running: undefined, seed });
  }
  const words = (value: bigint): Uint8Array => cells(Number(value >> 32n), Number(value & 0xffff_ffffn));
  const properties =
    initrd === undefined
      ? []
      : [
          { name: "linux,initrd-start", value: words(initrd.start) },
          { name: "linux,initrd-end", value: words(initrd.end) },
        ];
  const bootargs = { name: "bootargs", value: Buffer.from(`${commandLineOf(scene)}\0`) };
  const chosen = { name: "chosen", properties: [bootargs, ...properties], children: [] };
  const reg = factsOf(scene).memory.flatMap(({ start, end }) => [words(start), words(end - start)]);
  const ram = [
    { name: "device_type", value: Buffer.from("memory\0") },
    { name: "reg", value: Buffer.concat(reg) },
  ];
  const root = {
    name: "",
    properties: ["#address-cells", "#size-cells"].map((name) => ({ name, value: cells(2) })),
    children: [chosen, { name: "memory@0", properties: ram, children: [] }],
  };
  return blob(root, { version: 17, padding: 0, maxSize: 0x10000, address, reservations: [], bootCpu: 0 });
}
