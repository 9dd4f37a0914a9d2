/* One directory: what is in it, and its files as records. */
#ifndef FILES_H
#define FILES_H

#include "gather.h"

/* Opens what is called `name` in a directory. A descriptor or -errno. Where that lies on another mount, a short read says
 * nothing, and *short_ends becomes 0. */
long open_in(struct gather *g, long directory, const char *name, uint32_t flags, uint32_t *short_ends);

/* Lists an open directory into `files`, `others`, and `names` with `children`. 0 or -errno. */
long list(struct gather *g, long directory);

/* Add what the listing did not tell the kind of. 0 or -errno. */
long add_file(struct gather *g, const char *name);
long add_directory(struct gather *g, const char *name);

/* Appends the records of the listed files, sorted by name, and sets the node's marks. 0, or the -errno of the file at
 * g->done. */
long read_files(struct gather *g, const struct frame *frame, struct node *node);

/* Where the record of a node's file of this name begins, or -ENOENT. */
long find_record(const struct gather *g, const struct node *node, const char *name);

#endif
