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
    int fd;                /* of a link made by bpf(2) directly, or -1 */
};

struct lbpf_link {
    enum lbpf_link_family family;
    const char *kind; /* static */
    char *target, *function;
    char *tracefs_event; /* "kprobes/NAME" to remove from kprobe_events, or NULL */
    struct lbpf_link_part *parts;
    size_t part_count, part_capacity;
    size_t count; /* places covered */
    struct {
        dev_t device;
        ino_t inode;
        uint64_t *offsets; /* ascending */
        size_t count;      /* 0 for links that are not of user probes */
    } file;
    bool is_open;
};

/* An empty link, or NULL without memory. The strings are copied. */
struct lbpf_link *lbpf_link_new(enum lbpf_link_family family, const char *kind, const char *target,
                                const char *function);

/* Both take the handle, also when they fail (it is closed then), and count it as one place. 0 or
 * -ENOMEM. */
int lbpf_link_add(struct lbpf_link *link, struct bpf_link *part);
int lbpf_link_add_fd(struct lbpf_link *link, int fd);

/* Fills error for a refused attachment: what, with the errno's words; the hint says what may help.
 * Returns -code. */
int lbpf_attach_refused(struct lbpf_error *error, int code, const char *op, const char *what);

#endif
