/* Tracepoints: places that the kernel's authors chose, with arguments laid out in tracefs. */
#include "attach/link_private.h"
#include "host/match.h"
#include "host/nearest.h"
#include "host/tracefs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_LIMIT = 256 };

static const char op[] = "attach tracepoint";

static int offer_event(void *context, const char *name)
{
    lbpf_nearest_offer(context, name);
    return 0;
}

static int explain_missing(const char *name, const char *function, struct lbpf_error *error)
{
    struct lbpf_nearest nearest;

    lbpf_error_set(error, ENOENT, op,
                   "Failed to attach BPF program %.128s to tracepoint %.128s: %s", function, name,
                   "there is no such tracepoint");
    lbpf_nearest_start(&nearest, name);
    lbpf_tracefs_each_event(offer_event, &nearest, NULL);
    if (lbpf_nearest_name(&nearest))
        lbpf_error_hint(error, "did you mean %s?", lbpf_nearest_name(&nearest));
    else
        lbpf_error_hint(error, "%s/available_events lists those of this kernel",
                        lbpf_tracefs(NULL));
    return -ENOENT;
}

struct attaching {
    struct lbpf_link *link;
    const struct bpf_program *program;
    const struct lbpf_match *match; /* NULL for a single name */
    struct lbpf_error *error;
};

static int attach_one(const struct attaching *attaching, const char *name)
{
    const char *function = attaching->link->function;
    char category[NAME_LIMIT], what[400];
    const char *colon = strchr(name, ':');
    LIBBPF_OPTS(bpf_tracepoint_opts, settings, .bpf_cookie = attaching->link->name_count);
    struct bpf_link *part;
    int code;

    if (!colon || colon == name || !colon[1] || strchr(colon + 1, ':') ||
        strlen(name) >= NAME_LIMIT) {
        lbpf_error_set(attaching->error, EINVAL, op, "\"%.128s\" is no tracepoint name", name);
        lbpf_error_hint(attaching->error, "write category:event, as in sched:sched_switch");
        return -EINVAL;
    }
    snprintf(category, sizeof category, "%.*s", (int)(colon - name), name);
    if (!lbpf_tracefs_has_event(category, colon + 1))
        return lbpf_tracefs(attaching->error) ? explain_missing(name, function, attaching->error)
                                              : -ENOENT;
    part = bpf_program__attach_tracepoint_opts(attaching->program, category, colon + 1, &settings);
    if (!part) {
        code = lbpf_libbpf_code(-errno);
        snprintf(what, sizeof what, "Failed to attach BPF program %.128s to tracepoint %s",
                 function, name);
        return lbpf_attach_refused(attaching->error, code, op, what);
    }
    if (lbpf_link_add(attaching->link, part) < 0 || lbpf_link_add_name(attaching->link, name) < 0)
        return lbpf_error_no_memory(attaching->error, op);
    return 0;
}

static int attach_if_matching(void *context, const char *name)
{
    const struct attaching *attaching = context;

    return lbpf_match_name(attaching->match, name) ? attach_one(attaching, name) : 0;
}

static int attach_matching(struct attaching *attaching, const char *expression)
{
    struct lbpf_match match;
    int result = lbpf_match_open(&match, expression, op, attaching->error);

    if (result < 0)
        return result;
    attaching->match = &match;
    result = lbpf_tracefs_each_event(attach_if_matching, attaching, attaching->error);
    lbpf_match_close(&match);
    if (result == 0 && attaching->link->count == 0) {
        lbpf_error_set(attaching->error, ENOENT, op, "no tracepoint matches \"%.200s\"",
                       expression);
        lbpf_error_hint(attaching->error, "the expression has to match the whole category:event");
        return -ENOENT;
    }
    return result;
}

static int attach_all(struct lbpf_object *object, const struct lbpf_tracepoint_options *options,
                      struct lbpf_link *link, struct lbpf_error *error)
{
    struct lbpf_load_options load = {.type = BPF_PROG_TYPE_TRACEPOINT};
    struct attaching attaching = {.link = link, .error = error};
    struct bpf_program *program;
    int result = lbpf_object_load(object, options->function, &load, &program, error);

    if (result < 0)
        return result;
    attaching.program = program;
    return options->name ? attach_one(&attaching, options->name)
                         : attach_matching(&attaching, options->name_re);
}

int lbpf_attach_tracepoint(struct lbpf_object *object,
                           const struct lbpf_tracepoint_options *options, struct lbpf_link **out,
                           struct lbpf_error *error)
{
    struct lbpf_link *link;
    int result;

    *out = NULL;
    if (!options->name == !options->name_re)
        return lbpf_error_set(error, EINVAL, op,
                              "either a tracepoint or an expression has to be given");
    link = lbpf_link_new(LBPF_LINK_TRACEPOINT, "tracepoint",
                         options->name ? options->name : options->name_re, options->function);
    if (!link)
        return lbpf_error_no_memory(error, op);
    result = attach_all(object, options, link, error);
    if (result < 0) {
        lbpf_link_free(link);
        return result;
    }
    *out = link;
    return 0;
}
