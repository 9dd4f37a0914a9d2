// Runs a command to its end and says on standard error how much memory it had that was not a file's:
//
//   memory NAME peak=KIBIBYTES mapped=KIBIBYTES
//
// peak is its largest resident set, mapped what of its files was resident when it ended: a program that maps a file
// does not take the memory twice. Standard input and output are passed on, so that it can stand in a pipeline.

#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/** The value of a line like "VmHWM:    1234 kB"; 0 where there is none. */
static long kibibytes(const char *status, const char *name)
{
    const char *line = strstr(status, name);
    return line == NULL ? 0 : atol(line + strlen(name));
}

static void tell(const char *name, pid_t pid)
{
    char path[64], status[8192];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail(path);
    status[fread(status, 1, sizeof status - 1, file)] = '\0';
    fclose(file);
    long mapped = kibibytes(status, "\nRssFile:") + kibibytes(status, "\nRssShmem:");
    fprintf(stderr, "memory %s peak=%ld mapped=%ld\n", name, kibibytes(status, "\nVmHWM:"), mapped);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: memory NAME COMMAND [ARG]...\n");
        return 2;
    }
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    int status;
    if (waitpid(pid, &status, 0) < 0)
        fail("waitpid");
    // The child is stopped before its exec. From now on its end stops it too, while it still has its memory.
    if (ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(long)(PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC)) < 0)
        fail("ptrace");
    ptrace(PTRACE_CONT, pid, NULL, NULL);
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        int event = status >> 16;
        if (event == PTRACE_EVENT_EXIT)
            tell(argv[1], pid);
        ptrace(PTRACE_CONT, pid, NULL, (void *)(long)(event == 0 ? WSTOPSIG(status) : 0));
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
