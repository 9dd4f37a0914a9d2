/* Runs a program and lets one of its system calls fail, or be short, or be preceded by a signal. x86-64 Linux.
 *
 *   injector LOG FLAGS SECONDS ROOT K KIND VALUE PROGRAM [ARGUMENT]...
 *
 * Each call of the kernel that the program's own table has stops here by seccomp and ptrace. It is counted where the program
 * itself makes it. Under Bun, whose engine makes calls of its own from many threads, those are calls of the main thread that
 * come out of libc's syscall(), or out of code that lies in no file (src/sys/gather as it is mapped there), from the first on
 * that the program makes: it ignores SIGPIPE.
 *
 *   LOG     what happened, a line each: see scripts/faults/log.ts
 *   FLAGS   of letters: b Bun is the engine; 1 it is process 1, so it is told; t tell of every counted call; - nothing
 *   ROOT    a folder in which /proc and /sys are looked up, but /proc/self/exe; - for this machine's
 *   K       the number of the counted call that fails, from 1; 0 for none
 *   KIND    errno (VALUE is its number), short (VALUE: how many bytes are asked for), signal (VALUE is its number),
 *           from (as errno, and every later one of the same kind; where it asks for memory, all that do)
 *
 * What would change the machine never gets to its kernel: it is answered here, and told. That holds where this program fails,
 * too: without its tracer the kernel answers every such call with ENOSYS (seccomp(2), SECCOMP_RET_TRACE).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define ROOT_DESCRIPTOR 900
#define ALL_LOADED 17 /* segments that no kernel takes: only a question whether there is the call */

static const struct {
    int number;
    const char *name;
} calls[] = {
#define CALL(name) {SYS_##name, #name}
    CALL(brk),
    CALL(clock_gettime),
    CALL(clone),
    CALL(close),
    CALL(fchmod),
    CALL(fchown),
    CALL(fcntl),
    CALL(fstatfs),
    CALL(fsync),
    CALL(finit_module),
    CALL(ftruncate),
    CALL(getdents64),
    CALL(geteuid),
    CALL(getpid),
    CALL(getrandom),
    CALL(init_module),
    CALL(ioctl),
    CALL(kexec_load),
    CALL(kexec_file_load),
    CALL(lseek),
    CALL(madvise),
    CALL(memfd_create),
    CALL(mkdirat),
    CALL(mmap),
    CALL(mount),
    CALL(mremap),
    CALL(munmap),
    CALL(openat),
    CALL(openat2),
    CALL(pipe2),
    CALL(pivot_root),
    CALL(ppoll),
    CALL(pread64),
    CALL(pwrite64),
    CALL(read),
    CALL(readlinkat),
    CALL(reboot),
    CALL(renameat2),
    CALL(rt_sigaction),
    CALL(rt_sigpending),
    CALL(rt_sigprocmask),
    CALL(setsid),
    CALL(statx),
    CALL(symlinkat),
    CALL(sync),
    CALL(syslog),
    CALL(umount2),
    CALL(unlinkat),
    CALL(vfork),
    CALL(wait4),
    CALL(write)};

typedef struct user_regs_struct registers;

static FILE *log_file;
static int is_bun, is_first, tells;
static pid_t program;
static unsigned long wanted, counted;
static const char *kind;
static long value;
static const char *root;
static long failing = -1; /* the number of the call that goes on failing */
static int is_armed[2];   /* a kernel is loaded; a crash kernel is */

/* The call of the program's main thread of which the result is awaited. */
static struct {
    int is_awaited, is_changed;
    long result;
} open_call;

__attribute__((noreturn)) static void die(const char *what)
{
    perror(what);
    _exit(99);
}

static const char *name_of(long number)
{
    size_t i;

    for (i = 0; i < LENGTH(calls); i++)
        if (calls[i].number == number)
            return calls[i].name;
    return "?";
}

static void add_filter(void)
{
    static struct sock_filter code[LENGTH(calls) + 3];
    struct sock_fprog filter = {0, code};
    size_t i;

    code[filter.len++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (i = 0; i < LENGTH(calls); i++)
        code[filter.len++] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, (unsigned char)(LENGTH(calls) - i), 0);
    code[filter.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[filter.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
        die("seccomp");
}

__attribute__((noreturn)) static void become(char **words)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGCHLD};
    struct rlimit none = {0, 0};
    int folder;
    size_t i;

    for (i = 0; i < LENGTH(signals); i++)
        signal(signals[i], SIG_DFL);
    close_range(3, ~0U, 0);
    if (root) {
        folder = open(root, O_RDONLY | O_DIRECTORY);
        if (folder < 0 || dup2(folder, ROOT_DESCRIPTOR) < 0)
            die(root);
        close(folder);
    }
    setrlimit(RLIMIT_CORE, &none);
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
        die("ptrace");
    raise(SIGSTOP);
    add_filter();
    execv(words[0], words);
    die(words[0]);
}

