/* The order of nodes, and how offsets of names are brought into an order. */
#ifndef ORDER_H
#define ORDER_H

#include <stdint.h>
#include "area.h"

typedef int comparison(const char *a, const char *b);

/* By name, then by unit address as a number: the same as compareKeys() in src/devicetree/order.ts. */
HIDDEN int compare_nodes(const char *a, const char *b);

/* Sorts offsets in `text`, by the names there. */
void sort(uint32_t *offsets, uint32_t count, const char *text, comparison *compare);

#endif
