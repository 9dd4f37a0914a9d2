/* Unpacks what kernels are compressed with, by zlib, Zstandard and liblzma.
 *
 * Input and output are whole: the libraries write to where the bytes are wanted, and keep no copy but for liblzma's
 * dictionary.
 */
#include <stdlib.h>
#include <string.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>
#include "unpack.h"

/* For liblzma: twice what the dictionary of xz -9 takes. */
#define MOST_DICTIONARY ((uint64_t)128 << 20)

static int is_all_zeros(const unsigned char *bytes, size_t length)
{
    while (length > 0 && bytes[length - 1] == 0)
        length--;
    return length == 0;
}

static void *take(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    return calloc(count, size);
}

static void give_back(void *opaque, void *memory)
{
    (void)opaque;
    free(memory);
}

/* Several members make one file, and zeros may follow them (gzip(1)). 0 where the last one has ended. */
static int inflate_members(z_stream *stream)
{
    int result;

    while ((result = inflate(stream, Z_FINISH)) == Z_STREAM_END) {
        if (stream->avail_in == 0 || stream->next_in[0] != 0x1f)
            return is_all_zeros(stream->next_in, stream->avail_in) ? 0 : UNPACK_TRAILING;
        inflateReset(stream);
    }
    if (result == Z_MEM_ERROR)
        return UNPACK_NO_MEMORY;
    if (result != Z_OK && result != Z_BUF_ERROR)
        return UNPACK_CORRUPT;
    return stream->avail_out == 0 ? UNPACK_FULL : UNPACK_CUT_OFF;
}

static long unpack_gzip(const unsigned char *input, size_t input_length, unsigned char *output,
                        size_t output_length)
{
    z_stream stream = {
        .next_in = (unsigned char *)input, .next_out = output, .zalloc = take, .zfree = give_back};
    int error;

    stream.avail_in = (unsigned)input_length;
    stream.avail_out = (unsigned)output_length;
    if (inflateInit2(&stream, MAX_WBITS + 16) != Z_OK) /* gzip's header and no other */
        return UNPACK_NO_MEMORY;
    error = inflate_members(&stream);
    inflateEnd(&stream);
    return error ? error : stream.next_out - output;
}

/* What is cut off is corrupt here: its errors do not tell. The script has walked over the blocks by then. */
static long unpack_zstd(const unsigned char *input, size_t input_length, unsigned char *output,
                        size_t output_length)
{
    size_t result = ZSTD_decompress(output, output_length, input, input_length);

    if (!ZSTD_isError(result))
        return (long)result;
    switch (ZSTD_getErrorCode(result)) {
    case ZSTD_error_dstSize_tooSmall:
        return UNPACK_FULL;
    case ZSTD_error_memory_allocation:
        return UNPACK_NO_MEMORY;
    case ZSTD_error_frameParameter_unsupported:
    case ZSTD_error_frameParameter_windowTooLarge:
    case ZSTD_error_dictionary_wrong:
        return UNPACK_UNKNOWN;
    default:
        return UNPACK_CORRUPT;
    }
}

/* 0 where all of the input is unpacked. */
static int decode_all(lzma_stream *stream)
{
    lzma_ret result;

    do
        result = lzma_code(stream, LZMA_FINISH);
    while (result == LZMA_OK);
    switch (result) {
    case LZMA_STREAM_END:
        return is_all_zeros(stream->next_in, stream->avail_in) ? 0 : UNPACK_TRAILING;
    case LZMA_BUF_ERROR:
        return stream->avail_out == 0 ? UNPACK_FULL : UNPACK_CUT_OFF;
    case LZMA_MEM_ERROR:
    case LZMA_MEMLIMIT_ERROR:
        return UNPACK_NO_MEMORY;
    case LZMA_OPTIONS_ERROR:
        return UNPACK_UNKNOWN;
    default:
        return UNPACK_CORRUPT;
    }
}

static long unpack_lzma(int is_alone, const unsigned char *input, size_t input_length, unsigned char *output,
                        size_t output_length)
{
    lzma_stream stream = LZMA_STREAM_INIT;
    lzma_ret started;
    int error;

    stream.next_in = input;
    stream.avail_in = input_length;
    stream.next_out = output;
    stream.avail_out = output_length;
    started = is_alone ? lzma_alone_decoder(&stream, MOST_DICTIONARY)
                       : lzma_stream_decoder(&stream, MOST_DICTIONARY, LZMA_CONCATENATED);
    error = started == LZMA_OK ? decode_all(&stream) : UNPACK_NO_MEMORY;
    lzma_end(&stream);
    return error ? error : stream.next_out - output;
}

long unpack(const char *method, const unsigned char *input, size_t input_length, unsigned char *output,
            size_t output_length)
{
    if (strcmp(method, "gzip") == 0)
        return unpack_gzip(input, input_length, output, output_length);
    if (strcmp(method, "zstd") == 0)
        return unpack_zstd(input, input_length, output, output_length);
    if (strcmp(method, "xz") == 0 || strcmp(method, "lzma") == 0)
        return unpack_lzma(method[0] == 'l', input, input_length, output, output_length);
    return UNPACK_UNKNOWN;
}
