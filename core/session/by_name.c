/*
 * Attaching by names: a function that is called kprobe__vfs_read says itself where it belongs.
 * Names have no room for ':', so "__" stands between the parts of a tracepoint's.
 */
#include "host/kallsyms.h"
#include "host/tracefs.h"
#include "session/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_SIZE 512

static int by_name_kprobe(struct lbpf_session *session, const char *function, const char *rest,
                          struct lbpf_error *error)
{
    char event[NAME_SIZE];
    struct lbpf_kprobe_options options = {.event = event, .function = function};

    options.is_return = !strncmp(function, "kretprobe__", strlen("kretprobe__"));
    lbpf_syscall_fix_name(rest, event, sizeof event);
    return lbpf_session_attach_kprobe(session, &options, NULL, error);
}

/*
 * "sched__sched_switch" means sched:sched_switch. Names that contain "__" themselves can be cut in
 * several ways: the one that exists is taken, else the first, which the attach then refuses.
 */
static void split_tracepoint(const char *rest, char *name, size_t size)
{
    const char *first = strstr(rest, "__");

    for (const char *cut = first; cut; cut = strstr(cut + 1, "__")) {
        char category[NAME_SIZE];

        snprintf(category, sizeof category, "%.*s", (int)(cut - rest), rest);
        if (category[0] && cut[2] && lbpf_tracefs_has_event(category, cut + 2)) {
            snprintf(name, size, "%s:%s", category, cut + 2);
            return;
        }
    }
    if (first)
        snprintf(name, size, "%.*s:%s", (int)(first - rest), rest, first + 2);
    else
        name[0] = '\0';
}

static int by_name_tracepoint(struct lbpf_session *session, const char *function, const char *rest,
                              struct lbpf_error *error)
{
    char name[2 * NAME_SIZE];
    struct lbpf_tracepoint_options options = {.name = name, .function = function};

    split_tracepoint(rest, name, sizeof name);
    if (!name[0]) {
        lbpf_error_set(error, EINVAL, "attach tracepoint",
                       "The name of function %s does not tell its tracepoint", function);
        lbpf_error_hint(error, "name it tracepoint__CATEGORY__EVENT, or use "
                               "TRACEPOINT_PROBE(category, event)");
        return -EINVAL;
    }
    return lbpf_session_attach_tracepoint(session, &options, NULL, error);
}

static int by_name_raw_tracepoint(struct lbpf_session *session, const char *function,
                                  const char *rest, struct lbpf_error *error)
{
    struct lbpf_tracepoint_options options = {.name = rest, .function = function};

    return lbpf_session_attach_raw_tracepoint(session, &options, NULL, error);
}

static int by_name_trampoline(struct lbpf_session *session, const char *function,
                              enum lbpf_trampoline kind, struct lbpf_error *error)
{
    struct lbpf_trampoline_options options = {.kind = kind, .function = function};

    return lbpf_session_attach_trampoline(session, &options, NULL, error);
}

static int by_name_kfunc(struct lbpf_session *session, const char *function, const char *rest,
                         struct lbpf_error *error)
{
    (void)rest;
    return by_name_trampoline(session, function, LBPF_TRAMPOLINE_FENTRY, error);
}

static int by_name_kretfunc(struct lbpf_session *session, const char *function, const char *rest,
                            struct lbpf_error *error)
{
    (void)rest;
    return by_name_trampoline(session, function, LBPF_TRAMPOLINE_FEXIT, error);
}

static int by_name_lsm(struct lbpf_session *session, const char *function, const char *rest,
                       struct lbpf_error *error)
{
    (void)rest;
    return by_name_trampoline(session, function, LBPF_TRAMPOLINE_LSM, error);
}

/* BCC leaves kmod_ret__ and bpf_iter__ alone, and so do we: the one changes what the kernel does,
 * the other does nothing until it is read. */
static const struct {
    const char *prefix;
    int (*attach)(struct lbpf_session *session, const char *function, const char *rest,
                  struct lbpf_error *error);
} by_name[] = {
    {"kprobe__", by_name_kprobe},
    {"kretprobe__", by_name_kprobe},
    {"tracepoint__", by_name_tracepoint},
    {"raw_tracepoint__", by_name_raw_tracepoint},
    {"kfunc__", by_name_kfunc},
    {"kretfunc__", by_name_kretfunc},
    {"lsm__", by_name_lsm},
};

int lbpf_session_attach_by_name(struct lbpf_session *session, struct lbpf_error *error)
{
    size_t count = lbpf_object_function_count(lbpf_session_object(session));

    for (size_t i = 0; i < count; i++) {
        const char *function = lbpf_object_function_at(lbpf_session_object(session), i);

        for (size_t row = 0; row < sizeof by_name / sizeof by_name[0]; row++) {
            size_t size = strlen(by_name[row].prefix);
            int result;

            if (strncmp(function, by_name[row].prefix, size))
                continue;
            result = by_name[row].attach(session, function, function + size, error);
            if (result)
                return result;
        }
    }
    return 0;
}
