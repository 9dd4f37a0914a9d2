// What a file is by its first bytes, as far as they are known never to be code: kernels that have to be unpacked first,
// kernels of other machines, and what goes along with kernels. The one table of such magics. Read when it is asked for.
//
// Sources: RFC 1952 (gzip), the xz and .lzma file formats, lz4's frame format, lzop's and bzip2's own headers, RFC 8878
// (zstd); U-Boot include/image.h; Linux drivers/firmware/efi/libstub/zboot-header.S, Documentation/arch/x86/boot.rst,
// arch/arm64/booting.rst, arch/riscv/boot-image-header.rst, arch/loongarch/booting.rst, arch/arm/boot/compressed/head.S,
// arch/powerpc/boot/wrapper, driver-api/early-userspace/buffer-format.rst; Microsoft's PE format; the UAPI group's Unified
// Kernel Image; Android's bootimg.h; skiboot libstb/container.h.

import { hasSection, isElf, textAt, viewOf, WRAPPED_VMLINUX } from "./elf.ts";
import { hex } from "./failure.ts";

/** Where more than the words has to be known of a form: all that need not be is `other`. */
export type FormKind =
  | "packed"
  | "zboot"
  | "unified"
  | "uImage"
  | "elf"
  | "Image"
  | "bzImage"
  | "zero page"
  | "device tree blob"
  | "initramfs"
  | "other";

export interface Form {
  readonly kind: FormKind;
  /** `compressed with gzip`, `an Image for arm64`. */
  readonly what: string;
  /** e_machine of what it is for, where it says so. */
  readonly machine?: number | undefined;
  readonly bigEndian?: boolean;
  /** Where the kernel is inside: bytes of it, all that follow unless said, and what they are compressed with, if they are. */
  readonly inside?: { readonly offset: number; readonly size?: number; readonly method?: string } | undefined;
  /** What it is and what to do, for somebody who wants `product`, such as `Image`; `finish` is said after unpacking. */
  tell(product: string, finish?: string): string;
}

/** By e_machine, elf.h. */
const MACHINES = new Map([
  [3, "i386"],
  [20, "ppc"],
  [21, "ppc64"],
  [22, "s390"],
  [40, "arm"],
  [62, "x86_64"],
  [183, "arm64"],
  [243, "riscv"],
  [258, "loongarch"],
]);

/** e_machine by a PE file's IMAGE_FILE_MACHINE. */
const PE_MACHINES = new Map([
  [0x14c, 3],
  [0x1c0, 40],
  [0x1c2, 40],
  [0x5064, 243],
  [0x6264, 258],
  [0x8664, 62],
  [0xaa64, 183],
]);

/**
 * How files begin, in hexadecimal, two digits a byte: the sources of regular expressions, of which the first byte is no
 * pattern. What follows a magic is looked at too, where that is short: no code may be taken for one of these.
 */
const PACKED: readonly (readonly [sign: string, method: string, tool: string])[] = [
  ["1f8b0[0-8][01]", "gzip", "gunzip"],
  ["fd377a585a00", "xz", "unxz"],
  // The usual lc, lp and pb; a dictionary of 2^n or 3 * 2^n bytes, from 64 KiB on; a size, from there to 2^40, or unknown;
  // and the coder's first byte.
  ["5d0000((0[123468c]|18|[123468c]0)00|000[123468])(f{16}|(?!.{4}0{6}).{10}0{6})00", "lzma", "unlzma"],
  ["04224d18[4-7].[4-7]0", "lz4", "unlz4"],
  ["02214c18.{6}00", "lz4", "unlz4"],
  ["894c5a4f000d0a1a0a", "lzop", "lzop -d"],
  ["425a683[1-9]314159265359", "bzip2", "bunzip2"],
  ["28b52ffd.[0-7]", "zstd", "unzstd"],
];
const SIGNS: readonly (readonly [sign: string, what: string, kind?: FormKind, tool?: string])[] = [
  ["414e44524f494421", "an Android boot image", "other", "unpack_bootimg"],
  ["17082011", "a signed container of OpenPOWER firmware", "other", "tail -c +4097"],
  ["d00dfeed", "a device tree blob", "device tree blob"],
  ["30373037303[127](3[0-9]|[46][1-6]){6}", "a cpio archive, as an initramfs is", "initramfs"],
  ["68737173", "a squashfs file system"],
  ["213c617263683e0a", "an ar archive, as a Debian package is"],
  ["edabeedb", "an rpm package"],
  ["2321(20)*2f(09|[2-7].)*?0a", "a script"],
];
/** Bytes that they look at. */
const SIGN_SPAN = 512;

