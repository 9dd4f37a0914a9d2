/* Modules as an executable stores them. A part of inside.c.
 *
 * QuickJS's own form does not say where the operations have atoms: its reader looks at each of them, and makes atoms anew
 * for every module. That took a third of what a command takes. Here the places are listed, and atoms are numbered through
 * the whole program: those that QuickJS begins with keep their numbers, and the program's own follow, each of which becomes
 * an atom when it is first needed. The compiler of bytecode is built for the machine of the executable, so that operations
 * and numbers are in that machine's byte order.
 *
 * A number below 255 is one byte, another one that byte and four. A program is one part, or several whose atoms are numbered
 * on. A part is: the number of its first atom, how many it has and where its first module begins, in four bytes each; where
 * each atom's text is, in four bytes; the texts; the modules. A module is its name as a C string, how many bytes follow, in
 * four, and these.
 */

#define LONG_NUMBER 255

/* Of a part, in bytes: its first atom, how many atoms, its first module. */
#define PART_HEAD 12

static uint32_t word_at(const uint8_t *part, uint32_t offset)
{
    return get_u32(part + offset);
}

/* Of a function, from js_mode on: what it is, in bits. */
#define FUNCTION_BITS (offsetof(JSFunctionBytecode, byte_code_buf) - offsetof(JSFunctionBytecode, js_mode))

struct stored_reader {
    JSContext *ctx;
    const uint8_t *at;
};

struct stored_part {
    const uint8_t *begin, *end;
    JSAtom *atoms; /* its own, as far as they were needed */
};

static struct stored_part parts[2];
static size_t part_count;

int add_stored(JSContext *ctx, const uint8_t *begin, const uint8_t *end)
{
    struct stored_part *part = &parts[part_count];

    *part = (struct stored_part){begin, end, js_mallocz(ctx, sizeof *part->atoms * (word_at(begin, 4) + 1))};
    part_count += part->atoms ? 1 : 0;
    return part->atoms ? 0 : -1;
}

static uint32_t take_number(struct stored_reader *reader)
{
    uint32_t number = *reader->at++;

    if (number == LONG_NUMBER) {
        number = get_u32(reader->at);
        reader->at += 4;
    }
    return number;
}

static const void *take(struct stored_reader *reader, size_t size)
{
    reader->at += size;
    return reader->at - size;
}

/* NULL, with an exception pending, where there is no memory. */
static JSString *take_text(struct stored_reader *reader)
{
    uint32_t head = take_number(reader), length = head >> 1, is_wide = head & 1;
    JSString *text = js_alloc_string(reader->ctx, (int)length, (int)is_wide);

    if (!text)
        return NULL;
    memcpy(text->u.str8, take(reader, (size_t)length << is_wide), (size_t)length << is_wide);
    if (!is_wide)
        text->u.str8[length] = 0;
    return text;
}

/* The part that has the atom of this number. */
static const struct stored_part *part_with(uint32_t atom)
{
    const struct stored_part *part = &parts[part_count - 1];

    while (atom < word_at(part->begin, 0))
        part--;
    return part;
}

/* The atom that is stored as this number. JS_ATOM_NULL, with an exception pending, where there is no memory. */
static JSAtom atom_of(const struct stored_reader *reader, uint32_t number)
{
    const struct stored_part *part;
    struct stored_reader text;
    JSString *string;
    uint32_t place;

    if (number < JS_ATOM_END || __JS_AtomIsTaggedInt(number))
        return number;
    part = part_with(number - JS_ATOM_END);
    place = number - JS_ATOM_END - word_at(part->begin, 0);
    if (part->atoms[place] == JS_ATOM_NULL) {
        text = (struct stored_reader){reader->ctx, part->begin + word_at(part->begin, PART_HEAD + 4 * place)};
        string = take_text(&text);
        part->atoms[place] = string ? JS_NewAtomStr(reader->ctx, string) : JS_ATOM_NULL;
    }
    return JS_DupAtom(reader->ctx, part->atoms[place]);
}

static JSValue take_value(struct stored_reader *reader);

