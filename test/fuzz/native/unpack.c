/* unpack(): input and output that begin and end where their memory does; what comes out comes again where there is just the
 * memory for it, and is too large where there is less. */
#include "input.h"
#include "unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"gzip", "zstd", "xz", "lzma"};
    const char *method;
    size_t room, length;
    uint8_t *input, *output;
    long got;

    input_at = data;
    input_end = data + size;
    method = methods[take_byte() % 4];
    room = take_short();
    length = (size_t)(input_end - input_at);
    input = exact_copy(input_at, length);
    output = malloc(room ? room : 1);
    got = unpack(method, input, length, output, room);
    HOLD(got >= UNPACK_UNKNOWN && got <= (long)room);
    if (got > 0) {
        uint8_t *again = malloc((size_t)got);
        HOLD(unpack(method, input, length, again, (size_t)got) == got);
        HOLD(memcmp(again, output, (size_t)got) == 0);
        HOLD(unpack(method, input, length, again, (size_t)got - 1) < 0);
        free(again);
    }
    free(output);
    free(input);
    return 0;
}
