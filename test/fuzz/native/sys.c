/* The door to the kernel: what a script gives is what the kernel gets, bytes for bytes; what does not fit is thrown, and then nobody is
 * asked. The kernel is pretended, and so is what memory there is.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <unistd.h>
#include "input.h"
#include "quickjs.h"
#include "sha256.h"

#define MACHINE "x86_64"
#define MOST_ARGUMENTS 9
#define MOST_TEXT 64
#define MOST_DESCRIPTORS 16
#define FIRST_COPY 8

static long called(const long *words);
static int copied(int descriptor);
static int closed(int descriptor);
static int replaced(int from, int to);
static int started(pid_t *pid, const char *path, char **argv);
static void *lent(JSContext *ctx, size_t size, int is_zeroed);

/* Its own code, with the kernel and the memory in our hands. */
#define syscall(...) called((const long[]){__VA_ARGS__})
#define fcntl(descriptor, ...) copied(descriptor)
#define close(descriptor) closed(descriptor)
#define posix_spawn_file_actions_adddup2(actions, from, to) replaced(from, to)
#define posix_spawn(pid, path, actions, attributes, argv, environment) started(pid, path, argv)
#define js_malloc(ctx, size) lent(ctx, size, 0)
#define js_mallocz(ctx, size) lent(ctx, size, 1)
#include <sys.c>
#undef syscall
#undef fcntl
#undef close
#undef js_malloc
#undef js_mallocz

enum kind { NUMBER, TEXT, BYTES, NOTHING, STRANGE };

/* What a script gives, and what it means. */
struct argument {
    JSValue value;
    enum kind kind;
    int64_t number;
    int is_bigint;
    uint8_t text[MOST_TEXT];
    size_t length;   /* of the text, or of the bytes */
    int is_wide;     /* a character is above 255 */
    uint8_t *memory; /* in which the bytes are */
    uint8_t *start;
    size_t room;
    uint8_t before[MOST_TEXT];
};

static struct argument given[MOST_ARGUMENTS];
static int given_count;

static int calls;       /* of whatever was to be asked */
static int is_short;    /* of memory */
static int left_blocks; /* that memory is there for */
static int lost_block;
static long answer;
static int answer_errno;

uint64_t lost_page;

static void *lent(JSContext *ctx, size_t size, int is_zeroed)
{
    if (left_blocks-- > 0)
        return is_zeroed ? js_mallocz(ctx, size) : js_malloc(ctx, size);
    lost_block = 1;
    JS_ThrowOutOfMemory(ctx);
    return NULL;
}

int arena_is_short(void)
{
    return is_short;
}

void arena_shortage_is_told(void)
{
    HOLD(is_short);
    is_short = 0;
}

void arena_goes_on(void)
{
    is_short = 0;
}

JSValue load_exports(JSContext *ctx, const char *name)
{
    (void)name;
    return JS_ThrowReferenceError(ctx, "there is none");
}

static void hold_text(const char *found, const struct argument *wanted)
{
    HOLD(strlen(found) == wanted->length && memcmp(found, wanted->text, wanted->length) == 0);
}

/* Nobody else's memory: all of it can be written. */
static void hold_bytes(const uint8_t *found, size_t length, const struct argument *wanted)
{
    HOLD(found == wanted->start && length == wanted->length);
    memset(wanted->start, 0x5a, length);
}

static void hold_word(long word, const struct argument *wanted)
{
    switch (wanted->kind) {
    case NUMBER:
        HOLD(word == (long)wanted->number);
        break;
    case TEXT:
        hold_text((const char *)word, wanted);
        break;
    case BYTES:
        hold_bytes((const uint8_t *)word, wanted->length, wanted);
        break;
    case NOTHING:
        HOLD(word == 0);
        break;
    default:
        abort();
    }
}

static long called(const long *words)
{
    int i;

    calls++;
    for (i = 0; i < MOST_WORDS; i++) {
        if (i < given_count)
            hold_word(words[i], &given[i]);
        else
            HOLD(words[i] == 0);
    }
    errno = answer_errno;
    return answer_errno ? -1 : answer;
}

/* Which file each descriptor is of, 0 where it is closed. */
static int opened[MOST_DESCRIPTORS], in_child[MOST_DESCRIPTORS];