/* The operations, and how far it is to each that has an atom from the one before. */
static int take_operations(struct stored_reader *reader, JSFunctionBytecode *function)
{
    uint8_t *place = function->byte_code_buf;
    uint32_t atoms;

    memcpy(place, take(reader, (size_t)function->byte_code_len), (size_t)function->byte_code_len);
    for (atoms = take_number(reader); atoms > 0; atoms--) {
        JSAtom atom;

        place += take_number(reader);
        atom = atom_of(reader, get_u32(place));
        if (atom == JS_ATOM_NULL)
            return -1;
        put_u32(place, atom);
    }
    return 0;
}

static void take_closure_variable(struct stored_reader *reader, JSClosureVar *variable)
{
    uint32_t bits = take_number(reader);

    variable->is_local = bits & 1;
    variable->is_arg = bits >> 1 & 1;
    variable->is_const = bits >> 2 & 1;
    variable->is_lexical = bits >> 3 & 1;
    variable->var_kind = bits >> 4 & 15;
    variable->var_idx = (uint16_t)take_number(reader);
    variable->var_name = JS_ATOM_NULL;
}

static JSValue take_function(struct stored_reader *reader)
{
    const void *bits = take(reader, FUNCTION_BITS);
    uint32_t arguments = take_number(reader), variables = take_number(reader), defined = take_number(reader),
             stack = take_number(reader), constants = take_number(reader), outer = take_number(reader),
             length = take_number(reader), i;
    size_t size = offsetof(JSFunctionBytecode, debug); /* which the compiler has dropped */
    JSFunctionBytecode *function =
        js_malloc(reader->ctx, size + constants * sizeof(JSValue) + outer * sizeof(JSClosureVar) + length);

    if (!function)
        return JS_EXCEPTION;
    memset(function, 0, size);
    memcpy(&function->js_mode, bits, FUNCTION_BITS);
    function->header.ref_count = 1;
    function->arg_count = (uint16_t)arguments;
    function->var_count = (uint16_t)variables;
    function->defined_arg_count = (uint16_t)defined;
    function->stack_size = (uint16_t)stack;
    function->cpool_count = (int)constants;
    function->closure_var_count = (int)outer;
    function->byte_code_len = (int)length;
    function->cpool = (JSValue *)((uint8_t *)function + size);
    function->closure_var = (JSClosureVar *)(function->cpool + constants);
    function->byte_code_buf = (uint8_t *)(function->closure_var + outer);
    for (i = 0; i < outer; i++)
        take_closure_variable(reader, &function->closure_var[i]);
    if (take_operations(reader, function))
        return JS_EXCEPTION;
    for (i = 0; i < constants; i++) {
        function->cpool[i] = take_value(reader);
        if (JS_IsException(function->cpool[i]))
            return JS_EXCEPTION;
    }
    function->realm = JS_DupContext(reader->ctx);
    add_gc_object(reader->ctx->rt, &function->header, JS_GC_OBJ_TYPE_FUNCTION_BYTECODE);
    return JS_MKPTR(JS_TAG_FUNCTION_BYTECODE, function);
}

static JSValue take_bigint(struct stored_reader *reader)
{
    uint32_t limbs = take_number(reader);
    JSBigInt *number = js_bigint_new(reader->ctx, (int)limbs);

    if (!number)
        return JS_EXCEPTION;
    memcpy(number->tab, take(reader, limbs * sizeof number->tab[0]), limbs * sizeof number->tab[0]);
    return JS_MKPTR(JS_TAG_BIG_INT, number);
}

/* A constant. */
static JSValue take_value(struct stored_reader *reader)
{
    int tag = *(const int8_t *)take(reader, 1);
    JSString *text;
    int64_t integer;
    double number;

    switch (tag) {
    case JS_TAG_FUNCTION_BYTECODE:
        return take_function(reader);
    case JS_TAG_STRING:
        text = take_text(reader);
        return text ? JS_MKPTR(JS_TAG_STRING, text) : JS_EXCEPTION;
    case JS_TAG_FLOAT64:
        memcpy(&number, take(reader, sizeof number), sizeof number);
        return __JS_NewFloat64(reader->ctx, number);
    case JS_TAG_SHORT_BIG_INT:
        memcpy(&integer, take(reader, sizeof integer), sizeof integer);
        return __JS_NewShortBigInt(reader->ctx, integer);
    case JS_TAG_BIG_INT:
        return take_bigint(reader);
    default:
        return JS_MKVAL(tag, (int)take_number(reader));
    }
}

