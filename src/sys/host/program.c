/* The program inside the executable: modules in bytecode, the first of which is run.
 *
 * A module is read when it is first asked for: reading all would be most of what a start takes. What few commands need
 * is packed, and unpacked whole when the first module of it is asked for.
 */
#include "program.h"
#include <stdlib.h>
#include "inside.h"
#include "unpack.h"

extern const uint8_t app_begin[], app_end[], app_packed_begin[], app_packed_end[];
extern const uint32_t app_unpacked_length;

static int add_packed(JSContext *ctx)
{
    static int is_added;
    uint8_t *bytes;
    long length;

    if (is_added)
        return 0;
    bytes = malloc(app_unpacked_length);
    length = bytes ? unpack("zstd", app_packed_begin, (size_t)(app_packed_end - app_packed_begin), bytes,
                            app_unpacked_length)
                   : UNPACK_NO_MEMORY;
    if (length == UNPACK_NO_MEMORY)
        JS_ThrowOutOfMemory(ctx);
    else if (length != (long)app_unpacked_length)
        JS_ThrowInternalError(ctx, "the packed part of this executable is damaged");
    else
        is_added = add_stored(ctx, bytes, bytes + length) == 0;
    return is_added ? 0 : -1;
}

static JSModuleDef *find_module(JSContext *ctx, const char *name, void *opaque)
{
    (void)opaque;
    return load_stored(ctx, name, add_packed);
}

static JSValue evaluate(JSContext *ctx, JSModuleDef *module)
{
    JSValue value = JS_DupValue(ctx, JS_MKPTR(JS_TAG_MODULE, module));

    if (JS_ResolveModule(ctx, value) < 0) {
        JS_FreeValue(ctx, value);
        return JS_EXCEPTION;
    }
    return JS_EvalFunction(ctx, value);
}

JSValue start_program(JSContext *ctx)
{
    JSModuleDef *module;

    JS_SetModuleLoaderFunc(JS_GetRuntime(ctx), NULL, find_module, NULL);
    module = add_stored(ctx, app_begin, app_end) < 0 ? NULL : load_stored(ctx, NULL, add_packed);
    return module ? evaluate(ctx, module) : JS_EXCEPTION;
}

JSValue load_exports(JSContext *ctx, const char *name)
{
    JSModuleDef *module = find_module(ctx, name, NULL);
    JSValue end = module ? evaluate(ctx, module) : JS_EXCEPTION;

    if (!JS_IsException(end) && JS_PromiseState(ctx, end) == JS_PROMISE_REJECTED)
        JS_Throw(ctx, JS_PromiseResult(ctx, end));
    else if (!JS_IsException(end))
        return JS_GetModuleNamespace(ctx, module);
    return JS_EXCEPTION;
}
