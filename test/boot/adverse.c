// Does to a program what a guest's prompt cannot: adverse HOW PROGRAM [ARGUMENT]...
//   as UID            as that user, without any capability
//   as-boot UID       as that user, with CAP_SYS_BOOT
//   without-boot      as root without CAP_SYS_BOOT
//   narrow            as if its kernel had 32 bits, as far as uname says, which it prints first
//   limited BYTES     with so much address space
//   strike SIGNAL CALL entry|exit
//                     sends it the signal where it first enters or leaves the system call of that number
//   shrink FILE CALL PATH
//                     leaves 4096 bytes of the file where it first enters the system call of that number with that path, or
//                     with anything if PATH is -
//   mute              its standard output is a pipe that nobody reads
//   hung-up           its standard input, output and error are a terminal that is gone
// and, without a program:
//   orphan            leaves a child to process 1, which ends when this one has, and a second one that says when the first
//                     was waited for; with an argument this one itself waits for that too
//   crowd FILE        there are as many processes as there may be, until the file is there
//   hang-up           takes the terminal away from everybody who has it
// strike, shrink, mute and hung-up tell on standard output how the program ended, and end well.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what)
{
    fprintf(stderr, "adverse: %s: %s\n", what, strerror(errno));
    exit(99);
}

static void must(long result, const char *what)
{
    if (result < 0)
        fail(what);
}

static void go_on_as(char **program)
{
    execv(program[0], program);
    fail(program[0]);
}

static void tell_end(int status)
{
    if (WIFSIGNALED(status))
        printf("ended by signal %d\n", WTERMSIG(status));
    else
        printf("ended with %d\n", WEXITSTATUS(status));
    exit(0);
}

static void become(const char *user, int keeps_boot)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    uid_t uid = (uid_t)atoi(user);

    must(prctl(PR_SET_KEEPCAPS, keeps_boot), "PR_SET_KEEPCAPS");
    must(setgroups(0, NULL), "setgroups");
    must(setgid(uid), "setgid");
    must(setuid(uid), "setuid");
    if (!keeps_boot)
        return;
    data[0].effective = data[0].permitted = data[0].inheritable = 1u << CAP_SYS_BOOT;
    must(syscall(SYS_capset, &header, data), "capset");
    must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_BOOT, 0, 0), "PR_CAP_AMBIENT_RAISE");
}

/* Whether a tracee's text at that address is this one. A small kernel has no process_vm_readv(2). */
static int is_text(pid_t pid, unsigned long address, const char *text)
{
    for (size_t at = 0; at <= strlen(text); at++) {
        unsigned long byte = (address + at) % sizeof(long);
        char word[sizeof(long)];
        long found;

        errno = 0;
        found = ptrace(PTRACE_PEEKDATA, pid, (void *)(address + at - byte), NULL);
        memcpy(word, &found, sizeof word);
        if (errno != 0 || word[byte] != text[at])
            return 0;
    }
    return 1;
}

/* Starts the program and stops it at the call, of which `path`, if there is one, is the second argument. */
static pid_t stop_at(unsigned long call, int at_exit, const char *path, char **program)
{
    unsigned long current = ~0ul;
    int status;
    pid_t child = fork();

    must(child, "fork");
    if (child == 0) {
        must(ptrace(PTRACE_TRACEME, 0, 0, 0), "PTRACE_TRACEME");
        raise(SIGSTOP);
        go_on_as(program);
    }
    must(waitpid(child, &status, 0), "waitpid");
    must(ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), "PTRACE_SETOPTIONS");
    for (int passed = 0;;) {
        struct __ptrace_syscall_info info;

        must(ptrace(PTRACE_SYSCALL, child, 0, passed), "PTRACE_SYSCALL");
        must(waitpid(child, &status, 0), "waitpid");
        if (!WIFSTOPPED(status)) {
            printf("was not struck, ");
            tell_end(status);
        }
        passed = WSTOPSIG(status) == (SIGTRAP | 0x80) || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        if (WSTOPSIG(status) != (SIGTRAP | 0x80))
            continue;
        must(ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info), "PTRACE_GET_SYSCALL_INFO");
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
            current = path == NULL || is_text(child, info.entry.args[1], path) ? info.entry.nr : ~0ul;
        if (current == call && (info.op == PTRACE_SYSCALL_INFO_EXIT) == at_exit)
            return child;
    }
}

static void go_on_to_the_end(pid_t child)
{
    int status;

    must(ptrace(PTRACE_DETACH, child, 0, 0), "PTRACE_DETACH");
    must(waitpid(child, &status, 0), "waitpid");
    tell_end(status);
}

static void strike(int signal, unsigned long call, int at_exit, char **program)
{
    pid_t child = stop_at(call, at_exit, NULL, program);

    must(kill(child, signal), "kill");
    go_on_to_the_end(child);
}

static void shrink(const char *file, unsigned long call, const char *path, char **program)
{
    pid_t child = stop_at(call, 0, strcmp(path, "-") == 0 ? NULL : path, program);

    must(truncate(file, 4096), file);
    go_on_to_the_end(child);
}

