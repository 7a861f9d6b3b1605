/*
 * What the kinds of links besides kprobes, uprobes and tracepoints take. Each has a file of its
 * own: trampoline.c, iterator.c, perf_event.c, raw_socket.c, xdp.c, descriptor.c.
 */
#ifndef LBPF_ATTACH_KINDS_H
#define LBPF_ATTACH_KINDS_H

#include "attach/link.h"

#include <linux/perf_event.h>

/* In the order of their families. */
enum lbpf_trampoline {
    LBPF_TRAMPOLINE_FENTRY,
    LBPF_TRAMPOLINE_FEXIT,
    LBPF_TRAMPOLINE_FMOD_RET,
    LBPF_TRAMPOLINE_LSM
};

static inline enum lbpf_link_family lbpf_trampoline_family(enum lbpf_trampoline kind)
{
    return (enum lbpf_link_family)((int)LBPF_LINK_FENTRY + (int)kind);
}

struct lbpf_trampoline_options {
    enum lbpf_trampoline kind;
    const char *function; /* with or without its prefix (kfunc__vmlinux__) */
};

struct lbpf_iterator_options {
    const char *function; /* with or without bpf_iter__ */
    int map_fd;           /* -1: not over a map */
    pid_t pid, tid;       /* only this process or thread; 0: all */
    const char *cgroup;   /* path where iterators over cgroups start, or NULL */
    int cgroup_order;     /* enum bpf_cgroup_iter_order */
};

struct lbpf_perf_event_options {
    const char *function;
    struct perf_event_attr event; /* size and disabled are filled in */
    bool is_raw;                  /* the caller knows what it asks for: nothing is checked */
    pid_t pid;                    /* -1: every process */
    int cpu;                      /* -1: each that is online, or wherever pid runs */
    int group_fd;                 /* -1: none */
    const char *cgroup;           /* path: only processes of this cgroup; or NULL */
};

/* For raw sockets and XDP. */
struct lbpf_device_options {
    const char *device; /* raw sockets: "" is every device */
    const char *function;
    uint32_t flags; /* XDP_FLAGS_* */
};

enum { LBPF_DESCRIPTOR_TARGET_SIZE = 4096 + 64 };

struct lbpf_descriptor_options {
    const char *function;
    const char *path; /* of a cgroup, a pinned map, a network namespace, …; NULL: fd */
    int fd;           /* lent */
    int attach_type;  /* enum bpf_attach_type; -1: what the function's section says */
    uint32_t flags;   /* BPF_F_ALLOW_OVERRIDE, …; 0: side by side with others */
};

/* The function's whole name: what was given, or name with it written there. */
const char *lbpf_trampoline_function(const struct lbpf_object *object,
                                     const struct lbpf_trampoline_options *options, char *name,
                                     size_t size);
const char *lbpf_iterator_function(const struct lbpf_object *object, const char *function,
                                   char *name, size_t size);

/* What lbpf_link_target() of a link made with these options is, so that it can be found again. */
int lbpf_perf_event_target(const struct lbpf_perf_event_options *options, char *text, size_t size);
/* Returns the attach type. */
int lbpf_descriptor_target(const struct lbpf_object *object,
                           const struct lbpf_descriptor_options *options, char *text, size_t size,
                           struct lbpf_error *error);

/* As those of link.h. */
int lbpf_attach_trampoline(struct lbpf_object *object,
                           const struct lbpf_trampoline_options *options, struct lbpf_link **link,
                           struct lbpf_error *error);
int lbpf_attach_iterator(struct lbpf_object *object, const struct lbpf_iterator_options *options,
                         struct lbpf_link **link, struct lbpf_error *error);
int lbpf_attach_perf_event(struct lbpf_object *object,
                           const struct lbpf_perf_event_options *options, struct lbpf_link **link,
                           struct lbpf_error *error);
int lbpf_attach_raw_socket(struct lbpf_object *object, const struct lbpf_device_options *options,
                           struct lbpf_link **link, struct lbpf_error *error);
int lbpf_attach_xdp(struct lbpf_object *object, const struct lbpf_device_options *options,
                    struct lbpf_link **link, struct lbpf_error *error);
int lbpf_attach_descriptor(struct lbpf_object *object,
                           const struct lbpf_descriptor_options *options, struct lbpf_link **link,
                           struct lbpf_error *error);

/* Puts another function in the place of a link's, which is then closed; possible on the same
 * device in the same mode, unless XDP_FLAGS_UPDATE_IF_NOEXIST forbids it. */
bool lbpf_xdp_can_replace(const struct lbpf_link *link, const struct lbpf_device_options *options);
int lbpf_replace_xdp(struct lbpf_object *object, const struct lbpf_device_options *options,
                     struct lbpf_link *old, struct lbpf_link **link, struct lbpf_error *error);
/* Takes away the program of a device that no link holds: of ip(8), or of a script of BCC. */
int lbpf_remove_xdp(const struct lbpf_device_options *options, struct lbpf_error *error);

/* A walk of an iterator: a descriptor to read to its end, which the caller closes. */
int lbpf_iterator_open(const struct lbpf_link *link, struct lbpf_error *error);

#endif
