/* What liblzma's own configure would find out, for a decoder that is as small as it goes: included before its files. */
#ifndef LZMA_CONFIG_H
#define LZMA_CONFIG_H

#define HAVE_INTTYPES_H 1
#define HAVE_LIMITS_H 1
#define HAVE_STDBOOL_H 1
#define HAVE_STDINT_H 1
#define HAVE_STRING_H 1
#define HAVE_VISIBILITY 0
#define HAVE___BUILTIN_BSWAPXX 1
#define NDEBUG 1
#define SIZEOF_SIZE_T 8
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define WORDS_BIGENDIAN 1
#endif

#define HAVE_SMALL 1
#define HAVE_DECODERS 1
#define HAVE_DECODER_LZMA1 1
#define HAVE_DECODER_LZMA2 1
/* Linux' build has code of these machines filtered (scripts/xz_wrap.sh). */
#define HAVE_DECODER_ARM64 1
#define HAVE_DECODER_POWERPC 1
#define HAVE_DECODER_RISCV 1
#define HAVE_DECODER_X86 1
/* CRC32 is Linux' choice, CRC64 that of xz(1). */
#define HAVE_CHECK_CRC32 1
#define HAVE_CHECK_CRC64 1

#endif
