/* The small engine's main(): runs the one program embedded in the executable, and reports how it ended.
 *
 * It may be PID 1 in an empty initramfs, so it opens no file and asks for no /proc and no /dev.
 */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "arena.h"
#include "context.h"
#include "program.h"
#include "quickjs.h"
#include "sys.h"

#define OUT_OF_MEMORY "out of memory" /* as JS_ThrowOutOfMemory() has it */
#define EXIT_TROUBLE 2                /* of a command of which 1 is an answer */
#define EXIT_INTERNAL_ERROR 70        /* EX_SOFTWARE of sysexits.h */

#define MOST_SCRIPT_STACK ((size_t)4 << 20)
#define STACK_FOR_C ((size_t)64 << 10)       /* for C functions, below the last check of QuickJS */
#define STACK_FOR_HANDLER ((size_t)32 << 10) /* beside what the kernel puts there: 4.2 KB on ppc64 */

/* A search for cycles walks over every object. Most of what a tool makes is alive until it ends, so search late. */
#define FIRST_CYCLE_SEARCH ((size_t)64 << 20)

static char printable(char character)
{
    if (character == '\n' || character == '\t')
        return ' ';
    return character < ' ' || character > '~' ? '?' : character;
}

/* Writes what went wrong as one line of printable ASCII, and ends the process. */
__attribute__((noreturn)) static void end_with_error(const char *message)
{
    static const char prefix[] = "kexecbox: internal error: ";
    char line[512];
    size_t length = sizeof prefix - 1;
    ssize_t written;

    memcpy(line, prefix, length);
    for (; *message && length < sizeof line - 1; message++)
        line[length++] = printable(*message);
    line[length++] = '\n';
    written = write(2, line, length);
    (void)written; /* if that fails, there is no other place to report it */
    _exit(EXIT_INTERNAL_ERROR);
}

__attribute__((noreturn)) static void end_with_thrown(JSContext *ctx, JSValueConst thrown)
{
    JSValue text =
        JS_IsError(ctx, thrown) ? JS_GetPropertyStr(ctx, thrown, "message") : JS_DupValue(ctx, thrown);
    const char *message = JS_IsException(text) ? NULL : JS_ToCString(ctx, text);

    /* without memory to make an error from, QuickJS throws null */
    if (!message || JS_IsNull(thrown) || strncmp(message, OUT_OF_MEMORY, sizeof OUT_OF_MEMORY - 1) == 0)
        end_without_memory();
    end_with_error(message ? message : "an exception that has no text");
}

/* Arguments and environment lie on the stack too: the kernel lets them take a quarter of its limit. */
static size_t script_stack(void)
{
    struct rlimit limit;
    size_t room;

    if (getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur / 4 * 3 >= MOST_SCRIPT_STACK + STACK_FOR_C)
        return MOST_SCRIPT_STACK;
    room = limit.rlim_cur / 4 * 3;
    return room > 2 * STACK_FOR_C ? room - STACK_FOR_C : room / 2;
}

/* The lowest address that the stack may have, and the highest. */
static const char *stack_end, *stack_begin;

/* The stack grows where it is touched, unless the kernel has no memory for it. What else is a fault comes again, and ends
 * the process as it would have. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
    const char *address = info->si_addr;

    (void)signal;
    (void)context;
    if (info->si_code > 0 && address >= stack_end && address < stack_begin)
        end_without_memory();
    sigaction(SIGSEGV, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    if (info->si_code <= 0)
        raise(SIGSEGV);
}

/* `begin` is in the frame of main(); the script may take `script_room` below it. */
static void watch_stack(const char *begin, size_t script_room)
{
    static char room_for_handler[STACK_FOR_HANDLER];
    stack_t elsewhere = {.ss_sp = room_for_handler, .ss_size = sizeof room_for_handler};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    stack_begin = begin;
    stack_end = begin - script_room - STACK_FOR_C;
    sigaltstack(&elsewhere, NULL);
    sigaction(SIGSEGV, &action, NULL);
}

/* The first promise that was rejected and that nobody waited for. */
struct rejection {
    JSValue promise;
    JSValue reason;
};

static void note_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, JS_BOOL is_handled,
                           void *opaque)
{
    struct rejection *noted = opaque;

    if (!is_handled && JS_IsUndefined(noted->promise)) {
        noted->promise = JS_DupValue(ctx, promise);
        noted->reason = JS_DupValue(ctx, reason);
    } else if (is_handled && JS_IsObject(noted->promise) &&
               JS_VALUE_GET_PTR(noted->promise) == JS_VALUE_GET_PTR(promise)) {
        JS_FreeValue(ctx, noted->promise);
        JS_FreeValue(ctx, noted->reason);
        noted->promise = noted->reason = JS_UNDEFINED;
    }
}

static void run_program(JSRuntime *runtime, JSContext *ctx)
{
    struct rejection rejection = {JS_UNDEFINED, JS_UNDEFINED};
    JSContext *failed;
    JSValue end;
    int jobs;

    JS_SetHostPromiseRejectionTracker(runtime, note_rejection, &rejection);
    end = start_program(ctx);
    if (JS_IsException(end))
        end_with_thrown(ctx, JS_GetException(ctx));
    do
        jobs = JS_ExecutePendingJob(runtime, &failed);
    while (jobs > 0);
    if (jobs < 0)
        end_with_thrown(failed, JS_GetException(failed));
    if (JS_PromiseState(ctx, end) == JS_PROMISE_REJECTED)
        end_with_thrown(ctx, JS_PromiseResult(ctx, end));
    if (!JS_IsUndefined(rejection.promise))
        end_with_thrown(ctx, rejection.reason);
    if (JS_PromiseState(ctx, end) == JS_PROMISE_PENDING)
        end_with_error("the program waits for a promise that nothing will settle");
}

/* Whether this is, or by its first word may be, the command of which 1 is an answer (src/kexecbox.ts): where memory is too
 * short for the script, nobody else knows. */
static int is_answering(int argc, char **argv)
{
    const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;

    return argc > 0 &&
           (strcmp(name ? name + 1 : argv[0], "dtdiff") == 0 || (argc > 1 && strcmp(argv[1], "dtdiff") == 0));
}

/* Frees nothing at the end: the kernel does that faster. */
int main(int argc, char **argv)
{
    size_t room = script_stack();
    JSRuntime *runtime;
    JSContext *ctx;

    if (is_answering(argc, argv))
        end_with(EXIT_TROUBLE);
    watch_stack((const char *)__builtin_frame_address(0), room);
    runtime = JS_NewRuntime2(&arena_functions, NULL);
    ctx = runtime ? new_tool_context(runtime) : NULL;
    if (!ctx || !add_sys_module(ctx, argc, argv))
        end_without_memory();
    JS_SetMaxStackSize(runtime, room);
    JS_SetGCThreshold(runtime, FIRST_CYCLE_SEARCH);
    run_program(runtime, ctx);
    return 0;
}
