/* The files' names, each kept once: a table with open addressing, at most half full. */
#include "area.h"
#include "strings.h"

#define FIRST_SLOTS 1024

static uint32_t slots_of(const struct gather *g)
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

/* Where `name` is known, or where it is to be entered. */
static struct known *place_of(const struct gather *g, const char *name)
{
    struct known *table = (struct known *)at(&g->table, 0);
    uint32_t last = slots_of(g) - 1, slot = hash_of(name) & last;

    while (table[slot].string && compare_bytes(text_at(&g->strings, table[slot].string - 1), name))
        slot = (slot + 1) & last;
    return &table[slot];
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
    struct known *place = place_of(g, name);

    place->string = string + 1;
    place->rule = rule_of(g, name);
    g->known++;
}

/* Makes the table anew, with twice the slots, of what is in `strings`. 0 or -errno. */
static long enlarge_table(struct gather *g)
{
    uint32_t slots = g->table.used ? 2 * slots_of(g) : FIRST_SLOTS, i;
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
    struct known *place;

    if (2 * g->known >= slots_of(g) && enlarge_table(g))
        return 0;
    place = place_of(g, name);
    if (place->string)
        return place;
    if (add_text(g, &g->strings, name))
        return 0;
    enter(g, string);
    return place;
}
