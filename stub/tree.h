/* What the test kernels read of a device tree blob, of any version and byte by byte: no access may be unaligned
 * without MMU. */
enum {
    FDT_BEGIN_NODE = 1,
    FDT_PROP = 3,
    FDT_END = 9,
};

/* What a tree says that concerns us. */
struct facts {
    u32 cpus;
    u32 power_off; /* ppc64: the token of RTAS */
    u64 initrd_start, initrd_end;
    const char *bootargs;
};

/* Each machine's own: what says how many cpus there are. */
static void read_own_property(struct facts *facts, const char *name, const u8 *data, u32 length);

static inline int same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

/* Big endian, of any alignment. */
static inline u64 number_of(const u8 *data, u32 length)
{
    u64 value = 0;
    while (length--)
        value = value << 8 | *data++;
    return value;
}

static inline u32 cell(const u8 *data)
{
    return number_of(data, 4);
}

static inline const u8 *aligned(const u8 *at, unsigned long to)
{
    return (const u8 *)(((unsigned long)at + to - 1) & -to);
}

static inline void read_property(struct facts *facts, const char *name, const u8 *data, u32 length)
{
    if (same(name, "linux,initrd-start"))
        facts->initrd_start = number_of(data, length);
    else if (same(name, "linux,initrd-end"))
        facts->initrd_end = number_of(data, length);
    else if (same(name, "bootargs"))
        facts->bootargs = (const char *)data;
    else
        read_own_property(facts, name, data, length);
}

/* Names of properties are enough: those above stand in one place of the tree each, or are summed up. */
static inline void read_tree(struct facts *facts, const u8 *tree)
{
    const u8 *at = tree + cell(tree + 8);
    u32 version = cell(tree + 20);
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
            if (version < 16 && length >= 8)
                at = aligned(at, 8);
            read_property(facts, name, at, length);
            at += length;
        } else if (tag == FDT_END) {
            return;
        }
        at = aligned(at, 4);
    }
}
