// kexec: what it loads, where, and that the raw commands of --plan load the same.

import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { blob } from "../../src/devicetree/to/blob.ts";
import { errno } from "../../src/sys/errno.ts";
import { nodeOf, readBlob } from "../support/blob-reader.ts";
import { bzImage } from "../support/bzimage.ts";
import { fileCalls } from "../support/file-calls.ts";
import { temporaryFolder } from "../support/folder.ts";
import { arm64Image, riscvImage } from "../support/forms.ts";
import { unifiedImage } from "../support/kernel-files.ts";
import { ARM64, PPC64, RISCV64, WITH_CRASHKERNEL, X86_64 } from "../support/kexec-machines.ts";
import { KERNEL_END, type LoadRun, type Pretended, runPretended, segmentOf, WITHOUT_TREE } from "../support/loading.ts";
import { present } from "../support/present.ts";
import { rawLinesOf, runRawLines } from "../support/raw-lines.ts";
import { cells } from "../support/tree.ts";

const folder = temporaryFolder({ lasts: "file" });

const MACHINES = [
  ["ppc64", PPC64, "vmlinux.kexec"],
  ["arm64", ARM64, "Image"],
  ["riscv64", RISCV64, "Image.riscv64"],
  ["x86_64", X86_64, "bzImage"],
] as const;

/** Of memory, and of what a crash kernel has. */
const BOUNDS = {
  ppc64: { min: "0x8000000", max: "0x10000000", region: "0x18000000" },
  arm64: { min: "0x48000000", max: "0x58000000", region: "0x68000000" },
  riscv64: { min: "0x88000000", max: "0x98000000", region: "0xa8000000" },
  x86_64: { min: "0x48000000", max: "0x58000000", region: "0x18000000" },
} as const;

/** Code as ppc64 kernels begin, with the word that sends a relocatable one to 0. */
function ppc64Kernel(): Buffer {
  const bytes = Buffer.alloc(0x20_0000, 0x60);
  bytes.write("run0", 0x5c, "latin1");
  return bytes;
}

beforeAll(() => {
  writeFileSync(folder.in("vmlinux.kexec"), ppc64Kernel());
  const image = Buffer.alloc(0x10_0000);
  arm64Image().copy(image);
  image.writeBigUInt64LE(0x16_0000n, 16);
  writeFileSync(folder.in("Image"), image);
  const riscv = Buffer.alloc(0x10_0000);
  riscvImage().copy(riscv);
  riscv.writeBigUInt64LE(0x16_0000n, 16);
  writeFileSync(folder.in("Image.riscv64"), riscv);
  writeFileSync(folder.in("bzImage"), bzImage());
  writeFileSync(folder.in("initrd"), new Uint8Array(0x2_0001).fill(0x11));
  writeFileSync(folder.in("more.cpio"), new Uint8Array(0x1_0000).fill(0x22));
  writeFileSync(folder.in("it's an initrd"), new Uint8Array(0x1000).fill(0x33));
});

function kexec(machine: Pretended, ...args: readonly string[]): LoadRun {
  return runPretended(folder.path, machine, "kexec", ...args);
}

function loaded({ code, err, loads }: LoadRun) {
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(loads).toHaveLength(1);
  return present(loads[0]);
}

