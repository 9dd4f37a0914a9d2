/* Reads a tree of directories as records in one growing piece of memory: a directory is a node, its files are records.
 *
 * This is the one piece of native code that both engines share: the small engine links it, Bun maps the prebuilt
 * bytes beside it. So it calls nothing but the kernel and has no data of its own. It stops at everything that is not
 * a plain file or a directory that can be read, and leaves that to the script (src/sys/gather.ts).
 */
#ifndef GATHER_H
#define GATHER_H

#include <stdint.h>

/* Memory from the kernel that grows, and may move when it does. */
struct area {
    uint64_t start;
    uint32_t size, used; /* bytes */
};

/* A directory that was read. */
struct node {
    uint32_t start, end; /* its own records: begin_tag, name, a record for each file */
    uint32_t after;      /* where all that it holds has ended too, with end_tag */
    uint32_t next;       /* index of the first node after it that it does not hold */
    uint32_t own_name;   /* whether a file that says the node's own name was left out */
    uint32_t count;      /* files */
    uint32_t marks;      /* of its name and its files */
    uint32_t below;      /* the same, and of all that it holds */
};

/* A directory that is open: its descriptor, and the names of those in it that are still to be read. */
struct frame {
    uint32_t node; /* its index in `nodes` */
    int32_t descriptor;
    uint32_t path_length;
    uint32_t again;      /* whether it is listed for the second time */
    uint32_t names;      /* where its part of `names` begins */
    uint32_t children;   /* the same of `children` */
    uint32_t next;       /* the next one in there */
    uint32_t short_ends; /* as of struct gather, while it is of the same mount as the root */
};

/* A file of this name sets `mark` unless its length & mask is `value`. */
struct rule {
    char name[36];
    uint32_t mask, value, mark;
};

#define MOST_RULES 16

/* What gather() works on, in the machine's own byte order. The script knows it by layout.h. */
struct gather {
    uint64_t call;        /* a function that tests put in place of the kernel; else 0 */
    struct area records;  /* file_tag, u32 length, u32 key, bytes, padding to 4; big endian */
    struct area strings;  /* the files' names, each once, with its NUL: a key is an offset in here */
    struct area nodes;    /* struct node, in the order in which they are read */
    struct area frames;   /* struct frame, the root's first */
    struct area others;   /* listed, but neither file nor directory: 0x40 + d_type, name, NUL */
    struct area files;    /* u32 offsets in `listing` of the files' names, sorted once they are read */
    struct area listing;  /* from getdents64 */
    struct area names;    /* of directories still to be read, each with its NUL */
    struct area children; /* u32 offsets in `names`, in the order in which they are read */
    struct area table;    /* of what is in `strings` */
    uint32_t begin_tag, file_tag, end_tag;
    uint32_t largest;      /* bytes of one file */
    uint32_t room;         /* bytes of all files that are still to come */
    uint32_t deepest;      /* levels below the root */
    uint32_t longest;      /* bytes of a path */
    uint32_t empty_mark;   /* set by a file that is taken for empty */
    char empty_prefix[16]; /* files whose names begin so are taken for empty, unopened; "" for none */
    char own_name[16];     /* the file that is left out if it says the directory's name, up to @ */
    /* of the machine, as src/sys/abi.ts has them */
    uint32_t file_flags, directory_flags; /* to openat a file, or a directory, with */
    uint32_t close, getdents64, mmap, mremap, openat, openat2, ppoll, read;
    uint32_t phase;      /* what is done next */
    uint32_t known;      /* names in `strings` */
    uint32_t done;       /* how many of `files` are read */
    uint32_t length;     /* bytes of the last file, as far as it was read */
    int32_t error;       /* -errno, where that is why it stopped */
    uint32_t short_ends; /* on the root's mount a read of less than asked for, and than a page, ends a file */
    struct rule rules[MOST_RULES]; /* up to the first without a name */
};

enum gather_action {
    GATHER_BEGIN,         /* with the open directory `number`, whose path is `name` */
    GATHER_WALK,          /* until there is something to judge: gives an enum gather_stop */
    GATHER_ADD_FILE,      /* `name`, whose kind the listing did not tell, to the open directory */
    GATHER_ADD_DIRECTORY, /* the same of a directory */
    GATHER_AGAIN,         /* forget the open directory, to read it anew; gives 1 if that was done before */
    GATHER_CLOSE,         /* all that is open */
    GATHER_KEY,           /* gives the key of `name`, or -ENOENT where no file has that name */
    GATHER_FIND,          /* gives where in `records` the file `name` of node `number` is, or -ENOENT */
};

/* Why the walk stopped, at the last frame; or -errno where there is no memory. */
enum gather_stop {
    STOP_DONE,    /* everything is read */
    STOP_OTHERS,  /* it holds what is in `others` */
    STOP_EMPTIED, /* it has files that were taken for empty */
    STOP_LISTING, /* it could not be listed: `error` */
    STOP_FILE,    /* its file `done` could not be read: `error`; -EFBIG: it, or all files, are too large */
    STOP_OPENING, /* the next directory in it could not be opened: `error` */
    STOP_DEPTH,   /* the next directory in it is too deep */
    STOP_PATH,    /* the next directory in it has too long a path */
};

/* Does one action. Gives what is said of it above, else 0 or -errno. */
int gather(struct gather *g, int action, int number, const char *name);

#endif
