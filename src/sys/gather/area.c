/* Asking the kernel, memory that grows, and text. */
#include "area.h"
#include "kernel.h"

#define FIRST_SIZE (64 * 1024)
#define LARGEST_AREA (1u << 31)

/* asm-generic/mman-common.h, linux/mman.h: the same on all our machines */
#define PROT_READ_WRITE 3
#define MAP_PRIVATE_ANONYMOUS 0x22
#define MREMAP_MAYMOVE 1

typedef long kernel_call(long number, long a, long b, long c, long d, long e, long f);

long ask(const struct gather *g, long number, long a, long b, long c, long d, long e)
{
    if (__builtin_expect(g->call != 0, 0))
        return ((kernel_call *)(uintptr_t)g->call)(number, a, b, c, d, e, 0);
    return kernel(number, a, b, c, d, e);
}

long resize(const struct gather *g, struct area *area, uint64_t size)
{
    long start;

    size = (size + 3) / 4 * 4; /* what is padded to 4 bytes ends in it too */
    if (size > LARGEST_AREA)
        return -EFBIG;
    if (area->size)
        start = ask(g, g->mremap, (long)area->start, area->size, (long)size, MREMAP_MAYMOVE, 0);
    else
        start = ask(g, g->mmap, 0, (long)size, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1);
    if (start < 0 && start > -4096)
        return start;
    area->start = (unsigned long)start;
    area->size = (uint32_t)size;
    return 0;
}

long make_room(const struct gather *g, struct area *area, uint32_t more)
{
    uint64_t wanted = (uint64_t)area->used + more, size = area->size ? area->size : FIRST_SIZE;

    if (wanted <= area->size)
        return 0;
    while (size < wanted)
        size *= 2;
    return resize(g, area, size);
}

long add_u32(const struct gather *g, struct area *area, uint32_t value)
{
    long failed = make_room(g, area, sizeof value);

    if (failed)
        return failed;
    *(uint32_t *)end_of(area) = value;
    area->used += sizeof value;
    return 0;
}

long add_text(const struct gather *g, struct area *area, const char *text)
{
    uint32_t length = length_of(text) + 1;
    long failed = make_room(g, area, length);

    if (failed)
        return failed;
    copy_text(end_of(area), text);
    area->used += length;
    return 0;
}

void pad(struct area *area)
{
    while (area->used & 3)
        *at(area, area->used++) = 0;
}

uint32_t length_of(const char *text)
{
    const char *end = text;

    while (*end)
        end++;
    return (uint32_t)(end - text);
}

void copy_text(uint8_t *to, const char *text)
{
    do
        *to++ = (uint8_t)*text;
    while (*text++);
}

int compare_bytes(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}
