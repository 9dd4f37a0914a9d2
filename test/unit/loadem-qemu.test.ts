// loadem --qemu: the files that start an image in qemu with no kernel before it, and what is refused. The developer's
// machine is x86-64 here unless said, and nothing of it counts.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { archs } from "../../src/arch/archs.ts";
import { qemuMachines } from "../../src/arch/qemu-machines.ts";
import { builtInStub } from "../../src/arch/stubs.ts";
import { readElf, segmentBytes } from "../../src/elf.ts";
import { errno } from "../../src/sys/errno.ts";
import { bzImage } from "../support/bzimage.ts";
import { runInside } from "../support/fake-engine.ts";
import { fileCalls } from "../support/file-calls.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type LoadRun, loadem, type Pretended, WITHOUT_TREE } from "../support/loading.ts";
import { present } from "../support/present.ts";
import { pseriesTree, riscvTree, virtTree } from "../support/qemu-trees.ts";
import { cells, makeTree, type Tree } from "../support/tree.ts";

const folder = temporaryFolder();

const HOST: Pretended = { machine: "x86_64", files: WITHOUT_TREE };

/** In the folder; what is written is below it. */
function run(line: string, stdin: Uint8Array = new Uint8Array(0), pretended: Pretended = {}): LoadRun {
  const words = line.split(" ").map((word) => word.replace(/^@/, `${folder.path}/`));
  const on = { ...fileCalls(folder.path), ...pretended.on };
  return loadem(folder.path, { ...HOST, stdin, ...pretended, on }, ...words);
}

/** What it says in refusing; nothing was written. */
function refusal(line: string, stdin?: Uint8Array, pretended?: Pretended): string {
  const { code, err } = run(line, stdin, pretended);
  expect(existsSync(folder.in("out"))).toBe(false);
  return `${code} ${err}`.replaceAll(`${folder.path}/`, "").trimEnd();
}

function written(name: string): Buffer {
  return readFileSync(folder.in("out", name));
}

const RTAS = 0x3fff0000;

/** What qemu's dumpdtb shows of pseries, and where RTAS is. */
const PSERIES = pseriesTree(
  0x4000_0000,
  Uint8Array.of(3, 1, 2, 3, 4),
  [
    ["linux,rtas-base", cells(RTAS)],
    ["linux,rtas-entry", cells(RTAS)],
  ],
  [
    [
      "cpus",
      [0, 1, 2].map((id) => [
        `PowerPC,POWER10@${id}`,
        [
          ["device_type", "cpu\0"],
          ["reg", cells(id)],
          ["cpu-version", cells(0x0f000006)],
          ["ibm,ppc-interrupt-server#s", cells(id)],
        ],
      ]),
    ],
  ],
);

const VIRT = virtTree([
  ["intc@8000000", [["compatible", "arm,cortex-a15-gic\0"]]],
  [
    "cpus",
    [
      [
        "cpu@0",
        [
          ["compatible", "arm,cortex-a72\0"],
          ["enable-method", "psci\0"],
        ],
      ],
      ["cpu@1", []],
    ],
  ],
]);

/** A blob for the stub at `stub`. */
function blob(tree: Tree, stub: number, ...options: string[]): Buffer {
  return blobAt(stub + 0x100, tree, ...options);
}

function blobAt(address: number, tree: Tree, ...options: string[]): Buffer {
  const path = folder.in(`tree${Bun.randomUUIDv7()}`);
  makeTree(path, tree);
  const { code, out, err } = runInside({}, "fs2dt", "-b", `0x${address.toString(16)}`, ...options, path);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out;
}

const KERNEL = Buffer.alloc(0x3000, 0x60);

/** An Image of 8 KiB that takes 64 KiB. */
function image(): Buffer {
  const bytes = Buffer.alloc(0x2000, 0xd5);
  bytes.writeBigUInt64LE(0n, 8);
  bytes.writeBigUInt64LE(0x10000n, 16);
  bytes.write("ARM\x64", 56, "latin1");
  return bytes;
}

const PPC64 = "--qemu @out -t 21 -r 0x10000 -a 0x8000000 -e -w -s -a 0x9000000 -c 0x100 -f @kernel";
const ARM64 = "--qemu @out -t 183 -r 0x1000 -a 0x45e00000 -e -w -s -a 0x46000000 -c 0xf8 -f @kernel";
const X86_64 = "--qemu @out -r 0x1000 -a 0x4400000 -e -w -s -a 0x1000000 -c 0xf8 -f @kernel -z 0x2000000";

function ppc64(tree = blob(PSERIES, 0x8000000), line = PPC64): string {
  writeFileSync(folder.in("kernel"), KERNEL);
  return refusal(line, tree);
}

