/* The compiler of the small engine: bc MODULE BYTECODE turns one bundled ES module into bytecode.
 *
 * It is built for the target and runs under emulation where that is another machine: compiled regular
 * expressions are kept in the byte order of the machine that compiled them, while all other bytecode is put
 * right when it is read. Exit code 1 and a line on stderr for each thing the executable could not run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "context.h"
#include "inside.h"

static void fail(const char *place, const char *fact)
{
    fprintf(stderr, "%s: %s\n", place, fact);
    exit(1);
}

/* The whole file with a NUL behind it, which JS_Eval asks for. */
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

static void write_whole(const char *path, const uint8_t *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");

    if (!file || fwrite(bytes, 1, length, file) != length || fclose(file))
        fail(path, strerror(errno));
}

static int nothing_to_initialise(JSContext *ctx, JSModuleDef *module)
{
    (void)ctx;
    (void)module;
    return 0;
}

/* The engine's own module is an empty one here: what it exports is looked up when the program starts. */
static JSModuleDef *load_module(JSContext *ctx, const char *name, void *opaque)
{
    (void)opaque;
    if (strcmp(name, "qjs:sys")) {
        JS_ThrowReferenceError(ctx, "imports \"%s\", and the small engine has only qjs:sys", name);
        return NULL;
    }
    return JS_NewCModule(ctx, name, nothing_to_initialise);
}

static void fail_with_exception(JSContext *ctx)
{
    JSValue thrown = JS_GetException(ctx);
    const char *text = JS_ToCString(ctx, thrown);

    fprintf(stderr, "%s\n", text ? text : "out of memory");
    exit(1);
}

static void say_missing(const char *name)
{
    fprintf(stderr, "uses %s, which the small engine does not have\n", name);
}

int main(int argc, char **argv)
{
    JSRuntime *runtime = JS_NewRuntime();
    JSContext *ctx = runtime ? new_tool_context(runtime) : NULL;
    size_t source_length, bytecode_length;
    char *source;
    uint8_t *bytecode;
    JSValue module;

    if (argc != 3)
        fail("bc", "usage: bc MODULE BYTECODE");
    if (!ctx)
        fail("bc", "out of memory");
    source = read_whole(argv[1], &source_length);
    JS_AddIntrinsicEval(ctx);
    JS_SetModuleLoaderFunc(runtime, NULL, load_module, NULL);
    JS_SetStripInfo(runtime, JS_STRIP_DEBUG);
    module = JS_Eval(ctx, source, source_length, "kexecbox", JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(module))
        fail_with_exception(ctx);
    if (find_missing_globals(ctx, module, say_missing))
        return 1;
    bytecode = JS_WriteObject(ctx, &bytecode_length, module, JS_WRITE_OBJ_BYTECODE);
    if (!bytecode)
        fail_with_exception(ctx);
    write_whole(argv[2], bytecode, bytecode_length);
    return 0;
}