/** An arm64 Image's, at byte 56. */
const IMAGE_MAGIC = "ARM\x64";

/** Its COMP_TYPE, by what Linux' build calls them. */
const ZBOOT_METHODS = new Map([
  ["zstd22", "zstd"],
  ["xzkern", "xz"],
]);

/** LINUX_PE_MAGIC, at byte 56 too. On LoongArch it is an Image's, elsewhere that of what only firmware starts. */
const LINUX_MAGIC = "\xcd\x23\x82\x81";

/** U-Boot's ih_comp. */
const UIMAGE_METHODS = ["", "gzip", "bzip2", "lzma", "lzop", "lz4", "zstd"];
const UIMAGE_TOOLS = ["", " | gunzip", " | bunzip2", " | unlzma", " | lzop -d", " | unlz4", " | unzstd"];

/** What sections of a unified kernel image hold. */
const UKI_SECTIONS = [".initrd its initrd", ".cmdline the command line", ".dtb a device tree blob"];

const SECTION_OUT = "objcopy -O binary --only-section=";

/**
 * @param bytes a file's start; 4 KiB are enough but for a powerpc zImage, which is told from other ELF files by the names
 * of its sections
 * @returns undefined for what may be code, as far as that can be known
 */
export default function formOf(bytes: Uint8Array): Form | undefined {
  return setup(bytes) ?? image(bytes) ?? portableExecutable(bytes) ?? elf(bytes) ?? uImage(bytes) ?? signed(bytes);
}

/** @param rest of the sentence; `PRODUCT` stands for what is wanted */
function form(
  kind: FormKind,
  what: string,
  rest = "",
  machine?: number,
  bigEndian = false,
  inside?: Form["inside"],
): Form {
  const name = machine === undefined ? "" : ` for ${MACHINES.get(machine) ?? `machine ${machine}`}`;
  const whole = what + name;
  const tell = (product: string, finish = ""): string =>
    whole + rest.replace("PRODUCT", product) + (kind === "packed" ? finish : "");
  return { kind, what: whole, machine, bigEndian, inside, tell };
}

/** The end of a sentence. */
function holding(tool: string, what = "kernel"): string {
  return `: ${tool} takes the ${what} out`;
}

/** A setup header of x86 is in the file of a kernel, and in the zero page, where a loader has said who it is. */
function setup(bytes: Uint8Array): Form | undefined {
  if (bytes.length < 0x211 || textAt(bytes, 0x1fe, 2) !== "\x55\xaa" || textAt(bytes, 0x202, 4) !== "HdrS") {
    return undefined;
  }
  return bytes[0x210] === 0 ? form("bzImage", "a bzImage", "", 62) : form("zero page", "a zero page");
}

/** What firmware starts, as EFI has it; kernels are among it that can be entered without, too. */
function portableExecutable(bytes: Uint8Array): Form | undefined {
  if (bytes.length < 64 || textAt(bytes, 0, 2) !== "MZ") return undefined;
  const view = viewOf(bytes);
  const at = view.getUint32(0x3c, true);
  const isWhole = at + 24 <= bytes.length && textAt(bytes, at, 4) === "PE\0\0";
  const machine = isWhole ? PE_MACHINES.get(view.getUint16(at + 4, true)) : undefined;
  if (textAt(bytes, 2, 6) === "\0\0zimg") {
    const method = /^[a-z0-9]*/.exec(textAt(bytes, 24, 8))?.[0] ?? "";
    const [offset = 0, size = 0] = [8, 12].map((field) => view.getUint32(field, true));
    const rest = `: the Image is inside, ${method} from byte ${hex(offset)} on, ${hex(size)} bytes`;
    const inside = { offset, size, method: ZBOOT_METHODS.get(method) ?? method };
    return form("zboot", "an EFI zboot image", rest, machine, false, inside);
  }
  if (!isWhole) return undefined;
  const headers = at + 24 + view.getUint16(at + 20, true);
  const names = Array.from({ length: Math.min(view.getUint16(at + 6, true), 96) }, (_, index) =>
    textAt(bytes, headers + 40 * index, 8).replace(/\0.*/, ""),
  );
  if (names.includes(".linux")) {
    const held = UKI_SECTIONS.filter((text) => names.includes(text.slice(0, text.indexOf(" "))));
    const rest = `: ${[".linux holds the kernel", ...held].join(", ")}${holding(`${SECTION_OUT}.linux`)}`;
    return form("unified", "a unified kernel image", rest, machine);
  }
  if (textAt(bytes, 56, 4) === IMAGE_MAGIC) return undefined;
  if (machine === 258 && textAt(bytes, 56, 4) === LINUX_MAGIC) return form("Image", "an Image", "", machine);
  return form("other", "an EFI program", ", which only firmware can start", machine);
}

