/* The program inside the executable: modules in bytecode, the first of which is run.
 *
 * bc.c writes them one after the other: name with NUL, length in 4 bytes, big endian, and bytecode. A module is read
 * when it is first asked for: reading all would be most of what a start takes.
 */
#include <string.h>
#include "program.h"

extern const uint8_t app_begin[], app_end[];

struct stored_module {
    const char *name;
    const uint8_t *bytecode;
    size_t length;
};

/* Fills in the module that begins at `at`. Returns where the next one begins. */
static const uint8_t *take_module(struct stored_module *module, const uint8_t *at)
{
    module->name = (const char *)at;
    at += strlen(module->name) + 1;
    module->length = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
    module->bytecode = at + 4;
    return module->bytecode + module->length;
}

static JSModuleDef *read_module(JSContext *ctx, const struct stored_module *module)
{
    JSValue value = JS_ReadObject(ctx, module->bytecode, module->length, JS_READ_OBJ_BYTECODE);

    /* the context keeps it */
    JS_FreeValue(ctx, value);
    return JS_IsException(value) ? NULL : JS_VALUE_GET_PTR(value);
}

/* The module of this name; NULL with an exception pending where there is none. */
static JSModuleDef *find_module(JSContext *ctx, const char *name, void *opaque)
{
    struct stored_module module;
    const uint8_t *at = app_begin;

    (void)opaque;
    while (at < app_end) {
        at = take_module(&module, at);
        if (strcmp(module.name, name) == 0)
            return read_module(ctx, &module);
    }
    JS_ThrowReferenceError(ctx, "there is no module %s", name);
    return NULL;
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
    struct stored_module first;
    JSModuleDef *module;

    JS_SetModuleLoaderFunc(JS_GetRuntime(ctx), NULL, find_module, NULL);
    take_module(&first, app_begin);
    module = read_module(ctx, &first);
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
