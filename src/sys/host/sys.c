/* The module "qjs:sys": the door to the kernel, as interface Engine in src/sys/engine.ts describes it.
 *
 * What a system call means is not known here: numbers, flags and layouts are the script's. QuickJS frees a value as
 * soon as nothing refers to it, so an address is valid only while the script holds the array.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "../gather/gather.h"
#include "../guard/guard.h"
#include "arena.h"
#include "program.h"
#include "sha256.h"
#include "sys.h"
#include "unpack.h"

extern char **environ;

/* A program for ppc may run on a kernel of 64 bits, and uname says there what personality(2) was asked for. What a cpu
 * can, such a kernel has in a table of its own (arch/powerpc/kernel/cpu_specs*.h). */
#if defined(__powerpc__) && !defined(__powerpc64__)
#define PPC_FEATURE_64 0x40000000
#define KERNEL (getauxval(AT_HWCAP) & PPC_FEATURE_64 ? "ppc64" : MACHINE)
#else
#define KERNEL MACHINE
#endif

static int program_argc;
static char **program_argv;

/* A byte string: each character, 0..255, is one byte. QuickJS takes and gives UTF-8, which is the same only for
 * ASCII. */
static JSValue byte_string_from(JSContext *ctx, const uint8_t *bytes, size_t length)
{
    uint8_t *utf8, *end;
    size_t i;
    JSValue text;

    for (i = 0; i < length && bytes[i] < 0x80; i++)
        ;
    if (i == length)
        return JS_NewStringLen(ctx, (const char *)bytes, length);
    utf8 = end = js_malloc(ctx, 2 * length);
    if (!utf8)
        return JS_EXCEPTION;
    for (i = 0; i < length; i++) {
        if (bytes[i] < 0x80) {
            *end++ = bytes[i];
        } else {
            *end++ = 0xc0 | bytes[i] >> 6;
            *end++ = 0x80 | (bytes[i] & 0x3f);
        }
    }
    text = JS_NewStringLen(ctx, (const char *)utf8, (size_t)(end - utf8));
    js_free(ctx, utf8);
    return text;
}

/* How many characters UTF-8 text has, or -1 if one of them is above 255, which is not a byte. */
static ptrdiff_t count_bytes(const char *utf8, size_t length)
{
    ptrdiff_t count = 0;
    size_t i;

    for (i = 0; i < length; i++) {
        uint8_t unit = (uint8_t)utf8[i];
        if (unit > 0xc3)
            return -1;
        count += unit < 0x80 || unit > 0xbf;
    }
    return count;
}

/* UTF-8 text that count_bytes has accepted, turned into its bytes. */
static void copy_bytes(uint8_t *to, const char *utf8, size_t length)
{
    const uint8_t *from = (const uint8_t *)utf8, *end = from + length;

    while (from < end) {
        if (*from < 0x80) {
            *to++ = *from++;
        } else {
            *to++ = (uint8_t)(from[0] << 6 | (from[1] & 0x3f));
            from += 2;
        }
    }
}

/* A byte string for the kernel: NUL-terminated, and without a NUL before its end. */
struct kernel_string {
    const char *bytes;
    const char *borrowed; /* QuickJS's; the same as `bytes` where the text is plain ASCII */
    char *copied;         /* ours; otherwise the bytes are here */
};

static void release_string(JSContext *ctx, struct kernel_string *string)
{
    JS_FreeCString(ctx, string->borrowed);
    js_free(ctx, string->copied);
}

/* Whether UTF-8 text is a string for the kernel as it is: every byte in 1..127. */
static int is_plain(const char *text, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++)
        if ((uint8_t)(text[i] - 1) >= 0x7f)
            return 0;
    return 1;
}

