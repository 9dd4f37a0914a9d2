/*
 * A test kernel for qemu's virt machine: prints what it was handed, as name=value, and powers off. Freestanding,
 * without MMU: memory is that of devices, no access may be unaligned. Every line begins with "payload: ", the last
 * is "done".
 */
#include "../print.h"
#include "../tree.h"

/* As payload-head.S stores it. */
struct handed {
    u64 x0, x1, x2, x3, sctlr, base, daif, current_el;
};

enum {
    UART = 0x9000000, /* PL011 of qemu's virt machine */
    UART_FLAGS = 0x18,
    UART_FULL = 1 << 5,
    PSCI_SYSTEM_OFF = 0x84000008,
};

static volatile u32 *uart(u64 offset)
{
    return (volatile u32 *)(UART + offset);
}

static void print_character(char character)
{
    while (*uart(UART_FLAGS) & UART_FULL)
        ;
    *uart(0) = character;
}

static void read_own_property(struct facts *facts, const char *name, const u8 *data, u32 length)
{
    (void)length;
    if (same(name, "device_type") && same((const char *)data, "cpu"))
        facts->cpus++;
}

/* Under a hypervisor at EL2 PSCI is called by hvc, otherwise by smc. */
static void power_off(u64 exception_level)
{
    register u64 x0 asm("x0") = PSCI_SYSTEM_OFF;
    if (exception_level == 2)
        asm volatile("smc #0" : "+r"(x0) : : "memory");
    else
        asm volatile("hvc #0" : "+r"(x0) : : "memory");
}

void payload(const struct handed *handed)
{
    const u8 *tree = (const u8 *)handed->x0;
    struct facts facts = {0, 0, 0, 0, ""};
    u64 exception_level = handed->current_el >> 2 & 3;

    print_hex("\r\npayload: x0", handed->x0);
    print_hex(" x1", handed->x1);
    print_hex(" x2", handed->x2);
    print_hex(" x3", handed->x3);
    print_hex(" base", handed->base);
    print_hex(" el", exception_level);
    print_hex(" mmu", handed->sctlr & 1);
    print_hex(" data-cache", handed->sctlr >> 2 & 1);
    print_hex(" masked", handed->daif >> 6 & 15);
    print_hex("\r\npayload: magic", cell(tree));
    print_hex(" totalsize", cell(tree + 4));
    print_hex(" version", cell(tree + 20));

    read_tree(&facts, tree);
    print_hex("\r\npayload: cpus", facts.cpus);
    print_hex(" initrd-start", facts.initrd_start);
    print_hex(" initrd-end", facts.initrd_end);
    if (facts.initrd_start)
        print_hex(" initrd-begins", number_of((const u8 *)facts.initrd_start, 8));
    print("\r\npayload: bootargs=");
    print(facts.bootargs);
    print("\r\npayload: done\r\n");
    power_off(exception_level);
    for (;;)
        ;
}
