/*
 * Closing links. Detaching a user probe makes the kernel wait until every processor has left the
 * probe, once per probe; so many probes are closed by several threads, whose waits overlap.
 */
#include "attach/link_private.h"

#include "host/tracefs.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CLOSER_LIMIT = 256,        /* threads, which do nothing but wait */
    CLOSER_STACK = 128 * 1024, /* bytes */
};

struct lbpf_link *lbpf_link_new(enum lbpf_link_family family, const char *kind, const char *target,
                                const char *function)
{
    struct lbpf_link *link = calloc(1, sizeof *link);

    if (!link)
        return NULL;
    link->family = family;
    link->kind = kind;
    link->target = strdup(target);
    link->function = strdup(function);
    link->is_open = true;
    link->owner = getpid();
    if (!link->target || !link->function) {
        lbpf_link_free(link);
        return NULL;
    }
    return link;
}

/*
 * A child that was forked while this process traced has copies of the descriptors. It may close
 * them; but libbpf also switches the perf event off, which ends the samples of its parent, too.
 */
static bool is_inherited(const struct lbpf_link *link)
{
    return link->owner != getpid();
}

static void close_part(const struct lbpf_link_part *part, bool inherited)
{
    if (part->link && inherited) {
        close(bpf_link__fd(part->link));
        bpf_link__disconnect(part->link);
    }
    if (part->link) {
        bpf_link__destroy(part->link);
        return;
    }
    if (part->has_target) {
        if (!inherited)
            bpf_prog_detach2(part->fd, part->target_fd, part->attach_type);
        close(part->target_fd);
    }
    close(part->fd);
}

int lbpf_link_add_part(struct lbpf_link *link, struct lbpf_link_part part)
{
    if (link->part_count == link->part_capacity) {
        size_t capacity = link->part_capacity ? link->part_capacity * 2 : 1;
        struct lbpf_link_part *grown = realloc(link->parts, capacity * sizeof *grown);

        if (!grown) {
            close_part(&part, false);
            return -ENOMEM;
        }
        link->parts = grown;
        link->part_capacity = capacity;
    }
    link->parts[link->part_count++] = part;
    link->count++;
    return 0;
}

int lbpf_link_add(struct lbpf_link *link, struct bpf_link *part)
{
    return lbpf_link_add_part(link, (struct lbpf_link_part){.link = part, .fd = -1});
}

int lbpf_link_add_fd(struct lbpf_link *link, int fd)
{
    return lbpf_link_add_part(link, (struct lbpf_link_part){.fd = fd});
}

int lbpf_link_add_name(struct lbpf_link *link, const char *name)
{
    char **grown = realloc(link->names, (link->name_count + 1) * sizeof *grown);

    if (!grown)
        return -ENOMEM;
    link->names = grown;
    link->names[link->name_count] = strdup(name);
    return link->names[link->name_count] ? (link->name_count++, 0) : -ENOMEM;
}

const char *lbpf_link_place(const struct lbpf_link *link, size_t index)
{
    return index < link->name_count ? link->names[index] : NULL;
}

int lbpf_link_of(struct lbpf_link **out, enum lbpf_link_family family, const char *kind,
                 const char *target, const char *function, struct bpf_link *part, const char *op,
                 struct lbpf_error *error)
{
    struct lbpf_link *link = lbpf_link_new(family, kind, target, function);

    if (!link) {
        bpf_link__destroy(part);
        return lbpf_error_no_memory(error, op);
    }
    if (lbpf_link_add(link, part) < 0) {
        lbpf_link_free(link);
        return lbpf_error_no_memory(error, op);
    }
    *out = link;
    return 0;
}

int lbpf_link_give_fd(struct lbpf_link *link, int fd, const char *op, struct lbpf_error *error)
{
    if (!link)
        close(fd);
    else if (lbpf_link_add_fd(link, fd) == 0)
        return 0;
    lbpf_link_free(link);
    return lbpf_error_no_memory(error, op);
}

void lbpf_link_move_parts(struct lbpf_link *to, struct lbpf_link *from)
{
    to->parts = from->parts;
    to->part_count = from->part_count;
    to->part_capacity = from->part_capacity;
    to->count = from->count;
    from->parts = NULL;
    from->part_count = from->part_capacity = 0;
    from->is_open = false;
}

/* --- closing
 * ------------------------------------------------------------------------------------------ */

struct part {
    const struct lbpf_link_part *handle;
    bool inherited;
};