function arm64(tree: Tree = VIRT, line = ARM64): string {
  writeFileSync(folder.in("kernel"), image());
  return refusal(line, blob(tree, 0x45e00000));
}

function zeroPage(...options: string[]): Buffer {
  writeFileSync(folder.in("bzImage"), bzImage({ initSize: 0x2003000 }));
  const words = ["-b", "0x4400100", "-B", "quiet", ...options, folder.in("bzImage")];
  const { code, out, err } = runInside({}, "zeropage", ...words);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out;
}

/** The script's last part, which starts the emulator. */
function command(): string {
  return written("run")
    .toString("latin1")
    .replace(/^.*\nexec /s, "exec ")
    .replace(/\n# files: .*/s, "\n");
}

/** The values that are to be changed at the script's top. */
function variables(): string[] {
  return (
    written("run")
      .toString("latin1")
      .match(/^[a-z]+=.*$/gm)
      ?.slice(0, 5) ?? []
  );
}

describe("ppc64", () => {
  test("has each segment as kexec would have it, with firmware that negotiates what the tree says, and RTAS where that is", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    writeFileSync(folder.in("initrd"), "initrd");
    const tree = blob(PSERIES, 0x8000000);
    const { code, err, changes } = run(`${PPC64} -a 0xa000000 -f @initrd -z 0x1000`, tree);
    expect({ code, err, changes: changes.filter((name) => name !== "mkdirat") }).toEqual({
      code: 0,
      err: "",
      changes: [],
    });
    expect(readdirSync(folder.in("out")).sort()).toEqual([
      "firmware",
      "rtas",
      "run",
      "segment-0",
      "segment-1",
      "segment-2",
    ]);
    const stub = Buffer.from(builtInStub("", "ppc64"));
    stub.writeBigUInt64BE(0x9000000n, 0xf8);
    // No other cpu comes to it.
    stub.writeUInt32BE(0x7fff0000, 0xf4);
    expect(written("segment-0").equals(Buffer.concat([stub, tree]))).toBe(true);
    expect(written("segment-1").equals(KERNEL)).toBe(true);
    expect(written("segment-2").toString()).toBe("initrd");
    const firmware = written("firmware");
    expect(firmware.subarray(0, 0x100).every((byte) => byte === 0)).toBe(true);
    expect(firmware.readBigUInt64BE(0x148)).toBe(0x8000000n);
    expect(firmware.readUInt32BE(0x154)).toBe(0x0f000006);
    expect([...firmware.subarray(0x171)]).toEqual([3, 1, 2, 3, 4]);
    expect(written("rtas").length).toBe(20);
    expect(variables()).toEqual([
      "qemu=qemu-system-ppc64",
      "machine=pseries,x-vof=on,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off,cap-hpt-max-page-size=16M",
      "cpu=POWER10",
      "smp=3",
      "memory=1024",
    ]);
    expect(command()).toBe(`exec "$qemu" -M "$machine" -cpu "$cpu" -smp "$smp" -m "$memory" \\
  -nodefaults -display none -serial mon:stdio -no-reboot \\
  -bios "$folder/firmware" \\
  -device "loader,file=\${files}rtas,addr=0x3fff0000,force-raw=on" \\
  -device "loader,file=\${files}segment-0,addr=0x8000000,force-raw=on" \\
  -device "loader,file=\${files}segment-1,addr=0x9000000,force-raw=on" \\
  -device "loader,file=\${files}segment-2,addr=0xa000000,force-raw=on" \\
  "$@"
`);
  });

  test("needs no -t where the stub is a file, and tells the stub of as many cpus as --secondaries says", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    writeFileSync(folder.in("stub"), builtInStub("", "ppc64"));
    const line = PPC64.replace("-t 21 ", "--secondaries 2 ").replace("-w", "-f @stub");
    expect(run(line, blob(PSERIES, 0x8000000)).code).toBe(0);
    expect(variables()[0]).toBe("qemu=qemu-system-ppc64");
    expect(written("segment-0").readUInt32BE(0xf4)).toBe(0x7fff0002);
  });

  test("whose memory can grow has the same hash table as the machine of the tree", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    const grows = blob(PSERIES, 0x8000000, "--set", "/rtas/ibm,lrdr-capacity=<2 0 0 0x10000000 4>");
    expect(run(PPC64, grows).code).toBe(0);
    expect(variables().at(-1)).toBe("memory=1024,maxmem=8192M,slots=32");
  });

  test("of several threads a core has them, and -v says what qemu cannot", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    const threads = blob(PSERIES, 0x8000000, "--set", "/cpus/PowerPC,POWER10@0/ibm,ppc-interrupt-server#s=<0 1>");
    const { code, err } = run(`-v ${PPC64}`, threads);
    expect(code).toBe(0);
    expect(variables()[3]).toBe("smp=4,threads=2");
    expect(err).toContain("loadem: whether qemu can emulate 2 threads a core is not checked: without KVM it cannot\n");
  });

  test("without a stub is entered in big endian, and a word for other code is stored so", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    const { code, err } = run("-v --qemu @out -t 21 -a 0x8000000 -e -f @kernel -a 0x9000000 -c 0x108 -f @kernel");
    expect(code).toBe(0);
    expect(err).toContain("stored 0x9000000 at 0x8000100, big endian as ppc64 is started in qemu\n");
    expect(readdirSync(folder.in("out")).sort()).toEqual(["firmware", "run", "segment-0", "segment-1"]);
    const firmware = written("firmware");
    expect([...firmware.subarray(0x154, 0x158), ...firmware.subarray(0x171)]).toEqual([
      0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 1,
    ]);
    expect(firmware.readBigUInt64BE(0x148)).toBe(0x8000000n);
    expect(variables().slice(2)).toEqual(["cpu=POWER9", "smp=1", "memory=512"]);
  });

  test("of a tree by which nothing was negotiated asks for no more than that its hash table stays as it is", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    for (const value of ["[00 00]", "[02 0000]", "[]", ""]) {
      const options =
        value === ""
          ? ["--delete", "/chosen/ibm,architecture-vec-5"]
          : ["--set", `/chosen/ibm,architecture-vec-5=${value}`];
      expect(run(PPC64, blob(PSERIES, 0x8000000, ...options))).toMatchObject({ code: 0, err: "" });
      expect([...written("firmware").subarray(0x171)]).toEqual([5, 0, 0, 0, 0, 0, 1]);
    }
  });

  test("is refused where the next kernel would die of its tree", () => {
    const place = "1 loadem: the device tree blob at 0x8000100: ";
    const set = (...options: string[]) => ppc64(blob(PSERIES, 0x8000000, ...options));
    const where = "fs2dt --set '/rtas/linux,rtas-base=<0x3fff0000>' --set '/rtas/linux,rtas-entry=<0x3fff0000>'";
    expect(set("--delete", "/rtas/linux,rtas-base", "--delete", "/rtas/linux,rtas-entry")).toBe(
      `${place}/rtas does not say where RTAS is: ${where} does`,
    );
    expect(set("--set", "/rtas/linux,rtas-entry=<0x3fff0850>")).toBe(
      `${place}linux,rtas-entry 0x3fff0850 is not in RTAS's memory`,
    );
    const unreserved = blob(PSERIES, 0x8000000);
    unreserved.writeUInt32BE(0x800, unreserved.indexOf("000000003fff0000000000000000085c", "hex") + 12);
    expect(ppc64(unreserved)).toBe(`${place}RTAS's memory is not reserved: fs2dt --reserve 0x3fff0000,0x85c`);
    expect(ppc64(undefined, `${PPC64} -a 0x3fff0000 -f @kernel`)).toBe(
      "1 loadem: segment 2 (0x3fff0000-0x40000000, kernel): lies over 0x3fff0000-0x3fff085c, which is taken: RTAS",
    );
    expect(
      set("--add-node", "/interrupt-controller@1", "--set", '/interrupt-controller@1/compatible="ibm,power-ivpe"'),
    ).toMatch(
      /^1 loadem: the device tree blob at 0x8000100: it has XIVE \(ibm,power-ivpe\), but ibm,architecture-vec-5 does not say that it was asked for: fs2dt --set '\/chosen\/ibm,architecture-vec-5=\[19 0{44} 4040 0040\]'$/,
    );
    expect(set("--add-node", "/ibm,opal")).toBe(
      `${place}it is of a machine with OPAL: qemu has those, but they start by that firmware alone`,
    );
  });

  test("with XIVE is taken where the tree says that it was asked for", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    const tree = blob(
      PSERIES,
      0x8000000,
      ...["--add-node", "/interrupt-controller@1", "--set", '/interrupt-controller@1/compatible="ibm,power-ivpe"'],
      ...["--set", `/chosen/ibm,architecture-vec-5=[19 ${"00".repeat(22)} 4040 0040]`],
    );
    expect(run(PPC64, tree)).toMatchObject({ code: 0, err: "" });
    expect([...written("firmware").subarray(0x171)]).toEqual([0x19, ...Array(22).fill(0), 0x40, 0x40, 0, 0x40]);
  });

  test("is refused where segments lie over the vectors, or outside of memory", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    expect(ppc64(undefined, `${PPC64} -a 0 -f @kernel`)).toMatch(
      /^1 loadem: segment 2 .* lies over 0x0-0x10000, which is taken: the exception vectors/,
    );
    expect(ppc64(undefined, `${PPC64} -a 0x40000000 -f @kernel`)).toBe(
      "1 loadem: segment 2 (0x40000000-0x40010000, kernel): not within the machine's memory 0x0-0x40000000",
    );
  });

  test("of another maker has its line in -v", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    const { err } = run(`-v ${PPC64}`, blob(PSERIES, 0x8000000, "--set", '/compatible="IBM,9009-22A"'));
    expect(err).toContain("that the tree tells of is not checked: it is of IBM,9009-22A\n");
  });
});

