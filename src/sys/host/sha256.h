/* The digest that tells whether two machines load the same bytes. */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

/* Fills in SHA256_SIZE bytes. */
void sha256(uint8_t *digest, const uint8_t *bytes, size_t length);

#endif