/* Fills in string->copied from its borrowed UTF-8. 0, or -1 with an exception pending. */
static int copy_kernel_string(JSContext *ctx, struct kernel_string *string, size_t length)
{
    ptrdiff_t count = count_bytes(string->borrowed, length);

    if (count < 0) {
        JS_ThrowRangeError(ctx, "a byte string has a character above 255");
        return -1;
    }
    if (memchr(string->borrowed, 0, length)) {
        JS_ThrowTypeError(ctx, "a string for the kernel has a NUL inside");
        return -1;
    }
    string->copied = js_malloc(ctx, (size_t)count + 1);
    if (!string->copied)
        return -1;
    copy_bytes((uint8_t *)string->copied, string->borrowed, length);
    string->copied[count] = 0;
    string->bytes = string->copied;
    return 0;
}

/* 0, or -1 with an exception pending and nothing to release. */
static int take_kernel_string(JSContext *ctx, struct kernel_string *string, JSValueConst value)
{
    size_t length;

    string->copied = NULL;
    string->bytes = string->borrowed = JS_ToCStringLen(ctx, &length, value);
    if (!string->borrowed)
        return -1;
    if (is_plain(string->bytes, length))
        return 0;
    if (copy_kernel_string(ctx, string, length) == 0)
        return 0;
    release_string(ctx, string);
    return -1;
}

struct bytes {
    uint8_t *start;
    size_t length;
};

/* The bytes of a Uint8Array, which still owns them. 0, or -1 with an exception pending. */
static int bytes_of(JSContext *ctx, struct bytes *bytes, JSValueConst array)
{
    size_t offset, element, whole_length;
    JSValue buffer = JS_GetTypedArrayBuffer(ctx, array, &offset, &bytes->length, &element);

    if (JS_IsException(buffer))
        return -1;
    bytes->start = JS_GetArrayBuffer(ctx, &whole_length, buffer) + offset;
    JS_FreeValue(ctx, buffer);
    if (element == 1)
        return 0;
    JS_ThrowTypeError(ctx, "not a Uint8Array");
    return -1;
}

/* An index or a length, at most `limit`. 0, or -1 with an exception pending. */
static int index_of(JSContext *ctx, size_t *index, JSValueConst value, size_t limit)
{
    int64_t number;

    if (JS_ToInt64(ctx, &number, value))
        return -1;
    if (number < 0 || (uint64_t)number > limit) {
        JS_ThrowRangeError(ctx, "%lld is outside 0..%llu", (long long)number, (unsigned long long)limit);
        return -1;
    }
    *index = (size_t)number;
    return 0;
}

#define MOST_WORDS 7 /* a system call's number and six arguments */

/* What a system call needs while it runs. */
struct call {
    long words[MOST_WORDS];
    struct kernel_string strings[MOST_WORDS];
    int string_count;
};

/* Adds one argument as the kernel gets it in a register. 0, or -1 with an exception pending. */
static int add_word(JSContext *ctx, struct call *call, int at, JSValueConst value)
{
    struct bytes bytes;
    int64_t number = 0;

    if (JS_IsNumber(value) || JS_IsBigInt(ctx, value)) {
        if (JS_ToInt64Ext(ctx, &number, value))
            return -1;
    } else if (JS_IsString(value)) {
        struct kernel_string *string = &call->strings[call->string_count];
        if (take_kernel_string(ctx, string, value))
            return -1;
        call->string_count++;
        number = (intptr_t)string->bytes;
    } else if (JS_IsObject(value)) {
        if (bytes_of(ctx, &bytes, value))
            return -1;
        number = (intptr_t)bytes.start;
    } else if (!JS_IsNull(value)) {
        JS_ThrowTypeError(ctx, "argument %d of a system call is no integer, string, Uint8Array or null", at);
        return -1;
    }
    call->words[at] = (long)number;
    if (number != call->words[at] && (uint64_t)number != (unsigned long)number) {
        JS_ThrowRangeError(ctx, "argument %d of a system call does not fit into a register", at);
        return -1;
    }
    return 0;
}

static long make_call(const long *words)
{
    long result = syscall(words[0], words[1], words[2], words[3], words[4], words[5], words[6]);

    return result == -1 ? -errno : result;
}

