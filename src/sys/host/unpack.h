/* Unpacks what kernels are compressed with. */
#ifndef UNPACK_H
#define UNPACK_H

#include <stddef.h>

/* What went wrong, in place of a length: UNPACK of src/sys/unpack.ts. */
enum unpack_error {
    UNPACK_FULL = -1, /* the output is too small */
    UNPACK_CORRUPT = -2,
    UNPACK_CUT_OFF = -3,   /* the input ends too early */
    UNPACK_TRAILING = -4,  /* other bytes follow what is packed */
    UNPACK_NO_MEMORY = -5, /* for what the method needs besides the output */
    UNPACK_UNKNOWN = -6    /* a method, or a way of it, that is not known here */
};

/* Unpacks all of `input`, by its method's name. Returns the bytes of output, or what went wrong. */
long unpack(const char *method, const unsigned char *input, size_t input_length, unsigned char *output,
            size_t output_length);

#endif