describe("arm64", () => {
  test("has nothing but its segments; cpu 0 begins at the entry", () => {
    writeFileSync(folder.in("kernel"), image());
    const { code, err } = run(ARM64, blob(VIRT, 0x45e00000));
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(readdirSync(folder.in("out")).sort()).toEqual(["run", "segment-0", "segment-1"]);
    expect(written("segment-0").readBigUInt64LE(0xf8)).toBe(0x46000000n);
    expect(variables()).toEqual(["qemu=qemu-system-aarch64", "machine=virt", "cpu=cortex-a72", "smp=2", "memory=512"]);
    expect(command()).toContain(
      'segment-1,addr=0x46000000,force-raw=on" \\\n  -device loader,addr=0x45e00000,cpu-num=0 \\\n  "$@"\n',
    );
  });

  test("has the interrupt controller and the exception level that the tree tells of", () => {
    writeFileSync(folder.in("kernel"), image());
    const told = ["--set", '/psci/method="smc"', "--set", '/intc@8000000/compatible="arm,gic-v3"'];
    expect(run(ARM64, blob(VIRT, 0x45e00000, ...told)).code).toBe(0);
    expect(variables()[1]).toBe("machine=virt,gic-version=3,virtualization=on");
  });

  test("is refused over qemu's own tree, with UEFI's tables, and with memory that virt has elsewhere", () => {
    expect(arm64(VIRT, `${ARM64} -a 0x400ff000 -f @kernel`)).toMatch(
      /lies over 0x40000000-0x40100000, which is taken: qemu's own device tree$/,
    );
    const uefi = VIRT.map((each) =>
      each[0] === "chosen" ? (["chosen", [["linux,uefi-system-table", cells(0, 1)]]] as const) : each,
    );
    expect(arm64(uefi)).toBe(
      "1 loadem: the device tree blob at 0x45e00100: it leads to the tables of UEFI (linux,uefi-system-table): there is no firmware here that made them",
    );
    const more = [
      ...VIRT,
      [
        "memory@80000000",
        [
          ["device_type", "memory\0"],
          ["reg", cells(0, 0x80000000, 0, 0x1000)],
        ],
      ] as const,
    ];
    expect(arm64(more)).toBe(
      "1 loadem: the device tree blob at 0x45e00100: it tells of memory at 0x40000000-0x60000000 0x80000000-0x80001000, and that of qemu's virt is one range from 0x40000000 on",
    );
  });

  test("is held to the rules of its kernels, on any machine", () => {
    expect(arm64(VIRT, ARM64.replace("0x46000000", "0x46001000"))).toMatch(
      /an arm64 Image has to begin at a multiple of 0x200000$/,
    );
    writeFileSync(folder.in("kernel"), KERNEL);
    expect(refusal(ARM64, Buffer.from("no tree"))).toMatch(
      /no device tree blob at 0x45e00100, after the 0x100 bytes of the stub$/,
    );
  });
});

