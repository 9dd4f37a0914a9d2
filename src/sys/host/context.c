/* What of JavaScript the small engine has: the one list that both the compiler and the executable go by.
 *
 * Left out because nothing in a boot tool needs them and each costs room in the initramfs: Date, Proxy,
 * WeakRef, String.prototype.normalize. eval and the parser are left out of the executable too. A program that
 * names a global which is not here is refused by the compiler (bc.c), so a gap shows when it is built and not
 * in somebody's boot.
 */
#include "context.h"
#include "inside.h"

JSContext *new_tool_context(JSRuntime *runtime)
{
    JSContext *ctx = JS_NewContextRaw(runtime);

    if (!ctx)
        return NULL;
    JS_AddIntrinsicBaseObjects(ctx);
    JS_AddIntrinsicRegExpCompiler(ctx);
    JS_AddIntrinsicRegExp(ctx);
    JS_AddIntrinsicJSON(ctx);
    JS_AddIntrinsicMapSet(ctx);
    JS_AddIntrinsicTypedArrays(ctx);
    JS_AddIntrinsicPromise(ctx); /* evaluating any module makes one */
    return mend_bigint(ctx) < 0 ? NULL : ctx;
}
