/*
 * Kernel probes: which mechanism. For one function a direct call (fentry, fexit) where that means
 * the same, else a link as for many, also where that means the same, else a perf event, else an
 * event in tracefs; for many one link. What a user asks for by name is taken or refused, never
 * replaced.
 */
#include "attach/kprobe_private.h"
#include "compile/repeated_names.h"
#include "host/features.h"
#include "host/kallsyms.h"
#include "host/nearest.h"
#include "kernel/tracing_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_SIZE = 256 };

const char *lbpf_kprobe_mechanism_name(enum lbpf_kprobe_mechanism mechanism, bool is_return)
{
    switch (mechanism) {
    case LBPF_KPROBE_FENTRY:
        return is_return ? "fexit" : "fentry";
    case LBPF_KPROBE_MULTI:
        return "kprobe_multi";
    case LBPF_KPROBE_TRACEFS:
        return "tracefs";
    default:
        return is_return ? "kretprobe" : "kprobe";
    }
}

const char *lbpf_kprobe_op(const struct lbpf_kprobe_options *options)
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

int lbpf_kprobe_refuse(const struct lbpf_kprobe_options *options, const char *event, int code,
                       struct lbpf_error *error)
{
    struct lbpf_feature feature;

    lbpf_error_set(error, code, lbpf_kprobe_op(options),
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

int lbpf_kprobe_refuse_mechanism(const struct lbpf_kprobe_options *options,
                                 enum lbpf_kprobe_mechanism mechanism, int code, const char *reason,
                                 struct lbpf_error *error)
{
    lbpf_error_set(error, code, lbpf_kprobe_op(options),
                   "Failed to attach BPF program %.100s to %s %.100s as %s: %.200s",
                   options->function, options->is_return ? "kretprobe" : "kprobe",
                   options->event ? options->event : options->event_re,
                   lbpf_kprobe_mechanism_name(mechanism, options->is_return), reason);
    lbpf_error_hint(error, "leave out 'mechanism' to get the best one that works");
    return -code;
}

/* --- one
 * -------------------------------------------------------------------------------------------------
 */

int lbpf_kprobe_perf_attach(struct lbpf_link *link, const struct bpf_program *program,
                            const struct lbpf_kprobe_options *options, const char *function)
{
    LIBBPF_OPTS(bpf_kprobe_opts, settings, .retprobe = options->is_return,
                .offset = options->offset);
    struct bpf_link *part;

    if (access("/sys/bus/event_source/devices/kprobe/type", F_OK) != 0) /* before Linux 4.17 */
        return lbpf_kprobe_event_attach(link, program, options, function);
    part = bpf_program__attach_kprobe_opts(program, function, &settings);
    if (!part)
        return -lbpf_libbpf_code(-errno);
    return lbpf_link_add(link, part);
}

/* Whether fentry can be asked at all; what the program does is looked at later. */
static const char *exclude_fentry(const struct lbpf_object *object,
                                  const struct lbpf_kprobe_options *options)
{
    if (options->offset)
        return "it is for the start of a function";
    return lbpf_object_has_tail_calls(object) ? "the program has a table of programs" : NULL;
}

static int attach_fentry(struct lbpf_object *object, const struct bpf_program *program,
                         const struct lbpf_kprobe_options *options, const char *event,
                         bool is_forced, struct lbpf_link *link, struct lbpf_error *error)
{
    const char *excluded = exclude_fentry(object, options);
    struct lbpf_buffer reason = {0};
    int result = -EOPNOTSUPP;

    if (excluded)
        lbpf_buffer_append_string(&reason, excluded);
    else
        result =
            lbpf_kprobe_fentry_attach(link, object, program, options, event, is_forced, &reason);
    if (result < 0 && is_forced)
        lbpf_kprobe_refuse_mechanism(options, LBPF_KPROBE_FENTRY, -result,
                                     lbpf_buffer_string(&reason), error);
    lbpf_buffer_free(&reason);
    return result;
}

/*
 * A link for many functions serves one as well: a hit costs less than by a perf event. It means the
 * same when the program asks nothing but arguments of its registers: how much of the others is
 * saved is another matter, and so is where stack traces begin. A return probe would have fewer
 * instances.
 */
static bool suits_multi(const struct lbpf_object *object, const struct bpf_program *program,
                        const struct lbpf_kprobe_options *options, const char *event)
{
    return !options->is_return && !options->offset && !strchr(event, ':') &&
           !lbpf_object_has_tail_calls(object) && lbpf_feature("kprobe_multi", NULL) &&
           lbpf_object_reads_only_arguments(object, options->function, program) &&
           !lbpf_kernel_name_is_repeated(event);
}

static int attach_probe(struct lbpf_link *link, const struct bpf_program *program,
                        const struct lbpf_kprobe_options *options, const char *event,
                        enum lbpf_kprobe_mechanism mechanism, struct lbpf_error *error)
{
    int result;

    if (!lbpf_feature("kprobe", NULL))
        return lbpf_kprobe_refuse(options, event, EOPNOTSUPP, error);
    if (options->max_active || mechanism == LBPF_KPROBE_TRACEFS)
        result = lbpf_kprobe_event_attach(link, program, options, event);
    else
        result = lbpf_kprobe_perf_attach(link, program, options, event);
    return result < 0 ? lbpf_kprobe_refuse(options, event, -result, error) : 0;
}

/* A system call has another name on each architecture; a name that another kernel gives it means
 * it, too, unless this kernel has such a function. */
static void resolve_event(const char *event, char *name, size_t size)
{
    lbpf_syscall_fix_name(event, name, size);
    if (strcmp(event, name) != 0 && lbpf_kallsyms_has(event))
        snprintf(name, size, "%s", event);
}

static int attach_single(struct lbpf_object *object, const struct lbpf_kprobe_options *options,
                         enum lbpf_kprobe_mechanism mechanism, struct lbpf_link *link,
                         struct lbpf_error *error)
{
    struct lbpf_load_options load = {.type = BPF_PROG_TYPE_KPROBE};
    bool is_forced = mechanism == LBPF_KPROBE_FENTRY;
    struct bpf_program *program;
    char event[NAME_SIZE];
    int result;

    resolve_event(options->event, event, sizeof event);
    if (mechanism == LBPF_KPROBE_MULTI)
        return lbpf_kprobe_attach_multi(object, options, event, link, error);
    result = lbpf_object_load(object, options->function, &load, &program, error);
    if (result < 0)
        return result;
    if (mechanism == LBPF_KPROBE_BEST || is_forced) {
        result = attach_fentry(object, program, options, event, is_forced, link, error);
        if (result == 0 || is_forced)
            return result;
        if (suits_multi(object, program, options, event) &&
            lbpf_kprobe_try_multi(object, options, event, link) == 0)
            return 0;
    }
    return attach_probe(link, program, options, event, mechanism, error);
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

static int check_mechanism(const struct lbpf_kprobe_options *options,
                           enum lbpf_kprobe_mechanism *mechanism, struct lbpf_error *error)
{
    if (!options->mechanism)
        return 0;
    do {
        if (*mechanism == LBPF_KPROBE_TRACEFS) {
            lbpf_error_set(error, EINVAL, lbpf_kprobe_op(options), "unknown mechanism '%.100s'",
                           options->mechanism);
            lbpf_error_hint(error, "it is one of: %s",
                            options->is_return ? "fexit, kprobe_multi, kretprobe, tracefs"
                                               : "fentry, kprobe_multi, kprobe, tracefs");
            return -EINVAL;
        }
        ++*mechanism;
    } while (strcmp(options->mechanism,
                    lbpf_kprobe_mechanism_name(*mechanism, options->is_return)) != 0);
    if (options->event_re &&
        (*mechanism == LBPF_KPROBE_FENTRY || *mechanism == LBPF_KPROBE_TRACEFS))
        return lbpf_kprobe_refuse_mechanism(options, *mechanism, EINVAL,
                                            "this mechanism takes one function, not an expression",
                                            error);
    if (options->offset && *mechanism == LBPF_KPROBE_MULTI)
        return lbpf_kprobe_refuse_mechanism(options, *mechanism, EINVAL,
                                            "it is for the start of a function", error);
    if (options->max_active && *mechanism == LBPF_KPROBE_MULTI)
        return lbpf_kprobe_refuse_mechanism(options, *mechanism, EINVAL,
                                            "maxactive can't be told to it", error);
    if (*mechanism == LBPF_KPROBE_MULTI && !lbpf_feature("kprobe_multi", NULL)) {
        struct lbpf_feature feature;

        lbpf_feature("kprobe_multi", &feature);
        return lbpf_kprobe_refuse_mechanism(options, *mechanism, EOPNOTSUPP, feature.reason, error);
    }
    return 0;
}

static int check_options(const struct lbpf_kprobe_options *options, struct lbpf_error *error)
{
    if (!options->event == !options->event_re)
        return lbpf_error_set(error, EINVAL, lbpf_kprobe_op(options),
                              "either a function or an expression has to be given");
    if (options->offset && (options->event_re || options->is_return))
        return lbpf_error_set(error, EINVAL, lbpf_kprobe_op(options),
                              "an offset goes with one function, and not with a return probe");
    if (options->max_active && (options->event_re || !options->is_return))
        return lbpf_error_set(error, EINVAL, lbpf_kprobe_op(options),
                              "maxactive goes with a return probe on one function");
    return 0;
}

int lbpf_attach_kprobe(struct lbpf_object *object, const struct lbpf_kprobe_options *options,
                       struct lbpf_link **out, struct lbpf_error *error)
{
    enum lbpf_kprobe_mechanism mechanism = LBPF_KPROBE_BEST;
    struct lbpf_link *link;
    char target[768];
    int result = check_options(options, error);

    *out = NULL;
    if (result == 0)
        result = check_mechanism(options, &mechanism, error);
    if (result < 0)
        return result;
    lbpf_kprobe_target(options, target, sizeof target);
    link = lbpf_link_new(options->is_return ? LBPF_LINK_KRETPROBE : LBPF_LINK_KPROBE,
                         lbpf_kprobe_mechanism_name(LBPF_KPROBE_PERF, options->is_return), target,
                         options->function);
    if (!link)
        return lbpf_error_no_memory(error, lbpf_kprobe_op(options));
    if (options->event)
        result = attach_single(object, options, mechanism, link, error);
    else
        result = lbpf_kprobe_attach_matching(object, options, mechanism, link, error);
    if (result < 0) {
        lbpf_link_free(link);
        return result;
    }
    *out = link;
    return 0;
}