/* Tells the script, once, that the kernel has refused memory. */
static JSValue throw_shortage(JSContext *ctx)
{
    arena_shortage_is_told();
    return JS_ThrowOutOfMemory(ctx);
}

/* Calls that undo something, or tell of it: a script that already ends for another reason must get through with them. */
static int is_for_ending(JSContext *ctx, JSValueConst number)
{
    int64_t call = -1;

    JS_ToInt64(ctx, &call, number);
    return call == SYS_close || call == SYS_kexec_file_load || call == SYS_kexec_load || call == SYS_kill ||
           call == SYS_munmap || call == SYS_rt_sigaction || call == SYS_rt_sigprocmask ||
           call == SYS_unlinkat || call == SYS_wait4 || call == SYS_write;
}

static JSValue sys_syscall(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    struct call call;
    long result = 0;
    int i;

    (void)this_value;
    if (arena_is_short() && !is_for_ending(ctx, argv[0]))
        return throw_shortage(ctx);
    if (argc > MOST_WORDS)
        return JS_ThrowTypeError(ctx, "a system call has at most six arguments");
    memset(call.words, 0, sizeof call.words);
    call.string_count = 0;
    for (i = 0; i < argc; i++)
        if (add_word(ctx, &call, i, argv[i]))
            break;
    if (i == argc)
        result = make_call(call.words);
    while (call.string_count > 0)
        release_string(ctx, &call.strings[--call.string_count]);
    if (i < argc)
        return JS_EXCEPTION;
    /* -4095 to -1 are errors; other negative numbers are addresses in the upper half of a 32-bit machine */
    return JS_NewInt64(ctx, result < 0 && result > -4096 ? result : (int64_t)(unsigned long)result);
}

static JSValue sys_address(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    struct bytes bytes;

    (void)this_value;
    (void)argc;
    if (bytes_of(ctx, &bytes, argv[0]))
        return JS_EXCEPTION;
    return JS_NewBigUint64(ctx, (uintptr_t)bytes.start);
}

static void leave_memory(JSRuntime *runtime, void *opaque, void *memory)
{
    (void)runtime;
    (void)opaque;
    (void)memory;
}

static JSValue sys_memory(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    int64_t address;
    size_t length;
    JSValue whole_of[3] = {JS_UNDEFINED, JS_UNDEFINED, JS_UNDEFINED};
    JSValue array;

    (void)this_value;
    (void)argc;
    if (JS_ToInt64Ext(ctx, &address, argv[0]) || index_of(ctx, &length, argv[1], SIZE_MAX))
        return JS_EXCEPTION;
    whole_of[0] = JS_NewArrayBuffer(ctx, (uint8_t *)(uintptr_t)address, length, leave_memory, NULL, 0);
    if (JS_IsException(whole_of[0]))
        return JS_EXCEPTION;
    array = JS_NewTypedArray(ctx, 3, (JSValueConst *)whole_of, JS_TYPED_ARRAY_UINT8);
    JS_FreeValue(ctx, whole_of[0]);
    return array;
}

static JSValue sys_decode(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    struct bytes bytes;
    size_t start, end;

    (void)this_value;
    (void)argc;
    if (bytes_of(ctx, &bytes, argv[0]))
        return JS_EXCEPTION;
    if (index_of(ctx, &end, argv[2], bytes.length) || index_of(ctx, &start, argv[1], end))
        return JS_EXCEPTION;
    return byte_string_from(ctx, bytes.start + start, end - start);
}

