/* The allocator given to QuickJS: quick for the many small short-lived blocks a script makes. */
#ifndef ARENA_H
#define ARENA_H

#include "quickjs.h"

extern const JSMallocFunctions arena_functions;

/* Exit code of failures of input and output, as src/failure.ts has it: too little memory is one of them. */
#define EXIT_INPUT 1

/* Whether the kernel has refused memory, and no exception has said so yet. */
int arena_is_short(void);

/* An exception says so now. */
void arena_shortage_is_told(void);

/* Says that there is no memory, and ends the process. */
__attribute__((noreturn)) void end_without_memory(void);

#endif
