/* Reads a tree of directories as records in one growing piece of memory: a directory is a node, its files are records.
 *
 * The one piece of native code that both engines share: the small engine links it, Bun maps the prebuilt bytes
 * beside it. It therefore calls nothing but the kernel, and has no data of its own. It goes on while everything is
 * plain; whatever is not, it hands to the script (src/sys/gather.ts), which judges that and lets it go on, or not.
 */
#ifndef GATHER_H
#define GATHER_H

#include <stdint.h>

/* Memory of the kernel's that grows, and may move when it does. */
struct area {
    uint64_t start;
    uint32_t size, used; /* bytes */
};

/* A directory that was read. */
struct node {
    uint32_t start, end; /* its own records: begin_tag, name, a record for each file */
    uint32_t after;      /* what it holds has ended there too, with end_tag */
    uint32_t next;       /* the place of the first node that it does not hold */
    uint32_t own_name;   /* whether a file that says the node's own name is left out of them */
    uint32_t count;      /* files */
    uint32_t marks;      /* of its name and its files */
    uint32_t below;      /* the same, and of all that it holds */
};

/* A directory that is open: its descriptor, and the names of those in it that are still to be read. */
struct frame {
    uint32_t node; /* its place in `nodes` */
    int32_t descriptor;
    uint32_t path_length;
    uint32_t again;    /* whether it is listed for the second time */
    uint32_t names;    /* where its part of `names` begins */
    uint32_t children; /* the same of `children` */
    uint32_t next;     /* the next one in there */
};

/* A file of this name sets `mark` unless its length & mask is `value`. */
struct rule {
    char name[36];
    uint32_t mask, value, mark;
};

#define MOST_RULES 16

/* What gather() works on, in the machine's own byte order. The script knows these offsets (src/sys/gather.ts). */
struct gather {
    uint64_t call;       /* 0x00 asked in place of the kernel, by tests; else 0 */
    struct area records; /* 0x08 file_tag, u32 length, u32 key, bytes, padding to 4; big endian */
    struct area strings; /* 0x18 the files' names, each once, with its NUL: a key is an offset in here */
    struct area nodes;   /* 0x28 struct node, in the order in which they are read */
    struct area frames;  /* 0x38 struct frame, the root's first */
    struct area others; /* 0x48 what was listed and is neither file nor directory: 0x40 + d_type, name, NUL */
    struct area
        files; /* 0x58 u32 offsets in `listing` of the files' names; in the order of their bytes once read */
    struct area listing;  /* 0x68 from getdents64 */
    struct area names;    /* 0x78 of directories still to be read, each with its NUL */
    struct area children; /* 0x88 u32 offsets in `names`, in the order in which they are read */
    struct area table;    /* 0x98 of what is in `strings` */
    uint32_t begin_tag;   /* 0xa8 */
    uint32_t file_tag;    /* 0xac */
    uint32_t end_tag;     /* 0xb0 */
    uint32_t largest;     /* 0xb4 bytes of one file */
    uint32_t room;        /* 0xb8 bytes of all files that are still to come */
    uint32_t deepest;     /* 0xbc levels below the root */
    uint32_t longest;     /* 0xc0 bytes of a path */
    uint32_t long_name;   /* 0xc4 a name with more bytes sets long_mark */
    uint32_t long_mark;   /* 0xc8 */
    uint32_t empty_mark;  /* 0xcc set by a file that is taken for empty */
    char empty_prefix
        [16]; /* 0xd0 files whose names begin so are not opened but taken for empty; "" for none */
    char own_name
        [16]; /* 0xe0 the file that is left out if it says the directory's name, up to @; "" for none */
    /* of the machine, as src/sys/abi.ts has them */
    uint32_t file_flags;                                    /* 0xf0 to openat a file with */
    uint32_t directory_flags;                               /* 0xf4 the same of a directory */
    uint32_t close, getdents64, mmap, mremap, openat, read; /* 0xf8-0x10c */
    uint32_t phase;                                         /* 0x110 what is done next */
    uint32_t known;                                         /* 0x114 names in `strings` */
    uint32_t done;                                          /* 0x118 how many of `files` are read */
    uint32_t length; /* 0x11c bytes of the last file, as far as it was read */
    int32_t error;   /* 0x120 -errno, where that is why it stopped */
    uint32_t unused;
    struct rule rules[MOST_RULES]; /* 0x128 up to the first without a name */
};

enum gather_action {
    GATHER_BEGIN,         /* with the open directory `number`, whose path is `name` */
    GATHER_WALK,          /* goes on until there is something to judge: an enum gather_stop */
    GATHER_ADD_FILE,      /* `name`, whose kind the listing did not tell, to the directory that is open */
    GATHER_ADD_DIRECTORY, /* the same of a directory */
    GATHER_AGAIN, /* all about the directory that is open is forgotten, to be read anew; 1 if it was before */
    GATHER_CLOSE, /* all that is open */
};

/* Of the last frame; or -errno where there is no memory. */
enum gather_stop {
    STOP_DONE,    /* everything is read */
    STOP_OTHERS,  /* it holds what is in `others` */
    STOP_EMPTIED, /* it has files that were taken for empty */
    STOP_LISTING, /* it could not be listed: `error` */
    STOP_FILE, /* its file at `done` could not be read: `error`; -EFBIG where it or all files are too large */
    STOP_OPENING, /* the next directory in it could not be opened: `error` */
    STOP_DEPTH,   /* the next directory in it is too deep */
    STOP_PATH,    /* the next directory in it has too long a path */
};

/* What the action gives; 0, or -errno, where nothing is said. */
int gather(struct gather *g, int action, int number, const char *name);

#endif
