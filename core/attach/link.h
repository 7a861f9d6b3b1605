/*
 * Links: programs attached to probes. One provider per file (kprobe.c, uprobe.c, tracepoint.c,
 * raw_tracepoint.c, …) makes links; this header is what they share and what the session sees.
 * A link that is closed leaves nothing in the kernel: it owns only file descriptors, which the
 * kernel also closes for a process that dies.
 */
#ifndef LBPF_ATTACH_LINK_H
#define LBPF_ATTACH_LINK_H

#include "base/error.h"
#include "kernel/object.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lbpf_link;

/* What a link is, for counting, for finding it again, and for link:kind(). */
enum lbpf_link_family {
    LBPF_LINK_KPROBE,
    LBPF_LINK_KRETPROBE,
    LBPF_LINK_UPROBE,
    LBPF_LINK_URETPROBE,
    LBPF_LINK_TRACEPOINT,
    LBPF_LINK_RAW_TRACEPOINT,
    LBPF_LINK_FENTRY, /* these four in the order of enum lbpf_trampoline */
    LBPF_LINK_FEXIT,
    LBPF_LINK_FMOD_RET,
    LBPF_LINK_LSM,
    LBPF_LINK_ITERATOR,
    LBPF_LINK_PERF_EVENT,
    LBPF_LINK_RAW_SOCKET,
    LBPF_LINK_XDP,
    LBPF_LINK_DESCRIPTOR,
};

enum lbpf_link_family lbpf_link_family(const struct lbpf_link *link);
/* The mechanism: "fentry", "fexit", "kprobe", "kretprobe", "kprobe_multi", "tracefs", "uprobe",
 * "uretprobe", "uprobe_multi", "tracepoint", "raw_tracepoint", "xdp_generic", … Static string. */
const char *lbpf_link_kind(const struct lbpf_link *link);
/* How many places it covers (1 unless it came from a regular expression). */
size_t lbpf_link_count(const struct lbpf_link *link);
/* The name of a place of a user probe or tracepoint: the one where bpf_get_attach_cookie() gives
 * index to the program. NULL behind the last one. Lent. */
const char *lbpf_link_place(const struct lbpf_link *link, size_t index);
/* What it is attached to ("vfs_read", "/lib/…/libc.so.6:malloc", "sched:sched_switch") and the
 * function. */
const char *lbpf_link_target(const struct lbpf_link *link);
const char *lbpf_link_function(const struct lbpf_link *link);
bool lbpf_link_is_open(const struct lbpf_link *link);
/* The descriptor of its first place: of a BPF link, a perf event or a socket; -1 when closed. Lent.
 */
int lbpf_link_fd(const struct lbpf_link *link);

/* Detaches; the record stays readable until freed. Idempotent. */
void lbpf_link_close(struct lbpf_link *link);
/* Detaches many at once, so that their grace periods overlap. */
void lbpf_link_close_all(struct lbpf_link *const *links, size_t count);
void lbpf_link_free(struct lbpf_link *link); /* closes first; NULL is allowed */

struct lbpf_kprobe_options {
    const char *event;    /* kernel function; NULL when event_re is given */
    const char *event_re; /* POSIX extended expression that must match the whole name; or NULL */
    const char *function; /* the program's function */
    uint64_t offset;      /* bytes into event; entry probes only */
    bool is_return;
    unsigned max_active; /* return probes: instances at once; 0 = the kernel's choice. Otherwise the
                          * probe may be an event in tracefs, which a process that is killed leaves
                          * there until the next one comes */
    const char *mechanism; /* what lbpf_link_kind() shall tell; NULL: the best that works */
};

/* The kernel functions that event_re can mean: those that ftrace can trace, less what is never
 * traceable. Calls visit for each until it returns non-zero, which is returned. The address is that
 * of the function or of its hook; it may be 0 unless it is wanted, and is 0 then, too, when no list
 * of the kernel has it. The module is not told. */
struct lbpf_ksym;
int lbpf_kprobe_each_function(const char *expression, bool with_addresses,
                              int (*visit)(void *context, const struct lbpf_ksym *symbol),
                              void *context, struct lbpf_error *error);

struct lbpf_uprobe_options {
    const char *path;      /* path, or library short name ("c", "c.so.6") */
    const char *symbol;    /* or NULL */
    const char *symbol_re; /* POSIX extended expression, full match; or NULL */
    const char *function;
    uint64_t address; /* virtual address in the file; used when has_address */
    bool has_address;
    uint64_t offset; /* added to symbol; not with address */
    pid_t pid;       /* -1: every process */
    bool is_return;
    const char *mechanism; /* "uprobe_multi", or "uprobe" ("uretprobe") for one perf event per
                            * place; NULL: the best that works */
};

struct lbpf_tracepoint_options {
    const char *name;    /* "category:event"; for raw tracepoints just the event */
    const char *name_re; /* POSIX extended, full match on category:event; or NULL */
    const char *function;
};

/* What lbpf_link_target() of a link made with these options is, so that it can be found again. */
int lbpf_kprobe_target(const struct lbpf_kprobe_options *options, char *text, size_t size);

/* The file and the offsets that the options mean, found and open: attaching looks nothing up again.
 * Errors are those of attaching. */
struct lbpf_uprobe_places;
int lbpf_uprobe_find(const struct lbpf_uprobe_options *options, struct lbpf_uprobe_places **places,
                     struct lbpf_error *error);
void lbpf_uprobe_places_free(struct lbpf_uprobe_places *places); /* NULL is allowed */
size_t lbpf_uprobe_places_count(const struct lbpf_uprobe_places *places);

/* Whether a link covers one of the places, or just them, by whatever name and path they were found.
 */
bool lbpf_link_covers_any(const struct lbpf_link *link, const struct lbpf_uprobe_places *places);
bool lbpf_link_covers_exactly(const struct lbpf_link *link,
                              const struct lbpf_uprobe_places *places);

/* Each attaches and gives a link that the caller owns, or fails whole: nothing stays attached.
 * Errors have op "attach kprobe" and so on; texts follow BCC's where the reference gives one. */
int lbpf_attach_kprobe(struct lbpf_object *object, const struct lbpf_kprobe_options *options,
                       struct lbpf_link **link, struct lbpf_error *error);
int lbpf_attach_uprobe(struct lbpf_object *object, const struct lbpf_uprobe_options *options,
                       struct lbpf_uprobe_places *places, struct lbpf_link **link,
                       struct lbpf_error *error);
int lbpf_attach_tracepoint(struct lbpf_object *object,
                           const struct lbpf_tracepoint_options *options, struct lbpf_link **link,
                           struct lbpf_error *error);
int lbpf_attach_raw_tracepoint(struct lbpf_object *object,
                               const struct lbpf_tracepoint_options *options,
                               struct lbpf_link **link, struct lbpf_error *error);

#endif
