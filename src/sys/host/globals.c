/* QuickJS's main file with one function more: finding the globals a module uses and the engine does not have.
 *
 * A global that is missing would otherwise show only when that line runs, which for a boot tool is too late. Bytecode
 * names globals plainly, but only QuickJS's own file sees inside it; hence the #include. The linker leaves the function
 * out of the executable, where nothing calls it.
 */
#include "quickjs.c"
#include "globals.h"

static int is_missing(JSContext *ctx, JSAtom name)
{
    return JS_HasProperty(ctx, ctx->global_obj, name) <= 0;
}

static int report_missing(JSContext *ctx, JSAtom name, void (*found)(const char *name))
{
    const char *text;

    if (!is_missing(ctx, name))
        return 0;
    text = JS_AtomToCString(ctx, name);
    found(text ? text : "?");
    JS_FreeCString(ctx, text);
    return 1;
}

static int find_in_function(JSContext *ctx, JSValueConst function, void (*found)(const char *name))
{
    const JSFunctionBytecode *code;
    int at, i, count = 0;

    if (JS_VALUE_GET_TAG(function) != JS_TAG_FUNCTION_BYTECODE)
        return 0;
    code = JS_VALUE_GET_PTR(function);
    for (at = 0; at < code->byte_code_len; at += short_opcode_info(code->byte_code_buf[at]).size) {
        if (code->byte_code_buf[at] == OP_get_var)
            count += report_missing(ctx, get_u32(code->byte_code_buf + at + 1), found);
    }
    /* the functions inside this one are among its constants */
    for (i = 0; i < code->cpool_count; i++)
        count += find_in_function(ctx, code->cpool[i], found);
    return count;
}

int find_missing_globals(JSContext *ctx, JSValueConst module, void (*found)(const char *name))
{
    const JSModuleDef *definition = JS_VALUE_GET_PTR(module);

    return find_in_function(ctx, definition->func_obj, found);
}
