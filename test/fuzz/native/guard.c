/* The handler of SIGBUS: zeros take the place of a lost page and of what follows it in its mapping, and of nothing else; the first one
 * is kept. What is none of ours goes on to whoever had the signal before.
 */
#include <stdarg.h>
#include <sys/syscall.h>
#include "input.h"
#include "kernel.h"

static long called(long number, long a, long b, long c, long d, long e);

/* Its own code, with the kernel in our hands. */
#define kernel(...) called(__VA_ARGS__)
#include <guard.c>
#undef kernel

#define SOME_PROCESS 4711
#define SOME_HANDLER 0x1234

/* Mappings as whoever guards them knows them. */
static struct {
    uint64_t start, length;
} mappings[MOST_GUARDED + 1];
static unsigned mapping_count;

static uint64_t mapped_start, mapped_length; /* by the last call; a length of 0 is none */
static int is_refusing, is_ours, is_sent_again;

static long called(long number, long a, long b, long c, long d, long e)
{
    const struct action *action = (const struct action *)b;

    switch (number) {
    case SYS_mmap:
        HOLD(c == PROT_READ_WRITE && d == MAP_PRIVATE_FIXED_ANONYMOUS && e == -1);
        mapped_start = (uint64_t)a;
        mapped_length = (uint64_t)b;
        return is_refusing ? -ENOMEM : a;
    case SYS_rt_sigaction:
        HOLD(a == SIGBUS && d == SIGNAL_SET_SIZE);
        is_ours = action->handler == (uint64_t)(uintptr_t)on_bus_error;
        HOLD(is_ours ? !!(action->flags & SA_SIGINFO) : action->handler == SOME_HANDLER);
        if (c)
            *(struct action *)c = (struct action){.handler = SOME_HANDLER};
        return 0;
    case SYS_getpid:
        return SOME_PROCESS;
    case SYS_kill:
        HOLD(a == SOME_PROCESS && b == SIGBUS && !is_ours);
        is_sent_again = 1;
        return 0;
    default:
        abort();
    }
}

/* Somewhere, next to others: mappings do not lie over each other. */
static void add_mapping(uint64_t page_size)
{
    uint64_t start = page_size, length = page_size * (1 + take_byte() % 4);
    int is_guarded;

    if (mapping_count)
        start = mappings[mapping_count - 1].start + mappings[mapping_count - 1].length;
    start += page_size * (take_byte() % 3);
    is_guarded = guard(start, length, page_size) == 0;
    HOLD(is_guarded == (mapping_count < MOST_GUARDED));
    if (!is_guarded)
        return;
    HOLD(is_ours);
    mappings[mapping_count].start = start;
    mappings[mapping_count++].length = length;
}

/* 0 where nobody guards the address. */
static uint64_t end_of(uint64_t address)
{
    unsigned i;

    for (i = 0; i < mapping_count; i++)
        if (address >= mappings[i].start && address < mappings[i].start + mappings[i].length)
            return mappings[i].start + mappings[i].length;
    return 0;
}

static void touch(uint64_t page_size)
{
    /* Of the codes, those above 0 are the kernel's own (siginfo.h). */
    struct fault fault = {.signal = SIGBUS,
                          .code = (int)(take_byte() % 5) - 1,
                          .address = page_size * (take_byte() % 128) + take_short() % page_size};
    uint64_t end = fault.code > 0 ? end_of(fault.address) : 0, lost_before = lost_page;
    uint64_t start = fault.address / page_size * page_size;

    is_refusing = take_byte() % 8 == 0;
    mapped_length = 0;
    is_sent_again = 0;
    on_bus_error(SIGBUS, &fault, NULL);
    HOLD(mapped_length == (end ? end - start : 0));
    HOLD(!end || mapped_start == start);
    HOLD(lost_page == (lost_before || !end ? lost_before : start));
    HOLD(is_ours == (end && !is_refusing));
    HOLD(is_sent_again == (fault.code <= 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t page_size;

    input_at = data;
    input_end = data + size;
    count = mapping_count = 0;
    lost_page = 0;
    is_ours = 0;
    page_size = 4096UL << take_byte() % 5;
    add_mapping(page_size);
    /* A handler that has given its signal away comes no more. */
    while (!is_used_up() && is_ours) {
        if (take_byte() & 1)
            add_mapping(page_size);
        else
            touch(page_size);
    }
    return 0;
}