struct closing {
    struct part *parts;
    size_t count;
    atomic_size_t next;
};

static void *close_parts(void *context)
{
    struct closing *closing = context;
    size_t at;

    while ((at = atomic_fetch_add(&closing->next, 1)) < closing->count)
        close_part(closing->parts[at].handle, closing->parts[at].inherited);
    return NULL;
}

static size_t start_closers(struct closing *closing, pthread_t *closers, size_t wanted)
{
    pthread_attr_t attributes;
    size_t started = 0;

    if (pthread_attr_init(&attributes) != 0)
        return 0;
    pthread_attr_setstacksize(&attributes, CLOSER_STACK);
    while (started < wanted &&
           pthread_create(&closers[started], &attributes, close_parts, closing) == 0)
        started++;
    pthread_attr_destroy(&attributes);
    return started;
}

/* Signals stay with the threads of the program: the host's handlers must not run in ours. */
static void close_side_by_side(struct closing *closing)
{
    pthread_t closers[CLOSER_LIMIT - 1];
    size_t wanted = closing->count > 0 ? closing->count - 1 : 0, started;
    sigset_t all, before;

    if (wanted > CLOSER_LIMIT - 1)
        wanted = CLOSER_LIMIT - 1;
    if (wanted == 0) {
        close_parts(closing);
        return;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    started = start_closers(closing, closers, wanted);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close_parts(closing);
    for (size_t i = 0; i < started; i++)
        pthread_join(closers[i], NULL);
}

/* The event of a return probe with its own number of instances outlives the descriptors. */
static void remove_tracefs_event(struct lbpf_link *link)
{
    const char *folder = lbpf_tracefs(NULL);
    char path[128], line[160];
    int fd, size;

    if (!link->tracefs_event || !folder)
        return;
    snprintf(path, sizeof path, "%s/kprobe_events", folder);
    size = snprintf(line, sizeof line, "-:%s", link->tracefs_event);
    fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, line, (size_t)size) != size)
        size = 0; /* somebody else removed it: then it is gone, too */
    close(fd);
}

static void mark_closed(struct lbpf_link *link)
{
    if (link->tracefs_event && !is_inherited(link))
        remove_tracefs_event(link);
    free(link->tracefs_event);
    free(link->parts);
    link->tracefs_event = NULL;
    link->parts = NULL;
    link->part_count = link->part_capacity = 0;
    link->is_open = false;
}

void lbpf_link_close_all(struct lbpf_link *const *links, size_t count)
{
    struct closing closing = {0};
    size_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += links[i] ? links[i]->part_count : 0;
    closing.parts = total ? malloc(total * sizeof *closing.parts) : NULL;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; links[i] && j < links[i]->part_count; j++) {
            struct part part = {&links[i]->parts[j], is_inherited(links[i])};

            if (closing.parts)
                closing.parts[closing.count++] = part;
            else /* no memory: slowly, then */
                close_part(part.handle, part.inherited);
        }
    }
    close_side_by_side(&closing);
    free(closing.parts);
    for (size_t i = 0; i < count; i++) {
        if (links[i] && links[i]->is_open)
            mark_closed(links[i]);
    }
}

void lbpf_link_close(struct lbpf_link *link)
{
    lbpf_link_close_all(&link, 1);
}

void lbpf_link_free(struct lbpf_link *link)
{
    if (!link)
        return;
    lbpf_link_close(link);
    free(link->target);
    free(link->function);
    free(link->file.offsets);
    for (size_t i = 0; i < link->name_count; i++)
        free(link->names[i]);
    free(link->names);
    free(link);
}

/* --- what a link tells about itself
 * ----------------------------------------------------------------------- */

enum lbpf_link_family lbpf_link_family(const struct lbpf_link *link)
{
    return link->family;
}

const char *lbpf_link_kind(const struct lbpf_link *link)
{
    return link->kind;
}

size_t lbpf_link_count(const struct lbpf_link *link)
{
    return link->count;
}

const char *lbpf_link_target(const struct lbpf_link *link)
{
    return link->target;
}

const char *lbpf_link_function(const struct lbpf_link *link)
{
    return link->function;
}

int lbpf_link_fd(const struct lbpf_link *link)
{
    if (link->part_count == 0)
        return -1;
    return link->parts[0].link ? bpf_link__fd(link->parts[0].link) : link->parts[0].fd;
}

bool lbpf_link_is_open(const struct lbpf_link *link)
{
    return link->is_open;
}
