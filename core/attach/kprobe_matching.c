/*
 * Kernel probes on many functions: one kprobe_multi link where the kernel has it, else one by one.
 * No list of traceable functions is exact, so those that the kernel refuses are passed over as long
 * as one is left; a link is refused as a whole, so what it was asked for is halved until the bad
 * ones are alone.
 */
#include "attach/kprobe_private.h"
#include "host/features.h"
#include "host/kallsyms.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { REFUSAL_LIMIT = 256 /* each costs the kernel a look at all its symbols */ };

struct functions {
    char **names;
    unsigned long *addresses;
    size_t count, capacity;
    bool has_addresses; /* of all of them: the kernel may hide addresses from us */
};

static int grow(struct functions *functions)
{
    size_t capacity = functions->capacity ? functions->capacity * 2 : 64;
    char **names = realloc(functions->names, capacity * sizeof *names);
    unsigned long *addresses;

    if (!names)
        return -ENOMEM;
    functions->names = names;
    addresses = realloc(functions->addresses, capacity * sizeof *addresses);
    if (!addresses)
        return -ENOMEM;
    functions->addresses = addresses;
    functions->capacity = capacity;
    return 0;
}

static int add_function(void *context, const struct lbpf_ksym *symbol)
{
    struct functions *functions = context;

    if (functions->count == functions->capacity && grow(functions) < 0)
        return -ENOMEM;
    functions->names[functions->count] = strdup(symbol->name);
    functions->addresses[functions->count] = (unsigned long)symbol->address;
    functions->has_addresses = functions->has_addresses && symbol->address;
    return functions->names[functions->count++] ? 0 : -ENOMEM;
}

static void free_functions(struct functions *functions)
{
    for (size_t i = 0; i < functions->count; i++)
        free(functions->names[i]);
    free(functions->names);
    free(functions->addresses);
}

static int list_functions(const struct lbpf_kprobe_options *options, bool with_addresses,
                          struct functions *functions, struct lbpf_error *error)
{
    return lbpf_kprobe_each_function(options->event_re, with_addresses, add_function, functions,
                                     error);
}

/* --- together
 * ------------------------------------------------------------------------------------------ */

struct together {
    const struct functions *functions;
    struct lbpf_link *link;
    int program;
    bool is_return;
    unsigned refusals;
    int refusal; /* the last, -errno */
};

/* Whether the same request for other functions would fare no better. */
static bool is_general(int code)
{
    return code == -EPERM || code == -EACCES || code == -EMFILE || code == -ENFILE ||
           code == -ENOMEM || code == -EOPNOTSUPP;
}

static int attach_range(struct together *together, size_t first, size_t count)
{
    const struct functions *functions = together->functions;
    LIBBPF_OPTS(bpf_link_create_opts, options);
    int fd, result;

    options.kprobe_multi.flags = together->is_return ? BPF_F_KPROBE_MULTI_RETURN : 0;
    options.kprobe_multi.cnt = (uint32_t)count;
    if (functions->has_addresses)
        options.kprobe_multi.addrs = functions->addresses + first;
    else
        options.kprobe_multi.syms = (const char **)functions->names + first;
    fd = bpf_link_create(together->program, 0, BPF_TRACE_KPROBE_MULTI, &options);
    if (fd < 0)
        return -errno;
    result = lbpf_link_add_fd(together->link, fd);
    if (result == 0)
        together->link->count += count - 1;
    return result;
}

static int attach_halving(struct together *together, size_t first, size_t count)
{
    int result = attach_range(together, first, count);

    if (result == 0 || is_general(result))
        return result;
    together->refusal = result;
    if (count == 1)
        return 0;
    if (++together->refusals > REFUSAL_LIMIT)
        return result;
    result = attach_halving(together, first, count / 2);
    return result ? result : attach_halving(together, first + count / 2, count - count / 2);
}

/* Takes back what a link has so far, for another way. */
static void empty(struct lbpf_link *link)
{
    lbpf_link_close(link);
    link->count = 0;
    link->is_open = true;
}

/*
 * Names are asked for first: the kernel finds the addresses of all in one walk over its symbols,
 * and the list that has them costs more than such a walk. Halving would repeat the walk, so it goes
 * by addresses where there are any.
 */
static int attach_all(struct together *together, const struct lbpf_kprobe_options *options)
{
    const struct functions *names = together->functions;
    struct functions addressed = {.has_addresses = true};
    int result = attach_range(together, 0, names->count);

    if (result == 0 || is_general(result) || names->count == 1)
        return result;
    if (!names->has_addresses && list_functions(options, true, &addressed, NULL) == 0 &&
        addressed.has_addresses && addressed.count > 0)
        together->functions = &addressed;
    result = attach_halving(together, 0, together->functions->count);
    free_functions(&addressed);
    together->functions = names;
    return result;
}