describe("riscv64", () => {
  const HARTS: Tree = [["cpus", [0, 1, 2].map((hart) => [`cpu@${hart}`, [["device_type", "cpu\0"]]])]];
  const DUMPED = riscvTree(HARTS);
  const LINE = "--qemu @out -t 243 -r 0x1000 -a 0x80400000 -s -a 0x80200000 -e -f @kernel";
  const OPENSBI = [
    ...["--add-node", "/reserved-memory", "--set", "/reserved-memory/#address-cells=<2>"],
    ...["--set", "/reserved-memory/#size-cells=<2>", "--set", "/reserved-memory/ranges"],
    ...["--add-node", "/reserved-memory/mmode_resv0@80000000"],
    ...["--set", "/reserved-memory/mmode_resv0@80000000/reg=[00000000800000000000000000080000]"],
    ...["--set", "/reserved-memory/mmode_resv0@80000000/no-map"],
  ];

  function riscvImage(): Buffer {
    const bytes = Buffer.alloc(0x2000, 0x13);
    bytes.writeBigUInt64LE(0x20_0000n, 8);
    bytes.writeBigUInt64LE(0x10_0000n, 16);
    bytes.write("RISCV\0\0\0RSC\x05", 48, "latin1");
    return bytes;
  }

  function refused(tree: Buffer, line = LINE): string {
    writeFileSync(folder.in("kernel"), riscvImage());
    return refusal(line, tree);
  }

  test("has code in the lowest page that no segment has, which tells the kernel where its tree is", () => {
    writeFileSync(folder.in("kernel"), riscvImage());
    const lowest = `${LINE} -a 0x80080000 -f @kernel`;
    const { code, err } = run(lowest, blobAt(0x80400000, DUMPED, ...OPENSBI));
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(readdirSync(folder.in("out")).sort()).toEqual(["run", "segment-0", "segment-1", "segment-2", "start"]);
    const elf = readElf("start", written("start"));
    expect(elf).toMatchObject({ machine: 243, endian: "little", type: 2 });
    expect(elf.headers.map(({ physical, fileSize }) => [physical, fileSize])).toEqual([[0x8008_2000n, 0x20n]]);
    const code16 = written("start").subarray(-16);
    expect([code16.readBigUInt64LE(0), code16.readBigUInt64LE(8)]).toEqual([0x8040_0000n, 0x8020_0000n]);
    expect(variables()).toEqual(["qemu=qemu-system-riscv64", "machine=virt", "cpu=rv64", "smp=3", "memory=512"]);
    expect(command()).toContain('-kernel "$folder/start"');
  });

  test("is refused where the tree does not reserve OpenSBI's memory, and the options of the message do", () => {
    const words = OPENSBI.map((word) => (/[<[#]/.test(word) ? `'${word}'` : word)).join(" ");
    const fact = `OpenSBI's memory 0x80000000-0x80080000 is not reserved: fs2dt ${words} does`;
    expect(refused(blobAt(0x80400000, DUMPED))).toBe(`1 loadem: the device tree blob at 0x80400000: ${fact}`);
  });

  test("is refused over OpenSBI, over qemu's own tree, and with memory that virt has elsewhere", () => {
    const tree = blobAt(0x80400000, DUMPED, ...OPENSBI);
    expect(refused(tree, `${LINE} -a 0x8007f000 -f @kernel`)).toMatch(
      /lies over 0x80000000-0x80080000, which is taken: OpenSBI$/,
    );
    expect(refused(tree, `${LINE} -a 0x9ffff000 -f @kernel`)).toMatch(
      /lies over 0x9fe00000-0xa0000000, which is taken: qemu's own device tree$/,
    );
    const high = blobAt(0x80400000, DUMPED, "--set", "/memory@80000000/reg=<0 0x90000000 0 0x10000000>");
    expect(refused(high, LINE.replaceAll("0x80", "0x90"))).toMatch(
      /it tells of memory at 0x90000000-0xa0000000, and that of qemu's virt is one range from 0x80000000 on$/,
    );
  });
});

describe("x86-64", () => {
  test("has code that goes to 64-bit mode, behind it page tables that map all that the image has", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    const { code, err } = run(X86_64, zeroPage("--qemu", "256"));
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(variables()).toEqual(["qemu=qemu-system-x86_64", "machine=q35", "cpu=max", "smp=1", "memory=256"]);
    expect(command()).toContain(
      `  -kernel "$folder/start" \\\n  -device "loader,file=\${files}segment-0,addr=0x4400000`,
    );
    const elf = readElf("start", new Uint8Array(written("start")), 32);
    expect([elf.machine, elf.entry, elf.endian]).toEqual([3, 0x100000n, "little"]);
    const [load, note] = elf.headers;
    expect([load?.type, load?.physical, note?.type]).toEqual([1, 0x100000n, 4]);
    const noted = Buffer.from(segmentBytes(elf, present(note)));
    expect([noted.readUInt32LE(8), noted.toString("latin1", 12, 15), noted.readUInt32LE(16)]).toEqual([
      18,
      "Xen",
      0x100000,
    ]);
    const memory = Buffer.from(segmentBytes(elf, present(load)));
    expect([memory.readUInt32LE(1), memory.readBigUInt64LE(0xf8)]).toEqual([0x100000, 0x4400000n]);
    for (const address of [0n, 0x1234567n, 0xffffffffn]) expect(translate(memory, address)).toBe(address);
    expect(translate(memory, 0x1_0000_0000n)).toBeUndefined();
  });

  test("above 4 GiB is mapped where the image is", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    expect(run(`${X86_64} -a 0x8150000000 -f @kernel`, zeroPage("--qemu", "600000")).code).toBe(0);
    const elf = readElf("start", new Uint8Array(written("start")));
    const memory = Buffer.from(segmentBytes(elf, present(elf.headers[0])));
    for (const address of [0x8150000123n, 0x4400000n]) expect(translate(memory, address)).toBe(address);
    for (const address of [0x8100000000n, 0x150000000n]) expect(translate(memory, address)).toBeUndefined();
    expect(variables().at(-1)).toBe("memory=600000");
  });

  test("starts from the lowest memory that no segment has", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    expect(run(`${X86_64} -a 0x102000 -f @kernel`, zeroPage("--qemu", "256")).code).toBe(0);
    expect(readElf("start", new Uint8Array(written("start"))).entry).toBe(0x105000n);
  });

  test.each([
    ["512", "512", "q35"],
    ["2815", "2815", "q35"],
    ["2816", "2816", "q35"],
    ["4096", "4096", "q35"],
    ["16384", "16384", "q35"],
  ])("of %s MiB its zero page tells that it is q35 with %s MiB", (size, memory, machine) => {
    writeFileSync(folder.in("kernel"), KERNEL);
    expect(run(X86_64, zeroPage("--qemu", size)).code).toBe(0);
    expect([variables()[1], variables()[4]]).toEqual([`machine=${machine}`, `memory=${memory}`]);
  });

  /** [first, last, type] of each range in a zero page that was made in a guest. */
  function captured(...ranges: readonly (readonly [string, string, string])[]): Buffer {
    const files = Object.fromEntries(
      ranges.flatMap(([start, end, type], index) => [
        [`/sys/firmware/memmap/${index}/start`, `${start}\n`],
        [`/sys/firmware/memmap/${index}/end`, `${end}\n`],
        [`/sys/firmware/memmap/${index}/type`, `${type}\n`],
      ]),
    );
    writeFileSync(folder.in("bzImage"), bzImage({ initSize: 0x2003000 }));
    const world = { root: folder.in(`guest${Bun.randomUUIDv7()}`), files };
    return runInside(world, "zeropage", "-b", "0x4400100", "-B", "", folder.in("bzImage")).out;
  }

  test("takes the map of a guest of pc's with 4 GiB for what it is, and refuses one that no machine of qemu's has", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    const low = [
      ["0x0", "0x9fbff", "System RAM"],
      ["0x100000", "0xbffdffff", "System RAM"],
      ["0xbffe0000", "0xbfffffff", "Reserved"],
    ] as const;
    expect(run(X86_64, captured(...low, ["0x100000000", "0x13fffffff", "System RAM"])).code).toBe(0);
    expect([variables()[1], variables()[4]]).toEqual(["machine=pc", "memory=4096"]);
  });

  test("is refused with another firmware's root pointer, and a memory map that no machine of qemu's has", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    const place = "1 loadem: the zero page at 0x4400100: its";
    expect(refusal(X86_64, zeroPage("--qemu", "256", "--rsdp", "0x7f7e014"))).toBe(
      `${place} ACPI root pointer 0x7f7e014 is not SeaBIOS's: zeropage --qemu leaves it out, and kernels find it`,
    );
    const real = captured(
      ["0x0", "0x9ffff", "System RAM"],
      ["0x100000", "0x5fffffff", "System RAM"],
      ["0x100000000", "0x1ffffffff", "System RAM"],
    );
    expect(refusal(X86_64, real)).toBe(
      `${place} memory map is none that qemu's q35 or pc has with a BIOS: zeropage --qemu makes one`,
    );
  });

  test("is refused where SeaBIOS works", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    expect(refusal(`${X86_64} -a 0x10000 -f @kernel`, zeroPage("--qemu", "256"))).toMatch(
      /which is taken: SeaBIOS works there$/,
    );
  });

  /** By the page tables behind the first page of our code; undefined where nothing is mapped. */
  function translate(memory: Buffer, address: bigint): bigint | undefined {
    let table = 0x1000;
    for (const shift of [39n, 30n, 21n]) {
      const entry = memory.readBigUInt64LE(table + 8 * Number((address >> shift) & 511n));
      if ((entry & 1n) === 0n) return undefined;
      if ((entry & 0x80n) !== 0n) return (entry & ~0x1f_ffffn) + (address & 0x1f_ffffn);
      table = Number(entry & ~0xfffn) - memory.readUInt32LE(1);
    }
    return undefined;
  }
});