/* How many bytes of the program's memory could be read. */
static size_t peek(pid_t pid, unsigned long address, void *to, size_t length)
{
    struct iovec here = {to, length}, there = {(void *)address, length};
    ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);

    return got < 0 ? 0 : (size_t)got;
}

static void peek_text(pid_t pid, unsigned long address, char *text, size_t size)
{
    size_t length = 0;

    /* not beyond a page that is not there */
    while (length < size - 1 && peek(pid, address + length, text + length, 1) && text[length])
        length++;
    text[length] = 0;
}

static void poke(pid_t pid, unsigned long address, const void *from, size_t length)
{
    struct iovec here = {(void *)from, length}, there = {(void *)address, length};

    process_vm_writev(pid, &here, 1, &there, 1, 0);
}

/* Whether code at an address is in memory that no file was mapped into. */
static int is_nameless(pid_t pid, unsigned long address)
{
    char path[64], line[512];
    int found = 0;
    FILE *maps;

    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    maps = fopen(path, "r");
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long start, end, inode;
        if (sscanf(line, "%lx-%lx %*s %*s %*s %lu", &start, &end, &inode) == 3 && address >= start &&
            address < end)
            found = inode == 0;
    }
    if (maps)
        fclose(maps);
    return found;
}

/* The end of glibc's syscall(2): mov 8(%rsp),%r9; syscall. */
static int is_after_syscall(pid_t pid, unsigned long address)
{
    static const unsigned char end[] = {0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05};
    unsigned char bytes[sizeof end];

    return peek(pid, address - sizeof end, bytes, sizeof bytes) == sizeof bytes &&
           memcmp(bytes, end, sizeof end) == 0;
}

/* Whether a call comes from where the program's own do. */
static int is_from_program(pid_t pid, const registers *regs)
{
    static struct {
        pid_t pid;
        unsigned long address;
        int is_so;
    } known[256];
    static size_t count;
    size_t i;

    for (i = 0; i < count; i++)
        if (known[i].pid == pid && known[i].address == regs->rip)
            return known[i].is_so;
    if (count == LENGTH(known))
        count = 0;
    known[count].pid = pid;
    known[count].address = regs->rip;
    known[count].is_so = is_after_syscall(pid, regs->rip) || is_nameless(pid, regs->rip);
    return known[count++].is_so;
}

/* Whether the program itself makes the call, and not its engine. */
static int is_own(pid_t pid, const registers *regs)
{
    static int has_begun;

    if (!is_bun)
        return 1;
    if (!has_begun && !(pid == program && regs->orig_rax == SYS_rt_sigaction && regs->rdi == SIGPIPE))
        return 0;
    if (!is_from_program(pid, regs))
        return 0;
    has_begun = 1;
    return 1;
}

/* FNV-1a, 64 bits. */
static uint64_t hash(uint64_t sum, const void *bytes, size_t length)
{
    const unsigned char *at = bytes, *end = at + length;

    while (at < end)
        sum = (sum ^ *at++) * 0x100000001b3;
    return sum;
}

#define NO_HASH 0xcbf29ce484222325

static uint64_t hash_memory(pid_t pid, uint64_t sum, unsigned long address, unsigned long length)
{
    static char part[1 << 20];

    while (length > 0) {
        size_t got = peek(pid, address, part, length < sizeof part ? length : sizeof part);
        if (got == 0)
            return sum ^ 1; /* the kernel would say EFAULT */
        sum = hash(sum, part, got);
        address += got;
        length -= got;
    }
    return sum;
}

static uint64_t hash_file(pid_t pid, uint64_t sum, int descriptor)
{
    static char part[1 << 20];
    char path[64];
    ssize_t got;
    off_t at = 0;
    int file;

    if (descriptor < 0)
        return sum;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, descriptor);
    file = open(path, O_RDONLY);
    while (file >= 0 && (got = pread(file, part, sizeof part, at)) > 0) {
        sum = hash(sum, part, (size_t)got);
        at += got;
    }
    if (file >= 0)
        close(file);
    return sum;
}

static long tell_load(pid_t pid, const registers *regs)
{
    unsigned long flags = regs->r10, count = regs->rsi, i;
    struct {
        uint64_t bytes, length, start, size;
    } segment;
    uint64_t sum = hash(NO_HASH, &regs->rdi, 8);

    if (count >= ALL_LOADED)
        return -EINVAL;
    for (i = 0; i < count; i++) {
        peek(pid, regs->rdx + i * sizeof segment, &segment, sizeof segment);
        sum = hash_memory(pid, hash(sum, &segment.length, 24), segment.bytes, segment.length);
    }
    is_armed[flags & 1] = count > 0;
    fprintf(log_file, "load %lu segments, flags %#lx, %016lx\n", count, flags, sum);
    return 0;
}

