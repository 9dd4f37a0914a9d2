/* Finds the globals a compiled module uses and the engine does not have. */
#ifndef GLOBALS_H
#define GLOBALS_H

#include "quickjs.h"

/* Calls found(name) for every read of a global that ctx does not have. `typeof name` is not such a read: it is how a
 * program asks. Returns how many there were. */
int find_missing_globals(JSContext *ctx, JSValueConst module, void (*found)(const char *name));

#endif
