/*
 * A test kernel for an e500 in qemu's ppce500 machine: prints what it was handed, as name=value, and resets the machine,
 * which ends qemu. Freestanding, at any address that is mapped as it is physically. Every line begins with "payload: ",
 * the last is "done".
 */
#include "../print.h"
#include "../tree.h"

/* As payload-head.S stores it. */
struct handed {
    u32 r3, r4, r5, r6, r7, base, msr, pir;
};

/* In our head. */
extern const u8 secondary[];
extern volatile u32 arrived;

/* A cpu that waits, as ePAPR has it. */
struct spin_table {
    u32 address_high, address, r3_high, r3, reserved, pir;
};

static struct {
    u32 count;
    u64 tables[4];
} waiting;

enum {
    /* The machine's registers are at 0xfe0000000: the lower 32 bits of that, and those above. */
    REGISTERS = 0xe0000000,
    REGISTERS_HIGH = 0xf,
    PAGE = 0x1000,
    UART_PAGE = 0x4000,
    UART = 0x500,
    UART_STATUS = 5,
    UART_EMPTY = 1 << 5,
    GUTS_PAGE = 0xe0000,
    RESET = 0xb0,
    RESET_ASKED = 1 << 1,
    /* Where both are mapped: above what Linux has mapped for the next kernel, 2 GiB. */
    MAPPED = 0xf0000000,
    MSR_DS = 1 << 4,
};

/* Where a page with spin tables is mapped, each in its turn. */
enum {
    SPIN_MAPPED = MAPPED + 2 * PAGE,
    QUIET_TICKS = 1 << 27, /* a third of a second at 400 MHz: how long we wait for one more cpu */
};

/* Entries of TLB1, of which Linux uses the first few. EREF: MAS0 to MAS3, MAS7. */
static void map_page(u32 entry, u32 address, u32 page, u32 page_high, u32 msr)
{
    u32 mas0 = 1 << 28 | entry << 16;
    u32 mas1 =
        1u << 31 | 1 << 30 | (msr & MSR_DS ? 1 << 12 : 0) | 1 << 8; /* valid, stays, address space, 4 KiB */
    u32 mas2 = address | 1 << 3 | 1 << 1;                           /* no cache, guarded */
    u32 mas3 = page | 1 << 2 | 1;                                   /* to be written and read */
    asm volatile("mtspr 624,%0; mtspr 625,%1; mtspr 626,%2; mtspr 627,%3; mtspr 944,%4; isync; tlbwe; isync"
                 :
                 : "r"(mas0), "r"(mas1), "r"(mas2), "r"(mas3), "r"(page_high)
                 : "memory");
}

static void print_character(char character)
{
    volatile u8 *uart = (volatile u8 *)(MAPPED + UART);
    while (!(uart[UART_STATUS] & UART_EMPTY))
        ;
    *uart = character;
}

static void read_own_property(struct facts *facts, const char *name, const u8 *data, u32 length)
{
    (void)length;
    if (same(name, "device_type") && same((const char *)data, "cpu"))
        facts->cpus++;
    else if (same(name, "cpu-release-addr") && waiting.count < 4)
        waiting.tables[waiting.count++] = number_of(data, 8);
}

static u32 timebase(void)
{
    u32 ticks;
    asm volatile("mfspr %0,268" : "=r"(ticks));
    return ticks;
}

/* Sends the cpus that wait in the spin table to our head, and tells how many came. */
static u32 start_secondaries(u32 msr)
{
    u32 i, start = timebase();

    for (i = 0; i < waiting.count; i++) {
        u64 address = waiting.tables[i];
        u32 page = (u32)address & -PAGE;
        volatile struct spin_table *table = (volatile struct spin_table *)(SPIN_MAPPED + (u32)address - page);
        map_page(13, SPIN_MAPPED, page, address >> 32, msr);
        table->pir = i + 1;
        table->address_high = 0;
        table->address = (u32)secondary;
    }
    while (arrived < waiting.count && timebase() - start < QUIET_TICKS)
        ;
    return arrived;
}

void payload(const struct handed *handed)
{
    const u8 *tree = (const u8 *)handed->r3;
    struct facts facts = {0, 0, 0, 0, ""};

    map_page(14, MAPPED, REGISTERS + UART_PAGE, REGISTERS_HIGH, handed->msr);
    map_page(15, MAPPED + PAGE, REGISTERS + GUTS_PAGE, REGISTERS_HIGH, handed->msr);
    print_hex("\r\npayload: r3", handed->r3);
    print_hex(" r4", handed->r4);
    print_hex(" r5", handed->r5);
    print_hex(" r6", handed->r6);
    print_hex(" r7", handed->r7);
    print_hex(" base", handed->base);
    print_hex(" interrupts", handed->msr >> 15 & 1);
    print_hex(" pir", handed->pir);
    print_hex("\r\npayload: magic", cell(tree));
    print_hex(" totalsize", cell(tree + 4));
    print_hex(" version", cell(tree + 20));
    print_hex(" word28", cell(tree + 28)); /* boot_cpuid_phys, from version 2 on */

    read_tree(&facts, tree);
    print_hex("\r\npayload: cpus", facts.cpus);
    print_hex(" secondaries", start_secondaries(handed->msr));
    print_hex(" initrd-start", facts.initrd_start);
    print_hex(" initrd-end", facts.initrd_end);
    print("\r\npayload: bootargs=");
    print(facts.bootargs);
    print("\r\npayload: done\r\n");
    *(volatile u32 *)(MAPPED + PAGE + RESET) = RESET_ASKED;
    for (;;)
        ;
}
