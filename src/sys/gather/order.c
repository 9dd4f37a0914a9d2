/* The order of nodes, and the sorting of names by their offsets. */
#include "order.h"

static int is_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Whether it is one or more hexadecimal numbers with commas between them. */
static int is_address(const char *text)
{
    for (;; text++) {
        if (!is_digit(*text))
            return 0;
        while (is_digit(*text))
            text++;
        if (*text != ',')
            return !*text;
    }
}

static int lower(char c)
{
    return c >= 'A' && c <= 'F' ? c + 'a' - 'A' : c;
}

/* Compares the numbers that begin at both, and moves past them. Without leading zeros the longer one is larger. */
static int compare_numbers(const char **a, const char **b)
{
    int first = 0;

    while (**a == '0')
        ++*a;
    while (**b == '0')
        ++*b;
    for (; is_digit(**a) && is_digit(**b); ++*a, ++*b)
        if (!first)
            first = lower(**a) - lower(**b);
    return is_digit(**a) - is_digit(**b) ? is_digit(**a) - is_digit(**b) : first;
}

static int compare_addresses(const char *a, const char *b)
{
    for (;; a++, b++) {
        int order = compare_numbers(&a, &b);
        if (order || *a != ',' || *b != ',')
            return order ? order : (*a == ',') - (*b == ',');
    }
}

static const char *end_of_base(const char *name)
{
    while (*name && *name != '@')
        name++;
    return name;
}

/* What follows the name sorts by its kind first: nothing, numbers, something else. */
static int kind_of_address(const char *address)
{
    return !*address ? 0 : is_address(address + 1) ? 1 : 2;
}

int compare_nodes(const char *a, const char *b)
{
    const char *end_a = end_of_base(a), *end_b = end_of_base(b), *x = a, *y = b;
    int order, kind;

    while (x < end_a && y < end_b && *x == *y)
        x++, y++;
    if (x < end_a || y < end_b)
        return x == end_a ? -1 : y == end_b ? 1 : (uint8_t)*x - (uint8_t)*y;
    kind = kind_of_address(x);
    order = kind - kind_of_address(y);
    if (!order && kind == 1)
        order = compare_addresses(x + 1, y + 1);
    return order ? order : compare_bytes(a, b);
}

/* Shell's sort: in place, without recursion, and fast for as few names as a directory has. */
void sort(uint32_t *offsets, uint32_t count, const char *text, comparison *compare)
{
    uint32_t gap = 1, i, j;

    while (gap < count / 3)
        gap = 3 * gap + 1;
    for (; gap > 0; gap /= 3) {
        for (i = gap; i < count; i++) {
            uint32_t moved = offsets[i];
            for (j = i; j >= gap && compare(text + offsets[j - gap], text + moved) > 0; j -= gap)
                offsets[j] = offsets[j - gap];
            offsets[j] = moved;
        }
    }
}
