/* The part of JavaScript that the small engine has: the compiler and the executable share this one list.
 *
 * Date, Proxy, WeakRef and String.prototype.normalize are left out: a boot tool does not need them, and each takes
 * room in the initramfs. So are Atomics and many functions (scripts/left-out.ts), and in the executable eval and the
 * parser. The compiler (bc.c) refuses a program that names a global which is not here, or a member of one, or that calls
 * a method which is left out, so that a gap shows in the build and not in somebody's boot.
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
    JS_AddIntrinsicPromise(ctx); /* evaluating a module makes one */
    return mend_bigint(ctx) < 0 ? NULL : ctx;
}