static int is_open(int descriptor)
{
    return descriptor >= 0 && descriptor < MOST_DESCRIPTORS && opened[descriptor];
}

static int copied(int descriptor)
{
    int copy = FIRST_COPY;

    while (copy < MOST_DESCRIPTORS && opened[copy])
        copy++;
    errno = is_open(descriptor) ? EMFILE : EBADF;
    if (!is_open(descriptor) || copy == MOST_DESCRIPTORS || take_byte() > 250)
        return -1;
    opened[copy] = in_child[copy] = opened[descriptor];
    return copy;
}

static int closed(int descriptor)
{
    HOLD(descriptor >= FIRST_COPY && is_open(descriptor));
    opened[descriptor] = 0;
    return 0;
}

static int replaced(int from, int to)
{
    HOLD(from >= 0 && to >= 0 && to < 3);
    if (take_byte() > 250)
        return ENOMEM;
    in_child[to] = from < MOST_DESCRIPTORS ? in_child[from] : 0;
    return 0;
}

static int started(pid_t *pid, const char *path, char **argv)
{
    int i;

    calls++;
    hold_text(path, &given[0]);
    for (i = 0; argv[i]; i++)
        hold_text(argv[i], &given[5 + i]);
    HOLD(5 + i == given_count);
    for (i = 0; i < 3; i++)
        HOLD(in_child[i] == (is_open((int)given[2 + i].number) ? opened[given[2 + i].number] : 0));
    *pid = (pid_t)answer;
    return answer_errno;
}

int gather(struct gather *state, int action, int directory, const char *name)
{
    calls++;
    hold_bytes((const uint8_t *)state, sizeof *state, &given[0]);
    HOLD(action == (int)given[1].number && directory == (int)given[2].number);
    hold_text(name, &given[3]);
    return (int)answer;
}

int guard(uint64_t start, uint64_t length, uint64_t page)
{
    uint64_t wanted = (uint64_t)given[1].number;

    calls++;
    HOLD(start == (uint64_t)given[0].number && length % page == 0 && length >= wanted &&
         length - wanted < page);
    return 0;
}

long unpack(const char *method, const uint8_t *input, size_t input_length, uint8_t *output, size_t room)
{
    calls++;
    hold_text(method, &given[0]);
    hold_bytes(input, input_length, &given[1]);
    hold_bytes(output, room, &given[2]);
    return answer;
}

static int64_t some_number(void)
{
    static const int64_t limits[] = {0,          -1,        INT32_MAX, INT32_MIN,
                                     UINT32_MAX, INT64_MAX, INT64_MIN, 1LL << 53};
    unsigned how = take_byte();

    return how < 160   ? (int64_t)(take_byte() % 24) - 2
           : how < 200 ? (int64_t)take_short() << 32 | take_short()
                       : limits[how % 8] + (int64_t)(take_byte() % 5) - 2;
}

/* A number that a script has as such is whole. */
static void give_number(JSContext *ctx, struct argument *to, int64_t number)
{
    int64_t most = 1LL << 53;

    to->kind = NUMBER;
    to->number = number;
    to->is_bigint = number < -most || number > most || take_byte() > 240;
    to->value = to->is_bigint ? JS_NewBigInt64(ctx, number) : JS_NewInt64(ctx, number);
}

static void give_small(JSContext *ctx, struct argument *to, int64_t number)
{
    to->kind = NUMBER;
    to->number = number;
    to->value = JS_NewInt64(ctx, number);
}

static void give_text(JSContext *ctx, struct argument *to)
{
    uint8_t utf8[2 * MOST_TEXT], *end = utf8;
    size_t length = take_byte() % MOST_TEXT, i;

    to->kind = TEXT;
    for (i = 0; i < length; i++) {
        unsigned character = take_byte();
        if (character == 0xff && take_byte() == 1) {
            character = 0x100 + take_byte();
            to->is_wide = 1;
        }
        to->text[i] = (uint8_t)character;
        if (character < 0x80) {
            *end++ = (uint8_t)character;
        } else {
            *end++ = (uint8_t)(0xc0 | character >> 6);
            *end++ = (uint8_t)(0x80 | (character & 0x3f));
        }
    }
    to->length = length;
    to->value = JS_NewStringLen(ctx, (const char *)utf8, (size_t)(end - utf8));
}

