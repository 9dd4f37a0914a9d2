/* The order of nodes, and how offsets of names are brought into an order. */
#ifndef ORDER_H
#define ORDER_H

#include <stdint.h>
#include "area.h"

typedef int comparison(const char *a, const char *b);

/* By name, then by unit address as a number, as compareKeys() in src/devicetree/tree.ts. */
FOUND_NEARBY int compare_nodes(const char *a, const char *b);

/* Sorts offsets of names in `text`. */
void sort(uint32_t *offsets, uint32_t count, const char *text, comparison *compare);

#endif
