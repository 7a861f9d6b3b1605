/*
 * What the providers of links share. A link is made empty, filled with the kernel's handles one by
 * one, and given out when all are there; freeing it at any point takes back what was attached.
 */
#ifndef LBPF_ATTACH_LINK_PRIVATE_H
#define LBPF_ATTACH_LINK_PRIVATE_H

#include "attach/link.h"

#include "kernel/sys.h"

#include <bpf/libbpf.h>

/* One thing that has to be closed. Exactly one of the two handles is there. */
struct lbpf_link_part {
    struct bpf_link *link; /* or NULL */
    int fd;                /* of a link made by bpf(2) directly, or of a socket, or -1 */
    /* fd is a program, which has to be detached from target_fd by a call of its own */
    bool has_target;
    int target_fd;
    enum bpf_attach_type attach_type;
};

struct lbpf_link {
    enum lbpf_link_family family;
    const char *kind; /* static */
    char *target, *function;
    char *tracefs_event; /* "kprobes/NAME" to remove from kprobe_events, or NULL */
    struct lbpf_link_part *parts;
    size_t part_count, part_capacity;
    size_t count; /* places covered */
    char **names; /* of places whose attach cookie is their index, or NULL */
    size_t name_count;
    struct {
        dev_t device;
        ino_t inode;
        uint64_t *offsets; /* ascending */
        size_t count;      /* 0 for links that are not of user probes */
    } file;
    bool is_open;
    pid_t owner; /* the process that attached; a child forked from it has only copies */
};

/* An empty link, or NULL without memory. The strings are copied. */
struct lbpf_link *lbpf_link_new(enum lbpf_link_family family, const char *kind, const char *target,
                                const char *function);

/* Both take the handle, also when they fail (it is closed then), and count it as one place. 0 or
 * -ENOMEM. */
int lbpf_link_add(struct lbpf_link *link, struct bpf_link *part);
int lbpf_link_add_fd(struct lbpf_link *link, int fd);
int lbpf_link_add_part(struct lbpf_link *link, struct lbpf_link_part part);

/* The name of the next place. 0 or -ENOMEM. */
int lbpf_link_add_name(struct lbpf_link *link, const char *name);

/* A link to one place. Takes part, and closes it when there is no memory for the link. */
int lbpf_link_of(struct lbpf_link **out, enum lbpf_link_family family, const char *kind,
                 const char *target, const char *function, struct bpf_link *part, const char *op,
                 struct lbpf_error *error);
/* Gives fd to a new link, which may be NULL for want of memory. Takes both: when it fails, fd is
 * closed and link is freed. */
int lbpf_link_give_fd(struct lbpf_link *link, int fd, const char *op, struct lbpf_error *error);
/* What from has becomes to's, which has nothing yet; from is closed then. */
void lbpf_link_move_parts(struct lbpf_link *to, struct lbpf_link *from);

/* Fills error for a refused attachment: what, with the errno's words; the hint says what may help.
 * Returns -code. */
int lbpf_attach_refused(struct lbpf_error *error, int code, const char *op, const char *what);

#endif
