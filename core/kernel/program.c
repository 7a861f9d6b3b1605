/*
 * Loading one function of an object, with the type that its attachment calls for.
 *
 * libbpf loads whole objects and only once. So each load opens the bytes again, puts the fds of the
 * maps that exist into the new object, and turns on the one program. The verifier's log costs time
 * even when nobody reads it, so the first attempt asks for none; libbpf itself repeats a failed
 * load with the log on.
 */
#include "kernel/object.h"

#include "compile/compile.h"
#include "kernel/line_info.h"
#include "kernel/object_private.h"
#include "kernel/program_kind.h"
#include "kernel/program_module.h"
#include "kernel/program_name.h"
#include "kernel/sys.h"
#include "kernel/verifier_log.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of the log that does not fit, kernels since 6.4 keep the end, and a megabyte of it is enough; a
 * program that is too large takes seconds to try again. The pages that stay empty cost nothing. */
#define LOG_START (1u << 20)
#define LOG_LIMIT (16u << 20) /* the most that kernels before 5.2 take */

/* One attempt to load, and what came of it. */
struct attempt {
    const struct lbpf_object *object;
    const struct lbpf_function *function;
    const struct lbpf_load_options *options;
    struct bpf_object *libbpf_object;
    struct bpf_program *program;
    struct lbpf_buffer words; /* what libbpf said */
    char *log;                /* log_size bytes; what the verifier said */
    size_t log_size;
    bool target_unknown; /* options->attach_target is not in the kernel's BTF */
};

void lbpf_loaded_free(struct lbpf_loaded *loaded)
{
    while (loaded) {
        struct lbpf_loaded *next = loaded->next;

        bpf_object__close(loaded->libbpf_object);
        free(loaded->attach_target);
        free(loaded);
        loaded = next;
    }
}

static bool same_text(const char *one, const char *other)
{
    return one == other || (one && other && !strcmp(one, other));
}

static struct lbpf_loaded *find_loaded(const struct lbpf_function *function,
                                       const struct lbpf_load_options *options)
{
    struct lbpf_loaded *loaded = function->loaded;

    while (loaded && (loaded->type != options->type ||
                      loaded->expected_attach_type != options->expected_attach_type ||
                      loaded->device != options->device ||
                      !same_text(loaded->attach_target, options->attach_target)))
        loaded = loaded->next;
    return loaded;
}

/* ---- one attempt ---------------------------------------------------------------------------- */

/* Both objects come from the same bytes, so their maps come in the same order. */
static int share_maps(struct attempt *attempt)
{
    struct bpf_map *map, *original = NULL;
    int result;

    bpf_object__for_each_map(map, attempt->libbpf_object)
    {
        original = bpf_object__next_map(attempt->object->libbpf_object, original);
        if (!original)
            return -EINVAL;
        result = bpf_map__reuse_fd(map, bpf_map__fd(original));
        if (result)
            return result;
    }
    return 0;
}

static __u32 log_level(const struct lbpf_object *object)
{
    if (object->debug & LBPF_DEBUG_BPF_REGISTER_STATE)
        return 2;
    return object->debug & LBPF_DEBUG_BPF ? 1 : 0;
}

/* libbpf 1.1 frees the kernel's BTF, which it reads here, only at the end of a load; so an object
 * that will not be loaded for good is loaded without any program, lest 6 MB leak. */
static int set_target(struct attempt *attempt)
{
    int result =
        bpf_program__set_attach_target(attempt->program, 0, attempt->options->attach_target);

    if (result) {
        attempt->target_unknown = result == -ESRCH || result == -ENOENT;
        bpf_program__set_autoload(attempt->program, false);
        bpf_object__load(attempt->libbpf_object);
    }
    return result;
}

/* The n-th program of the first object is the n-th of every other. */
static struct bpf_program *find_program(const struct attempt *attempt)
{
    size_t index = (size_t)(attempt->function - attempt->object->functions);
    struct bpf_program *program = NULL;

    do
        program = bpf_object__next_program(attempt->libbpf_object, program);
    while (program && index--);
    return program;
}

static int set_up(struct attempt *attempt)
{
    const struct lbpf_load_options *options = attempt->options;
    int result;

    attempt->program = find_program(attempt);
    if (!attempt->program)
        return -ENOENT;
    result = share_maps(attempt);
    if (!result)
        result = bpf_program__set_autoload(attempt->program, true);
    /* Unchanged, it stays what SEC() made it, with flags that only libbpf knows (fentry.s/…). */
    if (!result && bpf_program__type(attempt->program) != options->type)
        result = bpf_program__set_type(attempt->program, options->type);
    if (!result) /* always, because a SEC() of the user's own may have set another */
        result =
            bpf_program__set_expected_attach_type(attempt->program, options->expected_attach_type);
    if (!result && options->attach_target)
        result = set_target(attempt);
    if (!result)
        bpf_program__set_ifindex(attempt->program, options->device);
    if (!result)
        result = bpf_program__set_log_level(attempt->program, log_level(attempt->object));
    if (!result)
        result = bpf_program__set_log_buf(attempt->program, attempt->log, attempt->log_size);
    return result;
}

