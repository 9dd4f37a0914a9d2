/*
 * A test kernel for qemu's virt machine: prints what it was handed, as name=value, and powers off. Freestanding,
 * without MMU. Every line begins with "payload: ", the last is "done".
 */
#include "../print.h"
#include "../tree.h"

/* As payload-head.S stores it. */
struct handed {
    u64 a0, a1, base, satp, sstatus;
};

/* Extensions and functions of the supervisor binary interface. */
enum {
    SBI_PUTCHAR = 1,
    SBI_HSM = 0x48534d,
    SBI_HART_STATUS = 2,
    SBI_RESET = 0x53525354,
    HART_STOPPED = 1,
};

static u64 call_firmware(u64 extension, u64 function, u64 argument, u64 *value)
{
    register u64 a0 asm("a0") = argument;
    register u64 a1 asm("a1") = 0;
    register u64 a6 asm("a6") = function;
    register u64 a7 asm("a7") = extension;
    asm volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
    if (value)
        *value = a1;
    return a0;
}

static void print_character(char character)
{
    call_firmware(SBI_PUTCHAR, 0, character, 0);
}

static void read_own_property(struct facts *facts, const char *name, const u8 *data, u32 length)
{
    (void)length;
    if (same(name, "device_type") && same((const char *)data, "cpu"))
        facts->cpus++;
}

/* Those that wait in the firmware for their start. */
static u64 count_stopped(u32 harts)
{
    u64 stopped = 0;
    for (u32 hart = 0; hart < harts; hart++) {
        u64 status;
        if (call_firmware(SBI_HSM, SBI_HART_STATUS, hart, &status) == 0 && status == HART_STOPPED)
            stopped++;
    }
    return stopped;
}

void payload(const struct handed *handed)
{
    const u8 *tree = (const u8 *)handed->a1;
    struct facts facts = {0, 0, 0, 0, ""};

    print_hex("\r\npayload: hart", handed->a0);
    print_hex(" tree", handed->a1);
    print_hex(" base", handed->base);
    print_hex(" satp", handed->satp);
    print_hex(" interrupts", handed->sstatus >> 1 & 1);
    print_hex("\r\npayload: magic", cell(tree));
    print_hex(" totalsize", cell(tree + 4));
    print_hex(" version", cell(tree + 20));

    read_tree(&facts, tree);
    print_hex("\r\npayload: harts", facts.cpus);
    print_hex(" stopped", count_stopped(facts.cpus));
    print_hex(" initrd-start", facts.initrd_start);
    print_hex(" initrd-end", facts.initrd_end);
    if (facts.initrd_start)
        print_hex(" initrd-begins", number_of((const u8 *)facts.initrd_start, 8));
    print("\r\npayload: bootargs=");
    print(facts.bootargs);
    print("\r\npayload: done\r\n");
    call_firmware(SBI_RESET, 0, 0, 0);
    for (;;)
        ;
}
