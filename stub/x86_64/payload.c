/*
 * A test kernel for x86-64 guests: prints what it was handed over the first serial port, as name=value, and powers
 * off. Freestanding, on the page tables that it was entered with, at any address. Every line begins with
 * "payload: ", the last is "done".
 */
#include "../print.h"

/* As payload-head.S pushed it. */
struct entry {
    u64 kernel, rsp, rsi, rbx, rbp, rdi, rflags;
};

struct descriptor_table {
    u16 limit;
    u64 base;
} __attribute__((packed));

enum {
    SERIAL = 0x3f8,
    LINE_STATUS = SERIAL + 5,
    TRANSMITTER_EMPTY = 0x20,
    PM1A_CNT = 0x604, /* qemu's pc and q35 */
    SLP_EN = 0x2000,  /* with SLP_TYP 0: soft off */
    MSR_EFER = 0xc0000080,
    INIT_SIZE = 0x100000, /* as payload-head.S says */
    STACK = 0x1000,
};

static void out8(u16 port, u8 value)
{
    asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void out16(u16 port, u16 value)
{
    asm volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static u8 in8(u16 port)
{
    u8 value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void print_character(char character)
{
    while (!(in8(LINE_STATUS) & TRANSMITTER_EMPTY))
        ;
    out8(SERIAL, character);
}

static void print_field(const char *name, u64 value)
{
    print(" ");
    print_hex(name, value);
}

static u32 word_at(u64 address)
{
    return *(const u32 *)address;
}

static u64 long_at(u64 address)
{
    return *(const u64 *)address;
}

/* A 64-bit value in two words of the zero page. */
static u64 both(u64 page, u32 low, u32 high)
{
    return word_at(page + low) | (u64)word_at(page + high) << 32;
}

static void print_registers(const struct entry *entry)
{
    u64 cr0, cr4;
    u32 efer_low, efer_high;
    asm volatile("mov %%cr0, %0" : "=r"(cr0));
    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    asm volatile("rdmsr" : "=a"(efer_low), "=d"(efer_high) : "c"(MSR_EFER));
    print("payload:");
    print_field("kernel", entry->kernel);
    print_field("rsi", entry->rsi);
    print_field("rbx", entry->rbx);
    print_field("rbp", entry->rbp);
    print_field("rdi", entry->rdi);
    print_field("rsp", entry->rsp);
    print_field("rflags", entry->rflags);
    print_field("cr0", cr0);
    print_field("cr4", cr4);
    print_field("efer", efer_low | (u64)efer_high << 32);
    print("\n");
}

static void print_segments(void)
{
    u64 cs, ds, es, ss, fs, gs;
    struct descriptor_table gdt;
    asm volatile("mov %%cs, %0" : "=r"(cs));
    asm volatile("mov %%ds, %0" : "=r"(ds));
    asm volatile("mov %%es, %0" : "=r"(es));
    asm volatile("mov %%ss, %0" : "=r"(ss));
    asm volatile("mov %%fs, %0" : "=r"(fs));
    asm volatile("mov %%gs, %0" : "=r"(gs));
    asm volatile("sgdt %0" : "=m"(gdt));
    print("payload:");
    print_field("cs", cs);
    print_field("ds", ds);
    print_field("es", es);
    print_field("ss", ss);
    print_field("fs", fs);
    print_field("gs", gs);
    print_field("gdt", gdt.base);
    print_field("limit", gdt.limit);
    print_field("code", long_at(gdt.base + 0x10));
    print_field("data", long_at(gdt.base + 0x18));
    print("\n");
}

static void print_zero_page(u64 page)
{
    u64 initrd = both(page, 0x218, 0xc0), initrd_size = both(page, 0x21c, 0xc4);
    print("payload:");
    print_field("header", word_at(page + 0x202));
    print_field("e820", *(const u8 *)(page + 0x1e8));
    print_field("rsdp", long_at(page + 0x70));
    print_field("initrd", initrd);
    print_field("size", initrd_size);
    if (initrd_size >= 8) {
        print_field("first", word_at(initrd));
        print_field("last", word_at(initrd + initrd_size - 4));
    }
    for (u64 data = long_at(page + 0x250); data; data = long_at(data)) {
        print_field("setup", word_at(data + 8));
        print_field("length", word_at(data + 12));
    }
    print("\npayload: bootargs=");
    print((const char *)both(page, 0x228, 0xc8));
    print("\n");
}

/* The first byte that is not 0 between our image's end and our stack. */
static void print_memory_after(u64 kernel, u64 image_end)
{
    u64 at = image_end;
    while (at < kernel + INIT_SIZE - STACK && !*(const u8 *)at)
        at++;
    print("payload:");
    print_field("end", image_end);
    print_field("zeros", at);
    print("\n");
}

extern u8 image_end[] __attribute__((visibility("hidden")));

void payload(const struct entry *entry)
{
    print_registers(entry);
    print_segments();
    print_zero_page(entry->rsi);
    print_memory_after(entry->kernel, (u64)image_end);
    print("payload: done\n");
    out16(PM1A_CNT, SLP_EN);
    for (;;)
        asm volatile("hlt");
}
