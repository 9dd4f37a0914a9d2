/* One directory: what is in it, and its files as records.
 *
 * A large tree has sixty thousand properties. Each is opened, read and closed here, and its name is looked up: in
 * script that would take longer than the kernel does.
 */
#include "area.h"
#include "files.h"
#include "order.h"
#include "strings.h"

/* Of a property the kernel gives at most a page in one call. No page is smaller, so a shorter read is the end there. */
#define SMALLEST_PAGE 4096
#define LISTING_ROOM (32 * 1024)

/* Bytes of a record before those of its file. */
#define HEAD 12

/* include/linux/fs_types.h */
#define DT_DIR 4
#define DT_REG 8

/* include/linux/dirent.h */
struct directory_entry {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

/* include/uapi/linux/openat2.h */
#define RESOLVE_NO_XDEV 1
struct open_how {
    uint64_t flags, mode, resolve;
};

/* include/uapi/asm-generic/poll.h */
#define POLLIN 1
struct poll {
    int32_t descriptor;
    int16_t wanted, found;
};

/* Of a file that says each time that it has something, and has not. */
#define MOST_WAITS 1000

long open_in(struct gather *g, long directory, const char *name, uint32_t flags, uint32_t *short_ends)
{
    struct open_how how = {.flags = flags, .resolve = RESOLVE_NO_XDEV};
    long opened = -EXDEV;

    if (*short_ends && g->short_ends)
        opened = ask(g, g->openat2, directory, (long)name, (long)&how, sizeof how, 0);
    /* before Linux 5.6, and in containers that do not know the call */
    if (opened == -ENOSYS || opened == -EPERM)
        g->short_ends = 0;
    else if (opened != -EXDEV)
        return opened;
    *short_ends = 0;
    return ask(g, g->openat, directory, (long)name, flags, 0, 0);
}

/* Reads once; what does not block, but has nothing yet, is waited for. Bytes or -errno. */
static long read_once(const struct gather *g, long file, uint8_t *to, uint32_t room)
{
    uint32_t waits;

    for (waits = 0;;) {
        struct poll poll = {.descriptor = (int32_t)file, .wanted = POLLIN};
        long got = ask(g, g->read, file, (long)to, room, 0, 0);

        if (got == -EAGAIN && waits++ < MOST_WAITS)
            ask(g, g->ppoll, (long)&poll, 1, 0, 0, 0);
        else if (got != -EINTR)
            return got;
    }
}

static int is_dots(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static long add_other(struct gather *g, const struct directory_entry *entry)
{
    long failed = make_room(g, &g->others, 1);

    if (failed)
        return failed;
    *end_of(&g->others) = 0x40 + entry->type;
    g->others.used++;
    return add_text(g, &g->others, entry->name);
}

long add_file(struct gather *g, const char *name)
{
    uint32_t listed = g->listing.used;
    long failed = add_text(g, &g->listing, name);

    return failed ? failed : add_u32(g, &g->files, listed);
}

long add_directory(struct gather *g, const char *name)
{
    uint32_t offset = g->names.used;
    long failed = add_text(g, &g->names, name);

    return failed ? failed : add_u32(g, &g->children, offset);
}

/* Takes apart what getdents64 has filled in, from `from` on. */
static long take_entries(struct gather *g, uint32_t from)
{
    long failed = 0;

    while (from < g->listing.used && !failed) {
        const struct directory_entry *entry = (const struct directory_entry *)at(&g->listing, from);

        if (entry->type == DT_REG)
            failed = add_u32(g, &g->files, from + (uint32_t)(entry->name - (const char *)entry));
        else if (!is_dots(entry->name))
            failed = entry->type == DT_DIR ? add_directory(g, entry->name) : add_other(g, entry);
        from += entry->size;
    }
    return failed;
}

long list(struct gather *g, long directory)
{
    g->listing.used = g->files.used = g->others.used = g->done = 0;
    for (;;) {
        uint32_t before = g->listing.used;
        long failed = make_room(g, &g->listing, LISTING_ROOM), got;

        if (failed)
            return failed;
        got = ask(g, g->getdents64, directory, (long)end_of(&g->listing), g->listing.size - before, 0, 0);
        if (got <= 0)
            return got;
        g->listing.used += (uint32_t)got;
        failed = take_entries(g, before);
        if (failed)
            return failed;
    }
}

/* Reads an open file to where the next record has its bytes, and sets g->length. 0 or -errno. */
static long read_open(struct gather *g, long file, uint32_t short_ends)
{
    struct area *area = &g->records;
    long failed = make_room(g, area, HEAD + SMALLEST_PAGE + 4);

    for (g->length = 0; !failed;) {
        uint32_t start = area->used + HEAD + g->length, room = area->size - start,
                 most = g->largest + 1 - g->length;
        uint64_t needed = (uint64_t)area->used + HEAD + g->largest + 5, twice = 2 * (uint64_t)area->size;
        long got;

        if (most < room)
            room = most;
        got = read_once(g, file, at(area, start), room);
        if (got < 0)
            return got;
        g->length += (uint32_t)got;
        if (g->length > g->largest)
            return -EFBIG;
        if (got == 0 || (short_ends && got < SMALLEST_PAGE && (uint32_t)got < room))
            return g->length > g->room ? -EFBIG : 0;
        /* no larger than one file may need: a file without end must not take all memory */
        if ((uint32_t)got == room)
            failed = resize(g, area, needed < twice ? needed : twice);
    }
    return failed;
}

/* The same for a file by its name. */
static long read_named(struct gather *g, const struct frame *frame, const char *name)
{
    uint32_t short_ends = frame->short_ends;
    long file = open_in(g, frame->descriptor, name, g->file_flags, &short_ends), failed;

    if (file < 0)
        return file;
    failed = read_open(g, file, short_ends);
    ask(g, g->close, file, 0, 0, 0, 0);
    if (!failed)
        g->room -= g->length;
    return failed;
}

static uint32_t marks_of(const struct gather *g, const struct known *known)
{
    const struct rule *rule = known->rule ? &g->rules[known->rule - 1] : 0;

    return rule && (g->length & rule->mask) != rule->value ? rule->mark : 0;
}

/* Finishes the record of a file whose bytes are read. */
static long finish_record(struct gather *g, const char *name, struct node *node)
{
    const struct known *known = intern(g, name);
    uint8_t *record = end_of(&g->records);

    if (!known)
        return -ENOMEM;
    put_u32(record, g->file_tag);
    put_u32(record + 4, g->length);
    put_u32(record + 8, known->string - 1);
    g->records.used += HEAD + g->length;
    pad(&g->records);
    node->marks |= marks_of(g, known);
    return 0;
}

static int begins_with(const char *text, const char *prefix)
{
    while (*prefix && *text == *prefix)
        text++, prefix++;
    return !*prefix;
}

/* Whether the file that was just read is the node's name, without its unit address, as a string. */
static int says_own_name(const struct gather *g, const struct node *node)
{
    const uint8_t *value = end_of(&g->records) + HEAD;
    const char *name = text_at(&g->records, node->start + 4);
    uint32_t i;

    for (i = 0; i < g->length && name[i] && name[i] != '@' && value[i] == (uint8_t)name[i]; i++)
        ;
    return i + 1 == g->length && (!name[i] || name[i] == '@') && !value[i];
}

static long read_file(struct gather *g, const struct frame *frame, const char *name, struct node *node)
{
    long failed;

    if (g->empty_prefix[0] && begins_with(name, g->empty_prefix)) {
        g->length = 0;
        node->marks |= g->empty_mark;
        failed = make_room(g, &g->records, HEAD);
        return failed ? failed : finish_record(g, name, node);
    }
    failed = read_named(g, frame, name);
    if (!failed && compare_bytes(name, g->own_name) == 0 && says_own_name(g, node))
        node->own_name = 1;
    else if (!failed)
        failed = finish_record(g, name, node);
    return failed;
}

long read_files(struct gather *g, const struct frame *frame, struct node *node)
{
    uint32_t *files = words_of(&g->files);
    const char *names = text_at(&g->listing, 0);
    long failed = 0;

    node->count = g->files.used / 4;
    sort(files, node->count, names, compare_bytes);
    while (g->done < node->count && !failed) {
        failed = read_file(g, frame, names + files[g->done], node);
        if (!failed)
            g->done++;
    }
    return failed;
}

long find_record(const struct gather *g, const struct node *node, const char *name)
{
    long key = key_of(g, name);
    uint32_t record = padded(node->start + 4 + length_of(text_at(&g->records, node->start + 4)) + 1);

    if (key < 0)
        return key;
    while (record < node->end && get_u32(at(&g->records, record + 8)) != (uint32_t)key)
        record = padded(record + HEAD + get_u32(at(&g->records, record + 4)));
    return record < node->end ? (long)record : -ENOENT;
}
