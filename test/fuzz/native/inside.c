/* Our functions inside QuickJS: a bigint cut to so many bits has these bits, and one written in a radix is read as the same;
 * modules that are stored come back as they were compiled.
 */
#include "input.h"
#include <inside.c>
#undef free

#define MOST_LIMBS 9
#define MOST_SOURCE 8192
#define MOST_MODULES 3

static JSContext *ctx;

/* A new value with these limbs. */
static JSValue bigint_of(const uint64_t *limbs, int count)
{
    JSBigInt *number = js_bigint_new(ctx, count);

    memcpy(number->tab, limbs, (size_t)count * sizeof *limbs);
    return JS_CompactBigInt(ctx, js_bigint_normalize(ctx, number));
}

static JSValue some_bigint(void)
{
    uint64_t limbs[MOST_LIMBS];
    int count = 1 + (int)(take_byte() % MOST_LIMBS), i;

    for (i = 0; i < count; i++) {
        unsigned how = take_byte();
        limbs[i] = how < 64    ? 0
                   : how < 128 ? UINT64_MAX
                   : how < 160 ? 1ULL << take_byte() % 64
                               : (uint64_t)take_short() << 48 | (uint64_t)take_short() << 16 | take_short();
    }
    return bigint_of(limbs, count);
}

/* In two's complement, which goes on for ever. */
static int bit_of(JSValueConst value, uint64_t at)
{
    JSBigIntBuf short_form;
    const JSBigInt *number = JS_VALUE_GET_TAG(value) == JS_TAG_SHORT_BIG_INT
                                 ? js_bigint_set_short(&short_form, value)
                                 : JS_VALUE_GET_PTR(value);

    if (at / JS_LIMB_BITS >= number->len)
        return js_bigint_sign(number);
    return number->tab[at / JS_LIMB_BITS] >> at % JS_LIMB_BITS & 1;
}

#define MOST_BITS (uint64_t)((MOST_LIMBS + 2) * JS_LIMB_BITS)

static void try_cut(JSValueConst value)
{
    static const int64_t limits[] = {MAX_SAFE_INTEGER, 1 << 20, -1, MAX_SAFE_INTEGER + 1LL};
    int64_t bits =
        take_byte() > 250 ? limits[take_byte() % 4] - take_byte() % 3 : take_short() % (int64_t)MOST_BITS;
    JSValue words[2] = {JS_NewInt64(ctx, bits), value};
    JSValue result = bigint_as_uint(ctx, JS_UNDEFINED, 2, words);
    uint64_t at;

    if (JS_IsException(result)) {
        HOLD(bits < 0 || bits > MAX_SAFE_INTEGER || bits >= (int64_t)JS_BIGINT_MAX_SIZE * JS_LIMB_BITS);
        JS_FreeValue(ctx, JS_GetException(ctx));
        return;
    }
    for (at = 0; at < MOST_BITS; at++)
        HOLD(bit_of(result, at) == (at < (uint64_t)bits ? bit_of(value, at) : 0));
    HOLD(bits >= (int64_t)MOST_BITS || !bit_of(result, MOST_BITS));
    JS_FreeValue(ctx, result);
}

/* Digit by digit: QuickJS itself reads no radix but 10 and powers of two. */
static JSValue read_text(const char *text, int radix)
{
    uint64_t limbs[MOST_LIMBS + 2] = {0}, carry;
    int is_negative = *text == '-', i;

    for (text += is_negative; *text; text++) {
        carry = (uint64_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
        HOLD(carry < (uint64_t)radix);
        for (i = 0; i < MOST_LIMBS + 2; i++) {
            unsigned __int128 product = (unsigned __int128)limbs[i] * (unsigned)radix + carry;
            limbs[i] = (uint64_t)product;
            carry = (uint64_t)(product >> 64);
        }
    }
    for (carry = 1, i = 0; is_negative && i < MOST_LIMBS + 2; i++) {
        limbs[i] = ~limbs[i] + carry;
        carry = carry && limbs[i] == 0;
    }
    return bigint_of(limbs, MOST_LIMBS + 2);
}

static void try_text(JSValueConst value)
{
    unsigned how = take_byte();
    int radix = how < 128 ? 2 << how % 5 : (int)(how % 40);
    JSValue word = JS_NewInt32(ctx, radix), again;
    JSValue result = bigint_to_string(ctx, value, 1, &word);
    const char *text;

    HOLD(JS_IsException(result) == (radix < 2 || radix > 36));
    if (JS_IsException(result)) {
        JS_FreeValue(ctx, JS_GetException(ctx));
        return;
    }
    text = JS_ToCString(ctx, result);
    HOLD((text[0] == '-') == bit_of(value, MOST_BITS));
    HOLD(strcmp(text, "0") == 0 || text[text[0] == '-'] != '0');
    again = read_text(text, radix);
    HOLD(js_strict_eq2(ctx, again, JS_DupValue(ctx, value), JS_EQ_STRICT));
    JS_FreeCString(ctx, text);
    JS_FreeValue(ctx, result);
}

static void try_numbers(void)
{
    JSValue value = some_bigint();

    if (take_byte() % 2)
        try_cut(value);
    else
        try_text(value);
    JS_FreeValue(ctx, value);
}

/* A program's text, as long as there is room. */
static char source[MOST_SOURCE];
static size_t written;

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
    va_list words;

    va_start(words, format);
    written += (size_t)vsnprintf(source + written, sizeof source - written, format, words);
    va_end(words);
    HOLD(written < sizeof source);
}

