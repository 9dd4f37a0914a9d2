// Runs a command, or a pipeline of several, to its end and says in one line what it cost:
//
//   measured NAME wall=NANOSECONDS user=MICROSECONDS system=MICROSECONDS peak=KIBIBYTES
//
// user and system are sums over the pipeline's processes, and peak is the sum of their largest resident sets: they
// live at the same time. To be linked statically, so that it is small: a process inherits the peak of its parent.

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 8 };

struct cost {
    long user, system, peak;
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long microseconds(struct timeval time)
{
    return time.tv_sec * 1000000L + time.tv_usec;
}

static pid_t start(char **argv, int input, int output)
{
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid > 0)
        return pid;
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    execvp(argv[0], argv);
    perror(argv[0]);
    _exit(127);
}

/** Waits for one process and adds what it cost; returns whether it ended with exit code 0. */
static int finish(pid_t pid, struct cost *sum)
{
    int status;
    struct rusage usage;
    if (wait4(pid, &status, 0, &usage) < 0)
        fail("wait4");
    sum->user += microseconds(usage.ru_utime);
    sum->system += microseconds(usage.ru_stime);
    sum->peak += usage.ru_maxrss;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: measure NAME COMMAND [ARG]... ['|' COMMAND [ARG]...]...\n");
        return 2;
    }
    char **commands[MOST] = {argv + 2};
    int count = 1;
    for (char **word = argv + 2; *word != NULL; word++) {
        if (strcmp(*word, "|") != 0)
            continue;
        *word = NULL;
        if (count < MOST)
            commands[count++] = word + 1;
    }
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0)
        fail("/dev/null");
    pid_t pids[MOST];
    struct cost sum = {0, 0, 0};
    int input = nothing, ok = 1;
    long long started = now();
    for (int row = 0; row < count; row++) {
        int ends[2] = {nothing, nothing};
        if (row + 1 < count && pipe2(ends, O_CLOEXEC) < 0)
            fail("pipe2");
        pids[row] = start(commands[row], input, ends[1]);
        if (input != nothing)
            close(input);
        if (ends[1] != nothing)
            close(ends[1]);
        input = ends[0];
    }
    for (int row = 0; row < count; row++)
        ok &= finish(pids[row], &sum);
    long long ended = now();
    if (!ok)
        return 1;
    printf("measured %s wall=%lld user=%ld system=%ld peak=%ld\n", argv[1], ended - started, sum.user,
           sum.system, sum.peak);
    return 0;
}
