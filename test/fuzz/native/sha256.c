/* sha256(): the same digest wherever the bytes lie, and another one where a bit is another. */
#include "input.h"
#include "sha256.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t first[SHA256_SIZE], second[SHA256_SIZE], *copy = exact_copy(data, size),
                                                     *moved = malloc(size + 1);

    sha256(first, copy, size);
    if (size)
        memcpy(moved + 1, data, size);
    sha256(second, moved + 1, size);
    HOLD(memcmp(first, second, SHA256_SIZE) == 0);
    if (size > 0) {
        copy[size / 2] ^= 1;
        sha256(second, copy, size);
        HOLD(memcmp(first, second, SHA256_SIZE) != 0);
    }
    free(moved);
    free(copy);
    return 0;
}