static int try_once(struct attempt *attempt)
{
    struct lbpf_short_name name;
    int result;

    attempt->words.size = 0;
    attempt->log[0] = '\0';
    lbpf_program_name_shorten(&name, attempt->object, attempt->function);
    attempt->libbpf_object = lbpf_object_reopen(attempt->object, &attempt->words);
    lbpf_program_name_restore(&name);
    if (!attempt->libbpf_object)
        return -lbpf_libbpf_code(errno);
    lbpf_libbpf_listen(&attempt->words);
    result = set_up(attempt);
    if (!result)
        result = bpf_object__load(attempt->libbpf_object);
    lbpf_libbpf_listen(NULL);
    if (result) {
        bpf_object__close(attempt->libbpf_object);
        attempt->libbpf_object = NULL;
        return -lbpf_libbpf_code(result);
    }
    return 0;
}

/* Repeats while the verifier's text does not fit, unless its end is there. 0 or -errno. */
static int try_until_log_fits(struct attempt *attempt)
{
    int result = -ENOSPC;

    for (size_t size = LOG_START; result == -ENOSPC && size <= LOG_LIMIT; size *= 16) {
        free(attempt->log);
        attempt->log_size = size == LOG_LIMIT ? LOG_LIMIT - 1 : size;
        attempt->log = malloc(attempt->log_size);
        if (!attempt->log)
            return -ENOMEM;
        result = try_once(attempt);
        if (result == -ENOSPC && strstr(attempt->log, "\nprocessed "))
            break;
    }
    return result;
}

/* ---- failure -------------------------------------------------------------------------------- */

static int refuse_by_verifier(struct attempt *attempt, int code, struct lbpf_error *error)
{
    const struct lbpf_object *object = attempt->object;
    struct lbpf_rejection rejection = {.code = code,
                                       .function = attempt->function->name,
                                       .instruction_count = attempt->function->instruction_count};
    struct lbpf_line *lines = NULL;
    size_t length = strlen(attempt->log);
    char *log = realloc(attempt->log, length + 1); /* the buffer may be megabytes */
    int result;

    attempt->log = log ? log : attempt->log;
    if (object->types)
        lbpf_line_info_read(object->elf, object->elf_size, lbpf_types_btf(object->types),
                            attempt->function->section, attempt->function->name, &lines,
                            &rejection.line_count);
    rejection.lines = lines;
    result = lbpf_verifier_explain(&rejection, attempt->log, error);
    attempt->log = NULL;
    free(lines);
    return result;
}

static int refuse_without_log(struct attempt *attempt, int code, struct lbpf_error *error)
{
    const char *name = attempt->function->name;

    if (code == ENOMEM)
        return lbpf_error_no_memory(error, "load");
    if (attempt->target_unknown) {
        lbpf_error_set(error, ENOENT, "load",
                       "Failed to load BPF program %s: the kernel's type information has no "
                       "function %s",
                       name, attempt->options->attach_target);
        lbpf_error_hint(error, "check the name; functions of a module need that module loaded");
        return -ENOENT;
    }
    if (code == E2BIG)
        lbpf_error_set(error, code, "load",
                       "Failed to load BPF program %s: it is too large for this kernel (%u insns)",
                       name, attempt->function->instruction_count);
    else
        lbpf_error_set(error, code, "load", "Failed to load BPF program %s: %s", name,
                       strerror(code));
    if (code == EPERM)
        lbpf_permission_hint(error);
    else if (attempt->options->device)
        lbpf_error_hint(error, LBPF_DEVICE_HINT);
    else if (code == E2BIG)
        lbpf_error_hint(error, "kernels before 5.2 take 4096 instructions, later ones a million: "
                               "unroll fewer loops, or split the work with tail calls");
    else if (code == EINVAL)
        lbpf_error_hint(error, "this kernel may not know this kind of program");
    if (attempt->words.size)
        lbpf_error_take_log(error, lbpf_buffer_take(&attempt->words));
    return -code;
}

static int refuse(struct attempt *attempt, int result, struct lbpf_error *error)
{
    int code = -result;

    if (attempt->log && attempt->log[0])
        return refuse_by_verifier(attempt, code, error);
    return refuse_without_log(attempt, code, error);
}

/* ---- public --------------------------------------------------------------------------------- */

