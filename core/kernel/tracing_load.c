/*
 * The fentry or fexit form of a program that is loaded as a kprobe already: libbpf hands out its
 * instructions with all maps and functions in place, so the new form is loaded without libbpf's
 * objects, and without the 18 ms that libbpf takes to read the kernel's types.
 */
#include "kernel/tracing_load.h"

#include "compile/kernel_function.h"
#include "compile/repeated_names.h"
#include "host/features.h"
#include "kernel/object_private.h"
#include "kernel/program_kind.h"
#include "kernel/program_module.h"
#include "kernel/tracing_form.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOG_SIZE = 64 * 1024 };

static bool is_per_cpu(int map)
{
    struct bpf_map_info info = {0};
    uint32_t size = sizeof info;

    if (bpf_obj_get_info_by_fd(map, &info, &size) != 0)
        return true;
    return info.type == BPF_MAP_TYPE_PERCPU_HASH || info.type == BPF_MAP_TYPE_PERCPU_ARRAY ||
           info.type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

/* Another program may come in between on the same processor, which kprobes exclude. */
static bool uses_per_cpu_memory(const struct bpf_insn *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].code == (BPF_LD | BPF_IMM | BPF_DW) &&
            (list[i].src_reg == BPF_PSEUDO_MAP_FD || list[i].src_reg == BPF_PSEUDO_MAP_VALUE) &&
            is_per_cpu(list[i].imm))
            return true;
    }
    return false;
}

static const struct lbpf_function *find_function(const struct lbpf_object *object, const char *name)
{
    const struct lbpf_strmap_entry *entry =
        lbpf_strmap_get(&object->function_index, name, strlen(name));

    return entry ? &object->functions[entry->value] : NULL;
}

/* Looking through modules takes long: only where it can be of use. */
static int find_target(const char *name, struct lbpf_kernel_function *target)
{
    int result = lbpf_kernel_function_find(name, target);

    return result == -ENOENT && lbpf_feature("fentry", NULL)
               ? lbpf_module_function_find(name, target)
               : result;
}

static const char *examine_target(const char *name, struct lbpf_kernel_function *target)
{
    switch (find_target(name, target)) {
    case 0:
        return !target->module[0] && lbpf_kernel_name_is_repeated(name)
                   ? "several kernel functions have this name"
                   : NULL;
    case -ENOENT:
        return "the kernel's type information has no such function";
    case -ENOTUNIQ:
        return "several kernel functions have this name";
    case -EOPNOTSUPP:
        return "the kernel function takes or gives more than numbers and pointers in registers";
    default:
        return "the kernel has no type information that could be read";
    }
}

/* The verifier's last words before its statistics. */
static void take_reason(char *log, int code, struct lbpf_buffer *reason)
{
    char *last = NULL, *rest = NULL;

    for (char *line = strtok_r(log, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "processed ", strlen("processed ")) != 0)
            last = line;
    }
    if (last)
        lbpf_buffer_printf(reason, "the verifier refuses it: %s", last);
    else
        lbpf_buffer_printf(reason, "the kernel refuses to load it (%s)", strerror(code));
}

static bool is_gpl_compatible(const struct bpf_program *program)
{
    struct bpf_prog_info info = {0};
    uint32_t size = sizeof info;

    return bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0 &&
           info.gpl_compatible;
}

static int load(const struct lbpf_tracing_request *request, const struct bpf_insn *instructions,
                size_t count, uint32_t target, int types, struct lbpf_buffer *reason)
{
    const char *name = lbpf_program_short_name(request->function);
    const char *license = is_gpl_compatible(request->kprobe) ? "GPL" : "Proprietary";
    LIBBPF_OPTS(bpf_prog_load_opts, options,
                .expected_attach_type = request->is_return ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY,
                .attach_btf_id = target, .attach_btf_obj_fd = (uint32_t)types);
    int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, name, license, instructions, count, &options);
    char *log;

    if (fd >= 0)
        return fd;
    log = request->is_forced ? calloc(1, LOG_SIZE) : NULL;
    if (!log)
        return fd;
    options.log_level = 1;
    options.log_buf = log;
    options.log_size = LOG_SIZE;
    fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, name, license, instructions, count, &options);
    if (fd < 0)
        take_reason(log, -fd, reason);
    free(log);
    return fd;
}

