/* Our functions that need the internals of QuickJS. */
#ifndef INSIDE_H
#define INSIDE_H

#include <stdio.h>
#include "quickjs.h"

/* Mends the faults of this version's BigInt. 0, or -1 when memory ran out. */
int mend_bigint(JSContext *ctx);

/* Told of Math.sin as "Math" and "sin"; without a member where the global itself is missing, without a global where it
 * is a method. */
typedef void missing_function(const char *global, const char *member);

/* Calls `found` for every read of a global, or of a member of one, that ctx does not have, and for every call of a method
 * that is among `methods`, of which NULL is the last. Returns how many there were. `typeof name` does not count: that is
 * how a program asks whether there is one. */
int find_missing(JSContext *ctx, JSValueConst module, const char *const *methods, missing_function *found);

/* Forgets what the functions and outer variables of a compiled module are called. Only a stack trace and the message
 * about a variable that has no value yet would tell, and these names are the bundler's, of one letter or two. */
void drop_names(JSContext *ctx, JSValueConst module);

/* Adds a compiled module to the part that write_stored() writes. -1 where it has something that cannot be stored. */
int store_module(JSContext *ctx, JSValueConst module, const char *name);

/* Writes what was added since the last time, as one part of a program. 0, or -1 with errno. */
int write_stored(FILE *part);

/* Opens the next of the two parts of a program, which stays where it is. 0, or -1 with an exception pending where there is no
 * memory. */
int add_stored(JSContext *ctx, const uint8_t *begin, const uint8_t *end);

/* Opens a part that is not yet opened, if there is one. -1 with an exception pending where that fails. */
typedef int stored_adder(JSContext *ctx);

/* The module of this name; the first one where `name` is NULL. Asks for another part where it is in none. NULL, with an
 * exception pending, where there is none or no memory. The context keeps it. */
JSModuleDef *load_stored(JSContext *ctx, const char *name, stored_adder *add_more);

#endif