/* Keeps the program of a successful attempt. On failure the attempt's object is closed. */
static int keep(struct lbpf_function *function, struct attempt *attempt, struct lbpf_loaded **kept)
{
    const struct lbpf_load_options *options = attempt->options;
    struct lbpf_loaded *loaded = calloc(1, sizeof *loaded);
    char *target = options->attach_target ? strdup(options->attach_target) : NULL;

    if (!loaded || (options->attach_target && !target)) {
        bpf_object__close(attempt->libbpf_object);
        free(loaded);
        free(target);
        return -ENOMEM;
    }
    loaded->type = options->type;
    loaded->expected_attach_type = options->expected_attach_type;
    loaded->attach_target = target;
    loaded->device = options->device;
    loaded->libbpf_object = attempt->libbpf_object;
    loaded->program = attempt->program;
    loaded->next = function->loaded;
    function->loaded = loaded;
    *kept = loaded;
    return 0;
}

static int load_new(struct lbpf_object *object, struct lbpf_function *function,
                    const struct lbpf_load_options *options, struct lbpf_loaded **loaded,
                    struct lbpf_error *error)
{
    struct attempt attempt = {.object = object, .function = function, .options = options};
    int result = try_until_log_fits(&attempt);

    if (result) {
        result = refuse(&attempt, result, error);
    } else {
        result = lbpf_program_check_module(bpf_program__fd(attempt.program), function->name,
                                           options->attach_target, error);
        if (result)
            bpf_object__close(attempt.libbpf_object);
        else if ((result = keep(function, &attempt, loaded)))
            lbpf_error_no_memory(error, "load");
    }
    free(object->load_log);
    object->load_log = NULL;
    if (!result && attempt.log[0]) {
        object->load_log = attempt.log;
        attempt.log = NULL;
    }
    free(attempt.log);
    lbpf_buffer_free(&attempt.words);
    return result;
}

static const struct bpf_program *original_of(const struct lbpf_object *object,
                                             const struct lbpf_function *function)
{
    return bpf_object__find_program_by_name(object->libbpf_object, function->name);
}

void lbpf_object_function_kind(const struct lbpf_object *object, const char *name,
                               struct lbpf_load_options *options)
{
    const struct bpf_program *program =
        bpf_object__find_program_by_name(object->libbpf_object, name);

    if (program)
        lbpf_program_kind(program, options);
}

/* Completes the options. A program of unknown type, or without the function that its type is
 * attached to, would be refused by the kernel with a bare EINVAL. */
static int complete_options(const struct lbpf_object *object, const struct lbpf_function *function,
                            struct lbpf_load_options *options, struct lbpf_error *error)
{
    lbpf_program_kind(original_of(object, function), options);
    if (!options->type) {
        lbpf_error_set(error, EINVAL, "load", "Nothing says what type of program %s is",
                       function->name);
        lbpf_error_hint(error, "give the type (BPF.KPROBE, …), a name with a prefix (kprobe__…, "
                               "kfunc__vmlinux__…), or a section (SEC(\"xdp\"))");
        return -EINVAL;
    }
    if ((options->type == BPF_PROG_TYPE_TRACING || options->type == BPF_PROG_TYPE_LSM) &&
        !options->attach_target) {
        lbpf_error_set(error, EINVAL, "load", "Nothing says which kernel function %s traces",
                       function->name);
        lbpf_error_hint(error, "declare it with KFUNC_PROBE, KRETFUNC_PROBE, KMOD_RET, LSM_PROBE "
                               "or BPF_ITER, or in a section such as SEC(\"fentry/FUNCTION\")");
        return -EINVAL;
    }
    return 0;
}

int lbpf_object_load(struct lbpf_object *object, const char *name,
                     const struct lbpf_load_options *options, struct bpf_program **program,
                     struct lbpf_error *error)
{
    struct lbpf_load_options complete = *options;
    const struct lbpf_strmap_entry *entry =
        lbpf_strmap_get(&object->function_index, name, strlen(name));
    struct lbpf_function *function;
    struct lbpf_loaded *loaded;
    int result;

    *program = NULL;
    if (!entry) {
        lbpf_error_set(error, ENOENT, "load", "Unknown program %s", name);
        lbpf_error_hint(error, "the C program defines no function of this name that can be "
                               "attached; a static function cannot");
        return -ENOENT;
    }
    function = &object->functions[entry->value];
    result = complete_options(object, function, &complete, error);
    if (result)
        return result;
    loaded = find_loaded(function, &complete);
    if (!loaded) {
        result = load_new(object, function, &complete, &loaded, error);
        if (result)
            return result;
    }
    *program = loaded->program;
    return 0;
}

int lbpf_program_fd(const struct bpf_program *program)
{
    return bpf_program__fd(program);
}