/* Zeroed room for a list, which may be empty. */
static void *new_list(struct stored_reader *reader, int *count, int *size, size_t bytes)
{
    *count = *size = (int)take_number(reader);
    return js_mallocz(reader->ctx, *count ? (size_t)*count * bytes : 1);
}

static int take_requests(struct stored_reader *reader, JSModuleDef *module)
{
    JSReqModuleEntry *entry =
        new_list(reader, &module->req_module_entries_count, &module->req_module_entries_size, sizeof *entry);
    int i;

    module->req_module_entries = entry;
    for (i = 0; entry && i < module->req_module_entries_count; i++, entry++)
        entry->module_name = atom_of(reader, take_number(reader));
    return entry ? 0 : -1;
}

static int take_exports(struct stored_reader *reader, JSModuleDef *module)
{
    JSExportEntry *entry =
        new_list(reader, &module->export_entries_count, &module->export_entries_size, sizeof *entry);
    int i;

    module->export_entries = entry;
    for (i = 0; entry && i < module->export_entries_count; i++, entry++) {
        uint32_t index = take_number(reader);

        entry->local_name = atom_of(reader, take_number(reader));
        entry->export_name = atom_of(reader, take_number(reader));
        /* the module's own, which needs no name inside it, or another module's */
        entry->export_type =
            entry->local_name == JS_ATOM_NULL ? JS_EXPORT_TYPE_LOCAL : JS_EXPORT_TYPE_INDIRECT;
        if (entry->export_type == JS_EXPORT_TYPE_LOCAL)
            entry->u.local.var_idx = (int)index;
        else
            entry->u.req_module_idx = (int)index;
    }
    return entry ? 0 : -1;
}

static int take_imports(struct stored_reader *reader, JSModuleDef *module)
{
    JSImportEntry *entry =
        new_list(reader, &module->import_entries_count, &module->import_entries_size, sizeof *entry);
    int i;

    module->import_entries = entry;
    for (i = 0; entry && i < module->import_entries_count; i++, entry++) {
        entry->var_idx = (int)take_number(reader);
        entry->import_name = atom_of(reader, take_number(reader));
        entry->req_module_idx = (int)take_number(reader);
    }
    return entry ? 0 : -1;
}

static JSModuleDef *take_module(struct stored_reader *reader)
{
    JSAtom name = atom_of(reader, take_number(reader));
    JSModuleDef *module = name == JS_ATOM_NULL ? NULL : js_new_module_def(reader->ctx, name);

    if (!module || take_requests(reader, module) || take_exports(reader, module) ||
        take_imports(reader, module))
        return NULL;
    module->has_tla = take_number(reader) != 0;
    module->func_obj = take_value(reader);
    return JS_IsException(module->func_obj) ? NULL : module;
}

/* Puts `reader` at what follows a module's name and length. Whether the part has that module. */
static int find_in_part(const struct stored_part *part, const char *name, struct stored_reader *reader)
{
    reader->at = part->begin + word_at(part->begin, 8);
    while (reader->at < part->end) {
        const char *found = take(reader, strlen((const char *)reader->at) + 1);
        uint32_t length = get_u32(take(reader, 4));

        if (!name || strcmp(found, name) == 0)
            return 1;
        reader->at += length;
    }
    return 0;
}

JSModuleDef *load_stored(JSContext *ctx, const char *name, stored_adder *add_more)
{
    struct stored_reader reader = {ctx, NULL};
    size_t i = 0;

    do {
        for (; i < part_count; i++)
            if (find_in_part(&parts[i], name, &reader))
                return take_module(&reader);
        if (add_more(ctx) < 0)
            return NULL;
    } while (i < part_count);
    JS_ThrowReferenceError(ctx, "there is no module %s", name);
    return NULL;
}

/* The other side, in the compiler alone. It has one context for each module, and one program, part after part. */

static struct {
    DynBuf modules;
    DynBuf texts;                    /* of the program's own atoms */
    DynBuf places;                   /* where in `texts` each begins */
    uint32_t first_atom, first_text; /* of the part that is written next */
} writer;

static void put_number(DynBuf *to, uint32_t number)
{
    if (number < LONG_NUMBER) {
        dbuf_putc(to, (uint8_t)number);
    } else {
        dbuf_putc(to, LONG_NUMBER);
        dbuf_put_u32(to, number);
    }
}