static JSValue sys_encode(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    struct bytes bytes;
    size_t at, length;
    ptrdiff_t count;
    const char *text;
    JSValue result;

    (void)this_value;
    (void)argc;
    if (bytes_of(ctx, &bytes, argv[1]) || index_of(ctx, &at, argv[2], bytes.length))
        return JS_EXCEPTION;
    text = JS_ToCStringLen(ctx, &length, argv[0]);
    if (!text)
        return JS_EXCEPTION;
    count = count_bytes(text, length);
    if (count < 0) {
        result = JS_ThrowRangeError(ctx, "a byte string has a character above 255");
    } else if ((size_t)count > bytes.length - at) {
        result = JS_ThrowRangeError(ctx, "%lld bytes of text do not fit into %llu", (long long)count,
                                    (unsigned long long)(bytes.length - at));
    } else {
        copy_bytes(bytes.start + at, text, length);
        result = JS_NewInt64(ctx, count);
    }
    JS_FreeCString(ctx, text);
    return result;
}

/* The argv of a program to start. */
struct argument_list {
    struct kernel_string *strings;
    char **pointers; /* NULL at the end, as execve wants it */
    uint32_t count;
};

static void release_arguments(JSContext *ctx, struct argument_list *list)
{
    while (list->count > 0)
        release_string(ctx, &list->strings[--list->count]);
    js_free(ctx, list->strings);
    js_free(ctx, list->pointers);
}

static int length_of(JSContext *ctx, uint32_t *length, JSValueConst array)
{
    JSValue value = JS_GetPropertyStr(ctx, array, "length");
    int failed = JS_IsException(value) || JS_ToUint32(ctx, length, value);

    JS_FreeValue(ctx, value);
    return failed ? -1 : 0;
}

static int take_argument(JSContext *ctx, struct argument_list *list, JSValueConst array)
{
    JSValue value = JS_GetPropertyUint32(ctx, array, list->count);
    int failed = JS_IsException(value) || take_kernel_string(ctx, &list->strings[list->count], value);

    JS_FreeValue(ctx, value);
    if (failed)
        return -1;
    list->pointers[list->count] = (char *)list->strings[list->count].bytes;
    list->count++;
    return 0;
}

/* 0, or -1 with an exception pending. Either way release_arguments() follows. */
static int take_arguments(JSContext *ctx, struct argument_list *list, JSValueConst array)
{
    uint32_t length;

    memset(list, 0, sizeof *list);
    if (length_of(ctx, &length, array))
        return -1;
    list->strings = js_mallocz(ctx, ((size_t)length + 1) * sizeof *list->strings);
    list->pointers = js_mallocz(ctx, ((size_t)length + 1) * sizeof *list->pointers);
    if (!list->strings || !list->pointers)
        return -1;
    while (list->count < length)
        if (take_argument(ctx, list, array))
            return -1;
    return 0;
}

/* A program expects to die of a broken pipe, but would inherit that we may ignore SIGPIPE. */
static void give_back_sigpipe(posix_spawnattr_t *attributes)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_init(attributes);
    posix_spawnattr_setsigdefault(attributes, &signals);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF);
}

/* posix_spawn with descriptors[0..2] as 0, 1 and 2. None of them may be 0, 1 or 2 except at its own index: otherwise
 * one dup2 could overwrite what the next one needs. */
static long spawn_in_place(const char *path, char **argv, const int *descriptors)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t pid;
    int i, error;

    give_back_sigpipe(&attributes);
    posix_spawn_file_actions_init(&actions);
    for (i = 0, error = 0; i < 3 && !error; i++)
        error = posix_spawn_file_actions_adddup2(&actions, descriptors[i], i); /* onto itself: kept */
    if (!error)
        error = posix_spawn(&pid, path, &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error ? -error : pid;
}

static long spawn_with(const char *path, char **argv, const int *wanted)
{
    int descriptors[3], i;
    long result = 0;

    for (i = 0; i < 3; i++) {
        int in_the_way = wanted[i] >= 0 && wanted[i] < 3 && wanted[i] != i;
        descriptors[i] = in_the_way ? fcntl(wanted[i], F_DUPFD_CLOEXEC, 3) : wanted[i];
        if (descriptors[i] < 0 && !result)
            result = in_the_way ? -errno : -EBADF;
    }
    if (!result)
        result = spawn_in_place(path, argv, descriptors);
    for (i = 0; i < 3; i++)
        if (descriptors[i] != wanted[i] && descriptors[i] >= 0)
            close(descriptors[i]);
    return result;
}

