// The least that reading a tree costs: openat, one read and close for every property, openat, getdents64 and close for
// every directory, nothing else. What fs2dt takes is told as a multiple of this.

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/** Larger than any property of the trees that are measured. */
static char value[1 << 20];

static void fail(const char *name)
{
    perror(name);
    exit(1);
}

static void read_property(int parent, const char *name)
{
    int file = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0 || read(file, value, sizeof value) < 0)
        fail(name);
    close(file);
}

static void read_node(int parent, const char *name)
{
    char entries[32768];
    int directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        fail(name);
    for (;;) {
        long length = syscall(SYS_getdents64, directory, entries, sizeof entries);
        if (length < 0)
            fail(name);
        if (length == 0)
            break;
        struct dirent64 *entry;
        for (long at = 0; at < length; at += entry->d_reclen) {
            entry = (struct dirent64 *)(entries + at);
            if (entry->d_type != DT_DIR)
                read_property(directory, entry->d_name);
            else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                read_node(directory, entry->d_name);
        }
    }
    close(directory);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: limit DIR\n");
        return 2;
    }
    read_node(AT_FDCWD, argv[1]);
    return 0;
}
