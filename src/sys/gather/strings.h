/* The files' names, each kept once. */
#ifndef STRINGS_H
#define STRINGS_H

#include "gather.h"

/* A known name: its offset in `strings` + 1, and the index of its rule + 1. 0 is none. */
struct known {
    uint32_t string, rule;
};

/* Finds or enters a name. NULL when there is no memory. Valid until the next call. */
const struct known *intern(struct gather *g, const char *name);

/* The key of a known name, or -ENOENT. */
long key_of(const struct gather *g, const char *name);

#endif
