/* The allocator given to QuickJS: quick for the many small short-lived blocks a script makes.
 *
 * Blocks of up to SMALL_MAX bytes are cut from slabs, which are never given back; freed ones are kept in one list
 * for each multiple of 16 bytes. Larger blocks come from malloc. The usable size is stored before each block. One
 * thread only. musl's own allocator resists corruption of its heap, which would take 7 % of a whole run.
 */
#include <stdlib.h>
#include <string.h>
#include "arena.h"

#define GRAIN 16
#define SMALL_MAX 512
#define SLAB_BYTES ((size_t)256 * 1024)

struct header {
    size_t size;
};

struct free_block {
    struct free_block *next;
};

static struct free_block *free_lists[SMALL_MAX / GRAIN + 1];
static char *slab_next, *slab_end;
static int refused;

static struct header *header_of(const void *block)
{
    return (struct header *)block - 1;
}

static void *refuse(void)
{
    refused = 1;
    return NULL;
}

int arena_was_refused_memory(void)
{
    return refused;
}

/* A new block, from the current slab or a new one. */
static void *cut_from_slab(size_t size)
{
    size_t whole = sizeof(struct header) + size;
    struct header *header;

    if ((size_t)(slab_end - slab_next) < whole) {
        char *slab = malloc(SLAB_BYTES);
        if (!slab)
            return refuse();
        slab_next = slab;
        slab_end = slab + SLAB_BYTES;
    }
    header = (struct header *)slab_next;
    slab_next += whole;
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

    if (!header)
        return refuse();
    header->size = wanted;
    return header + 1;
}

/* QuickJS decides by malloc_size when to search for cycles; the allocator has to count it. */
static void *arena_malloc(JSMallocState *state, size_t wanted)
{
    /* a block must hold the link of its free list */
    void *block = wanted > SMALL_MAX ? allocate_large(wanted) : allocate_small(wanted ? wanted : 1);

    if (block)
        state->malloc_size += header_of(block)->size;
    return block;
}

static void arena_free(JSMallocState *state, void *block)
{
    size_t size;

    if (!block)
        return;
    size = header_of(block)->size;
    state->malloc_size -= size;
    if (size > SMALL_MAX) {
        free(header_of(block));
    } else {
        struct free_block *freed = block;
        freed->next = free_lists[size / GRAIN];
        free_lists[size / GRAIN] = freed;
    }
}

/* By realloc, which can move pages instead of copying. */
static void *resize_large(JSMallocState *state, void *block, size_t wanted)
{
    size_t before = header_of(block)->size;
    struct header *header = NULL;

    if (wanted <= SIZE_MAX - sizeof *header)
        header = realloc(header_of(block), sizeof *header + wanted);
    if (!header)
        return refuse();
    header->size = wanted;
    state->malloc_size += wanted - before;
    return header + 1;
}

static void *arena_realloc(JSMallocState *state, void *block, size_t wanted)
{
    size_t before;
    void *moved;

    if (!block)
        return arena_malloc(state, wanted);
    if (!wanted) {
        arena_free(state, block);
        return NULL;
    }
    before = header_of(block)->size;
    if (before > SMALL_MAX && wanted > SMALL_MAX)
        return resize_large(state, block, wanted);
    if (before <= SMALL_MAX && wanted <= before)
        return block;
    moved = arena_malloc(state, wanted);
    if (moved) {
        memcpy(moved, block, before < wanted ? before : wanted);
        arena_free(state, block);
    }
    return moved;
}

static size_t arena_usable_size(const void *block)
{
    return block ? header_of(block)->size : 0;
}

const JSMallocFunctions arena_functions = {arena_malloc, arena_free, arena_realloc, arena_usable_size};
