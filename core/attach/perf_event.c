/*
 * Perf events: every so many occurrences, or so many times a second, the kernel takes a sample and
 * runs the program. An event belongs to a CPU, a process or a cgroup; what is asked for everywhere
 * is one event for each CPU that is online.
 */
#include "attach/kinds.h"
#include "attach/link_private.h"
#include "host/cpus.h"
#include "host/features.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char op[] = "attach perf event";

int lbpf_perf_event_target(const struct lbpf_perf_event_options *options, char *text, size_t size)
{
    const struct perf_event_attr *event = &options->event;
    int used =
        snprintf(text, size, "type %u config %llu", event->type, (unsigned long long)event->config);

    if (event->type == PERF_TYPE_BREAKPOINT && used > 0 && (size_t)used < size)
        used += snprintf(text + used, size - (size_t)used, " address 0x%llx",
                         (unsigned long long)event->bp_addr);
    if (options->cgroup && used > 0 && (size_t)used < size)
        used += snprintf(text + used, size - (size_t)used, " cgroup %s", options->cgroup);
    return used > 0 && (size_t)used < size ? 0 : -ENAMETOOLONG;
}

/* ---- what can be told without the kernel ---------------------------------------------------- */

static const char *wrong_config(const struct perf_event_attr *event)
{
    uint64_t config = event->config;

    switch (event->type) {
    case PERF_TYPE_HARDWARE: /* the upper half chooses among kinds of cores */
        return (uint32_t)config >= PERF_COUNT_HW_MAX ? "HARDWARE perf event config out of range"
                                                     : NULL;
    case PERF_TYPE_SOFTWARE:
        if (config == PERF_COUNT_SW_BPF_OUTPUT)
            return "Unable to open or attach perf event for BPF_OUTPUT";
        return config >= PERF_COUNT_SW_MAX ? "SOFTWARE perf event config out of range" : NULL;
    case PERF_TYPE_HW_CACHE:
        return (config >> 16 & 0xffff) >= PERF_COUNT_HW_CACHE_RESULT_MAX ||
                       (config >> 8 & 0xff) >= PERF_COUNT_HW_CACHE_OP_MAX ||
                       (config & 0xff) >= PERF_COUNT_HW_CACHE_MAX
                   ? "HW_CACHE perf event config out of range"
                   : NULL;
    case PERF_TYPE_TRACEPOINT:
        return "Unable to open or attach TRACEPOINT events";
    default:
        return NULL;
    }
}

static int check(const struct perf_event_attr *event, struct lbpf_error *error)
{
    const char *wrong = wrong_config(event);

    if (wrong) {
        lbpf_error_set(error, EINVAL, op,
                       "Failed to attach BPF to perf event: %s: Invalid perf event type %u config "
                       "%llu",
                       wrong, event->type, (unsigned long long)event->config);
        lbpf_error_hint(error, event->type == PERF_TYPE_TRACEPOINT
                                   ? "use attach_tracepoint"
                                   : "bpf.PerfType, bpf.PerfHWConfig and bpf.PerfSWConfig name "
                                     "what there is");
        return -EINVAL;
    }
    if (!event->sample_period) /* a union with sample_freq */
        return lbpf_error_set(error, EINVAL, op,
                              "Failed to attach BPF to perf event: Exactly one of sample_period / "
                              "sample_freq should be set");
    return 0;
}

/* ---- opening -------------------------------------------------------------------------------- */

