/*
 * A test kernel for 64-bit PowerPC guests with a hypervisor: prints what it was handed, as name=value, and
 * powers off. Freestanding, real mode, big endian, at any address. Every line begins with "payload: ", the
 * last is "done".
 */
#include "../print.h"
#include "../tree.h"

struct entry {
    u64 msr, base, r14, timebase;
};

enum {
    H_PUT_TERM_CHAR = 0x58,
    H_RTAS = 0xf000,   /* qemu's own: what its RTAS blob calls */
    ARRIVED_BE = 0xf0, /* in our head's copy at 0: a bit for each cpu id */
    ARRIVED_LE = 0xf8,
    VECTORS = 0x100,
    VECTORS_END = 0x3000,
    SYSTEM_CALL = 0xc00,
    BRANCH_TO_SELF = 0x48000000,
    QUIET_TICKS = 1 << 29, /* 1 s at 512 MHz: how long we wait for one more cpu */
};

extern const u32 endianness_handler[], endianness_handler_end[];

static long hcall(u64 number, u64 first, u64 second, u64 third, u64 fourth)
{
    register u64 r3 asm("r3") = number;
    register u64 r4 asm("r4") = first;
    register u64 r5 asm("r5") = second;
    register u64 r6 asm("r6") = third;
    register u64 r7 asm("r7") = fourth;
    asm volatile(".long 0x44000022" /* sc 1 */
                 : "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7)
                 :
                 : "r0", "r8", "r9", "r10", "r11", "r12", "ctr", "xer", "cr0", "cr1", "cr5", "cr6", "cr7",
                   "memory");
    return r3;
}

static u64 timebase(void)
{
    u64 ticks;
    asm volatile("mftb %0" : "=r"(ticks));
    return ticks;
}

/* Terminal 0 is the first one. The call takes up to 16 characters in two registers. */
static void print_character(char character)
{
    while (hcall(H_PUT_TERM_CHAR, 0, 1, (u64)(u8)character << 56, 0) > 0)
        ;
}

static void read_own_property(struct facts *facts, const char *name, const u8 *data, u32 length)
{
    if (same(name, "ibm,ppc-interrupt-server#s"))
        facts->cpus += length / 4;
    else if (same(name, "power-off"))
        facts->power_off = cell(data);
}

/* A hexadecimal number, "0x" before it or not; moves on to what follows. */
static u64 read_number(const char **text)
{
    const char *at = *text;
    u64 value = 0;
    if (at[0] == '0' && at[1] == 'x')
        at += 2;
    for (;; at++) {
        if (*at >= '0' && *at <= '9')
            value = value << 4 | (*at - '0');
        else if (*at >= 'a' && *at <= 'f')
            value = value << 4 | (*at - 'a' + 10);
        else
            break;
    }
    *text = at;
    return value;
}

/* zero=START,SIZE on the command line: is that memory all zeros? */
static void check_zeros(const char *bootargs)
{
    for (; *bootargs; bootargs++) {
        const char *word = "zero=", *at = bootargs;
        while (*word && *word == *at)
            word++, at++;
        if (*word)
            continue;
        const u8 *memory = (const u8 *)read_number(&at);
        at++;
        u64 left = read_number(&at);
        while (left && !*memory)
            memory++, left--;
        print("payload: zero");
        if (left)
            print_hex("", (u64)memory);
        else
            print("=ok");
        print("\r\n");
    }
}

/* Address 0 is memory like any other here: keep the compiler from taking it for a null pointer. */
static void *low_memory(u64 address)
{
    asm("" : "+r"(address));
    return (void *)address;
}

static void fill(u32 *words, u32 value, u32 count)
{
    while (count--)
        *words++ = value;
}

static void copy(u32 *to, const u32 *from, u32 count)
{
    while (count--)
        *to++ = *from++;
}

/* As any kernel does, we overwrite the old one's low memory: a cpu that still runs there is lost. */
static void take_vectors(void)
{
    fill(low_memory(VECTORS), BRANCH_TO_SELF, (VECTORS_END - VECTORS) / 4);
    copy(low_memory(SYSTEM_CALL), endianness_handler, endianness_handler_end - endianness_handler);
    for (u64 at = VECTORS; at < VECTORS_END; at += 4)
        asm volatile("dcbst 0,%0; sync; icbi 0,%0" : : "r"(at) : "memory");
    asm volatile("sync; isync" : : : "memory");
}

/* 1 if interrupts reach us in little endian. */
static u64 interrupts_little_endian(void)
{
    register u64 r3 asm("r3");
    asm volatile("sc" : "=r"(r3) : : "memory");
    return r3;
}

static u32 count_bits(u64 mask)
{
    u32 count = 0;
    for (; mask; mask &= mask - 1)
        count++;
    return count;
}

static u64 low_doubleword(u64 address)
{
    return *(volatile u64 *)low_memory(address);
}

static void wait_for_secondaries(u32 expected)
{
    u64 seen = 0, deadline = timebase() + QUIET_TICKS;
    while (count_bits(seen) < expected && timebase() < deadline) {
        u64 now_here = low_doubleword(ARRIVED_BE) | low_doubleword(ARRIVED_LE);
        if (now_here != seen)
            deadline = timebase() + QUIET_TICKS;
        seen = now_here;
    }
}

static void power_off(u32 token)
{
    struct {
        u32 token, inputs, outputs, mask[2], status;
    } call = {token, 2, 1, {-1, -1}, 0};
    hcall(H_RTAS, (u64)&call, 0, 0, 0);
}

void payload(u64 r3, u64 r4, u64 r5, const struct entry *entry)
{
    const u8 *tree = (const u8 *)r3;
    struct facts facts = {0, 0, 0, 0, ""};

    take_vectors();
    print_hex("\r\npayload: r3", r3);
    print_hex(" r4", r4);
    print_hex(" r5", r5);
    print_hex(" msr", entry->msr);
    print_hex(" base", entry->base);
    print_hex(" r14", entry->r14);
    print_hex(" timebase", entry->timebase);
    print_hex("\r\npayload: magic", cell(tree));
    print_hex(" totalsize", cell(tree + 4));
    print_hex(" version", cell(tree + 20));
    print_hex(" word28", cell(tree + 28)); /* boot_cpuid_phys, from version 2 on */

    read_tree(&facts, tree);
    wait_for_secondaries(facts.cpus - 1);
    print_hex("\r\npayload: cpus", facts.cpus);
    print_hex(" secondaries-be", low_doubleword(ARRIVED_BE));
    print_hex(" secondaries-le", low_doubleword(ARRIVED_LE));
    print_hex(" interrupts-le", interrupts_little_endian());
    print_hex("\r\npayload: initrd-start", facts.initrd_start);
    print_hex(" initrd-end", facts.initrd_end);
    print("\r\npayload: bootargs=");
    print(facts.bootargs);
    print("\r\n");
    check_zeros(facts.bootargs);
    print("payload: done\r\n");
    power_off(facts.power_off);
    for (;;)
        ;
}