describe("the directory", () => {
  function write(more = "", pretended: Pretended = {}): LoadRun {
    writeFileSync(folder.in("kernel"), KERNEL);
    return run(`${PPC64}${more}`, blob(PSERIES, 0x8000000), pretended);
  }

  function said({ code, err }: LoadRun): string {
    return `${code} ${err}`.replaceAll(`${folder.path}/`, "").trimEnd();
  }

  const names = () => readdirSync(folder.in("out")).sort();
  const USUAL = ["firmware", "rtas", "run", "segment-0", "segment-1"];

  test("may be there, with files of others; the script can be executed", () => {
    mkdirSync(folder.in("out"));
    writeFileSync(folder.in("out", "notes"), "mine");
    expect(said(write())).toBe("0");
    expect(names()).toEqual(["firmware", "notes", "rtas", "run", "segment-0", "segment-1"]);
    expect(statSync(folder.in("out", "run")).mode & 0o777).toBe(0o700);
    expect(statSync(folder.in("out", "segment-0")).mode & 0o777).toBe(0o600);
  });

  test("gets new files in place of an earlier run's, of which none is left", () => {
    expect(said(write(" -a 0xa000000 -f @kernel"))).toBe("0");
    expect(names()).toEqual([...USUAL, "segment-2"]);
    expect(said(write())).toBe("0");
    expect(names()).toEqual(USUAL);
  });

  test("keeps a script that was changed, and what is not from here", () => {
    write();
    const script = written("run").toString("latin1").replace("smp=3", "smp=2");
    writeFileSync(folder.in("out", "run"), script);
    expect(said(write())).toBe(
      "1 loadem: out/run: has been changed, or is not from here: remove it, or name another directory",
    );
    expect(written("run").toString("latin1")).toBe(script);
    for (const other of ["", "#!/bin/sh\n", `${script}# files: a\n`]) {
      writeFileSync(folder.in("out", "run"), other);
      expect(said(write())).toMatch(/^1 loadem: out\/run: has been changed/);
    }
  });

  test("keeps a file that has a name of ours and is not from here", () => {
    mkdirSync(folder.in("out"));
    writeFileSync(folder.in("out", "segment-1"), "mine");
    expect(said(write())).toBe("1 loadem: out/segment-1: is there already, and not from here");
    expect(names()).toEqual(["segment-1"]);
    expect(written("segment-1").toString()).toBe("mine");
  });

  test("keeps one that came after an earlier run, too", () => {
    write();
    writeFileSync(folder.in("out", "segment-2"), "mine");
    expect(said(write(" -a 0xa000000 -f @kernel"))).toBe(
      "1 loadem: out/segment-2: is there already, and not from here",
    );
  });

  test("that is a file is none", () => {
    writeFileSync(folder.in("out"), "");
    expect(said(write())).toBe("1 loadem: out: is a file, not a directory");
  });

  test("whose parent is not there is not made", () => {
    expect(said(run(PPC64.replace("@out", "@none/out"), blob(PSERIES, 0x8000000)))).toMatch(/^1 loadem: .*: ENOENT/);
  });

  test("has nothing in it where the third file cannot be written, and is not there unless it was", () => {
    for (const isThere of [false, true]) {
      let left = 2;
      const full: Pretended = {
        on: { write: ([descriptor], call) => (Number(descriptor) > 2 && left-- <= 0 ? -errno.ENOSPC : call.pass()) },
      };
      if (isThere) mkdirSync(folder.in("out"));
      expect(said(write("", full))).toMatch(/^1 loadem: out\/segment-0: ENOSPC/);
      expect(existsSync(folder.in("out"))).toBe(isThere);
      if (isThere) expect(names()).toEqual([]);
    }
  });

  test("has the earlier files where new ones cannot be written, or closed", () => {
    write();
    const before = USUAL.map((name) => written(name).toString("latin1"));
    const failing: readonly Pretended[] = [
      { on: { write: ([descriptor], call) => (Number(descriptor) > 2 ? -errno.EIO : call.pass()) } },
      { on: { close: (_, call) => (call.path.includes("/out/segment-1.") ? -errno.EDQUOT : call.pass()) } },
    ];
    for (const pretended of failing) {
      expect(said(write(" -a 0xa000000 -f @kernel", pretended))).toMatch(/^1 loadem: out\/\S+: (EIO|EDQUOT)/);
      expect(names()).toEqual(USUAL);
      expect(USUAL.map((name) => written(name).toString("latin1"))).toEqual(before);
    }
  });

  test("is left as it is by -n, which prints what would be written", () => {
    const { code, out } = write(" -n");
    expect(code).toBe(0);
    expect(out.toString()).toContain("entry 0x8000000, arch 21\n");
    expect(existsSync(folder.in("out"))).toBe(false);
  });

  test("of any name is found by the script from anywhere, and no word of a shell or of qemu's is in it", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    writeFileSync(folder.in("qemu-system-ppc64"), '#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done\n');
    chmodSync(folder.in("qemu-system-ppc64"), 0o755);
    const odd = "-a, b,,c'd\"$(echo x)`echo y`\\\n\n";
    const { code } = loadem(
      folder.path,
      { ...HOST, stdin: blob(PSERIES, 0x8000000), on: fileCalls(folder.path) },
      ...PPC64.split(" ").map((word) => (word === "@out" ? folder.in(odd) : word.replace(/^@/, `${folder.path}/`))),
    );
    expect(code).toBe(0);
    for (const [script, cwd, seen] of [
      [folder.in(odd, "run"), "/", folder.in(odd)],
      [`./${odd}/run`, folder.path, `./${odd}`],
      ["./run", folder.in(odd), "."],
    ] as const) {
      const { stdout, exitCode } = Bun.spawnSync([script, "-S", "a  b"], {
        cwd,
        env: { PATH: `${folder.path}:${process.env.PATH}` },
      });
      const words = stdout.toString("latin1").split("\0").slice(0, -1);
      expect(exitCode).toBe(0);
      expect(words.slice(-2)).toEqual(["-S", "a  b"]);
      expect(words[words.indexOf("-bios") + 1]).toBe(`${seen}/firmware`);
      expect(words.filter((word) => word.startsWith("loader"))).toEqual([
        `loader,file=${seen.replaceAll(",", ",,")}/rtas,addr=0x3fff0000,force-raw=on`,
        `loader,file=${seen.replaceAll(",", ",,")}/segment-0,addr=0x8000000,force-raw=on`,
        `loader,file=${seen.replaceAll(",", ",,")}/segment-1,addr=0x9000000,force-raw=on`,
      ]);
    }
  });

  test("has a script that shows odd names of files as comments alone", () => {
    const odd = folder.in("k\ntouch pwned\n$(x)");
    writeFileSync(odd, KERNEL);
    const words = PPC64.split(" ").map((word) => (word === "@kernel" ? odd : word.replace(/^@/, `${folder.path}/`)));
    const on = fileCalls(folder.path);
    expect(loadem(folder.path, { ...HOST, stdin: blob(PSERIES, 0x8000000), on }, ...words).code).toBe(0);
    expect(written("run").toString("latin1")).toContain("/k\\x0atouch pwned\\x0a$(x)\n# entry");
  });

  test("may be reached by a symbolic link", () => {
    mkdirSync(folder.in("real"));
    symlinkSync("real", folder.in("out"));
    expect(said(write())).toBe("0");
    expect(readdirSync(folder.in("real")).sort()).toEqual(USUAL);
  });
});

