/* The part of JavaScript that the small engine has: the compiler and the executable share this one list. */
#ifndef CONTEXT_H
#define CONTEXT_H

#include "quickjs.h"

/* A context with the built-in objects a program of ours may use; NULL when memory ran out. */
JSContext *new_tool_context(JSRuntime *runtime);

#endif
