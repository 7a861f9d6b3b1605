/*
 * The prefixes of BCC, and the sections of libbpf.
 *
 * The module in kfunc__MODULE__FUNCTION is read over here: libbpf looks for the function in the
 * kernel's types first and then in those of every module, and has no public way to name the one.
 * Whether it was the right one is seen after the load (program_module.c).
 */
#include "kernel/program_kind.h"

#include <bpf/libbpf.h>
#include <string.h>

struct prefix {
    const char *text;
    enum bpf_prog_type type;
    enum bpf_attach_type attach_type; /* for types that have a target, else 0 */
    bool has_module;                  /* MODULE__ comes before the target */
};

static const struct prefix prefixes[] = {
    {"kprobe__", BPF_PROG_TYPE_KPROBE, 0, false},
    {"kretprobe__", BPF_PROG_TYPE_KPROBE, 0, false},
    {"syscall__", BPF_PROG_TYPE_KPROBE, 0, false},
    {"tracepoint__", BPF_PROG_TYPE_TRACEPOINT, 0, false},
    {"raw_tracepoint__", BPF_PROG_TYPE_RAW_TRACEPOINT, 0, false},
    {"kfunc__", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, true},
    {"kretfunc__", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, true},
    {"kmod_ret__", BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, false},
    {"bpf_iter__", BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, false},
    {"lsm__", BPF_PROG_TYPE_LSM, BPF_LSM_MAC, false},
};

/* A raw tracepoint whose arguments have types is a TRACING program; only who loads it knows. */
static const struct prefix typed_tracepoint = {"raw_tracepoint__", BPF_PROG_TYPE_TRACING,
                                               BPF_TRACE_RAW_TP, false};

static const struct prefix *find_prefix(const char *name)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (!strncmp(name, prefixes[i].text, strlen(prefixes[i].text)))
            return &prefixes[i];
    return NULL;
}

static const char *skip_prefix(const struct prefix *prefix, const char *name)
{
    const char *rest = name + strlen(prefix->text);
    const char *target = prefix->has_module ? strstr(rest, "__") : NULL;

    return target ? target + 2 : rest;
}

bool lbpf_program_module(const char *function, char *module, size_t size)
{
    const struct prefix *prefix = find_prefix(function);
    const char *name = prefix && prefix->has_module ? function + strlen(prefix->text) : NULL;
    const char *end = name ? strstr(name, "__") : NULL;

    if (!end || end == name || (size_t)(end - name) >= size)
        return false;
    memcpy(module, name, (size_t)(end - name));
    module[end - name] = '\0';
    return strcmp(module, "vmlinux") != 0;
}

const char *lbpf_program_short_name(const char *function)
{
    const struct prefix *prefix = find_prefix(function);
    const char *rest = prefix ? skip_prefix(prefix, function) : function;

    return *rest ? rest : function;
}

static void take_section(const struct bpf_program *program, struct lbpf_load_options *options)
{
    const char *section = bpf_program__section_name(program), *slash = strchr(section, '/');
    enum bpf_prog_type type = bpf_program__type(program);

    if (type == BPF_PROG_TYPE_UNSPEC || (options->type && options->type != type))
        return;
    options->type = type;
    if (!options->expected_attach_type)
        options->expected_attach_type = bpf_program__expected_attach_type(program);
    if (!options->attach_target && slash && slash[1] &&
        (type == BPF_PROG_TYPE_TRACING || type == BPF_PROG_TYPE_LSM))
        options->attach_target = slash + 1;
}

static void take_name(const struct bpf_program *program, struct lbpf_load_options *options)
{
    const char *name = bpf_program__name(program);
    const struct prefix *prefix = find_prefix(name);

    if (prefix && prefix->type == BPF_PROG_TYPE_RAW_TRACEPOINT &&
        options->type == BPF_PROG_TYPE_TRACING)
        prefix = &typed_tracepoint;
    if (!prefix || (options->type && options->type != prefix->type))
        return;
    options->type = prefix->type;
    if (!prefix->attach_type)
        return;
    if (!options->expected_attach_type)
        options->expected_attach_type = prefix->attach_type;
    if (!options->attach_target)
        options->attach_target = skip_prefix(prefix, name);
}

void lbpf_program_kind(const struct bpf_program *program, struct lbpf_load_options *options)
{
    take_section(program, options);
    take_name(program, options);
}