describe.each(MACHINES)("on %s", (name, machine, file) => {
  const kernel = folder.in(file);
  const initrd = folder.in("initrd");

  test("-l loads stub and argument, the kernel and the initrd, and does not jump", () => {
    const run = kexec(machine, "-l", kernel, `--initrd=${initrd}`, "--append=quiet nonce");
    const load = loaded(run);
    expect(run.changes).toEqual(["kexec_load"]);
    expect(load.segments).toHaveLength(3);
    expect(load.entry).toBe(segmentOf(load, name === "riscv64" ? 1 : 0).mem);
    expect(segmentOf(load, 2).bytes).toEqual(Buffer.alloc(0x2_0001, 0x11));
    expect(segmentOf(load, 0).bytes.includes("quiet nonce\0")).toBeTrue();
    for (const { mem, memsz } of load.segments) {
      expect(mem % BigInt(machine.pageSize ?? 4096)).toBe(0n);
      expect(memsz % BigInt(machine.pageSize ?? 4096)).toBe(0n);
    }
  });

  test("--json has the digests of what is loaded and the raw commands, and --plan draws nothing as wrong", () => {
    const words = [kernel, `--initrd=${initrd}`, "--append=quiet nonce"];
    const run = kexec(machine, "-l", "--json", ...words);
    const { segments } = loaded(run);
    expect(JSON.parse(run.out.toString()).segments).toMatchObject(
      segments.map(({ bytes, mem }) => ({
        start: `0x${mem.toString(16)}`,
        sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
      })),
    );
    expect(kexec(machine, "--plan", "--json", ...words).out.toString()).toMatch(/^\{[^\n]*\}\n$/);
    const random: Pretended = { ...machine, on: { getrandom: ([bytes]) => (bytes as Uint8Array).fill(1).length } };
    const told = JSON.parse(kexec(random, "--plan", "--json", ...words).out.toString());
    const drawn = kexec(random, "--plan", ...words).out.toString();
    expect(drawn).toEndWith(`\n\n${told.commands.join("\n")}\n`);
    expect(told.commands.at(-1)).toContain(" | \\\n  loadem ");
    expect(told.refusal).toBeNull();
    expect(drawn).toMatch(/ now {2}next /);
    expect(drawn).not.toContain("XXXX");
  });

  test.each<[string, string[]]>([
    ["a kernel alone", []],
    ["an initrd and a command line", [`--initrd=${initrd}`, "--append", "quiet a=b"]],
    [
      "several initrds, of odd sizes and names",
      [`--initrd=${initrd}`, "--initrd", folder.in("it's an initrd"), "--ramdisk", folder.in("more.cpio")],
    ],
    ["a command line with quotes", ["--command-line", `a="b c" d='e' $f \\ "`]],
    ["an empty command line", ["--append="]],
    ["checks that are skipped", ["-i", "--initrd", folder.in("bzImage")]],
    ["the running kernel's command line and more", ["--reuse-cmdline", "--append=more"]],
    ["bounds", [`--mem-min=${BOUNDS[name].min}`, `--mem-max=${BOUNDS[name].max}`]],
    ...(name === "x86_64"
      ? [["a root pointer", ["--rsdp=0xf0000"]] as [string, string[]]]
      : [
          [
            "edits",
            ["--set", `/chosen/x="it's"`, "--add-node=/y", "--reserve", "0x100000,0x1000", "--initrd", initrd],
          ] as [string, string[]],
          ["edits that are switches or empty", ["--seeds", "--set=/chosen/y", "--set", '/chosen/z=""']] as [
            string,
            string[],
          ],
        ]),
    ["a crash kernel", ["-p", `--initrd=${initrd}`]],
    ["a crash kernel, and its header's bounds", ["-p", `--mem-max=${BOUNDS[name].region}`]],
  ])("the raw commands of --plan load the same segments: %s", (_, args) => {
    const here = name === "ppc64" && args.includes("-p") ? WITH_CRASHKERNEL : machine;
    const random = (byte: number): Pretended => ({
      ...here,
      on: { getrandom: ([bytes]) => (bytes as Uint8Array).fill(byte).length },
    });
    const mode = args.includes("-p") ? [] : ["-l"];
    const load = loaded(kexec(random(0xab), ...mode, ...args, kernel));
    const plan = kexec(random(0xab), "--plan", ...args, kernel);
    expect({ code: plan.code, err: plan.err, loads: plan.loads }).toEqual({ code: 0, err: "", loads: [] });
    const raw = runRawLines(folder.path, random(0xcd), rawLinesOf(plan.out.toString("latin1")));
    expect(raw.loads).toEqual([load]);
  });
});

