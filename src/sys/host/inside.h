/* Our functions that need the internals of QuickJS. */
#ifndef INSIDE_H
#define INSIDE_H

#include "quickjs.h"

/* Mends the faults of this version's BigInt. 0, or -1 when memory ran out. */
int mend_bigint(JSContext *ctx);

/* Calls found(name) for every read of a global that ctx does not have, and returns how many there were. `typeof name`
 * does not count: that is how a program asks whether there is one. */
int find_missing_globals(JSContext *ctx, JSValueConst module, void (*found)(const char *name));

#endif
