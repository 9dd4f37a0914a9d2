/* gather(): a tree of directories that a kernel tells as the input says, with errors, short reads, other mounts inside, and memory
 * that always moves.
 *
 * What was read has to be a tree of records in its areas, each file with the bytes that it was given, and each descriptor closed.
 */
#include "input.h"
#include "gather.h"

enum call {
    CALL_CLOSE = 1,
    CALL_GETDENTS64,
    CALL_MMAP,
    CALL_MREMAP,
    CALL_OPENAT,
    CALL_OPENAT2,
    CALL_PPOLL,
    CALL_READ
};

enum tag { TAG_BEGIN = 1, TAG_END = 2, TAG_FILE = 3 };

#define FIRST_DESCRIPTOR 3
#define MOST_DESCRIPTORS 4096
#define MOST_MEMORY ((long)8 << 20)
#define PAGE 4096

#define ENOENT 2
#define EINTR 4
#define EIO 5
#define EAGAIN 11
#define ENOMEM 12
#define EXDEV 18
#define ENOTDIR 20
#define ENOSYS 38

static struct {
    int is_open, is_listed;
    int is_other; /* of another mount than the root, for all that is known */
    long last;    /* what the last read gave */
    unsigned read;
} files[MOST_DESCRIPTORS];
static int next_file, open_files;
static int waiting; /* a read has said that there is nothing yet */
static int cut_off; /* a file was closed whose end was not seen */

static long open_one(int is_other)
{
    if (next_file == MOST_DESCRIPTORS)
        return -EIO;
    files[next_file].is_open = 1;
    files[next_file].is_listed = 0;
    files[next_file].is_other = is_other;
    files[next_file].last = 0;
    files[next_file].read = 0;
    open_files++;
    return FIRST_DESCRIPTOR + next_file++;
}

static long close_one(long descriptor)
{
    long index = descriptor - FIRST_DESCRIPTOR;

    HOLD(index >= 0 && index < next_file && files[index].is_open);
    files[index].is_open = 0;
    cut_off |= files[index].is_other && files[index].last > 0;
    open_files--;
    return 0;
}

/* struct linux_dirent64. */
static long list_some(long descriptor, uint8_t *to, long room)
{
    static const uint8_t types[] = {8, 8, 8, 4, 8, 4, 8, 10, 0, 1};
    long at = 0, index = descriptor - FIRST_DESCRIPTOR;
    unsigned count = take_byte() % 12;

    HOLD(index >= 0 && index < next_file && files[index].is_open);
    memset(to, 0xa5, (size_t)room);
    if (count == 11)
        return -EIO;
    if (files[index].is_listed && count > 8)
        count = 0;
    files[index].is_listed = 1;
    for (; count > 0 && !is_used_up(); count--) {
        unsigned type = take_byte(), length = 1 + take_byte() % (type & 0x80 ? 200 : 4), i;
        uint16_t size = (uint16_t)((19 + length + 1 + 7) & ~7u);

        if (at + size > room)
            break;
        memcpy(to + at + 16, &size, sizeof size);
        to[at + 18] = types[type % 10];
        for (i = 0; i < length; i++) {
            unsigned byte = take_byte();
            to[at + 19 + i] = (uint8_t)(byte == 0 || byte == '/' ? 'a' + i % 3 : byte);
        }
        to[at + 19 + length] = 0;
        at += size;
    }
    return at;
}

/* Each byte of a file is one more than the one before it. */
static long read_some(long descriptor, uint8_t *to, long room)
{
    long index = descriptor - FIRST_DESCRIPTOR, i, length;
    unsigned how = take_byte();

    /* of no room it could not be told whether the file goes on */
    HOLD(index >= 0 && index < next_file && files[index].is_open && room > 0 && !waiting);
    /* all of it has to be writable */
    memset(to, 0x5a, (size_t)room);
    if (is_used_up() || how < 64)
        return files[index].last = 0;
    if (how >= 250) {
        waiting = how == 254;
        return how == 254 ? -EAGAIN : how % 2 ? -EINTR : -EIO;
    }
    length = how < 160 ? (long)(how % 32) : how < 200 ? PAGE : (long)take_short();
    if (length > room)
        length = room;
    for (i = 0; i < length; i++)
        to[i] = (uint8_t)(7 * index + files[index].read++);
    return files[index].last = length;
}