test("firmware's passwords are handed on with --secrets alone, by the raw commands too", () => {
  const machine = { ...PPC64, files: { ...PPC64.files, "/proc/device-tree/options/security-password": "hunter2\0" } };
  const words = ["--append=quiet", folder.in("vmlinux.kexec")];
  const without = kexec(machine, "-l", ...words);
  const left = "kexec: /proc/device-tree/options/security-password: left empty (--secrets copies it)\n";
  expect([without.code, without.err]).toEqual([0, left]);
  const tree = (run: LoadRun) => segmentOf(present(run.loads[0]), 0).bytes;
  expect(tree(without).includes("hunter2")).toBeFalse();
  const run = kexec(machine, "-l", "--secrets", ...words);
  expect(loaded(run).segments.length).toBe(2);
  expect(tree(run).includes("hunter2\0")).toBeTrue();
  const plan = kexec(machine, "--plan", "--secrets", ...words).out.toString("latin1");
  expect(runRawLines(folder.path, machine, rawLinesOf(plan)).loads).toEqual([...run.loads]);
  const zeroPage = kexec(X86_64, "-l", "--secrets", folder.in("bzImage"));
  expect([zeroPage.code, zeroPage.err]).toEqual([
    2,
    "kexec: --secrets: no kernel for x86_64 is handed a device tree\n",
  ]);
});

describe.each(MACHINES)("--save on %s", (name, machine, file) => {
  test("writes the segments, and a script that loads the same", () => {
    const here: Pretended = { ...machine, on: { getrandom: ([bytes]) => (bytes as Uint8Array).fill(7).length } };
    const to = folder.in(`saved-${name}`);
    const words = [
      `--initrd=${folder.in("initrd")}`,
      "--initrd",
      folder.in("more.cpio"),
      "--append=a 'b' c",
      folder.in(file),
    ];
    const load = loaded(kexec(here, "-l", ...words));
    const run = kexec({ ...here, on: { ...here.on, ...fileCalls(folder.path) } }, "--save", to, ...words);
    expect({ code: run.code, err: run.err, loads: run.loads }).toEqual({ code: 0, err: "", loads: [] });
    const argument = name === "x86_64" ? "zeropage" : "tree";
    expect(readdirSync(to).sort()).toEqual(["initrd", "kernel", "load", argument].sort());
    const script = readFileSync(join(to, "load"), "latin1");
    expect(runRawLines(folder.path, machine, script).loads).toEqual([load]);
    // And with the saved tree or zero page in place of a new one.
    const [, loadem = ""] = script.split(" | \\\n");
    const saved = loadem.replace(" -s ", ` -f ${join(to, argument)} `);
    expect(runRawLines(folder.path, machine, saved).loads).toEqual([load]);
  });
});

