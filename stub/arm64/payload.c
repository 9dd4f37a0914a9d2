/*
 * A test kernel for qemu's virt machine: prints what it was handed, as name=value, and powers off. Freestanding,
 * without MMU: memory is that of devices, no access may be unaligned. Every line begins with "payload: ", the last
 * is "done".
 */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

/* As payload-head.S stores it. */
struct handed {
    u64 x0, x1, x2, x3, sctlr, base, daif, current_el;
};

enum {
    UART = 0x9000000, /* PL011 of qemu's virt machine */
    UART_FLAGS = 0x18,
    UART_FULL = 1 << 5,
    PSCI_SYSTEM_OFF = 0x84000008,
    FDT_BEGIN_NODE = 1,
    FDT_PROP = 3,
    FDT_END = 9,
};

/* What the tree says that concerns us. */
struct facts {
    u32 cpus;
    u64 initrd_start, initrd_end;
    const char *bootargs;
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

static void print(const char *text)
{
    while (*text)
        print_character(*text++);
}

static void print_hex(const char *name, u64 value)
{
    print(name);
    print("=0x");
    int shift = 60;
    while (shift > 0 && !(value >> shift))
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        print_character("0123456789abcdef"[value >> shift & 15]);
}

static int same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

/* Big endian, of any alignment. */
static u64 number_of(const u8 *data, u32 length)
{
    u64 value = 0;
    while (length--)
        value = value << 8 | *data++;
    return value;
}

static u32 cell(const u8 *data)
{
    return number_of(data, 4);
}

static void read_property(struct facts *facts, const char *name, const u8 *data, u32 length)
{
    if (same(name, "device_type") && same((const char *)data, "cpu"))
        facts->cpus++;
    else if (same(name, "linux,initrd-start"))
        facts->initrd_start = number_of(data, length);
    else if (same(name, "linux,initrd-end"))
        facts->initrd_end = number_of(data, length);
    else if (same(name, "bootargs"))
        facts->bootargs = (const char *)data;
}

/* Versions 16 and 17. */
static void read_tree(struct facts *facts, const u8 *tree)
{
    const u8 *at = tree + cell(tree + 8);
    for (;;) {
        u32 tag = cell(at);
        at += 4;
        if (tag == FDT_BEGIN_NODE) {
            while (*at++)
                ;
        } else if (tag == FDT_PROP) {
            u32 length = cell(at);
            const char *name = (const char *)tree + cell(tree + 12) + cell(at + 4);
            at += 8;
            read_property(facts, name, at, length);
            at += length;
        } else if (tag == FDT_END) {
            return;
        }
        at = (const u8 *)(((u64)at + 3) & -4ul);
    }
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
    struct facts facts = {0, 0, 0, ""};
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