#define MOST_PROCESSES "/proc/sys/kernel/threads-max"

static void set_most_processes(int most)
{
    FILE *file = fopen(MOST_PROCESSES, "w");

    if (file == NULL || fprintf(file, "%d", most) < 0 || fclose(file) < 0)
        fail(MOST_PROCESSES);
}

static void crowd(const char *until)
{
    FILE *file = fopen(MOST_PROCESSES, "r");
    int most;
    pid_t child;

    if (file == NULL || fscanf(file, "%d", &most) != 1)
        fail(MOST_PROCESSES);
    must(child = fork(), "fork");
    if (child == 0) {
        while (access(until, F_OK) < 0)
            usleep(1000);
        set_most_processes(most);
        _exit(0);
    }
    // The kernel allows no fewer, and its own threads are more than that.
    set_most_processes(20);
}

static void run_on(int input, int output, int error, char **program)
{
    int status;
    pid_t child = fork();

    must(child, "fork");
    if (child == 0) {
        dup2(input, 0);
        dup2(output, 1);
        dup2(error, 2);
        go_on_as(program);
    }
    must(waitpid(child, &status, 0), "waitpid");
    tell_end(status);
}

static void mute(char **program)
{
    int ends[2];

    must(pipe2(ends, O_CLOEXEC), "pipe");
    close(ends[0]);
    run_on(0, ends[1], 2, program);
}

static void hang_up_on(char **program)
{
    int own, theirs;

    mkdir("/dev/pts", 0755);
    mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666");
    must(own = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), "/dev/pts/ptmx");
    must(unlockpt(own), "unlockpt");
    theirs = ioctl(own, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    must(theirs, "TIOCGPTPEER");
    close(own);
    run_on(theirs, theirs, theirs, program);
}

/* Whether a process is gone for good, and not only dead, within ten seconds. */
static int goes(pid_t pid)
{
    for (int tries = 0; tries < 1000; tries++) {
        if (kill(pid, 0) < 0)
            return 1;
        usleep(10000);
    }
    return 0;
}

static void leave_orphan(int waits)
{
    int ends[2];
    pid_t middle, first;

    must(pipe(ends), "pipe");
    must(middle = fork(), "fork");
    if (middle == 0) {
        must(first = fork(), "fork");
        if (first == 0) {
            // Not before it is process 1's.
            while (getppid() != 1)
                usleep(1000);
            _exit(0);
        }
        must(write(ends[1], &first, sizeof first), "write");
        _exit(0);
    }
    must(read(ends[0], &first, sizeof first), "read");
    must(waitpid(middle, NULL, 0), "waitpid");
    if (!waits && fork() != 0)
        _exit(0);
    // Where this one goes on by itself, the prompt is there by now.
    if (!waits)
        usleep(300000);
    dprintf(1, "the orphan %s\n", goes(first) ? "is gone" : "was left");
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";

    if (strcmp(how, "as") == 0 && argc > 3) {
        become(argv[2], 0);
        go_on_as(argv + 3);
    } else if (strcmp(how, "as-boot") == 0 && argc > 3) {
        become(argv[2], 1);
        go_on_as(argv + 3);
    } else if (strcmp(how, "without-boot") == 0 && argc > 2) {
        must(prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT), "PR_CAPBSET_DROP");
        go_on_as(argv + 2);
    } else if (strcmp(how, "narrow") == 0 && argc > 2) {
        struct utsname name;
        must(personality(PER_LINUX32), "personality");
        must(uname(&name), "uname");
        printf("%s\n", name.machine);
        fflush(stdout);
        go_on_as(argv + 2);
    } else if (strcmp(how, "limited") == 0 && argc > 3) {
        struct rlimit limit = {strtoul(argv[2], NULL, 0), strtoul(argv[2], NULL, 0)};
        must(setrlimit(RLIMIT_AS, &limit), "RLIMIT_AS");
        go_on_as(argv + 3);
    } else if (strcmp(how, "strike") == 0 && argc > 5) {
        strike(atoi(argv[2]), strtoul(argv[3], NULL, 0), strcmp(argv[4], "exit") == 0, argv + 5);
    } else if (strcmp(how, "shrink") == 0 && argc > 5) {
        shrink(argv[2], strtoul(argv[3], NULL, 0), argv[4], argv + 5);
    } else if (strcmp(how, "crowd") == 0 && argc > 2) {
        crowd(argv[2]);
        return 0;
    } else if (strcmp(how, "mute") == 0 && argc > 2) {
        mute(argv + 2);
    } else if (strcmp(how, "hung-up") == 0 && argc > 2) {
        hang_up_on(argv + 2);
    } else if (strcmp(how, "orphan") == 0) {
        leave_orphan(argc > 2);
        return 0;
    } else if (strcmp(how, "hang-up") == 0) {
        must(vhangup(), "vhangup");
        return 0;
    }
    errno = EINVAL;
    fail(how);
}