describe("of a unified kernel image", () => {
  const uki = folder.in("uki.efi");
  const OWN_TREE = Buffer.from(
    blob(
      {
        name: "",
        properties: [
          { name: "#address-cells", value: Buffer.from(cells(2)) },
          { name: "#size-cells", value: Buffer.from(cells(2)) },
          { name: "model", value: Buffer.from("the image's own\0") },
        ],
        children: [{ name: "psci", properties: [], children: [] }],
      },
      { version: 17, padding: 0, maxSize: 4096, address: undefined, reservations: [], bootCpu: 0 },
    ),
  );

  beforeAll(() => {
    const image = readFileSync(folder.in("Image"));
    writeFileSync(
      uki,
      unifiedImage(0xaa64, [
        [".linux", image],
        [".initrd", Buffer.alloc(0x5001, 0x44)],
        [".cmdline", Buffer.from("from the image\0")],
        [".dtb", OWN_TREE],
        [".splash", Buffer.alloc(16, 1)],
      ]),
    );
    writeFileSync(
      folder.in("uki-x64.efi"),
      unifiedImage(0x8664, [
        [".linux", bzImage()],
        [".cmdline", Buffer.from("quiet")],
      ]),
    );
  });

  const says = (what: string, option: string, file = uki) =>
    `kexec: ${file}: the ${what} in it is used: ${option} gives another\n`;

  const UNUSED = `kexec: ${uki}: .splash in it is not used\n`;

  function compare(machine: Pretended, words: readonly string[], said: string) {
    const random = (byte: number): Pretended => ({
      ...machine,
      on: { getrandom: ([bytes]) => (bytes as Uint8Array).fill(byte).length },
    });
    const run = kexec(random(1), "-l", ...words);
    expect({ code: run.code, err: run.err }).toEqual({ code: 0, err: said });
    const plan = kexec(random(1), "--plan", ...words);
    expect(runRawLines(folder.path, random(2), rawLinesOf(plan.out.toString("latin1"))).loads).toEqual([...run.loads]);
    return present(run.loads[0]);
  }

  test("kernel, initrd, command line and tree are used and told, and the raw commands load the same", () => {
    const said = UNUSED + says("device tree", "--dtb") + says("initrd", "--initrd") + says("command line", "--append");
    const load = compare(ARM64, [uki], said);
    expect(segmentOf(load, 2).bytes).toEqual(Buffer.alloc(0x5001, 0x44));
    const { root } = readBlob(segmentOf(load, 0).bytes.subarray(0x100));
    const text = (node: string, name: string) =>
      nodeOf(root, node)
        .properties.find((each) => each.name === name)
        ?.value.toString("latin1");
    expect(text("/chosen", "bootargs")).toBe("from the image\0");
    expect(text("/", "model")).toBe("the image's own\0");
  });

  test("options take the place of each", () => {
    const own = ["--initrd", folder.in("initrd"), "--append=x", "--dtb", "/proc/device-tree", uki];
    expect(segmentOf(compare(ARM64, own, UNUSED), 2).bytes).toEqual(Buffer.alloc(0x2_0001, 0x11));
    const none = ["--no-initrd", "--reuse-cmdline", "--dtb", "/proc/device-tree", uki];
    expect(compare(ARM64, none, UNUSED).segments).toHaveLength(2);
  });

  test("on x86-64 too", () => {
    const file = folder.in("uki-x64.efi");
    compare(X86_64, [file, "--initrd", folder.in("initrd")], says("command line", "--append", file));
  });

  test("its parts can be written, and one that is not there is not", () => {
    expect(kexec(ARM64, "--extract-initrd", uki).out).toEqual(Buffer.alloc(0x5001, 0x44));
    expect(kexec(ARM64, "--extract-dtb", uki).out).toEqual(OWN_TREE);
    expect(kexec(ARM64, "--extract", uki).out).toEqual(readFileSync(folder.in("Image")));
    const { code, err, out } = kexec(ARM64, "--extract-initrd", folder.in("Image"));
    expect({ code, err, out: out.length }).toEqual({
      code: 1,
      err: `kexec: ${folder.in("Image")}: there is no initrd in it\n`,
      out: 0,
    });
  });
});

describe("what is done", () => {
  const kernel = folder.in("vmlinux.kexec");
  const LOADED = { ...PPC64, files: { ...PPC64.files, "/sys/kernel/kexec_loaded": "1\n" }, on: { reboot: () => 0 } };

  test.each<[string, string[], string[]]>([
    ["KERNEL alone loads and jumps", [kernel], ["kexec_load", "reboot"]],
    ["-f KERNEL too", ["-f", kernel], ["kexec_load", "reboot"]],
    ["-l loads", ["-l", kernel], ["kexec_load"]],
    ["an option may follow the kernel", ["-l", kernel, "--append=x"], ["kexec_load"]],
    ["--load too, and what follows -- is the kernel", ["--load", "--append=x", "--", kernel], ["kexec_load"]],
    ["-l -e KERNEL loads and jumps", ["-l", "-e", kernel], ["kexec_load", "reboot"]],
    ["the last of -f and -l counts", ["-f", "-l", kernel], ["kexec_load"]],
    ["the last of -l and -f counts", ["-l", "-f", kernel], ["kexec_load", "reboot"]],
    ["-e jumps", ["-e"], ["reboot"]],
    ["-e -f jumps", ["-e", "-f"], ["reboot"]],
    ["-fe jumps", ["-fe"], ["reboot"]],
    ["-u unloads", ["-u"], ["kexec_load"]],
    ["--plan does nothing", ["--plan", kernel], []],
  ])("%s", (_, args, changes) => {
    const run = kexec(LOADED, ...args);
    expect({ code: run.code, err: run.err, changes: run.changes }).toEqual({ code: 0, err: "", changes });
  });

  test("-p loads a crash kernel that stays where it is, in its region, and -p -u unloads it", () => {
    const load = loaded(kexec(WITH_CRASHKERNEL, "-p", kernel));
    expect(load.flags & 1n).toBe(1n);
    for (const { mem, memsz } of load.segments) {
      expect(mem >= 0x1000_0000n && mem + memsz <= 0x2000_0000n).toBeTrue();
    }
    expect(segmentOf(load, 1).bytes.readUInt32BE(0x5c)).toBe(1);
    // Its bss follows it, and raw bytes do not tell how large that is.
    expect(segmentOf(load, 1).memsz).toBe(0x120_0000n);
    const unloaded = loaded(kexec(WITH_CRASHKERNEL, "-p", "-u"));
    expect(unloaded).toEqual({ entry: 0n, flags: 1n, segments: [] });
  });

  test("a failed load is followed by no jump", () => {
    const run = kexec({ ...LOADED, answers: [-22] }, kernel);
    expect({ code: run.code, changes: run.changes }).toEqual({ code: 3, changes: ["kexec_load"] });
  });
});

