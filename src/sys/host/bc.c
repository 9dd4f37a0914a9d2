/* The compiler of the small engine: bc FILE MODULE... [-- FILE MODULE...] turns bundled ES modules into bytecode, one file
 * for each part of the program.
 *
 * It is built for the target, and runs under emulation where that is another machine: what it writes is as that machine
 * has it in memory (inside-stored.c).
 * Exit code 1, and a line on stderr for each thing that the executable could not run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "context.h"
#include "inside.h"
#include "left-out.h"

static const char *const methods_left_out[] = {METHODS_LEFT_OUT NULL};

static void fail(const char *place, const char *fact)
{
    fprintf(stderr, "%s: %s\n", place, fact);
    exit(1);
}

/* The whole file with a NUL after it, which JS_Eval needs. */
static char *read_whole(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    size_t room = 0;

    if (!file)
        fail(path, strerror(errno));
    *length = 0;
    do {
        room += 1 << 20;
        bytes = realloc(bytes, room + 1);
        if (!bytes)
            fail(path, "out of memory");
        *length += fread(bytes + *length, 1, room - *length, file);
    } while (*length == room);
    if (ferror(file))
        fail(path, strerror(errno));
    fclose(file);
    bytes[*length] = 0;
    return bytes;
}

static int nothing_to_initialise(JSContext *ctx, JSModuleDef *module)
{
    (void)ctx;
    (void)module;
    return 0;
}

/* The arguments, among which are the modules that make the program. */
struct module_names {
    char **names;
    int count;
};

/* Modules that are imported are empty here: their exports are looked up when the program starts. */
static JSModuleDef *load_module(JSContext *ctx, const char *name, void *opaque)
{
    const struct module_names *known = opaque;
    int i;

    for (i = 0; i < known->count; i++)
        if (strcmp(known->names[i], name) == 0)
            return JS_NewCModule(ctx, name, nothing_to_initialise);
    if (strcmp(name, "qjs:sys") == 0)
        return JS_NewCModule(ctx, name, nothing_to_initialise);
    JS_ThrowReferenceError(ctx, "imports \"%s\", and the small engine has only qjs:sys", name);
    return NULL;
}

static void fail_with_exception(JSContext *ctx)
{
    JSValue thrown = JS_GetException(ctx);
    const char *text = JS_ToCString(ctx, thrown);

    fprintf(stderr, "%s\n", text ? text : "out of memory");
    exit(1);
}

static void say_missing(const char *global, const char *member)
{
    const char *separator = "";

    if (member)
        separator = global ? "." : " ";
    fprintf(stderr, "uses %s%s%s, which the small engine does not have\n", global ? global : "a method",
            separator, member ? member : "");
}

/* Adds one module to the program. Returns how many things are missing that it uses. */
static int compile_module(const char *path, struct module_names *known)
{
    JSRuntime *runtime = JS_NewRuntime();
    JSContext *ctx = runtime ? new_tool_context(runtime) : NULL;
    size_t source_length;
    char *source = read_whole(path, &source_length);
    JSValue module;
    int missing;

    if (!ctx)
        fail("bc", "out of memory");
    JS_AddIntrinsicEval(ctx);
    JS_SetModuleLoaderFunc(runtime, NULL, load_module, known);
    JS_SetStripInfo(runtime, JS_STRIP_DEBUG);
    module = JS_Eval(ctx, source, source_length, path, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(module))
        fail_with_exception(ctx);
    missing = find_missing(ctx, module, methods_left_out, say_missing);
    drop_names(ctx, module);
    if (store_module(ctx, module, path))
        fail(path, "has a constant that cannot be stored");
    return missing;
}

/* Compiles one part, of which the file's name is first. Returns how many arguments it had. */
static int compile_part(struct module_names *known, int first, int *missing)
{
    const char *path = known->names[first];
    FILE *file = fopen(path, "wb");
    int i;

    if (!file)
        fail(path, strerror(errno));
    for (i = first + 1; i < known->count && strcmp(known->names[i], "--") != 0; i++)
        *missing += compile_module(known->names[i], known);
    if (write_stored(file) || fclose(file))
        fail(path, strerror(errno));
    return i - first;
}

int main(int argc, char **argv)
{
    struct module_names known = {argv, argc};
    int at, missing = 0;

    if (argc < 3)
        fail("bc", "usage: bc FILE MODULE... [-- FILE MODULE...]");
    for (at = 1; at < argc; at++)
        at += compile_part(&known, at, &missing);
    return missing ? 1 : 0;
}
