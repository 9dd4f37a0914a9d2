/* Asking the kernel, memory that grows, and text. */
#ifndef GATHER_ALONE
#include <errno.h>
#endif
#include "area.h"

#define FIRST_SIZE (64 * 1024)
#define LARGEST_AREA (1u << 31)

/* asm-generic/mman-common.h, linux/mman.h: the same on all our machines */
#define PROT_READ_WRITE 3
#define MAP_PRIVATE_ANONYMOUS 0x22
#define MREMAP_MAYMOVE 1

typedef long kernel_call(long number, long a, long b, long c, long d, long e, long f);

#if defined(GATHER_ALONE) && defined(__x86_64__)
static long kernel(long number, long a, long b, long c, long d, long e)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = 0;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(GATHER_ALONE) && defined(__aarch64__)
static long kernel(long number, long a, long b, long c, long d, long e)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = 0;

    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
#else
extern long syscall(long number, ...);

static long kernel(long number, long a, long b, long c, long d, long e)
{
    long result = syscall(number, a, b, c, d, e, 0L);

    return result == -1 ? -errno : result;
}
#endif

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