describe("the command line", () => {
  const kernel = folder.in("vmlinux.kexec");

  test.each<[string, string[], string]>([
    ["is the running kernel's, without its loader's word", [], "root=/dev/vda1 crashkernel=1G quiet"],
    ["is what --append says", ["--append=a b"], "a b"],
    ["may be empty", ["--append="], ""],
    ["is both with --reuse-cmdline", ["--reuse-cmdline", "--append=a b"], "root=/dev/vda1 crashkernel=1G quiet a b"],
    ["has no crashkernel= for a crash kernel", ["-p", "--reuse-cmdline"], "root=/dev/vda1 quiet elfcorehdr=0x1ffe0000"],
  ])("%s", (_, args, line) => {
    const run = kexec(WITH_CRASHKERNEL, ...(args.includes("-p") ? [] : ["-l"]), ...args, kernel);
    const { root } = readBlob(segmentOf(loaded(run), 0).bytes.subarray(0x100));
    const bootargs = nodeOf(root, "/chosen").properties.find((each) => each.name === "bootargs");
    expect(present(bootargs).value.toString("latin1")).toBe(`${line}\0`);
  });
});

describe("refused, with nothing loaded:", () => {
  const kernel = folder.in("vmlinux.kexec");

  test.each<[string, Pretended, string[], string]>([
    ["no kernel", PPC64, [], "2 kexec: operands: one kernel is needed, 0 are given"],
    ["two kernels", PPC64, ["-l", kernel, kernel], "2 kexec: operands: one kernel is needed, 2 are given"],
    ["--save with --plan", PPC64, ["--plan", "--save", "x", kernel], "2 kexec: --save: does not go with --plan"],
    ["-u with a kernel", PPC64, ["-u", "k"], "2 kexec: 'k': -u takes no kernel"],
    ["-u with --plan", PPC64, ["-u", "--plan"], "2 kexec: --plan: needs a kernel"],
    ["-e with -n and no kernel", PPC64, ["-e", "-n"], "2 kexec: --plan: needs a kernel"],
    ["-e with --save and no kernel", PPC64, ["-e", "--save", "x"], "2 kexec: --save: needs a kernel"],
    ["-fe with --diagnose and no kernel", PPC64, ["-fe", "--diagnose"], "2 kexec: --diagnose: needs a kernel"],
    ["-S with --qemu", PPC64, ["-S", "--qemu", "x"], "2 kexec: --qemu: needs a kernel"],
    ["-S with --json", PPC64, ["-S", "--json"], "2 kexec: --json: needs a kernel"],
    ["-u with --svg", PPC64, ["-u", "--svg=x"], "2 kexec: --svg: needs a kernel"],
    ["no such kernel", PPC64, ["-l", "/nowhere"], "1 kexec: /nowhere: ENOENT (no such file or directory)"],
    [
      "no such initrd",
      PPC64,
      ["-l", kernel, "--initrd=/no"],
      "1 kexec: --initrd /no: ENOENT (no such file or directory)",
    ],
    [
      "a kernel for another machine",
      PPC64,
      ["-l", folder.in("Image")],
      `1 kexec: ${folder.in("Image")}: an Image for arm64, and this machine is ppc64`,
    ],
    ["no bzImage on x86-64", X86_64, ["-l", kernel], `1 kexec: ${kernel}: `],
    [
      "-p where nothing is reserved",
      PPC64,
      ["-p", kernel],
      "1 kexec: -p: no memory is reserved for a crash kernel: boot with crashkernel=SIZE@START",
    ],
    [
      "an edit on x86-64",
      X86_64,
      ["-l", "--set", "/x/y", folder.in("bzImage")],
      "2 kexec: argument 2 (--set): no kernel for x86_64 is handed a device tree",
    ],
    [
      "another tool's option",
      PPC64,
      ["-l", "--entry=1", kernel],
      "2 kexec: --entry: sets another entry: loadem -e does that",
    ],
    ["a bound that leaves no room", PPC64, ["-l", "--mem-max=0x100000", kernel], "1 kexec: "],
  ])("%s", (_, machine, args, message) => {
    const run = kexec(machine, ...args);
    expect(run.changes).toEqual([]);
    expect(`${run.code} ${run.err}`).toStartWith(message);
  });

  test.each(MACHINES)("who may not load is told so before anything else, on %s", (_, machine, file) => {
    const nobody = {
      ...machine,
      files: {
        ...machine.files,
        "/proc/self/status": "CapEff:\t0000000000000000\n",
        "/proc/iomem": "00000000-00000000 : System RAM\n",
        "/sys/firmware/fdt": undefined,
      },
      on: { geteuid: () => 65534 },
    };
    const refused = (call: string, ...how: readonly string[]) => {
      const run = kexec(nobody, ...how, folder.in(file));
      expect(`${run.code} ${run.err}`).toBe(`3 kexec: ${call}: CAP_SYS_BOOT is missing (user id 65534)\n`);
      expect(run.changes).toEqual([]);
    };
    for (const how of [["-l"], ["-p"], [], ["-a", "-l"], ["--diagnose"]]) refused("kexec_load", ...how);
    for (const how of [["-l"], ["-p"], []]) refused("kexec_file_load", "-s", ...how);
    // What loads nothing needs no such right.
    const plan = kexec(
      { ...nobody, files: { ...nobody.files, "/proc/iomem": machine.files?.["/proc/iomem"] } },
      "--plan",
      folder.in(file),
    );
    expect(plan.code).toBe(0);
  });

  test.each(MACHINES)(
    "a kernel that was built without the call is told as such, whatever else is not known, on %s",
    (_, machine, file) => {
      const absent = () => -errno.ENOSYS;
      const files = {
        ...machine.files,
        ...WITHOUT_TREE,
        "/proc/iomem": undefined,
        "/sys/kernel/boot_params/data": undefined,
      };
      const told = (on: Pretended["on"], ...how: readonly string[]) => {
        const run = kexec({ ...machine, files, on }, ...how, folder.in(file));
        expect(run.changes).toEqual([]);
        return `${run.code} ${run.err}`;
      };
      const without = "the running kernel was built without CONFIG_KEXEC";
      const neither = { kexec_load: absent, kexec_file_load: absent };
      expect(told(neither, "-l")).toBe(`3 kexec: kexec_load: ${without}\n`);
      expect(told(neither, "-a", "-l")).toBe(
        `3 kexec: kexec_load, kexec_file_load: ${without} and CONFIG_KEXEC_FILE\n`,
      );
      // The call of ppc64 takes ELF files, and this is none.
      const way = file === "vmlinux.kexec" ? "" : "; kexec -s asks kexec_file_load, which is there";
      expect(told({ kexec_load: absent }, "-l")).toBe(`3 kexec: kexec_load: ${without}${way}\n`);
      // By the other call it is loaded, but not into places that are asked for; what loads nothing needs neither.
      expect(told({ kexec_load: absent }, "--plan")).toStartWith("1 kexec: ");
      if (file !== "vmlinux.kexec")
        expect(kexec({ ...machine, files, on: { kexec_load: absent } }, "-a", "-l", folder.in(file))).toMatchObject({
          code: 0,
          changes: ["kexec_file_load"],
          err: "kexec: the running kernel has no kexec_load: kexec_file_load is asked in place of kexec_load\n",
        });
      expect(told({ kexec_load: absent }, "-a", "-l", "--mem-max=0x1000")).toBe(`3 kexec: kexec_load: ${without}\n`);
    },
  );

  describe.each(MACHINES)("too little memory for the copies until the jump, on %s,", (_, machine, file) => {
    const files = { ...machine.files, "/proc/meminfo": "MemTotal: 2097152 kB\nMemAvailable: 1 kB\nSwapFree: 0 kB\n" };
    const shortOf = (pretended: Pretended, ...how: readonly string[]) =>
      kexec({ ...machine, ...pretended, files }, ...how, folder.in(file));

    test("refuses what is loaded at once, and no more than that", () => {
      expect(shortOf({}, "-l")).toMatchObject({ code: 1, changes: [] });
      expect(shortOf({}, "-l").err).toMatch(/^kexec: all segments: 0x[0-9a-f]+ bytes are needed until the jump, /);
      expect(shortOf({}, "--diagnose")).toMatchObject({ code: 1, changes: ["kexec_load"] });
      for (const how of [["--plan"], ["--plan", "--json"]]) expect(shortOf({}, ...how).code).toBe(0);
      const saved = folder.in(`short-of-memory-${file}`);
      expect(shortOf({ on: fileCalls(folder.path) }, `--save=${saved}`)).toMatchObject({ code: 0 });
      expect(readdirSync(saved).length).toBeGreaterThan(1);
    });

    test("is not told where the kernel was built without the call", () => {
      const { code, err } = shortOf({ lacks: ["kexec_load", "kexec_file_load"] }, "-l");
      expect(`${code} ${err}`).toBe("3 kexec: kexec_load: the running kernel was built without CONFIG_KEXEC\n");
    });
  });

  test("a crash kernel's memory that is not shown is not called missing", () => {
    const files = { ...X86_64.files, "/proc/iomem": "00000000-00000000 : System RAM\n" };
    const { code, err } = kexec({ ...X86_64, files }, "--plan", "-p", folder.in("bzImage"));
    expect(`${code} ${err}`).toBe(
      "1 kexec: memory: no places can be chosen: /proc/iomem shows no addresses to this user\n",
    );
  });

  test.each<[string, Uint8Array, string]>([
    ["a kernel", bzImage(), "a bzImage for x86_64, no initrd"],
    [
      "an ELF file",
      Buffer.concat([Buffer.from("\x7fELF\x02\x02\x01", "latin1"), Buffer.alloc(57)]),
      "a big endian ELF file, no initrd",
    ],
    [
      "a device tree",
      Buffer.concat([Buffer.from("d00dfeed", "hex"), Buffer.alloc(60)]),
      "a device tree blob, no initrd",
    ],
  ])("%s as an initrd, unless checks are skipped", (_, bytes, fact) => {
    const file = folder.in("wrong");
    writeFileSync(file, bytes);
    const run = kexec(PPC64, "-l", kernel, "--initrd", file);
    expect(`${run.code} ${run.err}`).toBe(`1 kexec: --initrd ${file}: ${fact}\n`);
    expect(run.loads).toEqual([]);
    loaded(kexec(PPC64, "-l", "--no-checks", kernel, "--initrd", file));
  });

  test("noise for a kernel, where every kernel has a header; on ppc64 it is told, unless checks are skipped", () => {
    const noise = folder.in("noise");
    writeFileSync(noise, new Uint8Array(0x10000).fill(0x6e));
    const run = kexec(ARM64, "-l", noise);
    expect(`${run.code} ${run.err}`).toBe(`1 kexec: ${noise}: no header of a kernel: loadem loads any bytes\n`);
    expect(run.loads).toEqual([]);
    const told = kexec(PPC64, "-l", noise);
    expect(`${told.code} ${told.err}`).toBe(
      `0 kexec: ${noise}: no header of a kernel: its bytes are entered as they are\n`,
    );
    loaded(kexec(PPC64, "-l", "-i", noise));
    loaded(kexec(ARM64, "-l", "-i", noise));
  });

  test("what only another tool's own code would heed is said, and no more", () => {
    const run = kexec(PPC64, "-d", "-l", "--serial=ttyAMA0", kernel);
    expect(run.code).toBe(0);
    expect(run.err).toStartWith("kexec: --serial: is for kexec-tools' purgatory, which prints before the kernel does");
    expect(KERNEL_END).toBeGreaterThan(0);
  });
});
