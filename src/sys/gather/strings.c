/* The files' names, each kept once: a table with open addressing, at most half full. */
#include "area.h"
#include "strings.h"

#define FIRST_SLOTS 1024

static uint32_t count_slots(const struct gather *g)
{
    return g->table.used / (uint32_t)sizeof(struct known);
}

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 0x811c9dc5; /* FNV-1a */

    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x01000193;
    return hash ^ hash >> 15;
}

/* The slot that has `name`, or the free one where it belongs. */
static struct known *find_slot(const struct gather *g, const char *name)
{
    struct known *table = (struct known *)at(&g->table, 0);
    uint32_t last = count_slots(g) - 1, index = hash_of(name) & last;

    while (table[index].string && compare_bytes(text_at(&g->strings, table[index].string - 1), name))
        index = (index + 1) & last;
    return &table[index];
}

static uint32_t rule_of(const struct gather *g, const char *name)
{
    uint32_t i;

    for (i = 0; i < MOST_RULES && g->rules[i].name[0]; i++)
        if (compare_bytes(g->rules[i].name, name) == 0)
            return i + 1;
    return 0;
}

static void enter(struct gather *g, uint32_t string)
{
    const char *name = text_at(&g->strings, string);
    struct known *slot = find_slot(g, name);

    slot->string = string + 1;
    slot->rule = rule_of(g, name);
    g->known++;
}

/* Makes a table with twice the slots, from what is in `strings`. 0 or -errno. */
static long enlarge_table(struct gather *g)
{
    uint32_t slots = g->table.used ? 2 * count_slots(g) : FIRST_SLOTS, i;
    long failed;

    g->table.used = 0;
    failed = make_room(g, &g->table, slots * (uint32_t)sizeof(struct known));
    if (failed)
        return failed;
    g->table.used = slots * (uint32_t)sizeof(struct known);
    for (i = 0; i < g->table.used / 4; i++)
        words_of(&g->table)[i] = 0;
    for (i = g->known = 0; i < g->strings.used; i += length_of(text_at(&g->strings, i)) + 1)
        enter(g, i);
    return 0;
}

const struct known *intern(struct gather *g, const char *name)
{
    uint32_t string = g->strings.used;
    struct known *slot;

    if (2 * g->known >= count_slots(g) && enlarge_table(g))
        return 0;
    slot = find_slot(g, name);
    if (slot->string)
        return slot;
    if (add_text(g, &g->strings, name))
        return 0;
    enter(g, string);
    return slot;
}

long key_of(const struct gather *g, const char *name)
{
    uint32_t string = g->table.used ? find_slot(g, name)->string : 0;

    return string ? (long)string - 1 : -ENOENT;
}
