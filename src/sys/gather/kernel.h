/* One call of the kernel, in code that has no libc and in code that has. */
#ifndef KERNEL_H
#define KERNEL_H

/* Gives the value, or -errno. */
#if defined(GATHER_ALONE) && defined(__x86_64__)
static inline long kernel(long number, long a, long b, long c, long d, long e)
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
static inline long kernel(long number, long a, long b, long c, long d, long e)
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
#include <errno.h>

extern long syscall(long number, ...);

static inline long kernel(long number, long a, long b, long c, long d, long e)
{
    long result = syscall(number, a, b, c, d, e, 0L);

    return result == -1 ? -errno : result;
}
#endif

#endif
