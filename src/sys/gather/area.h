/* Asking the kernel, and memory that grows. */
#ifndef AREA_H
#define AREA_H

#include "gather.h"

/* include/uapi/asm-generic/errno.h */
#define EPERM 1
#define ENOENT 2
#define EINTR 4
#define EAGAIN 11
#define ENOMEM 12
#define EXDEV 18
#define EFBIG 27
#define ENOSYS 38

/* A system call, with its number and arguments. The value, or -errno. */
long ask(const struct gather *g, long number, long a, long b, long c, long d, long e);

/* Makes the area `size` bytes large. 0 or -errno. Pages that are not touched cost nothing. */
long resize(const struct gather *g, struct area *area, uint64_t size);

/* Makes the area larger if `more` bytes do not fit after the used ones. 0 or -errno. */
long make_room(const struct gather *g, struct area *area, uint32_t more);

/* Append to the used bytes. 0 or -errno. */
long add_u32(const struct gather *g, struct area *area, uint32_t value);
long add_text(const struct gather *g, struct area *area, const char *text);

/* Appends zeros up to a multiple of 4. make_room() must have been asked for them. */
void pad(struct area *area);

static inline uint8_t *at(const struct area *area, uint32_t offset)
{
    return (uint8_t *)(uintptr_t)area->start + offset;
}

static inline uint8_t *end_of(const struct area *area)
{
    return at(area, area->used);
}

static inline const char *text_at(const struct area *area, uint32_t offset)
{
    return (const char *)at(area, offset);
}

static inline uint32_t *words_of(const struct area *area)
{
    return (uint32_t *)at(area, 0);
}

static inline void put_u32(uint8_t *to, uint32_t value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap32(value);
#endif
    *(uint32_t *)to = value;
}

static inline uint32_t get_u32(const uint8_t *from)
{
    uint32_t value = *(const uint32_t *)from;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap32(value);
#endif
    return value;
}

/* What `offset` is with padding to a multiple of 4. */
static inline uint32_t padded(uint32_t offset)
{
    return (offset + 3) & ~(uint32_t)3;
}

uint32_t length_of(const char *text);

/* Copies a string with its NUL. */
void copy_text(uint8_t *to, const char *text);

/* For functions whose address is taken: it is then computed from where the code runs. */
#define HIDDEN __attribute__((visibility("hidden")))

/* Below 0, 0 or above 0: a sorts before, as or after b, by their bytes. */
HIDDEN int compare_bytes(const char *a, const char *b);

#endif
