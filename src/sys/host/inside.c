/* QuickJS's main file, and our functions that need its internals.
 *
 * One fault of its version 2025-04-26 is left, since it cannot be mended from outside: a negative bigint compared with
 * a negative number that has a fraction or exceeds 31 bits (-5n < -3.5) gives the opposite result.
 */
#include "quickjs.h"

/* Most of a program's time is spent in these. All else is compiled for size (scripts/engine.ts), which costs nothing that
 * could be measured. */
#define FOR_SPEED __attribute__((optimize("O2", "no-inline-functions", "no-inline-small-functions")))

/* Its frame may be twice as large then. */
#ifndef SMALL_FRAMES
static JSValue JS_CallInternal(JSContext *ctx, JSValueConst func_obj, JSValueConst this_obj,
                               JSValueConst new_target, int argc, JSValue *argv, int flags) FOR_SPEED;
#endif
JSValue JS_GetPropertyInternal(JSContext *ctx, JSValueConst obj, JSAtom prop, JSValueConst this_obj,
                               JS_BOOL throw_ref_error) FOR_SPEED;

/* The highest limb of 2^63 to 2^64-1 is zero, and quickjs.c counts the zeros before the first one of such a limb to know how many
 * digits there may be. What that gives is undefined: x86-64's processors leave what was in the register, which was enough. */
#include "cutils.h"

static inline int count_leading_zeros(uint64_t bits)
{
    return bits ? clz64(bits) : 64;
}

#define clz64 count_leading_zeros
#include "quickjs.c"
#undef clz64
#include "inside.h"

/* BigInt.asUintN of version 2025-04-26 is negative where the width is a multiple of 64 bits and the top bit is set
 * (upstream's issue 557). This one adds a limb, in which the sign bit stays clear. */
static JSValue bigint_as_uint(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    JSBigIntBuf short_form;
    const JSBigInt *from;
    JSBigInt *result;
    JSValue value;
    uint64_t bits, limbs;
    js_limb_t above;
    int count, i;

    (void)this_value;
    (void)argc;
    if (JS_ToIndex(ctx, &bits, argv[0]))
        return JS_EXCEPTION;
    value = JS_ToBigInt(ctx, argv[1]);
    if (JS_IsException(value))
        return JS_EXCEPTION;
    from = JS_VALUE_GET_TAG(value) == JS_TAG_SHORT_BIG_INT ? js_bigint_set_short(&short_form, value)
                                                           : JS_VALUE_GET_PTR(value);
    above = js_bigint_sign(from) ? (js_limb_t)-1 : 0;
    if (!above && bits >= (uint64_t)from->len * JS_LIMB_BITS)
        return value;
    limbs = bits / JS_LIMB_BITS;
    /* js_bigint_new refuses more than the limit */
    count = limbs < JS_BIGINT_MAX_SIZE ? (int)limbs + 1 : JS_BIGINT_MAX_SIZE + 1;
    result = js_bigint_new(ctx, count);
    if (!result) {
        JS_FreeValue(ctx, value);
        return JS_EXCEPTION;
    }
    for (i = 0; i < count; i++)
        result->tab[i] = i < from->len ? from->tab[i] : above;
    result->tab[count - 1] &= ((js_limb_t)1 << bits % JS_LIMB_BITS) - 1;
    JS_FreeValue(ctx, value);
    return JS_CompactBigInt(ctx, js_bigint_normalize(ctx, result));
}

/* The digit of `width` bits that starts at bit `at`. Above the last limb there are zeros. */
static unsigned digit_at(const JSBigInt *magnitude, int at, int width)
{
    int limb = at / JS_LIMB_BITS, shift = at % JS_LIMB_BITS;
    js_limb_t bits = limb < magnitude->len ? magnitude->tab[limb] >> shift : 0;

    if (shift + width > JS_LIMB_BITS && limb + 1 < magnitude->len)
        bits |= magnitude->tab[limb + 1] << (JS_LIMB_BITS - shift);
    return (unsigned)bits & ((1u << width) - 1);
}

static JSValue binary_digits(JSContext *ctx, const JSBigInt *magnitude, int width, int is_negative)
{
    int at = magnitude->len * JS_LIMB_BITS / width * width; /* the highest digit, which may be partly above */
    char *text = js_malloc(ctx, (size_t)(at / width) + 2), *end = text;
    JSValue result;

    if (!text)
        return JS_EXCEPTION;
    if (is_negative)
        *end++ = '-';
    while (at > 0 && digit_at(magnitude, at, width) == 0)
        at -= width;
    for (; at >= 0; at -= width)
        *end++ = digits[digit_at(magnitude, at, width)];
    result = js_new_string8_len(ctx, text, (int)(end - text));
    js_free(ctx, text);
    return result;
}

/* BigInt.prototype.toString of version 2025-04-26 puts a zero before 2^63..2^64-1 in hexadecimal, and reads past the
 * number in radix 8 and 32. This one writes digits of a power of two itself, and leaves the rest to the original. */
static JSValue bigint_to_string(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    JSValue value = js_thisBigIntValue(ctx, this_value), result;
    JSBigInt *magnitude;
    int radix = argc > 0 && !JS_IsUndefined(argv[0]) ? js_get_radix(ctx, argv[0]) : 10;
    int is_negative, width;

    if (JS_IsException(value) || radix < 0) {
        JS_FreeValue(ctx, value);
        return JS_EXCEPTION;
    }
    if (JS_VALUE_GET_TAG(value) == JS_TAG_SHORT_BIG_INT || radix & (radix - 1)) {
        result = js_bigint_to_string1(ctx, value, radix);
    } else {
        magnitude = JS_VALUE_GET_PTR(value);
        is_negative = js_bigint_sign(magnitude);
        if (is_negative)
            magnitude = js_bigint_neg(ctx, magnitude);
        width = 31 - clz32((uint32_t)radix);
        result = magnitude ? binary_digits(ctx, magnitude, width, is_negative) : JS_EXCEPTION;
        if (is_negative)
            js_free(ctx, magnitude);
    }
    JS_FreeValue(ctx, value);
    return result;
}

