// The least that loading a kernel costs: one kexec_load of files that are mapped, nothing else. Its segments are as large as
// those of the programs that are compared with it; what they say is of no account, since nothing jumps there.

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kexec.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 16, LARGEST_PAGE = 0x10000 };

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/** @param words an address, a file, and how many bytes of zeros follow it */
static struct kexec_segment map(char **words)
{
    struct stat status;
    int file = open(words[1], O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) < 0)
        fail(words[1]);
    void *bytes = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    if (bytes == MAP_FAILED)
        fail(words[1]);
    size_t whole = status.st_size + strtoul(words[2], NULL, 0);
    return (struct kexec_segment){
        .buf = bytes,
        .bufsz = status.st_size,
        .mem = (void *)strtoul(words[0], NULL, 0),
        .memsz = (whole + LARGEST_PAGE - 1) & ~(size_t)(LARGEST_PAGE - 1),
    };
}

int main(int argc, char **argv)
{
    struct kexec_segment segments[MOST];
    int count = (argc - 1) / 3;
    if (count == 0 || count > MOST || argc != 1 + 3 * count) {
        fprintf(stderr, "usage: limit-load [ADDRESS FILE ZEROS]...\n");
        return 2;
    }
    for (int row = 0; row < count; row++)
        segments[row] = map(argv + 1 + 3 * row);
    if (syscall(SYS_kexec_load, segments[0].mem, (long)count, segments, 0L) < 0)
        fail("kexec_load");
    return 0;
}
