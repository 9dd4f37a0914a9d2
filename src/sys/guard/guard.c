/* The handler of SIGBUS. */
#ifndef GATHER_ALONE
#include <sys/syscall.h>
#endif
#include "../gather/kernel.h"
#include "guard.h"

/* arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h */
#if defined(GATHER_ALONE) && defined(__x86_64__)
#define SYS_mmap 9
#define SYS_rt_sigaction 13
#define SYS_getpid 39
#define SYS_kill 62
#elif defined(GATHER_ALONE) && defined(__aarch64__)
#define SYS_kill 129
#define SYS_rt_sigaction 134
#define SYS_getpid 172
#define SYS_mmap 222
#endif

/* asm/signal.h, asm-generic/mman-common.h: the same on all our machines */
#define SIGBUS 7
#define SA_SIGINFO 4
#define SA_RESTORER 0x04000000
#define SA_ONSTACK 0x08000000
#define PROT_READ_WRITE 3
#define MAP_PRIVATE_FIXED_ANONYMOUS 0x32
#define SIGNAL_SET_SIZE 8

#define HIDDEN __attribute__((visibility("hidden")))

/* The start of siginfo_t. */
struct fault {
    int signal, error, code;
    uintptr_t address;
};

/* struct sigaction as the kernel has it. */
struct action {
    uintptr_t handler, flags, restorer;
    uint8_t mask[SIGNAL_SET_SIZE];
};

uint64_t lost_page __attribute__((section(".bss.lost_page"))); /* first in memory: Bun reads it there */

static struct {
    uint64_t start, end;
} ranges[MOST_GUARDED];

static unsigned count;
static uint64_t page;
static struct action before;

#ifdef __x86_64__
/* Where the kernel goes on behind a handler, which it wants to be told there: rt_sigreturn. */
HIDDEN void guard_restorer(void);
__asm__(".pushsection .text.guard_restorer, \"ax\"\n"
        ".hidden guard_restorer\n"
        ".globl guard_restorer\n"
        ".type guard_restorer, @function\n"
        "guard_restorer: mov $15, %eax\n"
        "syscall\n"
        ".size guard_restorer, . - guard_restorer\n"
        ".popsection\n");
#endif

/* Zeros in place of the pages from `address` to the end of its range. 0 where that was done. */
static int put_zeros(uint64_t address)
{
    uint64_t start = address / page * page;
    unsigned i;

    for (i = 0; i < count; i++) {
        if (address < ranges[i].start || address >= ranges[i].end)
            continue;
        if (!lost_page)
            lost_page = start;
        return kernel(SYS_mmap, (long)start, (long)(ranges[i].end - start), PROT_READ_WRITE,
                      MAP_PRIVATE_FIXED_ANONYMOUS, -1) != (long)start;
    }
    return -1;
}

/* What is none of ours goes to whoever had the signal before: a fault comes again by itself, what was sent is sent again. */
HIDDEN void on_bus_error(int signal, struct fault *fault, void *context)
{
    (void)context;
    if (fault->code > 0 && put_zeros(fault->address) == 0)
        return;
    kernel(SYS_rt_sigaction, signal, (long)&before, 0, SIGNAL_SET_SIZE, 0);
    if (fault->code <= 0)
        kernel(SYS_kill, kernel(SYS_getpid, 0, 0, 0, 0, 0), signal, 0, 0, 0);
}

/* Where a function lies now. Out of the compiler's sight, which would keep what the linker says as a constant. */
static uintptr_t address_of(void *function)
{
    __asm__("" : "+r"(function));
    return (uintptr_t)function;
}

static void install(void)
{
    struct action action = {address_of(on_bus_error), SA_SIGINFO | SA_ONSTACK, 0, {0}};

#ifdef __x86_64__
    action.flags |= SA_RESTORER;
    action.restorer = address_of(guard_restorer);
#endif
    kernel(SYS_rt_sigaction, SIGBUS, (long)&action, (long)&before, SIGNAL_SET_SIZE, 0);
}

int guard(uint64_t start, uint64_t length, uint64_t page_size)
{
    if (count == MOST_GUARDED)
        return -1;
    ranges[count].start = start;
    ranges[count].end = start + length;
    page = page_size;
    if (count++ == 0)
        install();
    return 0;
}
