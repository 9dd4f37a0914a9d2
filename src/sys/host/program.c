/* The program inside the executable: modules in bytecode, the first of which is run.
 *
 * A module is read when it is first asked for: reading all would be most of what a start takes.
 */
#include "program.h"
#include "inside.h"

extern const uint8_t app_begin[], app_end[];

static JSModuleDef *find_module(JSContext *ctx, const char *name, void *opaque)
{
    (void)opaque;
    return load_stored(ctx, app_begin, app_end, name);
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
    module = load_stored(ctx, app_begin, app_end, NULL);
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