describe("the command line", () => {
  test("without -t and stub is for the machine that it runs on", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    for (const [machine, program] of [
      ["ppc64le", "ppc64"],
      ["aarch64", "aarch64"],
      ["x86_64", "x86_64"],
    ] as const) {
      const line = "--no-checks --qemu @out -a 0x60000000 -e -f @kernel";
      expect(run(line, undefined, { machine }).code).toBe(0);
      expect(variables()[0]).toBe(`qemu=qemu-system-${program}`);
    }
  });

  test("is refused for a machine that nobody knows, --diagnose, and a stub of another machine", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    writeFileSync(folder.in("stub"), builtInStub("", "arm64"));
    expect(refusal("--qemu @out -t 40 -a 0x1000 -e -f @kernel")).toBe(
      "1 loadem: argument 3 (-t): no machine of qemu's is known for 40 (ppc64 is 21, ppc is 20, arm64 is 183, riscv64 is 243, x86_64 is 62)",
    );
    expect(refusal("--qemu @out --diagnose -a 0x1000 -e -f @kernel")).toBe(
      "2 loadem: --diagnose: does not go with --qemu: it asks the running kernel",
    );
    expect(refusal("--qemu @out -t 21 -a 0x8000000 -e -f @stub -f @kernel -a 0x9000000 -c 0xf8 -f @kernel")).toMatch(
      /the arm64 stub is entered, but this machine is 21, not 183$/,
    );
    expect(refusal("-k --qemu @out")).toMatch(/^2 loadem: argument 2 \(--qemu\): does not go with --reboot$/);
  });

  test("asks nothing of the running machine, and never its kernel", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    const asked = run(PPC64, blob(PSERIES, 0x8000000)).engine.calls;
    expect(asked.filter(({ path }) => /^\/(proc|sys)/.test(path))).toEqual([]);
    expect(asked.map(({ name }) => name).filter((name) => name === "kexec_load" || name === "reboot")).toEqual([]);
  });

  test("with --no-checks writes what it is told", () => {
    writeFileSync(folder.in("kernel"), KERNEL);
    const tree = blob(PSERIES, 0x8000000, "--delete", "/rtas/linux,rtas-base", "--delete", "/rtas/linux,rtas-entry");
    expect(run(`${PPC64} --no-checks -a 0x4000 -f @kernel`, tree)).toMatchObject({ code: 0, err: "" });
    expect(readdirSync(folder.in("out")).sort()).toEqual(["firmware", "run", "segment-0", "segment-1", "segment-2"]);
  });
});

test("each machine that can be loaded for can be started in qemu, but that of 32 bits", () => {
  const others = archs.map(({ name }) => name).filter((name) => name !== "ppc");
  expect(Object.keys(qemuMachines).sort()).toEqual(others.sort());
});
