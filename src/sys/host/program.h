/* The program inside the executable: modules in bytecode, the first of which is run. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "quickjs.h"

/* Evaluates the first module. Returns the promise of its end, or an exception. */
JSValue start_program(JSContext *ctx);

/* The exports of a module, which is evaluated the first time; or an exception. */
JSValue load_exports(JSContext *ctx, const char *name);

#endif
