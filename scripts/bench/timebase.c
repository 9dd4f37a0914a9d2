// Says what a clock of this machine shows that goes on counting through a kexec:
//
//   timebase BEGIN END PER_SECOND
//
// when this program began and when it ended: on x86-64 it takes a while to find out how fast the clock is.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>

#if defined(__powerpc64__)
#include <sys/platform/ppc.h>

static uint64_t ticks(void)
{
    return __ppc_get_timebase();
}

static uint64_t per_second(void)
{
    return __ppc_get_timebase_freq();
}
#elif defined(__aarch64__)
static uint64_t ticks(void)
{
    uint64_t value;
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(value));
    return value;
}

static uint64_t per_second(void)
{
    uint64_t value;
    __asm__("mrs %0, cntfrq_el0" : "=r"(value));
    return value;
}
#elif defined(__x86_64__)
#include <time.h>
#include <x86intrin.h>

static uint64_t ticks(void)
{
    return __rdtsc();
}

static uint64_t nanoseconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/** Nothing says how fast it counts: the kernel's clock is beside it for a tenth of a second. */
static uint64_t per_second(void)
{
    uint64_t from = ticks(), began = nanoseconds(), now;
    do
        now = nanoseconds();
    while (now - began < 100000000);
    return (ticks() - from) * 1000000000.0 / (now - began);
}
#endif

int main(void)
{
    unsigned long long begin = ticks(), rate = per_second(), end = ticks();
    printf("timebase %llu %llu %llu\n", begin, end, rate);
    return 0;
}
