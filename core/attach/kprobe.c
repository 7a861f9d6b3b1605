/*
 * Kernel probes. One function: the perf way, or tracefs where the kernel is older, as libbpf
 * chooses. Many: one kprobe_multi link where the kernel has it; else one by one, and since no list
 * of traceable functions is exact, those that refuse are passed over as long as one does not.
 */
#include "attach/kprobe_event.h"
#include "attach/link_private.h"
#include "host/features.h"
#include "host/kallsyms.h"
#include "host/nearest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *op(const struct lbpf_kprobe_options *options)
{
    return options->is_return ? "attach kretprobe" : "attach kprobe";
}

/* --- why not
 * -------------------------------------------------------------------------------------------- */

struct explanation {
    struct lbpf_nearest nearest;
    bool exists;
};

static int examine_symbol(void *context, const struct lbpf_ksym *symbol, char type)
{
    struct explanation *explanation = context;

    if (!strchr("tTwW", type))
        return 0;
    if (strcmp(symbol->name, explanation->nearest.wanted) == 0)
        explanation->exists = true;
    else
        lbpf_nearest_offer(&explanation->nearest, symbol->name);
    return explanation->exists;
}

static void hint_at_function(const char *event, struct lbpf_error *error)
{
    struct explanation explanation = {.exists = false};

    lbpf_nearest_start(&explanation.nearest, event);
    lbpf_kallsyms_scan(NULL, examine_symbol, &explanation, NULL);
    if (explanation.exists)
        lbpf_error_hint(error,
                        "the function exists, but the kernel lets nobody probe it there; probe a "
                        "caller of it or a function that it calls");
    else if (lbpf_nearest_name(&explanation.nearest))
        lbpf_error_hint(error, "this kernel has no function of that name; did you mean %s?",
                        lbpf_nearest_name(&explanation.nearest));
    else
        lbpf_error_hint(error,
                        "this kernel has no function of that name; /proc/kallsyms lists them");
}

static int refuse(const struct lbpf_kprobe_options *options, const char *event, int code,
                  struct lbpf_error *error)
{
    struct lbpf_feature feature;

    lbpf_error_set(error, code, op(options),
                   "Failed to attach BPF program %.100s to %s %.200s, it's not traceable (either "
                   "non-existing, inlined, or marked as \"notrace\")",
                   options->function, options->is_return ? "kretprobe" : "kprobe", event);
    if (!lbpf_feature("kprobe", &feature))
        lbpf_error_hint(error, "%s", feature.reason);
    else if (code == EPERM || code == EACCES)
        lbpf_permission_hint(error);
    else if (code == EMFILE || code == ENFILE)
        lbpf_error_hint(error,
                        "in truth there are too many open files: raise the limit (ulimit -n)");
    else if (code == EILSEQ)
        lbpf_error_hint(error, "in truth the offset points into the middle of an instruction");
    else if (options->event)
        hint_at_function(event, error);
    return -code;
}

/* --- one
 * -------------------------------------------------------------------------------------------------
 */

static int attach_function(struct lbpf_link *link, const struct bpf_program *program,
                           const struct lbpf_kprobe_options *options, const char *function)
{
    LIBBPF_OPTS(bpf_kprobe_opts, settings, .retprobe = options->is_return,
                .offset = options->offset);
    struct bpf_link *part = bpf_program__attach_kprobe_opts(program, function, &settings);

    if (!part)
        return -lbpf_libbpf_code(-errno);
    return lbpf_link_add(link, part);
}

static int attach_single(struct lbpf_object *object, const struct lbpf_kprobe_options *options,
                         struct lbpf_link *link, struct lbpf_error *error)
{
    struct lbpf_load_options load = {.type = BPF_PROG_TYPE_KPROBE};
    struct bpf_program *program;
    int result = lbpf_object_load(object, options->function, &load, &program, error);

    if (result < 0)
        return result;
    if (!lbpf_feature("kprobe", NULL))
        return refuse(options, options->event, EOPNOTSUPP, error);
    if (options->max_active)
        result = lbpf_kprobe_event_attach(link, program, options->event, options->max_active);
    else
        result = attach_function(link, program, options, options->event);
    return result < 0 ? refuse(options, options->event, -result, error) : 0;
}

/* --- many
 * ------------------------------------------------------------------------------------------------
 */

struct functions {
    char **names;
    size_t count, capacity;
};

static int add_name(void *context, const char *name)
{
    struct functions *functions = context;

    if (functions->count == functions->capacity) {
        size_t capacity = functions->capacity ? functions->capacity * 2 : 64;
        char **grown = realloc(functions->names, capacity * sizeof *grown);

        if (!grown)
            return -ENOMEM;
        functions->names = grown;
        functions->capacity = capacity;
    }
    functions->names[functions->count] = strdup(name);
    return functions->names[functions->count++] ? 0 : -ENOMEM;
}

static void free_functions(struct functions *functions)
{
    for (size_t i = 0; i < functions->count; i++)
        free(functions->names[i]);
    free(functions->names);
}

