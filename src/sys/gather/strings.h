/* The files' names, each kept once. */
#ifndef STRINGS_H
#define STRINGS_H

#include "gather.h"

/* A name that is known: its place in `strings` + 1, and that of its rule + 1. */
struct known {
    uint32_t string, rule;
};

/* Where `name` is known, having entered it if it was not; NULL when there is no memory. Good until the next one. */
const struct known *intern(struct gather *g, const char *name);

#endif