static long allocated;

static long more_memory(long old, long old_size, long size)
{
    uint8_t *memory;

    HOLD(size > 0 && size % 4 == 0 && size >= old_size);
    if (size > MOST_MEMORY || allocated > 4 * MOST_MEMORY || (allocated > PAGE && take_byte() == 255))
        return -ENOMEM;
    memory = calloc(1, (size_t)size);
    allocated += size;
    if (old) {
        memcpy(memory, (void *)old, (size_t)old_size);
        free((void *)old);
    }
    return (long)memory;
}

static long kernel(long number, long a, long b, long c, long d, long e, long f)
{
    unsigned how;

    (void)d;
    (void)e;
    (void)f;
    switch (number) {
    case CALL_CLOSE:
        return close_one(a);
    case CALL_GETDENTS64:
        return list_some(a, (uint8_t *)b, c);
    case CALL_MMAP:
        return more_memory(0, 0, b);
    case CALL_MREMAP:
        return more_memory(a, b, c);
    case CALL_OPENAT:
    case CALL_OPENAT2:
        HOLD(strlen((const char *)b) < PAGE);
        how = take_byte();
        if (how >= 250)
            return how % 2 ? -ENOENT : -ENOTDIR;
        if (number == CALL_OPENAT2 && how >= 230)
            return how == 249 ? -ENOSYS : -EXDEV;
        return open_one(number == CALL_OPENAT);
    case CALL_PPOLL:
        HOLD(waiting && *(const int *)a >= FIRST_DESCRIPTOR && b == 1);
        waiting = 0;
        return 1;
    case CALL_READ:
        return read_some(a, (uint8_t *)b, c);
    default:
        abort();
    }
}