static int load_for(const struct lbpf_tracing_request *request, const struct bpf_insn *instructions,
                    size_t count, const struct lbpf_kernel_function *target,
                    struct lbpf_buffer *reason)
{
    int types = 0, result; /* 0: the kernel's own */

    if (target->module[0])
        types = lbpf_module_types_open(target->module);
    if (types < 0) {
        lbpf_buffer_printf(reason, "the types of module %s can't be had (%s)", target->module,
                           strerror(-types));
        return types;
    }
    result = load(request, instructions, count, target->id, types, reason);
    if (target->module[0])
        close(types);
    return result;
}

/* --- what was refused before
 * ----------------------------------------------------------------------------- */

/* The key of a form: whatever makes the kernel or us refuse it is in that. */
static void append_key(struct lbpf_buffer *key, const struct lbpf_tracing_request *request)
{
    lbpf_buffer_printf(key, "%c %s %s", request->is_return ? 'r' : 'p', request->function,
                       request->target);
}

/* The code of an earlier refusal, or 0. */
static int recall(const struct lbpf_object *object, const struct lbpf_tracing_request *request)
{
    const struct lbpf_strmap_entry *entry = NULL;
    struct lbpf_buffer key = {0};

    append_key(&key, request);
    if (!key.failed)
        entry = lbpf_strmap_get(&object->refused, key.data, key.size);
    lbpf_buffer_free(&key);
    return entry ? -(int)entry->value : 0;
}

/* Without memory it is refused anew the next time. */
static void remember(struct lbpf_object *object, const struct lbpf_tracing_request *request,
                     int code)
{
    struct lbpf_buffer key = {0};

    if (code == ENOMEM || code == EMFILE || code == ENFILE || code == EAGAIN || code == EINTR)
        return; /* it may work later */
    append_key(&key, request);
    if (!key.failed)
        lbpf_strmap_set(&object->refused, key.data, key.size, (uintptr_t)code);
    lbpf_buffer_free(&key);
}

/* --- the whole
 * ------------------------------------------------------------------------------------------- */

static int load_form(const struct lbpf_object *object, const struct lbpf_tracing_request *request,
                     struct lbpf_buffer *reason)
{
    const struct lbpf_function *function = find_function(object, request->function);
    const struct bpf_insn *original = bpf_program__insns(request->kprobe);
    size_t count = bpf_program__insn_cnt(request->kprobe);
    struct lbpf_kernel_function target = {0};
    const char *problem = NULL;
    struct bpf_insn *copy;
    int result;

    if (!request->is_forced && uses_per_cpu_memory(original, count))
        problem = "it uses per-CPU memory, which kprobes guard against each other";
    if (!problem)
        problem = examine_target(request->target, &target);
    copy = problem ? NULL : malloc(count * sizeof *copy);
    if (copy) {
        memcpy(copy, original, count * sizeof *copy);
        problem = lbpf_tracing_form(copy, function->instruction_count, &target, request->is_return);
    }
    if (copy && !problem) {
        result = load_for(request, copy, count, &target, reason);
    } else {
        result = problem ? -EOPNOTSUPP : -ENOMEM;
        lbpf_buffer_printf(reason, "%s", problem ? problem : "there is not enough memory");
    }
    free(copy);
    return result;
}

int lbpf_object_load_tracing(struct lbpf_object *object, const struct lbpf_tracing_request *request,
                             struct lbpf_buffer *reason)
{
    int result = request->is_forced ? 0 : recall(object, request);

    if (result == 0) {
        result = load_form(object, request, reason);
        if (result < 0 && !request->is_forced)
            remember(object, request, -result);
    }
    return result;
}

bool lbpf_object_reads_only_arguments(const struct lbpf_object *object, const char *function,
                                      const struct bpf_program *kprobe)
{
    const struct lbpf_function *found = find_function(object, function);
    size_t size = bpf_program__insn_cnt(kprobe) * sizeof(struct bpf_insn);
    struct bpf_insn *copy = malloc(size);
    bool answer = false;

    if (copy) {
        memcpy(copy, bpf_program__insns(kprobe), size);
        answer = !lbpf_tracing_form(copy, found->instruction_count, NULL, false);
    }
    free(copy);
    return answer;
}