/* 0, or -errno of the kernel's refusal, for which no error is set: there is another way. */
static int attach_together(const struct bpf_program *program,
                           const struct lbpf_kprobe_options *options,
                           const struct functions *functions, struct lbpf_link *link)
{
    LIBBPF_OPTS(bpf_kprobe_multi_opts, settings, .syms = (const char **)functions->names,
                .cnt = functions->count, .retprobe = options->is_return);
    struct bpf_link *part = bpf_program__attach_kprobe_multi_opts(program, NULL, &settings);

    if (!part)
        return -lbpf_libbpf_code(-errno);
    if (lbpf_link_add(link, part) < 0)
        return -ENOMEM;
    link->count = functions->count;
    link->kind = "kprobe_multi";
    return 0;
}

static int attach_each(const struct bpf_program *program, const struct lbpf_kprobe_options *options,
                       const struct functions *functions, struct lbpf_link *link,
                       struct lbpf_error *error)
{
    int result = -ENOENT;

    for (size_t i = 0; i < functions->count; i++) {
        result = attach_function(link, program, options, functions->names[i]);
        if (result == -ENOMEM)
            return lbpf_error_no_memory(error, op(options));
        if (result == -EMFILE || result == -ENFILE || result == -EPERM)
            return refuse(options, functions->names[i], -result, error);
    }
    return link->count > 0 ? 0 : refuse(options, options->event_re, -result, error);
}

static int attach_functions(struct lbpf_object *object, const struct lbpf_kprobe_options *options,
                            const struct functions *functions, struct lbpf_link *link,
                            struct lbpf_error *error)
{
    struct lbpf_load_options load = {.type = BPF_PROG_TYPE_KPROBE};
    struct bpf_program *program;
    int result;

    if (lbpf_feature("kprobe_multi", NULL) && !lbpf_object_has_tail_calls(object)) {
        load.expected_attach_type = BPF_TRACE_KPROBE_MULTI;
        result = lbpf_object_load(object, options->function, &load, &program, error);
        if (result < 0 || attach_together(program, options, functions, link) == 0)
            return result;
        load.expected_attach_type = (enum bpf_attach_type)0;
    }
    result = lbpf_object_load(object, options->function, &load, &program, error);
    if (result < 0)
        return result;
    if (!lbpf_feature("kprobe", NULL))
        return refuse(options, options->event_re, EOPNOTSUPP, error);
    return attach_each(program, options, functions, link, error);
}

static int attach_matching(struct lbpf_object *object, const struct lbpf_kprobe_options *options,
                           struct lbpf_link *link, struct lbpf_error *error)
{
    struct functions functions = {0};
    int result = lbpf_kprobe_each_function(options->event_re, add_name, &functions, error);

    if (result == 0 && functions.count == 0) {
        result = refuse(options, options->event_re, ENOENT, error);
        if (lbpf_feature("kprobe", NULL))
            lbpf_error_hint(
                error, "no function matches; the expression is POSIX extended and has to match "
                       "the whole name");
    }
    if (result == 0)
        result = attach_functions(object, options, &functions, link, error);
    free_functions(&functions);
    return result;
}

/* --- the whole
 * -------------------------------------------------------------------------------------------- */

int lbpf_kprobe_target(const struct lbpf_kprobe_options *options, char *text, size_t size)
{
    if (options->event && options->offset)
        return snprintf(text, size, "%s+0x%llx", options->event,
                        (unsigned long long)options->offset);
    return snprintf(text, size, "%s", options->event ? options->event : options->event_re);
}

static int check_options(const struct lbpf_kprobe_options *options, struct lbpf_error *error)
{
    if (!options->event == !options->event_re)
        return lbpf_error_set(error, EINVAL, op(options),
                              "either a function or an expression has to be given");
    if (options->offset && (options->event_re || options->is_return))
        return lbpf_error_set(error, EINVAL, op(options),
                              "an offset goes with one function, and not with a return probe");
    if (options->max_active && (options->event_re || !options->is_return))
        return lbpf_error_set(error, EINVAL, op(options),
                              "maxactive goes with a return probe on one function");
    return 0;
}

int lbpf_attach_kprobe(struct lbpf_object *object, const struct lbpf_kprobe_options *options,
                       struct lbpf_link **out, struct lbpf_error *error)
{
    struct lbpf_link *link;
    char target[768];
    int result = check_options(options, error);

    *out = NULL;
    if (result < 0)
        return result;
    lbpf_kprobe_target(options, target, sizeof target);
    link = lbpf_link_new(options->is_return ? LBPF_LINK_KRETPROBE : LBPF_LINK_KPROBE,
                         options->is_return ? "kretprobe" : "kprobe", target, options->function);
    if (!link)
        return lbpf_error_no_memory(error, op(options));
    result = options->event ? attach_single(object, options, link, error)
                            : attach_matching(object, options, link, error);
    if (result < 0) {
        lbpf_link_free(link);
        return result;
    }
    *out = link;
    return 0;
}