/* 0, or -errno; then the link is empty, and no error is set: there may be another way. */
static int attach_together(const struct bpf_program *program,
                           const struct lbpf_kprobe_options *options,
                           const struct functions *functions, struct lbpf_link *link)
{
    struct together together = {.functions = functions,
                                .link = link,
                                .program = lbpf_program_fd(program),
                                .is_return = options->is_return};
    int result = attach_all(&together, options);

    if (result == 0 && link->count == 0)
        result = together.refusal;
    if (result < 0)
        empty(link);
    else
        link->kind = lbpf_kprobe_mechanism_name(LBPF_KPROBE_MULTI, options->is_return);
    return result;
}

static int load_together(struct lbpf_object *object, const struct lbpf_kprobe_options *options,
                         struct bpf_program **program, struct lbpf_error *error)
{
    struct lbpf_load_options load = {.type = BPF_PROG_TYPE_KPROBE,
                                     .expected_attach_type = BPF_TRACE_KPROBE_MULTI};

    return lbpf_object_load(object, options->function, &load, program, error);
}

static int attach_one(const struct bpf_program *program, const struct lbpf_kprobe_options *options,
                      const char *function, struct lbpf_link *link)
{
    char *names[] = {(char *)function};
    struct functions one = {.names = names, .count = 1};

    return attach_together(program, options, &one, link);
}

int lbpf_kprobe_attach_multi(struct lbpf_object *object, const struct lbpf_kprobe_options *options,
                             const char *function, struct lbpf_link *link, struct lbpf_error *error)
{
    struct bpf_program *program;
    int result = load_together(object, options, &program, error);

    if (result < 0)
        return result;
    result = attach_one(program, options, function, link);
    return result < 0 ? lbpf_kprobe_refuse(options, function, -result, error) : 0;
}

int lbpf_kprobe_try_multi(struct lbpf_object *object, const struct lbpf_kprobe_options *options,
                          const char *function, struct lbpf_link *link)
{
    struct lbpf_error error = {0};
    struct bpf_program *program;
    int result = load_together(object, options, &program, &error);

    lbpf_error_clear(&error);
    return result < 0 ? result : attach_one(program, options, function, link);
}

/* --- one by one
 * ------------------------------------------------------------------------------------------ */

static int attach_each(struct lbpf_object *object, const struct lbpf_kprobe_options *options,
                       const struct functions *functions, struct lbpf_link *link,
                       struct lbpf_error *error)
{
    struct lbpf_load_options load = {.type = BPF_PROG_TYPE_KPROBE};
    struct bpf_program *program;
    int result = lbpf_object_load(object, options->function, &load, &program, error);

    if (result < 0)
        return result;
    if (!lbpf_feature("kprobe", NULL))
        return lbpf_kprobe_refuse(options, options->event_re, EOPNOTSUPP, error);
    for (size_t i = 0; i < functions->count; i++) {
        result = lbpf_kprobe_perf_attach(link, program, options, functions->names[i]);
        if (result == -ENOMEM)
            return lbpf_error_no_memory(error, lbpf_kprobe_op(options));
        if (is_general(result))
            return lbpf_kprobe_refuse(options, functions->names[i], -result, error);
    }
    return link->count > 0 ? 0 : lbpf_kprobe_refuse(options, options->event_re, -result, error);
}

/* --- the whole
 * -------------------------------------------------------------------------------------------- */

static int attach_functions(struct lbpf_object *object, const struct lbpf_kprobe_options *options,
                            enum lbpf_kprobe_mechanism mechanism, const struct functions *functions,
                            struct lbpf_link *link, struct lbpf_error *error)
{
    struct bpf_program *program;
    int result;

    if (mechanism == LBPF_KPROBE_MULTI ||
        (mechanism == LBPF_KPROBE_BEST && lbpf_feature("kprobe_multi", NULL) &&
         !lbpf_object_has_tail_calls(object))) {
        result = load_together(object, options, &program, error);
        if (result < 0)
            return result;
        result = attach_together(program, options, functions, link);
        if (result == 0)
            return 0;
        if (mechanism == LBPF_KPROBE_MULTI)
            return lbpf_kprobe_refuse(options, options->event_re, -result, error);
    }
    return attach_each(object, options, functions, link, error);
}

int lbpf_kprobe_attach_matching(struct lbpf_object *object,
                                const struct lbpf_kprobe_options *options,
                                enum lbpf_kprobe_mechanism mechanism, struct lbpf_link *link,
                                struct lbpf_error *error)
{
    struct functions functions = {.has_addresses = true};
    int result = list_functions(options, false, &functions, error);

    if (result == 0 && functions.count == 0) {
        result = lbpf_kprobe_refuse(options, options->event_re, ENOENT, error);
        if (lbpf_feature("kprobe", NULL))
            lbpf_error_hint(error,
                            "no function matches; the expression is POSIX extended and has to "
                            "match the whole name");
    }
    if (result == 0)
        result = attach_functions(object, options, mechanism, &functions, link, error);
    free_functions(&functions);
    return result;
}
