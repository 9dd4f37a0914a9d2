/* The allocator given to QuickJS: quick for the many small short-lived blocks a script makes.
 *
 * Blocks of up to SMALL_MAX bytes are cut from slabs, which are never given back; freed ones are kept in one list
 * for each multiple of 16 bytes. Larger blocks come from malloc. The usable size is stored before each block. One
 * thread only. musl's own allocator resists corruption of its heap, which would take 7 % of a whole run.
 *
 * Where the kernel gives no more, a reserve stands in: QuickJS does not bear it everywhere that a small block is
 * refused. The script hears of it at its next call of the engine, as of an exception, and ends in order by the rest of
 * the reserve. Only where it asks for more and more between two such calls does QuickJS hear of it, and where all is
 * used up the process ends here. Process 1 goes on: what it frees of the reserve stands in again.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "arena.h"

#define GRAIN 16
#define SMALL_MAX 512
#define SLAB_BYTES ((size_t)256 * 1024)

/* Pages of it that nothing touches cost nothing. The first half is for what goes on until the script hears of it. */
#define RESERVE_BYTES ((size_t)1024 * 1024)
#define RESERVE_MOST ((size_t)64 * 1024) /* for a block */

struct header {
    size_t size;
};

struct free_block {
    struct free_block *next;
};

static struct free_block *free_lists[SMALL_MAX / GRAIN + 1];
static char *slab_next, *slab_end;

/* What of the reserve is free, by address; no two touch each other. */
struct gap {
    size_t size;
    struct gap *next;
};

static char reserve[RESERVE_BYTES] __attribute__((aligned(GRAIN)));
static struct gap *gaps;
static size_t reserve_used;
static int reserve_is_begun;

static int end_code = EXIT_INPUT;

static enum {
    PLENTY,
    SHORT, /* the kernel has refused memory */
    TOLD,  /* and an exception says so */
} state;

static struct header *header_of(const void *block)
{
    return (struct header *)block - 1;
}

int arena_is_short(void)
{
    return state == SHORT;
}

void arena_shortage_is_told(void)
{
    state = TOLD;
}

void arena_goes_on(void)
{
    if (state == TOLD)
        state = PLENTY;
}

void end_with(int code)
{
    end_code = code;
}

void end_without_memory(void)
{
    static const char line[] = "kexecbox: memory: out of memory\n";
    ssize_t written = write(2, line, sizeof line - 1);

    (void)written; /* if that fails, there is no other place to report it */
    _exit(end_code);
}

static int is_of_reserve(const struct header *header)
{
    return (const char *)header >= reserve && (const char *)header < reserve + RESERVE_BYTES;
}

/* Bytes that a block takes of the reserve. */
static size_t whole_of(size_t size)
{
    return (sizeof(struct header) + size + GRAIN - 1) / GRAIN * GRAIN;
}

/* The first gap that is large enough, or NULL. */
static struct header *take_gap(size_t whole)
{
    struct gap **link = &gaps, *found, *rest;

    while (*link && (*link)->size < whole)
        link = &(*link)->next;
    found = *link;
    if (!found)
        return NULL;
    *link = found->next;
    if (found->size > whole) {
        rest = (struct gap *)((char *)found + whole);
        *rest = (struct gap){found->size - whole, found->next};
        *link = rest;
    }
    reserve_used += whole;
    return (struct header *)found;
}

static void join_next(struct gap *gap)
{
    if (gap->next && (char *)gap + gap->size == (char *)gap->next)
        *gap = (struct gap){gap->size + gap->next->size, gap->next->next};
}

static void give_back(struct header *header)
{
    size_t whole = whole_of(header->size);
    struct gap *freed = (struct gap *)header, *before = NULL, *gap;

    for (gap = gaps; gap && gap < freed; gap = gap->next)
        before = gap;
    *freed = (struct gap){whole, gap};
    join_next(freed);
    if (before) {
        before->next = freed;
        join_next(before);
    } else {
        gaps = freed;
    }
    reserve_used -= whole;
}

/* What the kernel has refused. */
static struct header *take_reserve(size_t size)
{
    size_t whole = whole_of(size);
    struct header *header;

