// What unpacks kernels inside the small engine: libraries out of Debian's source packages, of which only the decoders are
// compiled.

import { join } from "node:path";
import type { SourceTarball } from "./debian.ts";

export interface Library {
  readonly tarball: SourceTarball;
  /** As people call it, and on what terms it is. */
  readonly name: string;
  readonly terms: string;
  /** The file of its licence. */
  readonly license: string;
  /** Folders that its own files, and ours, include from. */
  readonly include: readonly string[];
  readonly flags: readonly string[];
  /** The C files that are compiled. */
  readonly files: readonly string[];
}

const LZMA_CONFIG = join(import.meta.dir, "../src/sys/host/lzma-config.h");

function filesIn(folder: string, ...names: readonly string[]): string[] {
  return names.map((name) => `${folder}/${name}.c`);
}

export const libraries: readonly Library[] = [
  {
    tarball: {
      name: "zlib",
      suite: "trixie",
      sha256: "60dd315c07f616887caa029408308a018ace66e3d142726a97db164b3b8f69fb",
    },
    name: "zlib",
    terms: "Zlib",
    license: "LICENSE",
    include: ["."],
    // Without the functions for files; the table of the checksum is made when it is first needed.
    flags: ["-DZ_SOLO", "-DDYNAMIC_CRC_TABLE"],
    files: filesIn(".", "adler32", "crc32", "inffast", "inflate", "inftrees", "zutil"),
  },
  {
    tarball: {
      name: "libzstd",
      suite: "trixie",
      sha256: "0c092ef267edce57ba7f3f2645c861f72eaf5e76273c6c3632869423464b90a5",
    },
    name: "Zstandard",
    terms: "BSD-3-Clause",
    license: "LICENSE",
    include: ["lib"],
    // As its ZSTD_LIB_MINIFY has it, and nothing of assembler.
    flags: [
      "-DZSTD_LEGACY_SUPPORT=0",
      "-DHUF_FORCE_DECOMPRESS_X1",
      "-DZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT",
      "-DZSTD_NO_INLINE",
      "-DZSTD_STRIP_ERROR_STRINGS",
      "-DZSTD_DISABLE_ASM",
      "-DDYNAMIC_BMI2=0",
      "-DZSTD_TRACE=0",
    ],
    files: [
      ...filesIn("lib/common", "entropy_common", "error_private", "fse_decompress", "xxhash", "zstd_common"),
      ...filesIn("lib/decompress", "huf_decompress", "zstd_ddict", "zstd_decompress", "zstd_decompress_block"),
    ],
  },
  {
    tarball: {
      name: "xz-utils",
      suite: "trixie",
      sha256: "0b54f79df85912504de0b14aec7971e3f964491af1812d83447005807513cd9e",
    },
    name: "liblzma",
    terms: "0BSD",
    license: "COPYING.0BSD",
    include: [
      "src/liblzma/api",
      "src/common",
      ...["common", "check", "delta", "lz", "lzma", "rangecoder", "simple"].map((name) => `src/liblzma/${name}`),
    ],
    flags: ["-include", LZMA_CONFIG],
    files: [
      ...filesIn("src/liblzma/check", "check", "crc32_small", "crc64_small"),
      ...filesIn(
        "src/liblzma/common",
        ...["alone_decoder", "block_decoder", "block_header_decoder", "block_util", "common", "filter_common"],
        ...["filter_decoder", "filter_flags_decoder", "index_hash", "stream_decoder", "stream_flags_common"],
        ...["stream_flags_decoder", "vli_decoder", "vli_size"],
      ),
      ...filesIn("src/liblzma/lz", "lz_decoder"),
      ...filesIn("src/liblzma/lzma", "lzma2_decoder", "lzma_decoder"),
      ...filesIn("src/liblzma/simple", "arm64", "powerpc", "riscv", "simple_coder", "simple_decoder", "x86"),
    ],
  },
];