static void leave_to_us(JSRuntime *runtime, void *opaque, void *memory)
{
    (void)runtime;
    (void)opaque;
    (void)memory;
}

/* Part of a buffer that begins and ends where its memory does. */
static void give_array(JSContext *ctx, struct argument *to, size_t room, JSTypedArrayEnum type)
{
    size_t i, offset = take_byte() < 128 ? 0 : take_byte() % (room + 1);
    JSValue words[3];

    to->kind = BYTES;
    to->room = room;
    to->memory = malloc(room ? room : 1);
    for (i = 0; i < room; i++)
        to->memory[i] = (uint8_t)take_byte();
    if (type == JS_TYPED_ARRAY_UINT16) {
        offset = 0;
        room &= ~(size_t)1;
    }
    to->start = to->memory + offset;
    to->length = take_byte() < 128 ? room - offset : take_byte() % (room - offset + 1);
    if (type == JS_TYPED_ARRAY_UINT16) {
        to->kind = STRANGE;
        to->length &= ~(size_t)1;
    }
    words[0] = JS_NewArrayBuffer(ctx, to->memory, to->room, leave_to_us, NULL, 0);
    words[1] = JS_NewInt64(ctx, (int64_t)offset);
    words[2] = JS_NewInt64(ctx, (int64_t)(type == JS_TYPED_ARRAY_UINT16 ? to->length / 2 : to->length));
    to->value = JS_NewTypedArray(ctx, 3, words, type);
    JS_FreeValue(ctx, words[0]);
    HOLD(!JS_IsException(to->value));
}

static void give_other(JSContext *ctx, struct argument *to)
{
    to->kind = STRANGE;
    switch (take_byte() % 5) {
    case 0:
        to->kind = NOTHING;
        to->value = JS_NULL;
        break;
    case 1:
        to->value = JS_UNDEFINED;
        break;
    case 2:
        to->value = JS_NewObject(ctx);
        break;
    case 3:
        to->value = JS_NewArray(ctx);
        break;
    default:
        give_array(ctx, to, take_byte() % MOST_TEXT, JS_TYPED_ARRAY_UINT16);
    }
}

static struct argument *next_argument(void)
{
    struct argument *to = &given[given_count++];

    memset(to, 0, sizeof *to);
    return to;
}

/* Seldom something else than what is wanted. */
static struct argument *give(JSContext *ctx, enum kind wanted)
{
    struct argument *to = next_argument();
    unsigned how = take_byte();

    if (how > 250)
        wanted = (enum kind)(how % (STRANGE + 1));
    if (wanted == NUMBER)
        give_number(ctx, to, some_number());
    else if (wanted == TEXT)
        give_text(ctx, to);
    else if (wanted == BYTES)
        give_array(ctx, to, take_byte() % MOST_TEXT, JS_TYPED_ARRAY_UINT8);
    else
        give_other(ctx, to);
    if (to->kind == BYTES)
        memcpy(to->before, to->memory, to->room);
    return to;
}

/* Whether the kernel can have it as a string. */
static int is_kernel_text(const struct argument *text)
{
    return text->kind == TEXT && !text->is_wide && !memchr(text->text, 0, text->length);
}

static int is_index(const struct argument *number, size_t limit)
{
    return number->kind == NUMBER && !number->is_bigint && number->number >= 0 &&
           (uint64_t)number->number <= limit;
}

static void hold_same(const struct argument *bytes)
{
    HOLD(memcmp(bytes->before, bytes->memory, bytes->room) == 0);
}

/* Of the function of this name of what was given. */
static JSValue result_of(JSContext *ctx, const char *name, int count)
{
    JSValueConst words[MOST_ARGUMENTS];
    JSValue function, result;
    int i;

    for (i = 0; i < FUNCTION_COUNT && strcmp(functions[i].name, name) != 0; i++)
        ;
    HOLD(i < FUNCTION_COUNT);
    function = JS_NewCFunction(ctx, functions[i].u.func.cfunc.generic, name, functions[i].u.func.length);
    for (i = 0; i < count; i++)
        words[i] = given[i].value;
    calls = lost_block = 0;
    result = JS_Call(ctx, function, JS_UNDEFINED, count, words);
    JS_FreeValue(ctx, function);
    return result;
}

