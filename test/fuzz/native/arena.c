/* The allocator: blocks keep their bytes whatever is taken, resized and given back around them, and the count is right. The
 * kernel refuses memory from time to time: then the reserve stands in, of which all comes back.
 */
#include <setjmp.h>
#include <unistd.h>
#include "input.h"

static void *lent(size_t size);
static void *lent_again(void *memory, size_t size);
__attribute__((noreturn)) static void give_up(int code);

/* Its own code, with the kernel and its end in our hands. */
#define malloc lent
#define realloc lent_again
#define _exit(code) give_up(code)
#define write(descriptor, text, length) ((ssize_t)(length))
#include <arena.c>
#undef malloc
#undef realloc

#define MOST_BLOCKS 64
#define MOST_SLABS 256

static struct {
    uint8_t *bytes;
    size_t size;
    uint8_t mark;
} blocks[MOST_BLOCKS];

/* Those that the allocator keeps for good. */
static void *slabs[MOST_SLABS];
static size_t slab_count;

static int is_refusing;
static size_t asked; /* bytes of the block that is asked for */
static jmp_buf at_end;

static void *lent(size_t size)
{
    void *memory = is_refusing || size > SIZE_MAX / 2 ? NULL : malloc(size);

    if (memory && size == SLAB_BYTES) {
        HOLD(slab_count < MOST_SLABS);
        slabs[slab_count++] = memory;
    }
    return memory;
}

static void *lent_again(void *memory, size_t size)
{
    return is_refusing || size > SIZE_MAX / 2 ? NULL : realloc(memory, size);
}

/* Gaps and blocks are all of the reserve, in order, and no two gaps touch each other. The largest gap's size. */
static size_t check_gaps(void)
{
    const struct gap *gap;
    size_t sum = 0, largest = 0;

    for (gap = gaps; gap; gap = gap->next) {
        HOLD(gap->size > 0 && gap->size % GRAIN == 0);
        HOLD((const char *)gap >= reserve && (const char *)gap + gap->size <= reserve + RESERVE_BYTES);
        HOLD(!gap->next || (const char *)gap + gap->size < (const char *)gap->next);
        sum += gap->size;
        largest = gap->size > largest ? gap->size : largest;
    }
    HOLD(!reserve_is_begun || sum + reserve_used == RESERVE_BYTES);
    return largest;
}

/* Only where nothing else helps. */
static void give_up(int code)
{
    HOLD(code == EXIT_INPUT && is_refusing && state == TOLD);
    HOLD(check_gaps() < whole_of(asked <= SMALL_MAX ? (asked + GRAIN - 1) / GRAIN * GRAIN : asked));
    longjmp(at_end, 1);
}

static void fill(size_t index, uint8_t mark)
{
    blocks[index].mark = mark;
    memset(blocks[index].bytes, mark, blocks[index].size);
}

static void check(size_t index, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++)
        HOLD(blocks[index].bytes[i] == blocks[index].mark);
}

static void forget(size_t index)
{
    blocks[index].bytes = NULL;
    blocks[index].size = 0;
}

static size_t some_size(void)
{
    unsigned how = take_byte();

    return how < 120   ? take_byte() % 64
           : how < 200 ? take_short() % 1024
           : how < 254 ? take_short()
                       : SIZE_MAX - take_byte();
}

/* Takes a block, or another size of one. */
static void change(JSMallocState *counts, size_t index, int is_new, uint8_t mark)
{
    size_t wanted = some_size(), before = blocks[index].size;
    uint8_t *made;

    asked = wanted ? wanted : 1;
    made = is_new ? arena_functions.js_malloc(counts, wanted)
                  : arena_functions.js_realloc(counts, blocks[index].bytes, wanted);
    if (!made) {
        /* refused: the block is as it was. Of no size: it is gone. */
        HOLD(is_refusing || wanted == 0 || wanted > SIZE_MAX / 2);
        if (!is_new && wanted == 0)
            forget(index);
        return;
    }
    HOLD((uintptr_t)made % 8 == 0 && arena_functions.js_malloc_usable_size(made) >= wanted);
    blocks[index].bytes = made;
    check(index, before < wanted ? before : wanted);
    blocks[index].size = wanted;
    fill(index, mark);
}

static void act(JSMallocState *counts)
{
    unsigned what = take_byte() % 16;
    uint8_t mark = (uint8_t)take_byte();
    size_t index = take_byte() % MOST_BLOCKS;

    check(index, blocks[index].size);
    if (what == 0) {
        is_refusing = mark & 1;
    } else if (what == 1) {
        if (arena_is_short())
            arena_shortage_is_told();
        else if (mark & 1)
            arena_goes_on();
    } else if (what < 6) {
        arena_functions.js_free(counts, blocks[index].bytes);
        forget(index);
    } else if (what >= 11 || !blocks[index].bytes) {
        change(counts, index, what < 11, mark);
    }
    check_gaps();
}

/* As a new process has it. */
static void begin(void)
{
    memset(free_lists, 0, sizeof free_lists);
    while (slab_count > 0)
        free(slabs[--slab_count]);
    slab_next = slab_end = NULL;
    gaps = NULL;
    reserve_used = 0;
    reserve_is_begun = is_refusing = 0;
    state = PLENTY;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static JSMallocState counts;
    size_t i, sum;

    memset(&counts, 0, sizeof counts);
    input_at = data;
    input_end = data + size;
    begin();
    if (setjmp(at_end) == 0)
        while (!is_used_up())
            act(&counts);
    for (i = sum = 0; i < MOST_BLOCKS; i++) {
        check(i, blocks[i].size);
        sum += arena_functions.js_malloc_usable_size(blocks[i].bytes);
    }
    HOLD(counts.malloc_size == sum);
    for (i = 0; i < MOST_BLOCKS; i++) {
        arena_functions.js_free(&counts, blocks[i].bytes);
        forget(i);
    }
    HOLD(counts.malloc_size == 0 && reserve_used == 0);
    HOLD(!reserve_is_begun || check_gaps() == RESERVE_BYTES);
    begin();
    return 0;
}
