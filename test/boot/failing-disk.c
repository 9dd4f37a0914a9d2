// A disk that fails: failing-disk mount DEVICE DIRECTORY
//   mounts the ext4 of a disk there, by a device of the device mapper in between
// failing-disk fail
//   from now on each sector that is read of that one is an error
// The kernel needs the module dm-mod.

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "disk"

static void fail(const char *what)
{
    fprintf(stderr, "failing-disk: %s: %s\n", what, strerror(errno));
    exit(99);
}

static void must(long result, const char *what)
{
    if (result < 0)
        fail(what);
}

/* One request to the device mapper; with a target, of a table that is all of it. */
static void ask(unsigned long request, const char *what, const char *target, const char *words,
                unsigned long sectors)
{
    struct {
        struct dm_ioctl head;
        struct dm_target_spec target;
        char words[64];
    } asked = {.head = {.version = {4, 0, 0}, .data_size = sizeof asked, .name = NAME}};
    int control = open("/dev/mapper/control", O_RDWR);

    must(control, "/dev/mapper/control");
    asked.head.data_start = sizeof asked.head;
    asked.head.flags = DM_READONLY_FLAG;
    if (target != NULL) {
        asked.head.target_count = 1;
        asked.target.length = sectors;
        strcpy(asked.target.target_type, target);
        strncpy(asked.words, words, sizeof asked.words - 1);
    }
    must(ioctl(control, request, &asked), what);
    close(control);
}

static void use(const char *target, const char *words, unsigned long sectors)
{
    ask(DM_TABLE_LOAD, "DM_TABLE_LOAD", target, words, sectors);
    // Without DM_SUSPEND_FLAG it is to go on, with the new table.
    ask(DM_DEV_SUSPEND, "DM_DEV_SUSPEND", NULL, NULL, 0);
}

static unsigned long sectors_of(const char *device)
{
    unsigned long long bytes;
    int file = open(device, O_RDONLY);

    must(file, device);
    must(ioctl(file, BLKGETSIZE64, &bytes), "BLKGETSIZE64");
    close(file);
    return bytes / 512;
}

int main(int argc, char **argv)
{
    char words[64];

    if (argc == 4 && strcmp(argv[1], "mount") == 0) {
        ask(DM_DEV_CREATE, "DM_DEV_CREATE", NULL, NULL, 0);
        snprintf(words, sizeof words, "%s 0", argv[2]);
        use("linear", words, sectors_of(argv[2]));
        mkdir(argv[3], 0755);
        must(mount("/dev/dm-0", argv[3], "ext4", MS_RDONLY, ""), argv[3]);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "fail") == 0) {
        use("error", "", sectors_of("/dev/dm-0"));
        return 0;
    }
    errno = EINVAL;
    fail("words");
}