/* A text's characters, each of which is a byte. */
static void hold_result_text(JSContext *ctx, JSValueConst result, const uint8_t *bytes, size_t length)
{
    size_t utf8_length, i;
    const char *utf8 = JS_ToCStringLen(ctx, &utf8_length, result), *at = utf8;

    HOLD(utf8 && JS_IsString(result));
    for (i = 0; i < length; i++) {
        unsigned character = (uint8_t)*at++;
        if (character >= 0x80)
            character = (character << 6 & 0xff) | ((uint8_t)*at++ & 0x3f);
        HOLD(character == bytes[i]);
    }
    HOLD(at == utf8 + utf8_length);
    JS_FreeCString(ctx, utf8);
}

static void hold_result_number(JSContext *ctx, JSValueConst result, int64_t wanted)
{
    int64_t number = 0;

    HOLD(JS_IsNumber(result) && JS_ToInt64(ctx, &number, result) == 0);
    HOLD(number == wanted || wanted > 1LL << 53 || wanted < 0);
}

/* Thrown, and nobody was asked, where `is_sound` is not: 1. */
static int is_thrown(JSContext *ctx, JSValueConst result, int is_sound)
{
    HOLD(JS_IsException(result) == (!is_sound || lost_block));
    if (!JS_IsException(result))
        return 0;
    HOLD(calls == 0);
    JS_FreeValue(ctx, JS_GetException(ctx));
    return 1;
}

/* Where memory is short, a call that begins something is refused, and one that ends something is not. */
static void try_syscall(JSContext *ctx)
{
    static const enum kind kinds[] = {NUMBER, TEXT, BYTES, STRANGE};
    int count = 1 + take_byte() % 8, is_sound = count <= MOST_WORDS, i;
    JSValue result;

    is_short = take_byte() > 200;
    give_small(ctx, next_argument(), take_byte() % 2 ? SYS_openat : SYS_close);
    is_sound &= !is_short || given[0].number == SYS_close;
    for (i = 1; i < count; i++) {
        const struct argument *word = give(ctx, kinds[take_byte() % 4]);
        is_sound &= word->kind != STRANGE && (word->kind != TEXT || is_kernel_text(word));
    }
    result = result_of(ctx, "syscall", count);
    if (!is_thrown(ctx, result, is_sound)) {
        HOLD(calls == 1);
        if (answer_errno) {
            int64_t number;
            HOLD(JS_ToInt64(ctx, &number, result) == 0 && number == -answer_errno);
        } else {
            hold_result_number(ctx, result, answer);
        }
    }
    is_short = 0;
    JS_FreeValue(ctx, result);
}

static void try_decode(JSContext *ctx)
{
    const struct argument *bytes = give(ctx, BYTES), *start = give(ctx, NUMBER), *end = give(ctx, NUMBER);
    int is_sound =
        bytes->kind == BYTES && is_index(end, bytes->length) && is_index(start, (size_t)end->number);
    JSValue result = result_of(ctx, "decode", 3);

    /* what is no number may still be one to a script */
    if (start->kind != NUMBER || end->kind != NUMBER)
        is_sound = !JS_IsException(result) && !lost_block;
    if (!is_thrown(ctx, result, is_sound) && start->kind == NUMBER && end->kind == NUMBER)
        hold_result_text(ctx, result, bytes->start + start->number, (size_t)(end->number - start->number));
    JS_FreeValue(ctx, result);
}

static void try_encode(JSContext *ctx)
{
    const struct argument *text = give(ctx, TEXT), *bytes = give(ctx, BYTES), *at = give(ctx, NUMBER);
    int is_sound = text->kind == TEXT && !text->is_wide && bytes->kind == BYTES &&
                   is_index(at, bytes->length) && text->length <= bytes->length - (size_t)at->number;
    JSValue result = result_of(ctx, "encode", 3);

    if (text->kind != TEXT || at->kind != NUMBER) {
        JS_FreeValue(ctx, JS_IsException(result) ? JS_GetException(ctx) : result);
        return;
    }
    if (is_thrown(ctx, result, is_sound)) {
        if (bytes->kind == BYTES)
            hold_same(bytes);
        return;
    }
    hold_result_number(ctx, result, (int64_t)text->length);
    HOLD(memcmp(bytes->start + at->number, text->text, text->length) == 0);
    memcpy(bytes->start + at->number, bytes->before + (bytes->start - bytes->memory) + at->number,
           text->length);
    hold_same(bytes);
    JS_FreeValue(ctx, result);
}