static JSValue sys_spawn(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    struct kernel_string path;
    struct argument_list list;
    int descriptors[3], i;
    JSValue result = JS_EXCEPTION;

    (void)this_value;
    (void)argc;
    arena_goes_on(); /* as process 1 does: a script that ends starts no program */
    for (i = 0; i < 3; i++)
        if (JS_ToInt32(ctx, &descriptors[i], argv[2 + i]))
            return JS_EXCEPTION;
    if (take_kernel_string(ctx, &path, argv[0]))
        return JS_EXCEPTION;
    if (take_arguments(ctx, &list, argv[1]) == 0)
        result = JS_NewInt64(ctx, spawn_with(path.bytes, list.pointers, descriptors));
    release_arguments(ctx, &list);
    release_string(ctx, &path);
    return result;
}

static JSValue sys_gather(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    struct bytes state;
    struct kernel_string name;
    int32_t action, directory;
    JSValue result;

    (void)this_value;
    (void)argc;
    if (bytes_of(ctx, &state, argv[0]) || JS_ToInt32(ctx, &action, argv[1]) ||
        JS_ToInt32(ctx, &directory, argv[2]))
        return JS_EXCEPTION;
    if (state.length != sizeof(struct gather))
        return JS_ThrowRangeError(ctx, "%d bytes are no struct gather", (int)state.length);
    if (take_kernel_string(ctx, &name, argv[3]))
        return JS_EXCEPTION;
    result = JS_NewInt32(ctx, gather((struct gather *)state.start, action, directory, name.bytes));
    release_string(ctx, &name);
    return result;
}

static JSValue sys_guard(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), length;
    int64_t address;

    (void)this_value;
    (void)argc;
    if (JS_ToInt64Ext(ctx, &address, argv[0]) || index_of(ctx, &length, argv[1], SIZE_MAX / 2))
        return JS_EXCEPTION;
    return JS_NewBool(ctx, guard((uint64_t)address, (length + page - 1) / page * page, page) == 0);
}

static JSValue sys_lost_page(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    (void)this_value;
    (void)argc;
    (void)argv;
    return JS_NewBigUint64(ctx, lost_page);
}