static long tell_file_load(pid_t pid, const registers *regs)
{
    unsigned long flags = regs->r8;
    int unloads = flags & 1, crash = flags >> 1 & 1;
    uint64_t sum;

    if ((int)regs->rdi == -1 && !unloads)
        return -EINVAL;
    sum = hash_memory(pid, NO_HASH, regs->r10, unloads ? 0 : regs->rdx);
    if (!unloads)
        sum = hash_file(pid, hash_file(pid, sum, (int)regs->rdi), flags & 4 ? -1 : (int)regs->rsi);
    is_armed[crash] = !unloads;
    fprintf(log_file, "file load, flags %#lx, %016lx\n", flags, sum);
    return 0;
}

/* What no kernel is asked: 1 and the answer, or 0. */
static int answer(pid_t pid, const registers *regs, int is_own_call, long *result)
{
    static const char constant[256] = "the same random bytes in each run";
    char text[256];

    *result = 0;
    switch (regs->orig_rax) {
    case SYS_kexec_load:
        *result = tell_load(pid, regs);
        return 1;
    case SYS_kexec_file_load:
        *result = tell_file_load(pid, regs);
        return 1;
    case SYS_reboot:
        fprintf(log_file, "reboot %#llx\n", regs->rdx & 0xffffffff);
        return 1;
    case SYS_mount:
        peek_text(pid, regs->rsi, text, sizeof text);
        fprintf(log_file, "mount %s\n", text);
        return 1;
    case SYS_finit_module:
        fprintf(log_file, "module %016lx\n", hash_file(pid, NO_HASH, (int)regs->rdi));
        return 1;
    case SYS_syslog:
    case SYS_init_module:
    case SYS_pivot_root:
    case SYS_umount2:
        *result = -EPERM;
        return 1;
    case SYS_sync:
    case SYS_fsync:
        return 1;
    case SYS_getpid:
        *result = 1;
        return is_first && pid == program && is_own_call;
    case SYS_getrandom:
        if (!is_own_call || regs->rsi > sizeof constant)
            return 0;
        poke(pid, regs->rdi, constant, regs->rsi);
        *result = (long)regs->rsi;
        return 1;
    }
    return 0;
}

/* Looks up /proc/x and /sys/x in the root's folder. */
static void redirect(pid_t pid, registers *regs)
{
    char path[16];

    if (!root || (regs->orig_rax != SYS_openat && regs->orig_rax != SYS_openat2 &&
                  regs->orig_rax != SYS_statx && regs->orig_rax != SYS_readlinkat))
        return;
    peek_text(pid, regs->rsi, path, sizeof path);
    if (strcmp(path, "/proc/self/exe") == 0 ||
        (strncmp(path, "/proc/", 6) != 0 && strncmp(path, "/sys/", 5) != 0))
        return;
    regs->rdi = ROOT_DESCRIPTOR;
    regs->rsi++;
    ptrace(PTRACE_SETREGS, pid, 0, regs);
}

static void tell(pid_t pid, const registers *regs)
{
    char path[512];
    int names = regs->orig_rax == SYS_openat || regs->orig_rax == SYS_openat2 ||
                regs->orig_rax == SYS_statx || regs->orig_rax == SYS_readlinkat ||
                regs->orig_rax == SYS_mkdirat || regs->orig_rax == SYS_unlinkat;

    path[0] = 0;
    if (names)
        peek_text(pid, regs->rsi, path, sizeof path);
    fprintf(log_file, "call %s %lld %lld %lld %s\n", name_of((long)regs->orig_rax), (long long)regs->rdi,
            (long long)regs->rsi, (long long)regs->rdx, path);
}

static int asks_for_memory(long number)
{
    return number == SYS_brk || number == SYS_mmap || number == SYS_mremap;
}

/* Whether this counted call is to fail, of kind `errno` or `from`. */
static int is_failing(const registers *regs)
{
    long number = (long)regs->orig_rax;

    if (counted == wanted && strcmp(kind, "from") == 0)
        failing = number;
    if (failing >= 0)
        return number == failing || (asks_for_memory(number) && asks_for_memory(failing));
    return counted == wanted && strcmp(kind, "errno") == 0;
}

/* Skips the call, which gives `result`. */
static int skip(pid_t pid, registers *regs, long result)
{
    regs->orig_rax = -1ULL;
    regs->rax = (unsigned long long)result;
    ptrace(PTRACE_SETREGS, pid, 0, regs);
    return PTRACE_CONT;
}