static uint32_t word(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static uint32_t padded(uint32_t offset)
{
    return (offset + 3) & ~(uint32_t)3;
}

/* A file's record: its name is one of the strings, its bytes follow each other. */
static uint32_t check_file(const struct gather *g, const uint8_t *records, uint32_t at)
{
    uint32_t length = word(records + at + 4), key = word(records + at + 8), i;

    HOLD(length <= g->largest && at + 12 + length <= g->records.used && key < g->strings.used);
    HOLD(memchr((const uint8_t *)(uintptr_t)g->strings.start + key, 0, g->strings.used - key));
    for (i = 1; i < length; i++)
        HOLD(records[at + 12 + i] == (uint8_t)(records[at + 12] + i));
    return padded(at + 12 + length);
}

static void check_tree(struct gather *g)
{
    const uint8_t *records = (const uint8_t *)(uintptr_t)g->records.start;
    const struct node *nodes = (const struct node *)(uintptr_t)g->nodes.start;
    uint32_t at = 0, node = 0, depth = 0, count = 0;

    while (at < g->records.used) {
        uint32_t tag = word(records + at);

        HOLD(at + 4 <= g->records.used && (depth > 0 || at == 0));
        if (tag == TAG_BEGIN) {
            const uint8_t *end = memchr(records + at + 4, 0, g->records.used - at - 4);
            HOLD(end && nodes[node].start == at);
            depth++;
            count = nodes[node].own_name;
            at = padded((uint32_t)(end - records) + 1);
            while (at < g->records.used && word(records + at) == TAG_FILE) {
                at = check_file(g, records, at);
                count++;
            }
            HOLD(nodes[node].end == at && nodes[node].count >= count);
            node++;
        } else {
            HOLD(tag == TAG_END && depth > 0);
            depth--;
            at += 4;
        }
    }
    HOLD(at == g->records.used && depth == 0 && node == g->nodes.used / sizeof(struct node));
    for (node = 0; node < g->nodes.used / sizeof(struct node); node++) {
        uint32_t name = padded(nodes[node].start + 4 +
                               (uint32_t)strlen((const char *)records + nodes[node].start + 4) + 1);
        HOLD(nodes[node].after <= g->records.used && nodes[node].next > node);
        if (name < nodes[node].end) {
            const char *text = (const char *)(uintptr_t)g->strings.start + word(records + name + 8);
            HOLD(gather(g, GATHER_KEY, 0, text) == (int)word(records + name + 8));
            HOLD(gather(g, GATHER_FIND, (int)node, text) == (int)name);
        }
    }
}

static struct area *area_of(struct gather *g, size_t index)
{
    struct area *areas[] = {&g->records, &g->strings, &g->nodes, &g->frames,   &g->others,
                            &g->files,   &g->listing, &g->names, &g->children, &g->table};

    return index < sizeof areas / sizeof *areas ? areas[index] : NULL;
}

/* Small areas, so that their ends are met everywhere. */
static void begin_areas(struct gather *g)
{
    struct area *area;
    size_t i;

    for (i = 0; (area = area_of(g, i)); i++) {
        area->size = 4 * (1 + take_byte());
        area->start = (uint64_t)(uintptr_t)calloc(1, area->size);
    }
}

static void free_areas(struct gather *g)
{
    struct area *area;
    size_t i;

    for (i = 0; (area = area_of(g, i)); i++)
        free((void *)(uintptr_t)area->start);
}

/* What the script does with what is neither a file nor a directory: one of them after all, or passed over. */
static int judge_others(struct gather *g)
{
    const char *text = (const char *)(uintptr_t)g->others.start, *end = text + g->others.used;
    int failed = 0;

    HOLD(g->others.used > 0 && end[-1] == 0);
    for (; text < end && !failed; text += strlen(text) + 1) {
        unsigned how = take_byte() % 3;
        if (how < 2)
            failed = gather(g, how ? GATHER_ADD_FILE : GATHER_ADD_DIRECTORY, 0, text + 1);
    }
    return failed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gather g = {.call = (uint64_t)(uintptr_t)kernel,
                       .begin_tag = TAG_BEGIN,
                       .file_tag = TAG_FILE,
                       .end_tag = TAG_END,
                       .empty_mark = 1,
                       .empty_prefix = "s-",
                       .own_name = "name",
                       .close = CALL_CLOSE,
                       .getdents64 = CALL_GETDENTS64,
                       .mmap = CALL_MMAP,
                       .mremap = CALL_MREMAP,
                       .openat = CALL_OPENAT,
                       .openat2 = CALL_OPENAT2,
                       .ppoll = CALL_PPOLL,
                       .read = CALL_READ};
    int stopped, steps = 0;

    input_at = data;
    input_end = data + size;
    next_file = open_files = waiting = cut_off = 0;
    allocated = 0;
    g.short_ends = take_byte() & 1;
    g.largest = 1 + take_short() * (take_byte() % 4);
    g.room = take_byte() % 4 ? 0x7fffffff : take_short();
    g.deepest = take_byte() % 70;
    g.longest = take_byte() % 4 ? PAGE : take_byte();
    g.rules[0] = (struct rule){.name = "reg", .mask = 7, .value = 0, .mark = 2};
    g.rules[1] = (struct rule){.name = "a", .mask = ~0u, .value = 4, .mark = 4};
    begin_areas(&g);
    stopped = gather(&g, GATHER_BEGIN, (int)open_one(0), "/proc/device-tree");
    while (stopped == 0 && (stopped = gather(&g, GATHER_WALK, 0, "")) > 0 && ++steps < 1000) {
        HOLD(stopped <= STOP_PATH && g.frames.used > 0 && (!cut_off || stopped == STOP_FILE));
        cut_off = 0;
        if (stopped == STOP_OTHERS)
            stopped = judge_others(&g);
        else if (stopped == STOP_EMPTIED)
            stopped = 0;
        else if (take_byte() % 2 || gather(&g, GATHER_AGAIN, 0, "") != 0)
            break;
        else
            stopped = 0;
    }
    HOLD(!cut_off || stopped < 0);
    if (stopped == 0 && g.frames.used == 0)
        check_tree(&g);
    gather(&g, GATHER_CLOSE, 0, "");
    HOLD(open_files == 0);
    free_areas(&g);
    return 0;
}
