/* Printing for the test kernels: text and name=0xVALUE. Each machine brings its own print_character. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

static void print_character(char character);

static inline void print(const char *text)
{
    while (*text)
        print_character(*text++);
}

static inline void print_hex(const char *name, u64 value)
{
    print(name);
    print("=0x");
    int shift = 60;
    while (shift > 0 && !(value >> shift))
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        print_character("0123456789abcdef"[value >> shift & 15]);
}