/** Kernels that begin with a header of code and numbers. */
function image(bytes: Uint8Array): Form | undefined {
  if (bytes.length < 64) return undefined;
  if (textAt(bytes, 56, 4) === IMAGE_MAGIC) {
    // Its flags, of which half is far more than there are, and three reserved words.
    if (/[^\0]/.test(textAt(bytes, 28, 28))) return undefined;
    const bigEndian = ((bytes[24] ?? 0) & 1) !== 0;
    return form("Image", bigEndian ? "a big endian Image" : "an Image", "", 183, bigEndian);
  }
  if (textAt(bytes, 56, 4) === "RSC\x05") return form("Image", "an Image", "", 243);
  return textAt(bytes, 36, 4) === "\x18\x28\x6f\x01" ? form("other", "a zImage", "", 40) : undefined;
}

function elf(bytes: Uint8Array): Form | undefined {
  if (!isElf(bytes)) return undefined;
  if (hasSection(bytes, WRAPPED_VMLINUX)) {
    const rest = holding(SECTION_OUT + WRAPPED_VMLINUX, "compressed vmlinux");
    return form("other", "a zImage, a vmlinux in powerpc's boot wrapper", rest);
  }
  const bigEndian = bytes[5] === 2;
  const machine = bytes.length < 20 ? 0 : viewOf(bytes).getUint16(18, !bigEndian);
  return form("elf", `${bigEndian ? "a big endian" : "an"} ELF file`, "", machine || undefined, bigEndian);
}

function uImage(bytes: Uint8Array): Form | undefined {
  if (textAt(bytes, 0, 4) !== "\x27\x05\x19\x56") return undefined;
  const [type, method = 0] = bytes.subarray(30);
  const what = "a uImage (U-Boot)";
  if (type === 3) return form("initramfs", `${what} of an initrd`);
  if (type === 4) return form("other", `${what} of several parts`, holding("dumpimage -T multi"));
  if (type === 8) return form("other", `${what} of a device tree blob`);
  const rest = holding(`tail -c +65${UIMAGE_TOOLS[method] ?? ""}`);
  // A kernel, and one that says nothing of where it goes.
  if ((type !== 2 && type !== 14) || bytes.length < 64) return form("other", what, rest);
  const known = UIMAGE_METHODS[method] ?? "?";
  const inside = { offset: 64, size: viewOf(bytes).getUint32(12), ...(known === "" ? {} : { method: known }) };
  return form("uImage", what, rest, undefined, false, inside);
}

function signed(bytes: Uint8Array): Form | undefined {
  if (textAt(bytes, 257, 5) === "ustar") return form("other", "a tar archive");
  const first = digitsOf(bytes.subarray(0, 1));
  // Nearly always there is none: code begins with other bytes.
  const begins = ([sign]: readonly [string, ...unknown[]]): boolean =>
    sign.startsWith(first) && new RegExp(`^${sign}`).test(digitsOf(bytes.subarray(0, SIGN_SPAN)));
  const packed = PACKED.find(begins);
  if (packed !== undefined) {
    const [, method, tool] = packed;
    const rest = `: ${tool} makes the PRODUCT of it`;
    return form("packed", `compressed with ${method}`, rest, undefined, false, { offset: 0, method });
  }
  const found = SIGNS.find(begins);
  if (found === undefined) return undefined;
  const [, what, kind = "other", tool] = found;
  return form(kind, what, tool && holding(tool));
}

function digitsOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