    if (!reserve_is_begun) {
        reserve_is_begun = 1;
        gaps = (struct gap *)reserve;
        gaps->size = RESERVE_BYTES;
    }
    if (state == PLENTY)
        state = SHORT;
    header = state == SHORT && reserve_used + whole > RESERVE_BYTES / 2 ? NULL : take_gap(whole);
    if (header)
        return header;
    if (state == TOLD)
        end_without_memory();
    state = TOLD;
    return NULL;
}

/* A new block, from the current slab or a new one. */
static void *cut_from_slab(size_t size)
{
    size_t whole = sizeof(struct header) + size;
    struct header *header;

    if ((size_t)(slab_end - slab_next) < whole) {
        char *slab = malloc(SLAB_BYTES);
        if (slab) {
            slab_next = slab;
            slab_end = slab + SLAB_BYTES;
            state = PLENTY; /* there is memory again */
        }
    }
    if ((size_t)(slab_end - slab_next) < whole) {
        header = take_reserve(size);
        if (!header)
            return NULL;
    } else {
        header = (struct header *)slab_next;
        slab_next += whole;
    }
    header->size = size;
    return header + 1;
}

static void *allocate_small(size_t wanted)
{
    size_t grains = (wanted + GRAIN - 1) / GRAIN;
    struct free_block *block = free_lists[grains];

    if (!block)
        return cut_from_slab(grains * GRAIN);
    free_lists[grains] = block->next;
    return block;
}

static void *allocate_large(size_t wanted)
{
    struct header *header = wanted <= SIZE_MAX - sizeof *header ? malloc(sizeof *header + wanted) : NULL;

    if (!header && wanted <= RESERVE_MOST) /* who asks for more bears it that there is none */
        header = take_reserve(wanted);
    if (!header)
        return NULL;
    header->size = wanted;
    return header + 1;
}

/* QuickJS decides by malloc_size when to search for cycles; the allocator has to count it. */
static void *arena_malloc(JSMallocState *counts, size_t wanted)
{
    /* a block must hold the link of its free list */
    void *block = wanted > SMALL_MAX ? allocate_large(wanted) : allocate_small(wanted ? wanted : 1);

    if (block)
        counts->malloc_size += header_of(block)->size;
    return block;
}

static void arena_free(JSMallocState *counts, void *block)
{
    size_t size;

    if (!block)
        return;
    size = header_of(block)->size;
    counts->malloc_size -= size;
    if (is_of_reserve(header_of(block))) {
        give_back(header_of(block));
    } else if (size > SMALL_MAX) {
        free(header_of(block));
    } else {
        struct free_block *freed = block;
        freed->next = free_lists[size / GRAIN];
        free_lists[size / GRAIN] = freed;
    }
}

/* By realloc, which can move pages instead of copying; NULL where it cannot, as for a block of the reserve. */
static void *resize_large(JSMallocState *counts, void *block, size_t wanted)
{
    size_t before = header_of(block)->size;
    struct header *header = NULL;

    if (wanted <= SIZE_MAX - sizeof *header && !is_of_reserve(header_of(block)))
        header = realloc(header_of(block), sizeof *header + wanted);
    if (!header)
        return NULL;
    header->size = wanted;
    counts->malloc_size += wanted - before;
    return header + 1;
}

static void *arena_realloc(JSMallocState *counts, void *block, size_t wanted)
{
    size_t before;
    void *moved;

    if (!block)
        return arena_malloc(counts, wanted);
    if (!wanted) {
        arena_free(counts, block);
        return NULL;
    }
    before = header_of(block)->size;
    if (before > SMALL_MAX && wanted > SMALL_MAX) {
        moved = resize_large(counts, block, wanted);
        if (moved)
            return moved;
    }
    if (before <= SMALL_MAX && wanted <= before)
        return block;
    moved = arena_malloc(counts, wanted);
    if (moved) {
        memcpy(moved, block, before < wanted ? before : wanted);
        arena_free(counts, block);
    }
    return moved;
}

static size_t arena_usable_size(const void *block)
{
    return block ? header_of(block)->size : 0;
}

const JSMallocFunctions arena_functions = {arena_malloc, arena_free, arena_realloc, arena_usable_size};
