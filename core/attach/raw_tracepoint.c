/*
 * Raw tracepoints: the same places as tracepoints, without the record that tracefs describes; the
 * program gets the arguments of the kernel's own call. They have no category. A function in a
 * section SEC("tp_btf/EVENT") gets them with their types, and may follow their pointers.
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
    struct lbpf_load_options load = {0};
    struct bpf_program *program;
    struct bpf_link *part;
    bool is_typed;
    int result;

    *out = NULL;
    if (!options->name || options->name_re)
        return lbpf_error_set(error, EINVAL, op, "a raw tracepoint has to be named");
    if (lbpf_object_has_function(object, options->function))
        lbpf_object_function_kind(object, options->function, &load);
    is_typed = load.type == BPF_PROG_TYPE_TRACING && load.expected_attach_type == BPF_TRACE_RAW_TP;
    if (is_typed)
        load.attach_target = options->name;
    else
        load = (struct lbpf_load_options){.type = BPF_PROG_TYPE_RAW_TRACEPOINT};
    result = lbpf_object_load(object, options->function, &load, &program, error);
    if (result < 0)
        return result;
    part = is_typed ? bpf_program__attach_trace(program)
                    : bpf_program__attach_raw_tracepoint(program, options->name);
    if (!part)
        return refuse(options->name, lbpf_libbpf_code(-errno), error);
    return lbpf_link_of(out, LBPF_LINK_RAW_TRACEPOINT, is_typed ? "tp_btf" : "raw_tracepoint",
                        options->name, options->function, part, op, error);
}