/* Twice its length, and whether it is wide; and its characters. */
static void put_text(DynBuf *to, const JSString *text)
{
    put_number(to, (uint32_t)text->len << 1 | text->is_wide_char);
    dbuf_put(to, text->u.str8, (size_t)text->len << text->is_wide_char);
}

/* Whether the text at `place` is this one. */
static int is_text(uint32_t place, const JSString *text)
{
    struct stored_reader stored = {NULL, writer.texts.buf + place};

    return take_number(&stored) == ((uint32_t)text->len << 1 | text->is_wide_char) &&
           memcmp(stored.at, text->u.str8, (size_t)text->len << text->is_wide_char) == 0;
}

static uint32_t number_of(JSContext *ctx, JSAtom atom)
{
    const JSString *text = __JS_AtomIsTaggedInt(atom) ? NULL : ctx->rt->atom_array[atom];
    uint32_t i;

    if (!text || atom < JS_ATOM_END)
        return atom;
    for (i = 0; i < writer.places.size / 4; i++)
        if (is_text(word_at(writer.places.buf, 4 * i), text))
            return JS_ATOM_END + i;
    dbuf_put_u32(&writer.places, (uint32_t)writer.texts.size);
    put_text(&writer.texts, text);
    return JS_ATOM_END + i;
}

/* Whether an operation has an atom, which follows its first byte. */
static int has_atom(const uint8_t *operation)
{
    switch (short_opcode_info(*operation).fmt) {
    case OP_FMT_atom:
    case OP_FMT_atom_u8:
    case OP_FMT_atom_u16:
    case OP_FMT_atom_label_u8:
    case OP_FMT_atom_label_u16:
        return 1;
    default:
        return 0;
    }
}

static void put_operations(JSContext *ctx, const JSFunctionBytecode *function)
{
    DynBuf *to = &writer.modules, distances;
    size_t start = to->size;
    uint32_t atoms = 0;
    int at, last = 0;

    dbuf_init(&distances);
    dbuf_put(to, function->byte_code_buf, (size_t)function->byte_code_len);
    for (at = 0; at < function->byte_code_len; at += short_opcode_info(function->byte_code_buf[at]).size) {
        const uint8_t *operation = function->byte_code_buf + at;
        uint32_t number = has_atom(operation) ? number_of(ctx, get_u32(operation + 1)) : 0;

        if (number < JS_ATOM_END || __JS_AtomIsTaggedInt(number))
            continue;
        put_u32(to->buf + start + at + 1, number);
        put_number(&distances, (uint32_t)(at + 1 - last));
        last = at + 1;
        atoms++;
    }
    put_number(to, atoms);
    dbuf_put(to, distances.buf, distances.size);
    dbuf_free(&distances);
}

static int put_value(JSContext *ctx, JSValueConst value);

static int put_function(JSContext *ctx, const JSFunctionBytecode *function)
{
    DynBuf *to = &writer.modules;
    int i, failed = 0;

    /* only for a debugger, or eval */
    if (function->has_debug || function->vardefs || function->func_name != JS_ATOM_NULL)
        return -1;
    dbuf_put(to, &function->js_mode, FUNCTION_BITS);
    put_number(to, function->arg_count);
    put_number(to, function->var_count);
    put_number(to, function->defined_arg_count);
    put_number(to, function->stack_size);
    put_number(to, (uint32_t)function->cpool_count);
    put_number(to, (uint32_t)function->closure_var_count);
    put_number(to, (uint32_t)function->byte_code_len);
    for (i = 0; i < function->closure_var_count; i++) {
        const JSClosureVar *variable = &function->closure_var[i];
        put_number(to, (uint32_t)(variable->is_local | variable->is_arg << 1 | variable->is_const << 2 |
                                  variable->is_lexical << 3 | variable->var_kind << 4));
        put_number(to, variable->var_idx);
    }
    put_operations(ctx, function);
    for (i = 0; i < function->cpool_count && !failed; i++)
        failed = put_value(ctx, function->cpool[i]);
    return failed;
}