static int has_room(void)
{
    return written < MOST_SOURCE - 2048;
}

/* So many that a count takes one byte, or five. */
static unsigned some_count(void)
{
    unsigned how = take_byte();

    return how < 200 ? how % 6 : 250 + how % 12;
}

static void put_literal(void)
{
    static const char *const plain[] = {"null",    "true", "undefined", "this", "[]", "{}", "/a+b/u",
                                        "`t${1}`", "-0",   "1e300",     "0.1",  "''", "NaN"};
    unsigned how = take_byte(), count, i;

    switch (how % 6) {
    case 0:
        put("%d", (int)(take_short() << 16 | take_short()));
        break;
    case 1:
        put("%s0x%x%08xn", how & 64 ? "-" : "", take_short(), take_short() << 16);
        break;
    case 2:
        put("0x1%0*xn", (int)(take_byte() % 80), take_short());
        break;
    case 3:
        put("\"%s", how & 64 ? "\\u{1f600}" : "");
        for (count = some_count(), i = 0; i < count; i++)
            put("%c", 'a' + i % 26);
        put("%x\"", take_byte());
        break;
    default:
        put("%s", plain[take_byte() % (sizeof plain / sizeof *plain)]);
    }
}

static void put_expression(unsigned depth)
{
    unsigned how = take_byte(), i;

    if (depth == 0 || is_used_up() || !has_room()) {
        put_literal();
        return;
    }
    switch (how % 8) {
    case 0:
        put("(a%u)=>", how % 5);
        put_expression(depth - 1);
        break;
    case 1:
        put("[");
        for (i = some_count() % 300; i > 0; i--)
            put("%u,", i * how);
        put_expression(depth - 1);
        put("]");
        break;
    case 2:
        put("({n%u:", how);
        put_expression(depth - 1);
        put(",%u:1}).n%u", take_byte(), take_byte());
        break;
    case 3:
        put("(function g%u(b){return ", how);
        put_expression(depth - 1);
        put("}).length");
        break;
    case 4:
        put("typeof v%u", how % 8);
        break;
    default:
        put_literal();
    }
}

static void put_statement(unsigned number)
{
    unsigned how = take_byte(), i;

    switch (how % 6) {
    case 0:
        put("export const e%u=", number);
        put_expression(3);
        break;
    case 1:
        put("import {i%u} from 'm%u'", number, how % 4);
        break;
    case 2:
        put("export {x%u as y%u} from 'm%u'", number, number, how % 3);
        break;
    case 3:
        put("function f%u(", number);
        for (i = some_count() % 280; i > 0; i--)
            put("p%u,", i);
        put("){let w=");
        put_expression(3);
        put(";return ()=>w}");
        break;
    case 4:
        put("class C%u{static s=", number);
        put_expression(2);
        put(";get m%u(){return this.#p}#p=1}", how);
        break;
    default:
        put("let v%u=", number);
        put_expression(3);
    }
    put(";\n");
}

static JSModuleDef *nothing_there(JSContext *context, const char *name, void *opaque)
{
    (void)opaque;
    return JS_NewCModule(context, name, NULL);
}

/* JS_EXCEPTION where it is no module. */
static JSValue some_module(void)
{
    unsigned number = 0;
    JSValue module;

    written = 0;
    put("let v=0;\n");
    do
        put_statement(number++);
    while (number < 40 && !is_used_up() && has_room() && take_byte() % 16);
    module = JS_Eval(ctx, source, written, "module", JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(module))
        JS_FreeValue(ctx, JS_GetException(ctx));
    return module;
}

static void hold_same(JSValueConst found, JSValueConst wanted);

static void hold_same_function(const JSFunctionBytecode *found, const JSFunctionBytecode *wanted)
{
    int i;

    HOLD(memcmp(&found->js_mode, &wanted->js_mode, FUNCTION_BITS) == 0);
    HOLD(found->arg_count == wanted->arg_count && found->var_count == wanted->var_count);
    HOLD(found->defined_arg_count == wanted->defined_arg_count && found->stack_size == wanted->stack_size);
    HOLD(found->byte_code_len == wanted->byte_code_len && found->cpool_count == wanted->cpool_count);
    HOLD(memcmp(found->byte_code_buf, wanted->byte_code_buf, (size_t)wanted->byte_code_len) == 0);
    HOLD(found->closure_var_count == wanted->closure_var_count);
    for (i = 0; i < wanted->closure_var_count; i++) {
        const JSClosureVar *one = &found->closure_var[i], *other = &wanted->closure_var[i];
        HOLD(one->is_local == other->is_local && one->is_arg == other->is_arg &&
             one->is_const == other->is_const);
        HOLD(one->is_lexical == other->is_lexical && one->var_kind == other->var_kind);
        HOLD(one->var_idx == other->var_idx);
    }
    for (i = 0; i < wanted->cpool_count; i++)
        hold_same(found->cpool[i], wanted->cpool[i]);
}

