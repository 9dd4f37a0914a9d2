/* What of ours needs to see inside QuickJS. */
#ifndef INSIDE_H
#define INSIDE_H

#include "quickjs.h"

/* Puts right what this version of QuickJS gets wrong about BigInt. 0, or -1 when memory ran out. */
int mend_bigint(JSContext *ctx);

/* Calls found(name) for every read of a global that ctx does not have. `typeof name` is not such a read: it
 * is how a program asks. Returns how many there were. */
int find_missing_globals(JSContext *ctx, JSValueConst module, void (*found)(const char *name));

#endif