static int put_value(JSContext *ctx, JSValueConst value)
{
    DynBuf *to = &writer.modules;
    int tag = JS_VALUE_GET_NORM_TAG(value);
    const JSBigInt *bigint;
    int64_t integer;
    double number;

    dbuf_putc(to, (uint8_t)tag);
    switch (tag) {
    case JS_TAG_FUNCTION_BYTECODE:
        return put_function(ctx, JS_VALUE_GET_PTR(value));
    case JS_TAG_STRING:
        put_text(to, JS_VALUE_GET_STRING(value));
        return 0;
    case JS_TAG_FLOAT64:
        number = JS_VALUE_GET_FLOAT64(value);
        dbuf_put(to, (const uint8_t *)&number, sizeof number);
        return 0;
    case JS_TAG_SHORT_BIG_INT:
        integer = JS_VALUE_GET_SHORT_BIG_INT(value);
        dbuf_put(to, (const uint8_t *)&integer, sizeof integer);
        return 0;
    case JS_TAG_BIG_INT:
        bigint = JS_VALUE_GET_PTR(value);
        put_number(to, bigint->len);
        dbuf_put(to, (const uint8_t *)bigint->tab, bigint->len * sizeof bigint->tab[0]);
        return 0;
    case JS_TAG_INT:
    case JS_TAG_BOOL:
    case JS_TAG_NULL:
    case JS_TAG_UNDEFINED:
        put_number(to, (uint32_t)JS_VALUE_GET_INT(value));
        return 0;
    default:
        return -1;
    }
}

static int put_module(JSContext *ctx, const JSModuleDef *module)
{
    DynBuf *to = &writer.modules;
    int i;

    if (module->star_export_entries_count)
        return -1;
    put_number(to, number_of(ctx, module->module_name));
    put_number(to, (uint32_t)module->req_module_entries_count);
    for (i = 0; i < module->req_module_entries_count; i++)
        put_number(to, number_of(ctx, module->req_module_entries[i].module_name));
    put_number(to, (uint32_t)module->export_entries_count);
    for (i = 0; i < module->export_entries_count; i++) {
        const JSExportEntry *entry = &module->export_entries[i];
        int is_local = entry->export_type == JS_EXPORT_TYPE_LOCAL;
        put_number(to, (uint32_t)(is_local ? entry->u.local.var_idx : entry->u.req_module_idx));
        put_number(to, is_local ? JS_ATOM_NULL : number_of(ctx, entry->local_name));
        put_number(to, number_of(ctx, entry->export_name));
    }
    put_number(to, (uint32_t)module->import_entries_count);
    for (i = 0; i < module->import_entries_count; i++) {
        const JSImportEntry *entry = &module->import_entries[i];
        put_number(to, (uint32_t)entry->var_idx);
        put_number(to, number_of(ctx, entry->import_name));
        put_number(to, (uint32_t)entry->req_module_idx);
    }
    put_number(to, module->has_tla);
    return put_value(ctx, module->func_obj);
}

int store_module(JSContext *ctx, JSValueConst module, const char *name)
{
    DynBuf *to = &writer.modules;
    size_t length_at;
    int failed;

    if (!to->realloc_func) {
        dbuf_init(to);
        dbuf_init(&writer.texts);
        dbuf_init(&writer.places);
    }
    dbuf_put(to, (const uint8_t *)name, strlen(name) + 1);
    length_at = to->size;
    dbuf_put_u32(to, 0);
    failed = put_module(ctx, JS_VALUE_GET_PTR(module));
    put_u32(to->buf + length_at, (uint32_t)(to->size - length_at - 4));
    return failed;
}

int write_stored(FILE *part)
{
    uint32_t first = writer.first_atom, end = (uint32_t)(writer.places.size / 4), i;
    uint32_t texts = PART_HEAD + 4 * (end - first), length = (uint32_t)writer.texts.size - writer.first_text;
    DynBuf head;
    int failed;

    dbuf_init(&head);
    dbuf_put_u32(&head, first);
    dbuf_put_u32(&head, end - first);
    dbuf_put_u32(&head, texts + length);
    for (i = first; i < end; i++)
        dbuf_put_u32(&head, texts + word_at(writer.places.buf, 4 * i) - writer.first_text);
    failed = fwrite(head.buf, 1, head.size, part) != head.size ||
             fwrite(writer.texts.buf + writer.first_text, 1, length, part) != length ||
             fwrite(writer.modules.buf, 1, writer.modules.size, part) != writer.modules.size;
    dbuf_free(&head);
    writer.first_atom = end;
    writer.first_text = (uint32_t)writer.texts.size;
    writer.modules.size = 0;
    return failed ? -1 : 0;
}
