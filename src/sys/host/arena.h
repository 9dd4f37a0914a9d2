/* The allocator given to QuickJS: quick for the many small short-lived blocks a script makes. */
#ifndef ARENA_H
#define ARENA_H

#include "quickjs.h"

extern const JSMallocFunctions arena_functions;

/* True once the kernel has refused memory: an exception may then have been lost, for lack of memory for it. */
int arena_was_refused_memory(void);

#endif