static int fail(pid_t pid, registers *regs)
{
    /* brk says what the break is, and so that it has not moved */
    if (regs->orig_rax == SYS_brk)
        return skip(pid, regs, 0);
    if (regs->orig_rax != SYS_close)
        return skip(pid, regs, -value);
    /* it is closed whatever it says */
    open_call.is_awaited = open_call.is_changed = 1;
    open_call.result = -value;
    return PTRACE_SYSCALL;
}

/* Before a call: how to go on. */
static int before_call(pid_t pid)
{
    registers regs;
    long result;
    int own, is_counted;

    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    own = is_own(pid, &regs);
    is_counted = own && pid == program;
    if (is_counted) {
        counted++;
        if (tells)
            tell(pid, &regs);
        if (counted == wanted && !tells)
            fprintf(log_file, "fault %s\n", name_of((long)regs.orig_rax));
        if (is_failing(&regs))
            return fail(pid, &regs);
        if (counted == wanted && strcmp(kind, "signal") == 0)
            kill(pid, (int)value);
        if (counted == wanted && strcmp(kind, "short") == 0) {
            regs.rdx = (unsigned long long)value;
            ptrace(PTRACE_SETREGS, pid, 0, &regs);
        }
    }
    if (answer(pid, &regs, own, &result)) {
        if (is_counted && tells)
            fprintf(log_file, "gave %ld\n", result);
        if (regs.orig_rax == SYS_reboot) {
            /* the machine is off, or another kernel runs */
            fprintf(log_file, "end machine\n");
            fclose(log_file);
            kill(program, SIGKILL);
            _exit(0);
        }
        return skip(pid, &regs, result);
    }
    if (own)
        redirect(pid, &regs);
    if (!is_counted || !tells)
        return PTRACE_CONT;
    open_call.is_awaited = 1;
    open_call.is_changed = 0;
    return PTRACE_SYSCALL;
}

static void after_call(pid_t pid)
{
    registers regs;

    if (!open_call.is_awaited || pid != program)
        return;
    open_call.is_awaited = 0;
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    if (tells)
        fprintf(log_file, "gave %lld\n", (long long)regs.rax);
    if (open_call.is_changed) {
        regs.rax = (unsigned long long)open_call.result;
        ptrace(PTRACE_SETREGS, pid, 0, &regs);
    }
}

/* The program's process has stopped: goes on with it. */
static void go_on(pid_t pid, int status)
{
    int how = PTRACE_CONT, event = status >> 16, number = WSTOPSIG(status);

    if (event == PTRACE_EVENT_SECCOMP)
        how = before_call(pid);
    else if (number == (SIGTRAP | 0x80))
        after_call(pid);
    if (event || number == (SIGTRAP | 0x80) || number == SIGSTOP || number == SIGTRAP)
        number = 0;
    ptrace(how, pid, 0, number);
}

static void give_up(int number)
{
    (void)number;
    fprintf(log_file, "end hangs\n");
    fclose(log_file);
    kill(program, SIGKILL);
    _exit(0);
}

static void watch(void)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        if (pid == program && WIFEXITED(status)) {
            fprintf(log_file, "end exit %d\n", WEXITSTATUS(status));
            return;
        }
        if (pid == program && WIFSIGNALED(status)) {
            fprintf(log_file, "end signal %d\n", WTERMSIG(status));
            return;
        }
        if (WIFSTOPPED(status))
            go_on(pid, status);
    }
}

int main(int argc, char **argv)
{
    int status;

    if (argc < 9)
        return 98;
    log_file = fopen(argv[1], "we");
    if (!log_file)
        die(argv[1]);
    is_bun = strchr(argv[2], 'b') != NULL;
    is_first = strchr(argv[2], '1') != NULL;
    tells = strchr(argv[2], 't') != NULL;
    root = strcmp(argv[4], "-") == 0 ? NULL : argv[4];
    wanted = strtoul(argv[5], NULL, 10);
    kind = argv[6];
    value = strtol(argv[7], NULL, 10);
    program = fork();
    if (program == 0)
        become(argv + 8);
    if (waitpid(program, &status, 0) != program || !WIFSTOPPED(status))
        die("the program did not start");
    if (ptrace(PTRACE_SETOPTIONS, program, 0,
               PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                   PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD) < 0)
        die("ptrace");
    signal(SIGALRM, give_up);
    alarm((unsigned)strtoul(argv[3], NULL, 10));
    ptrace(PTRACE_CONT, program, 0, 0);
    watch();
    fprintf(log_file, "armed %d %d\n", is_armed[0], is_armed[1]);
    return fclose(log_file) != 0;
}