static int define_method(JSContext *ctx, JSValueConst object, const char *name, JSCFunction *function,
                         int length)
{
    return JS_DefinePropertyValueStr(ctx, object, name, JS_NewCFunction(ctx, function, name, length),
                                     JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE);
}

int mend_bigint(JSContext *ctx)
{
    JSValue constructor = JS_GetPropertyStr(ctx, ctx->global_obj, "BigInt");
    JSValueConst prototype = ctx->class_proto[JS_CLASS_BIG_INT];
    int failed = define_method(ctx, constructor, "asUintN", bigint_as_uint, 2) < 0 ||
                 define_method(ctx, prototype, "toString", bigint_to_string, 0) < 0;

    JS_FreeValue(ctx, constructor);
    return failed ? -1 : 0;
}

/* The atom that the operation at `at` has. */
static JSAtom atom_at(const JSFunctionBytecode *code, int at)
{
    return get_u32(code->byte_code_buf + at + 1);
}

static void report_missing(JSContext *ctx, JSAtom global, JSAtom member, missing_function *found)
{
    const char *global_text = JS_AtomToCString(ctx, global);
    const char *member_text = member == JS_ATOM_NULL ? NULL : JS_AtomToCString(ctx, member);

    found(global_text ? global_text : "?", member_text);
    JS_FreeCString(ctx, member_text);
    JS_FreeCString(ctx, global_text);
}

/* Judges the global that is read at `at`, and its member where the next operation reads one. Without this a gap would
 * show only when its line runs, which is too late for a boot tool. */
static int find_global_at(JSContext *ctx, const JSFunctionBytecode *code, int at, missing_function *found)
{
    int next = at + short_opcode_info(OP_get_var).size, is_missing;
    JSAtom global = atom_at(code, at), member = JS_ATOM_NULL;
    JSValue value;

    is_missing = JS_HasProperty(ctx, ctx->global_obj, global) <= 0;
    if (!is_missing && next < code->byte_code_len &&
        (code->byte_code_buf[next] == OP_get_field || code->byte_code_buf[next] == OP_get_field2)) {
        member = atom_at(code, next);
        value = JS_GetProperty(ctx, ctx->global_obj, global);
        is_missing = JS_IsObject(value) && JS_HasProperty(ctx, value, member) <= 0;
        JS_FreeValue(ctx, value);
    }
    if (is_missing)
        report_missing(ctx, global, member, found);
    return is_missing;
}

/* Judges the method that is called at `at`. Whose it is nobody knows before it runs. */
static int find_method_at(JSContext *ctx, const JSFunctionBytecode *code, int at, const char *const *methods,
                          missing_function *found)
{
    const char *name = JS_AtomToCString(ctx, atom_at(code, at));
    int is_missing;

    while (name && *methods && strcmp(name, *methods) != 0)
        methods++;
    is_missing = name && *methods;
    if (is_missing)
        found(NULL, name);
    JS_FreeCString(ctx, name);
    return is_missing;
}

static int find_in_function(JSContext *ctx, JSValueConst function, const char *const *methods,
                            missing_function *found)
{
    const JSFunctionBytecode *code;
    int at, i, count = 0;

    if (JS_VALUE_GET_TAG(function) != JS_TAG_FUNCTION_BYTECODE)
        return 0;
    code = JS_VALUE_GET_PTR(function);
    for (at = 0; at < code->byte_code_len; at += short_opcode_info(code->byte_code_buf[at]).size) {
        if (code->byte_code_buf[at] == OP_get_var)
            count += find_global_at(ctx, code, at, found);
        else if (code->byte_code_buf[at] == OP_get_field2)
            count += find_method_at(ctx, code, at, methods, found);
    }
    /* the functions inside this one are among its constants */
    for (i = 0; i < code->cpool_count; i++)
        count += find_in_function(ctx, code->cpool[i], methods, found);
    return count;
}

int find_missing(JSContext *ctx, JSValueConst module, const char *const *methods, missing_function *found)
{
    const JSModuleDef *definition = JS_VALUE_GET_PTR(module);

    return find_in_function(ctx, definition->func_obj, methods, found);
}

static void drop_name(JSContext *ctx, JSAtom *name)
{
    JS_FreeAtom(ctx, *name);
    *name = JS_ATOM_NULL;
}

static void drop_names_in_function(JSContext *ctx, JSValueConst function)
{
    JSFunctionBytecode *code;
    int i;

    if (JS_VALUE_GET_TAG(function) != JS_TAG_FUNCTION_BYTECODE)
        return;
    code = JS_VALUE_GET_PTR(function);
    drop_name(ctx, &code->func_name);
    for (i = 0; i < code->closure_var_count; i++)
        drop_name(ctx, &code->closure_var[i].var_name);
    for (i = 0; i < code->cpool_count; i++)
        drop_names_in_function(ctx, code->cpool[i]);
}

void drop_names(JSContext *ctx, JSValueConst module)
{
    const JSModuleDef *definition = JS_VALUE_GET_PTR(module);

    drop_names_in_function(ctx, definition->func_obj);
}

#include "inside-stored.c"