static int refuse(const struct lbpf_perf_event_options *options, int code, struct lbpf_error *error)
{
    const struct perf_event_attr *event = &options->event;
    struct lbpf_feature feature;
    char target[256], what[400];

    lbpf_perf_event_target(options, target, sizeof target);
    snprintf(what, sizeof what, "Failed to attach BPF to perf event %s", target);
    lbpf_attach_refused(error, code, op, what);
    if ((event->type == PERF_TYPE_HARDWARE || event->type == PERF_TYPE_HW_CACHE ||
         event->type == PERF_TYPE_RAW) &&
        !lbpf_feature("hardware_event", &feature))
        lbpf_error_hint(error, "%s", feature.reason);
    else if (options->cgroup && (code == ENOENT || code == EBADF))
        lbpf_error_hint(error, "the path has to be a cgroup of the hierarchy that perf_event "
                               "belongs to: version 2, unless version 1 has it mounted");
    else if (event->type == PERF_TYPE_BREAKPOINT && code == ENOSPC)
        lbpf_error_hint(error, "the CPU has no free debug register; x86 has four");
    else if (event->type == PERF_TYPE_BREAKPOINT && code == EINVAL)
        lbpf_error_hint(error, "bp_len has to be 1, 2, 4 or 8 (8 for bp_type \"x\"), and bp_addr a "
                               "multiple of it");
    else if (code == EINVAL && event->freq)
        lbpf_error_hint(error, "is sample_freq above kernel.perf_event_max_sample_rate?");
    else if (code == ENODEV)
        lbpf_error_hint(error, "is the CPU online?");
    return -code;
}

struct place {
    pid_t pid;
    int cpu;
    unsigned long flags;
};

static int add_event(const struct lbpf_perf_event_options *options,
                     const struct bpf_program *program, const struct place *place,
                     struct lbpf_link *link)
{
    struct perf_event_attr event = options->event;
    struct bpf_link *part;
    long fd;

    event.size = sizeof event;
    event.disabled = 1; /* until the program is there */
    fd = syscall(SYS_perf_event_open, &event, place->pid, place->cpu, options->group_fd,
                 place->flags | PERF_FLAG_FD_CLOEXEC);
    if (fd < 0)
        return -errno;
    part = bpf_program__attach_perf_event(program, (int)fd); /* takes fd */
    if (!part) {
        int code = lbpf_libbpf_code(-errno);

        close((int)fd);
        return -code;
    }
    return lbpf_link_add(link, part);
}

static int add_everywhere(const struct lbpf_perf_event_options *options,
                          const struct bpf_program *program, struct place place,
                          struct lbpf_link *link)
{
    int *cpus, result;
    size_t count;

    if (place.cpu >= 0 || (place.pid >= 0 && !place.flags))
        return add_event(options, program, &place, link);
    result = lbpf_online_cpus(&cpus, &count);
    for (size_t i = 0; i < count && !result; i++) {
        place.cpu = cpus[i];
        result = add_event(options, program, &place, link);
        if (result == -ENODEV) /* went offline meanwhile */
            result = 0;
    }
    free(cpus);
    return !result && !link->count ? -ENODEV : result;
}

static int add_all(const struct lbpf_perf_event_options *options, const struct bpf_program *program,
                   struct lbpf_link *link, struct lbpf_error *error)
{
    struct place place = {.pid = options->pid, .cpu = options->cpu};
    int result, cgroup = -1;

    if (options->cgroup) {
        cgroup = open(options->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (cgroup < 0) {
            int code = errno;

            return lbpf_error_set(error, code, op, "Could not open cgroup %.256s: %s",
                                  options->cgroup, strerror(code));
        }
        place.pid = cgroup;
        place.flags = PERF_FLAG_PID_CGROUP;
    }
    result = add_everywhere(options, program, place, link);
    if (cgroup >= 0)
        close(cgroup);
    return result < 0 ? refuse(options, -result, error) : 0;
}

int lbpf_attach_perf_event(struct lbpf_object *object,
                           const struct lbpf_perf_event_options *options, struct lbpf_link **out,
                           struct lbpf_error *error)
{
    struct lbpf_load_options load = {.type = BPF_PROG_TYPE_PERF_EVENT};
    struct bpf_program *program;
    struct lbpf_link *link;
    char target[512];
    int result = options->is_raw ? 0 : check(&options->event, error);

    *out = NULL;
    if (result)
        return result;
    if (lbpf_perf_event_target(options, target, sizeof target))
        return lbpf_error_set(error, ENAMETOOLONG, op, "The cgroup's path is too long");
    result = lbpf_object_load(object, options->function, &load, &program, error);
    if (result < 0)
        return result;
    link = lbpf_link_new(LBPF_LINK_PERF_EVENT, "perf_event", target, options->function);
    if (!link)
        return lbpf_error_no_memory(error, op);
    result = add_all(options, program, link, error);
    if (result < 0) {
        lbpf_link_free(link);
        return result;
    }
    *out = link;
    return 0;
}