static JSValue sys_sha256(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    static const char digits[] = "0123456789abcdef";
    struct bytes bytes;
    uint8_t digest[SHA256_SIZE];
    char text[2 * SHA256_SIZE];
    int i;

    (void)this_value;
    (void)argc;
    if (bytes_of(ctx, &bytes, argv[0]))
        return JS_EXCEPTION;
    sha256(digest, bytes.start, bytes.length);
    for (i = 0; i < SHA256_SIZE; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    return JS_NewStringLen(ctx, text, sizeof text);
}

/* How many bytes from `start` on are zero. */
static size_t count_zeros(const uint8_t *start, size_t length)
{
    size_t count = 0;
    uint64_t word = 0;

    for (; length - count >= sizeof word; count += sizeof word) {
        memcpy(&word, start + count, sizeof word);
        if (word)
            break;
    }
    while (count < length && !start[count])
        count++;
    return count;
}

static JSValue sys_zeros(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    struct bytes bytes;
    size_t at;

    (void)this_value;
    (void)argc;
    if (bytes_of(ctx, &bytes, argv[0]) || index_of(ctx, &at, argv[1], bytes.length))
        return JS_EXCEPTION;
    return JS_NewInt64(ctx, (int64_t)count_zeros(bytes.start + at, bytes.length - at));
}

static JSValue sys_unpack(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    struct bytes input, output;
    const char *method;
    JSValue result;

    (void)this_value;
    (void)argc;
    if (bytes_of(ctx, &input, argv[1]) || bytes_of(ctx, &output, argv[2]))
        return JS_EXCEPTION;
    method = JS_ToCString(ctx, argv[0]);
    if (!method)
        return JS_EXCEPTION;
    result = JS_NewInt64(ctx, unpack(method, input.start, input.length, output.start, output.length));
    JS_FreeCString(ctx, method);
    return result;
}

static JSValue sys_load(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    const char *name = JS_ToCString(ctx, argv[0]);
    JSValue exports = name ? load_exports(ctx, name) : JS_EXCEPTION;

    (void)this_value;
    (void)argc;
    JS_FreeCString(ctx, name);
    return exports;
}

/* Nothing is buffered here, so there is nothing to flush. */
static JSValue sys_exit(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    int32_t code;

    (void)this_value;
    (void)argc;
    if (JS_ToInt32(ctx, &code, argv[0]))
        return JS_EXCEPTION;
    _exit(code);
}

static JSValue program_arguments(JSContext *ctx)
{
    JSValue list = JS_NewArray(ctx);
    int i;

    for (i = 0; i < program_argc; i++) {
        JSValue argument = byte_string_from(ctx, (const uint8_t *)program_argv[i], strlen(program_argv[i]));
        if (JS_IsException(argument) || JS_SetPropertyUint32(ctx, list, (uint32_t)i, argument) < 0) {
            JS_FreeValue(ctx, list);
            return JS_EXCEPTION;
        }
    }
    return list;
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_DEF("syscall", 1, sys_syscall),
    JS_CFUNC_DEF("address", 1, sys_address),
    JS_CFUNC_DEF("memory", 2, sys_memory),
    JS_CFUNC_DEF("decode", 3, sys_decode),
    JS_CFUNC_DEF("encode", 3, sys_encode),
    JS_CFUNC_DEF("spawn", 5, sys_spawn),
    JS_CFUNC_DEF("gather", 4, sys_gather),
    JS_CFUNC_DEF("sha256", 1, sys_sha256),
    JS_CFUNC_DEF("unpack", 3, sys_unpack),
    JS_CFUNC_DEF("zeros", 2, sys_zeros),
    JS_CFUNC_DEF("guard", 2, sys_guard),
    JS_CFUNC_DEF("lostPage", 0, sys_lost_page),
    JS_CFUNC_DEF("load", 1,
                 sys_load), /* not of the interface: for what is bundled apart (scripts/bundle.ts) */
    JS_CFUNC_DEF("exit", 1, sys_exit),
    JS_PROP_STRING_DEF("name", "quickjs", 0),
    /* By the compiler's command line: as src/sys/abi.ts calls it. */
    JS_PROP_STRING_DEF("machine", MACHINE, 0),
};

#define FUNCTION_COUNT (int)(sizeof functions / sizeof functions[0])

static int fill_module(JSContext *ctx, JSModuleDef *module)
{
    JSValue arguments = program_arguments(ctx);

    if (JS_IsException(arguments))
        return -1;
    if (JS_SetModuleExport(ctx, module, "args", arguments) < 0)
        return -1;
    if (JS_SetModuleExport(ctx, module, "kernel", JS_NewString(ctx, KERNEL)) < 0)
        return -1;
    if (JS_SetModuleExport(ctx, module, "pageSize", JS_NewInt64(ctx, sysconf(_SC_PAGESIZE))) < 0)
        return -1;
    return JS_SetModuleExportList(ctx, module, functions, FUNCTION_COUNT);
}

JSModuleDef *add_sys_module(JSContext *ctx, int argc, char **argv)
{
    JSModuleDef *module = JS_NewCModule(ctx, "qjs:sys", fill_module);

    program_argc = argc;
    program_argv = argv;
    if (!module)
        return NULL;
    if (JS_AddModuleExport(ctx, module, "args") < 0 || JS_AddModuleExport(ctx, module, "kernel") < 0 ||
        JS_AddModuleExport(ctx, module, "pageSize") < 0)
        return NULL;
    return JS_AddModuleExportList(ctx, module, functions, FUNCTION_COUNT) < 0 ? NULL : module;
}
