/*
 * Programs that name their place themselves, when they are loaded: entries and returns of kernel
 * functions, functions whose result they replace, security hooks. Attaching only starts them; so
 * one function of the program is at one place at most.
 */
#include "attach/function_name.h"
#include "attach/kinds.h"
#include "attach/link_private.h"
#include "host/features.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct kind {
    enum bpf_prog_type type;
    enum bpf_attach_type attach_type;
    const char *name, *op, *place;
    const char *method;            /* what the script calls for it */
    const char *const prefixes[3]; /* end with NULL */
};

static const struct kind kinds[] = {
    [LBPF_TRAMPOLINE_FENTRY] = {BPF_PROG_TYPE_TRACING,
                                BPF_TRACE_FENTRY,
                                "fentry",
                                "attach kfunc",
                                "entry kernel func",
                                "attach_kfunc",
                                {"kfunc__", "kfunc__vmlinux__", NULL}},
    [LBPF_TRAMPOLINE_FEXIT] = {BPF_PROG_TYPE_TRACING,
                               BPF_TRACE_FEXIT,
                               "fexit",
                               "attach kretfunc",
                               "exit kernel func",
                               "attach_kretfunc",
                               {"kretfunc__", "kretfunc__vmlinux__", NULL}},
    [LBPF_TRAMPOLINE_FMOD_RET] = {BPF_PROG_TYPE_TRACING,
                                  BPF_MODIFY_RETURN,
                                  "fmod_ret",
                                  "attach fmod_ret",
                                  "fmod_ret kernel func",
                                  "attach_fmod_ret",
                                  {"kmod_ret__", NULL}},
    [LBPF_TRAMPOLINE_LSM] = {BPF_PROG_TYPE_LSM,
                             BPF_LSM_MAC,
                             "lsm",
                             "attach LSM",
                             "LSM hook",
                             "attach_lsm",
                             {"lsm__", NULL}},
};

enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

const char *lbpf_trampoline_function(const struct lbpf_object *object,
                                     const struct lbpf_trampoline_options *options, char *name,
                                     size_t size)
{
    return lbpf_function_name(object, options->function, kinds[options->kind].prefixes, name, size);
}

/* A function for returns, attached to entries, would take its arguments for others. */
static int check_kind(const struct kind *kind, const char *function,
                      const struct lbpf_load_options *declared, struct lbpf_error *error)
{
    const struct kind *right = NULL;

    if (declared->type == kind->type && declared->expected_attach_type == kind->attach_type)
        return 0;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (declared->type == kinds[i].type &&
            declared->expected_attach_type == kinds[i].attach_type)
            right = &kinds[i];
    }
    lbpf_error_set(error, EINVAL, kind->op, "Function %s is no %s program", function, kind->name);
    if (right)
        lbpf_error_hint(error, "it is an %s program: use %s", right->name, right->method);
    else
        lbpf_error_hint(error,
                        "its name has to begin with %s, as the macro of BCC makes it, or it "
                        "needs a section such as SEC(\"%s/FUNCTION\")",
                        kind->prefixes[0], kind->name);
    return -EINVAL;
}

static int refuse(const struct kind *kind, const char *target, int code, struct lbpf_error *error)
{
    struct lbpf_feature feature;
    char what[256];

    snprintf(what, sizeof what, "Failed to attach BPF to %s %.128s", kind->place, target);
    lbpf_attach_refused(error, code, kind->op, what);
    if (!lbpf_feature("fentry", &feature))
        lbpf_error_hint(error, "%s", feature.reason);
    return -code;
}

int lbpf_attach_trampoline(struct lbpf_object *object,
                           const struct lbpf_trampoline_options *options, struct lbpf_link **out,
                           struct lbpf_error *error)
{
    const struct kind *kind = &kinds[options->kind];
    struct lbpf_load_options load = {0};
    char name[LBPF_FUNCTION_NAME_SIZE];
    struct bpf_program *program;
    struct bpf_link *part;
    const char *function;
    int result;

    *out = NULL;
    function = lbpf_trampoline_function(object, options, name, sizeof name);
    if (lbpf_object_has_function(object, function)) {
        lbpf_object_function_kind(object, function, &load);
        result = check_kind(kind, function, &load, error);
        if (result)
            return result;
    }
    load.type = kind->type;
    load.expected_attach_type = kind->attach_type;
    result = lbpf_object_load(object, function, &load, &program, error);
    if (result < 0)
        return result;
    part = bpf_program__attach_trace(program);
    if (!part)
        return refuse(kind, load.attach_target, lbpf_libbpf_code(-errno), error);
    return lbpf_link_of(out, lbpf_trampoline_family(options->kind), kind->name, load.attach_target,
                        function, part, kind->op, error);
}
