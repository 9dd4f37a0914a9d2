/* What the script knows of gather.h: where fields are, in bytes, and the numbers of actions and stops.
 *
 * The compiler holds this list against gather.h, a test (test/unit/gather.test.ts) holds it against
 * src/sys/gather-layout.ts.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stddef.h>
#include "gather.h"

#define OFFSET(type, field, bytes) _Static_assert(offsetof(struct type, field) == (bytes), "see layout.h")
#define SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), "see layout.h")
#define NUMBER(name, value) _Static_assert((name) == (value), "see layout.h")

OFFSET(gather, records, 0x8);
OFFSET(gather, strings, 0x18);
OFFSET(gather, nodes, 0x28);
OFFSET(gather, frames, 0x38);
OFFSET(gather, others, 0x48);
OFFSET(gather, files, 0x58);
OFFSET(gather, listing, 0x68);
OFFSET(gather, names, 0x78);
OFFSET(gather, children, 0x88);
OFFSET(gather, begin_tag, 0xa8);
OFFSET(gather, file_tag, 0xac);
OFFSET(gather, end_tag, 0xb0);
OFFSET(gather, largest, 0xb4);
OFFSET(gather, room, 0xb8);
OFFSET(gather, deepest, 0xbc);
OFFSET(gather, longest, 0xc0);
OFFSET(gather, empty_mark, 0xc4);
OFFSET(gather, empty_prefix, 0xc8);
OFFSET(gather, own_name, 0xd8);
OFFSET(gather, file_flags, 0xe8);
OFFSET(gather, directory_flags, 0xec);
OFFSET(gather, close, 0xf0);
OFFSET(gather, getdents64, 0xf4);
OFFSET(gather, mmap, 0xf8);
OFFSET(gather, mremap, 0xfc);
OFFSET(gather, openat, 0x100);
OFFSET(gather, openat2, 0x104);
OFFSET(gather, ppoll, 0x108);
OFFSET(gather, read, 0x10c);
OFFSET(gather, done, 0x118);
OFFSET(gather, length, 0x11c);
OFFSET(gather, error, 0x120);
OFFSET(gather, short_ends, 0x124);
OFFSET(gather, rules, 0x128);
SIZE(gather, 0x428);

OFFSET(area, start, 0);
OFFSET(area, used, 12);
SIZE(area, 16);

OFFSET(frame, node, 0);
OFFSET(frame, descriptor, 4);
OFFSET(frame, next, 24);
SIZE(frame, 32);

OFFSET(node, start, 0);
OFFSET(node, end, 4);
OFFSET(node, after, 8);
OFFSET(node, next, 12);
OFFSET(node, own_name, 16);
OFFSET(node, count, 20);
OFFSET(node, marks, 24);
OFFSET(node, below, 28);
SIZE(node, 32);

OFFSET(rule, name, 0);
OFFSET(rule, mask, 36);
OFFSET(rule, value, 40);
OFFSET(rule, mark, 44);
SIZE(rule, 48);

NUMBER(MOST_RULES, 16);

NUMBER(GATHER_BEGIN, 0);
NUMBER(GATHER_WALK, 1);
NUMBER(GATHER_ADD_FILE, 2);
NUMBER(GATHER_ADD_DIRECTORY, 3);
NUMBER(GATHER_AGAIN, 4);
NUMBER(GATHER_CLOSE, 5);
NUMBER(GATHER_KEY, 6);
NUMBER(GATHER_FIND, 7);

NUMBER(STOP_DONE, 0);
NUMBER(STOP_OTHERS, 1);
NUMBER(STOP_EMPTIED, 2);
NUMBER(STOP_LISTING, 3);
NUMBER(STOP_FILE, 4);
NUMBER(STOP_OPENING, 5);
NUMBER(STOP_DEPTH, 6);
NUMBER(STOP_PATH, 7);

#endif