/* Of constants. */
static void hold_same(JSValueConst found, JSValueConst wanted)
{
    HOLD(JS_VALUE_GET_NORM_TAG(found) == JS_VALUE_GET_NORM_TAG(wanted));
    if (JS_VALUE_GET_TAG(wanted) == JS_TAG_FUNCTION_BYTECODE)
        hold_same_function(JS_VALUE_GET_PTR(found), JS_VALUE_GET_PTR(wanted));
    else
        HOLD(js_strict_eq2(ctx, JS_DupValue(ctx, found), JS_DupValue(ctx, wanted), JS_EQ_SAME_VALUE));
}

static void hold_same_module(const JSModuleDef *found, const JSModuleDef *wanted)
{
    int i;

    HOLD(found->req_module_entries_count == wanted->req_module_entries_count);
    for (i = 0; i < wanted->req_module_entries_count; i++)
        HOLD(found->req_module_entries[i].module_name == wanted->req_module_entries[i].module_name);
    HOLD(found->export_entries_count == wanted->export_entries_count);
    for (i = 0; i < wanted->export_entries_count; i++) {
        const JSExportEntry *one = &found->export_entries[i], *other = &wanted->export_entries[i];
        HOLD(one->export_name == other->export_name && one->export_type == other->export_type);
        HOLD(one->export_type == JS_EXPORT_TYPE_LOCAL ? one->u.local.var_idx == other->u.local.var_idx
                                                      : one->local_name == other->local_name);
    }
    HOLD(found->import_entries_count == wanted->import_entries_count);
    for (i = 0; i < wanted->import_entries_count; i++) {
        const JSImportEntry *one = &found->import_entries[i], *other = &wanted->import_entries[i];
        HOLD(one->var_idx == other->var_idx && one->import_name == other->import_name);
        HOLD(one->req_module_idx == other->req_module_idx);
    }
    HOLD(found->has_tla == wanted->has_tla);
    hold_same(found->func_obj, wanted->func_obj);
}

/* The next part of the program, in memory that is as long as it. */
static void add_part(void)
{
    uint8_t *part;
    char *bytes;
    size_t length;
    FILE *file = open_memstream(&bytes, &length);

    HOLD(write_stored(file) == 0 && fclose(file) == 0);
    part = exact_copy((const uint8_t *)bytes, length);
    free(bytes);
    HOLD(add_stored(ctx, part, part + length) == 0);
}

static int add_no_more(JSContext *context)
{
    (void)context;
    return 0;
}

/* As in a new process. */
static void forget_parts(void)
{
    while (part_count > 0) {
        struct stored_part *part = &parts[--part_count];
        uint32_t i;
        for (i = 0; i < word_at(part->begin, 4); i++)
            JS_FreeAtom(ctx, part->atoms[i]);
        js_free(ctx, part->atoms);
        free((void *)(uintptr_t)part->begin);
    }
    dbuf_free(&writer.modules);
    dbuf_free(&writer.texts);
    dbuf_free(&writer.places);
    memset(&writer, 0, sizeof writer);
}

static void try_modules(void)
{
    const JSModuleDef *modules[MOST_MODULES];
    unsigned count = 0, wanted = 1 + take_byte() % MOST_MODULES, i;
    char name[] = "0";

    for (; count < wanted; count++) {
        JSValue module = some_module();
        if (JS_IsException(module))
            break;
        drop_names(ctx, module);
        name[0] = (char)('0' + count);
        if (store_module(ctx, module, name))
            break;
        modules[count] = JS_VALUE_GET_PTR(module);
        if (count == 0)
            add_part();
    }
    if (count > 0 && count == wanted) {
        add_part();
        for (i = 0; i < count; i++) {
            name[0] = (char)('0' + i);
            JSModuleDef *found = load_stored(ctx, name, add_no_more);
            HOLD(found);
            hold_same_module(found, modules[i]);
        }
        HOLD(!load_stored(ctx, "none", add_no_more));
        JS_FreeValue(ctx, JS_GetException(ctx));
    }
    forget_parts();
}

/* The parser, and so a context, is new for each: it keeps the modules. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    JSRuntime *runtime = JS_NewRuntime();

    ctx = JS_NewContextRaw(runtime);
    JS_AddIntrinsicBaseObjects(ctx);
    JS_AddIntrinsicEval(ctx);
    JS_AddIntrinsicRegExpCompiler(ctx);
    JS_AddIntrinsicRegExp(ctx);
    JS_SetStripInfo(runtime, JS_STRIP_DEBUG);
    JS_SetModuleLoaderFunc(runtime, NULL, nothing_there, NULL);
    input_at = data;
    input_end = data + size;
    while (!is_used_up())
        if (take_byte() % 2)
            try_numbers();
        else
            try_modules();
    JS_FreeContext(ctx);
    JS_FreeRuntime(runtime);
    return 0;
}
