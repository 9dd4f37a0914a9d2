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

/* The script that was told goes on with something else: of the next shortage it is told again. */
void arena_goes_on(void);

/* Says with which exit code the process ends where there is no memory; EXIT_INPUT if this is not called. */
void end_with(int code);

/* Says that there is no memory, and ends the process. */
__attribute__((noreturn)) void end_without_memory(void);

#endif