/* The memory of bytes as bytes again. */
static void try_memory(JSContext *ctx)
{
    const struct argument *bytes = give(ctx, BYTES);
    JSValue array = bytes->value, result = result_of(ctx, "address", 1);
    struct bytes found;

    if (is_thrown(ctx, result, bytes->kind == BYTES))
        return;
    given[0].value = result;
    give_small(ctx, next_argument(), (int64_t)bytes->length);
    result = result_of(ctx, "memory", 2);
    if (!is_thrown(ctx, result, 1)) {
        HOLD(bytes_of(ctx, &found, result) == 0);
        hold_bytes(found.start, found.length, bytes);
    }
    JS_FreeValue(ctx, result);
    JS_FreeValue(ctx, array);
}

static void try_zeros(JSContext *ctx)
{
    const struct argument *bytes = give(ctx, BYTES), *at = give(ctx, NUMBER);
    int is_sound = bytes->kind == BYTES && is_index(at, bytes->length);
    size_t i;
    JSValue result;

    if (bytes->kind == BYTES && take_byte() < 128)
        memset(bytes->start, 0, bytes->length);
    result = result_of(ctx, "zeros", 2);
    if (at->kind != NUMBER)
        is_sound = !JS_IsException(result);
    if (!is_thrown(ctx, result, is_sound) && at->kind == NUMBER) {
        for (i = (size_t)at->number; i < bytes->length && bytes->start[i] == 0; i++)
            ;
        hold_result_number(ctx, result, (int64_t)i - at->number);
    }
    JS_FreeValue(ctx, result);
}

static void try_sha256(JSContext *ctx)
{
    const struct argument *bytes = give(ctx, BYTES);
    JSValue result = result_of(ctx, "sha256", 1);

    if (!is_thrown(ctx, result, bytes->kind == BYTES)) {
        uint8_t digest[SHA256_SIZE];
        char text[2 * SHA256_SIZE + 1];
        int i;
        sha256(digest, bytes->start, bytes->length);
        for (i = 0; i < SHA256_SIZE; i++)
            snprintf(text + 2 * i, 3, "%02x", digest[i]);
        hold_result_text(ctx, result, (const uint8_t *)text, 2 * SHA256_SIZE);
    }
    JS_FreeValue(ctx, result);
}

static void try_gather(JSContext *ctx)
{
    struct argument *state = next_argument();
    const struct argument *name;
    JSValue result;

    give_array(ctx, state, sizeof(struct gather) + take_byte() % 2, JS_TYPED_ARRAY_UINT8);
    give_small(ctx, next_argument(), take_byte());
    give_small(ctx, next_argument(), take_byte());
    name = give(ctx, TEXT);
    if (name->kind != TEXT)
        return;
    result = result_of(ctx, "gather", 4);
    if (!is_thrown(ctx, result, state->length == sizeof(struct gather) && is_kernel_text(name)))
        hold_result_number(ctx, result, (int)answer);
    JS_FreeValue(ctx, result);
}

static void try_guard(JSContext *ctx)
{
    JSValue result;

    give_number(ctx, next_argument(), some_number());
    give_number(ctx, next_argument(), some_number());
    result = result_of(ctx, "guard", 2);
    is_thrown(ctx, result, is_index(&given[1], SIZE_MAX / 2));
    JS_FreeValue(ctx, result);
}

static void try_unpack(JSContext *ctx)
{
    int is_sound;
    JSValue result;

    given_count = 0;
    is_sound = give(ctx, TEXT)->kind == TEXT;
    is_sound &= !given[0].is_wide && !memchr(given[0].text, 0, given[0].length);
    for (size_t i = 0; i < given[0].length; i++)
        is_sound &= given[0].text[i] < 0x80;
    is_sound &= give(ctx, BYTES)->kind == BYTES;
    is_sound &= give(ctx, BYTES)->kind == BYTES;
    /* a method is plain text: another one is nobody's */
    if (!is_sound)
        return;
    result = result_of(ctx, "unpack", 3);
    if (!is_thrown(ctx, result, 1))
        HOLD(calls == 1);
    JS_FreeValue(ctx, result);
}

