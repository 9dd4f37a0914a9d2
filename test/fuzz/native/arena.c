/* The allocator: blocks keep their bytes whatever is taken, resized and given back around them, and the count is right. */
#include "input.h"
#include "arena.h"

#define MOST_BLOCKS 64

static struct {
    uint8_t *bytes;
    size_t size;
    uint8_t mark;
} blocks[MOST_BLOCKS];

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

static size_t some_size(void)
{
    unsigned how = take_byte();

    return how < 160   ? take_byte() % 64
           : how < 240 ? take_short() % 1024
           : how < 254 ? take_short() % 8192
                       : SIZE_MAX - take_byte();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    JSMallocState state = {0};
    size_t i, sum;

    input_at = data;
    input_end = data + size;
    while (!is_used_up()) {
        unsigned act = take_byte() % 3;
        uint8_t mark = (uint8_t)take_byte();
        size_t index = take_byte() % MOST_BLOCKS, wanted = some_size(), before = blocks[index].size;
        uint8_t *made;

        check(index, before);
        if (act == 0) {
            arena_functions.js_free(&state, blocks[index].bytes);
            blocks[index].bytes = NULL;
            blocks[index].size = 0;
            continue;
        }
        if (act == 1 && blocks[index].bytes)
            continue;
        made = act == 1 ? arena_functions.js_malloc(&state, wanted)
                        : arena_functions.js_realloc(&state, blocks[index].bytes, wanted);
        if (!made) {
            /* refused: the block is as it was. Of no size: it is gone. */
            HOLD(wanted == 0 || wanted > SIZE_MAX / 2);
            if (act == 2 && wanted == 0) {
                blocks[index].bytes = NULL;
                blocks[index].size = 0;
            }
            continue;
        }
        HOLD((uintptr_t)made % 8 == 0 && arena_functions.js_malloc_usable_size(made) >= wanted);
        blocks[index].bytes = made;
        check(index, before < wanted ? before : wanted);
        blocks[index].size = wanted;
        fill(index, mark);
    }
    for (i = sum = 0; i < MOST_BLOCKS; i++) {
        check(i, blocks[i].size);
        sum += arena_functions.js_malloc_usable_size(blocks[i].bytes);
    }
    HOLD(state.malloc_size == sum);
    for (i = 0; i < MOST_BLOCKS; i++) {
        arena_functions.js_free(&state, blocks[i].bytes);
        blocks[i].bytes = NULL;
        blocks[i].size = 0;
    }
    HOLD(state.malloc_size == 0);
    return 0;
}
