/* Integers of 128 bits: each quotient, remainder and shift is the compiler's own. */
#include "input.h"

/* Beside the functions that the compiler calls by these names. */
#define __udivmodti4 our_udivmodti4
#define __udivti3 our_udivti3
#define __umodti3 our_umodti3
#define __ashlti3 our_ashlti3
#pragma clang diagnostic ignored "-Wunknown-pragmas" /* gcc's own */
#include <int128.c>

static u64 take_word(void)
{
    unsigned how = take_byte();
    u64 value = 0;
    unsigned i, length = 1 + how % 8;

    for (i = 0; i < length; i++)
        value = value << 8 | take_byte();
    value <<= how / 8 % 2 * (64 - 8 * length);
    /* Guesses of a digit go wrong by most next to a power of two. */
    return how & 0x80 ? ~value : value;
}

static u128 take_number(void)
{
    return take_byte() & 1 ? (u128)take_word() << 64 | take_word() : take_word();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_at = data;
    input_end = data + size;
    while (!is_used_up()) {
        int bits = (int)(take_byte() % 128);
        u128 dividend = take_number(), divisor = take_number(), rest;

        HOLD(our_ashlti3(dividend, bits) == dividend << bits);
        if (!divisor)
            continue;
        HOLD(our_udivmodti4(dividend, divisor, &rest) == dividend / divisor);
        HOLD(rest == dividend % divisor);
        HOLD(our_udivti3(dividend, divisor) == dividend / divisor);
        HOLD(our_umodti3(dividend, divisor) == rest);
    }
    return 0;
}