static void try_spawn(JSContext *ctx)
{
    JSValue list = JS_NewArray(ctx), result;
    int count, i, is_sound;

    is_sound = is_kernel_text(give(ctx, TEXT));
    next_argument()->value = list;
    for (i = 0; i < 3; i++)
        give_small(ctx, next_argument(), (int64_t)(take_byte() % 8) - 1);
    for (count = take_byte() % 4, i = 0; i < count; i++) {
        const struct argument *word = next_argument();
        give_text(ctx, (struct argument *)word);
        is_sound &= is_kernel_text(word);
        JS_SetPropertyUint32(ctx, list, (uint32_t)i, JS_DupValue(ctx, word->value));
    }
    if (given[0].kind != TEXT)
        return;
    for (i = 0; i < MOST_DESCRIPTORS; i++)
        in_child[i] = opened[i] = i < FIRST_COPY - 1 ? i + 1 : 0;
    /* copies are inherited until the program begins */
    for (i = FIRST_COPY; i < MOST_DESCRIPTORS; i++)
        in_child[i] = 0;
    result = result_of(ctx, "spawn", 5);
    is_thrown(ctx, result, is_sound);
    for (i = FIRST_COPY; i < MOST_DESCRIPTORS; i++)
        HOLD(!opened[i]);
    JS_FreeValue(ctx, result);
}

/* The program's own. */
static void try_arguments(JSContext *ctx)
{
    char *words[] = {(char *)given[0].text};
    JSValue list, word;

    give_text(ctx, next_argument());
    given[0].length = strlen((const char *)given[0].text);
    program_argc = 1;
    program_argv = words;
    lost_block = 0;
    list = program_arguments(ctx);
    HOLD(JS_IsException(list) == lost_block);
    if (JS_IsException(list)) {
        JS_FreeValue(ctx, JS_GetException(ctx));
        return;
    }
    word = JS_GetPropertyUint32(ctx, list, 0);
    hold_result_text(ctx, word, given[0].text, given[0].length);
    JS_FreeValue(ctx, word);
    JS_FreeValue(ctx, list);
}

static void act(JSContext *ctx)
{
    static void (*const tries[])(JSContext *) = {try_syscall, try_decode, try_encode,   try_memory,
                                                 try_zeros,   try_sha256, try_gather,   try_guard,
                                                 try_unpack,  try_spawn,  try_arguments};
    unsigned how = take_byte();

    answer = take_short();
    answer_errno = take_byte() < 200 ? 0 : 1 + (int)take_byte();
    left_blocks = how < 200 ? 1000 : (int)(how % 8);
    given_count = 0;
    tries[how % 11](ctx);
    while (given_count > 0) {
        given_count--;
        JS_FreeValue(ctx, given[given_count].value);
        free(given[given_count].memory);
    }
}

static long blocks; /* that QuickJS has */

static void *take_block(JSMallocState *state, size_t size)
{
    (void)state;
    blocks++;
    return malloc(size);
}

static void free_block(JSMallocState *state, void *block)
{
    (void)state;
    blocks -= block != NULL;
    free(block);
}

static void *resize_block(JSMallocState *state, void *block, size_t size)
{
    if (size == 0) {
        free_block(state, block);
        return NULL;
    }
    blocks += !block;
    return realloc(block, size);
}

static JSContext *make_context(void)
{
    static const JSMallocFunctions memory = {take_block, free_block, resize_block, NULL};
    JSContext *ctx = JS_NewContextRaw(JS_NewRuntime2(&memory, NULL));

    JS_AddIntrinsicBaseObjects(ctx);
    JS_AddIntrinsicTypedArrays(ctx);
    return ctx;
}

/* One context for all: to make one takes a thousand times as long as to use it. Nothing stays in it, but for what it makes
 * when that is first asked for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static JSContext *ctx;
    long before = 0;
    int i;

    if (!ctx)
        ctx = make_context();
    for (i = 0; i < 2; i++) {
        before = blocks;
        input_at = data;
        input_end = data + size;
        while (!is_used_up())
            act(ctx);
        JS_RunGC(JS_GetRuntime(ctx));
    }
    HOLD(blocks == before);
    return 0;
}
