/* What libFuzzer gives, taken byte by byte; zeros behind its end. */
#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t *input_at, *input_end;

static inline unsigned take_byte(void)
{
    return input_at < input_end ? *input_at++ : 0;
}

static inline unsigned take_short(void)
{
    unsigned high = take_byte();

    return high << 8 | take_byte();
}

static inline int is_used_up(void)
{
    return input_at == input_end;
}

/* A copy that begins and ends where its memory does. */
static inline uint8_t *exact_copy(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);

    if (length)
        memcpy(copy, bytes, length);
    return copy;
}

#define HOLD(condition)                                                                                      \
    do                                                                                                       \
        if (!(condition))                                                                                    \
            abort();                                                                                         \
    while (0)

#endif
