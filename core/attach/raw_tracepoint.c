/*
 * Raw tracepoints: the same places as tracepoints, without the record that tracefs describes; the
 * program gets the arguments of the kernel's own call. They have no category.
 */
#include "attach/link_private.h"
#include "host/nearest.h"
#include "host/tracefs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char op[] = "attach raw tracepoint";

static int offer_event(void *context, const char *name)
{
    const char *colon = strchr(name, ':');

    lbpf_nearest_offer(context, colon ? colon + 1 : name);
    return 0;
}

static int refuse(const char *name, int code, struct lbpf_error *error)
{
    const char *colon = strchr(name, ':');
    struct lbpf_nearest nearest;
    char what[256];

    snprintf(what, sizeof what, "Failed to attach BPF to raw tracepoint %.128s", name);
    lbpf_attach_refused(error, code, op, what);
    if (code != ENOENT)
        return -code;
    if (colon) {
        lbpf_error_hint(error, "a raw tracepoint has no category: write %.128s", colon + 1);
        return -code;
    }
    if (strncmp(name, "sys_enter_", 10) == 0 || strncmp(name, "sys_exit_", 9) == 0) {
        lbpf_error_hint(error, "system calls share the raw tracepoints sys_enter and sys_exit");
        return -code;
    }
    lbpf_nearest_start(&nearest, name);
    lbpf_nearest_offer(&nearest, "sys_enter"); /* these two are in no list */
    lbpf_nearest_offer(&nearest, "sys_exit");
    lbpf_tracefs_each_event(offer_event, &nearest, NULL);
    if (lbpf_nearest_name(&nearest))
        lbpf_error_hint(error, "did you mean %s?", lbpf_nearest_name(&nearest));
    return -code;
}

int lbpf_attach_raw_tracepoint(struct lbpf_object *object,
                               const struct lbpf_tracepoint_options *options,
                               struct lbpf_link **out, struct lbpf_error *error)
{
    struct lbpf_load_options load = {.type = BPF_PROG_TYPE_RAW_TRACEPOINT};
    struct bpf_program *program;
    struct bpf_link *part;
    struct lbpf_link *link;
    int result;

    *out = NULL;
    if (!options->name || options->name_re)
        return lbpf_error_set(error, EINVAL, op, "a raw tracepoint has to be named");
    result = lbpf_object_load(object, options->function, &load, &program, error);
    if (result < 0)
        return result;
    part = bpf_program__attach_raw_tracepoint(program, options->name);
    if (!part)
        return refuse(options->name, lbpf_libbpf_code(-errno), error);
    link =
        lbpf_link_new(LBPF_LINK_RAW_TRACEPOINT, "raw_tracepoint", options->name, options->function);
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
