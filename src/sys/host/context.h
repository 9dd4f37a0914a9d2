/* What of JavaScript the small engine has: the one list that both the compiler and the executable go by. */
#ifndef CONTEXT_H
#define CONTEXT_H

#include "quickjs.h"

/* A context with the built-in objects a program of ours may use; NULL when memory ran out. */
JSContext *new_tool_context(JSRuntime *runtime);

#endif
