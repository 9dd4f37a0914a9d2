/* The walk over a tree of directories. */
#include "area.h"
#include "files.h"
#include "layout.h"
#include "order.h"
#include "strings.h"

/* What is done next with the last frame. */
enum phase {
    TO_LIST,
    TO_READ,
    TO_STEP, /* enter the next directory in it, or leave it */
};

static struct frame *top(const struct gather *g)
{
    return g->frames.used ? (struct frame *)end_of(&g->frames) - 1 : 0;
}

static struct node *node_of(const struct gather *g, const struct frame *frame)
{
    return (struct node *)at(&g->nodes, 0) + frame->node;
}

/* Starts a node that has nothing yet. Its name is already where it belongs in the records. */
static void begin_node(struct gather *g, struct node *node, uint32_t start)
{
    put_u32(at(&g->records, start), g->begin_tag);
    g->records.used = start + 4 + length_of(text_at(&g->records, start + 4)) + 1;
    pad(&g->records);
    *node = (struct node){.start = start};
}

/* Starts a node and a frame for an open directory. 0 or -errno. */
static long enter(struct gather *g, int descriptor, uint32_t path_length, uint32_t short_ends,
                  const char *name)
{
    uint32_t index = g->nodes.used / (uint32_t)sizeof(struct node);
    long failed = make_room(g, &g->frames, sizeof(struct frame));

    if (!failed)
        failed = make_room(g, &g->nodes, sizeof(struct node));
    if (!failed)
        failed = make_room(g, &g->records, 4 + length_of(name) + 4);
    if (failed) {
        ask(g, g->close, descriptor, 0, 0, 0, 0);
        return failed;
    }
    copy_text(end_of(&g->records) + 4, name);
    begin_node(g, (struct node *)end_of(&g->nodes), g->records.used);
    g->nodes.used += sizeof(struct node);
    *(struct frame *)end_of(&g->frames) = (struct frame){.node = index,
                                                         .descriptor = descriptor,
                                                         .path_length = path_length,
                                                         .names = g->names.used,
                                                         .children = g->children.used,
                                                         .next = g->children.used,
                                                         .short_ends = short_ends};
    g->frames.used += sizeof(struct frame);
    g->phase = TO_LIST;
    return 0;
}

/* Ends the last frame and its node. 0 or -errno. */
static long leave(struct gather *g, struct frame *frame)
{
    struct node *node = node_of(g, frame);
    long failed = make_room(g, &g->records, 4);

    if (failed)
        return failed;
    ask(g, g->close, frame->descriptor, 0, 0, 0, 0);
    put_u32(end_of(&g->records), g->end_tag);
    g->records.used += 4;
    node->after = g->records.used;
    node->next = g->nodes.used / (uint32_t)sizeof *node;
    node->below |= node->marks;
    g->names.used = frame->names;
    g->children.used = frame->children;
    g->frames.used -= sizeof *frame;
    if (g->frames.used)
        node_of(g, frame - 1)->below |= node->below;
    return 0;
}

static int stop(struct gather *g, int reason, long error)
{
    g->error = (int32_t)error;
    return reason;
}

/* A descriptor that was listed is at its end, so a new one is opened to list the directory again. */
static long list_again(struct gather *g, const struct frame *frame)
{
    long descriptor = ask(g, g->openat, frame->descriptor, (long)".", g->directory_flags, 0, 0), failed;

    if (descriptor < 0)
        return descriptor;
    failed = list(g, descriptor);
    ask(g, g->close, descriptor, 0, 0, 0, 0);
    return failed;
}

static int list_top(struct gather *g)
{
    struct frame *frame = top(g);
    long failed = frame->again ? list_again(g, frame) : list(g, frame->descriptor);

    if (failed)
        return stop(g, STOP_LISTING, failed);
    g->phase = TO_READ;
    return g->others.used ? STOP_OTHERS : STOP_DONE;
}

static int read_top(struct gather *g)
{
    struct frame *frame = top(g);
    struct node *node = node_of(g, frame);
    long failed = read_files(g, frame, node);

    if (failed)
        return stop(g, STOP_FILE, failed);
    node->end = g->records.used;
    sort(words_of(&g->children) + frame->children / 4, (g->children.used - frame->children) / 4,
         text_at(&g->names, 0), compare_nodes);
    g->phase = TO_STEP;
    return node->marks & g->empty_mark ? STOP_EMPTIED : STOP_DONE;
}

static int step(struct gather *g)
{
    struct frame *frame = top(g);
    const char *name;
    uint32_t path_length, short_ends = frame->short_ends;
    long descriptor;

    if (frame->next == g->children.used)
        return (int)leave(g, frame);
    name = text_at(&g->names, words_of(&g->children)[frame->next / 4]);
    path_length = frame->path_length + 1 + length_of(name);
    if (g->frames.used / sizeof *frame > g->deepest)
        return STOP_DEPTH;
    if (path_length > g->longest)
        return STOP_PATH;
    descriptor = open_in(g, frame->descriptor, name, g->directory_flags, &short_ends);
    if (descriptor < 0)
        return stop(g, STOP_OPENING, descriptor);
    frame->next += 4;
    return (int)enter(g, (int)descriptor, path_length, short_ends, name);
}

static int walk(struct gather *g)
{
    int stopped = STOP_DONE;

    while (g->frames.used && stopped == STOP_DONE)
        stopped = g->phase == TO_LIST ? list_top(g) : g->phase == TO_READ ? read_top(g) : step(g);
    return stopped;
}

/* Forgets what was read of the last frame's directory, so that it is read anew. 0, or 1 if that was done before. */
static int start_again(struct gather *g)
{
    struct frame *frame = top(g);
    struct node *node = node_of(g, frame);

    if (frame->again)
        return 1;
    frame->again = 1;
    frame->next = g->children.used = frame->children;
    g->names.used = frame->names;
    g->nodes.used = (frame->node + 1) * (uint32_t)sizeof *node;
    begin_node(g, node, node->start);
    g->phase = TO_LIST;
    return 0;
}

static int close_all(struct gather *g)
{
    for (; g->frames.used; g->frames.used -= sizeof(struct frame))
        ask(g, g->close, top(g)->descriptor, 0, 0, 0, 0);
    return 0;
}

static int find(const struct gather *g, int index, const char *name)
{
    return (int)find_record(g, (const struct node *)at(&g->nodes, 0) + index, name);
}

int gather(struct gather *g, int action, int number, const char *name)
{
    if (action == GATHER_BEGIN)
        return (int)enter(g, number, length_of(name), g->short_ends, "");
    if (action == GATHER_WALK)
        return walk(g);
    if (action == GATHER_ADD_FILE)
        return (int)add_file(g, name);
    if (action == GATHER_ADD_DIRECTORY)
        return (int)add_directory(g, name);
    if (action == GATHER_KEY)
        return (int)key_of(g, name);
    if (action == GATHER_FIND)
        return find(g, number, name);
    return action == GATHER_AGAIN ? start_again(g) : close_all(g);
}
