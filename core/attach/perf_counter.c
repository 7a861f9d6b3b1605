/*
 * A map of perf events holds its own reference to each of them, until the last descriptor of the
 * map that they were put in by is closed. So ours are closed at once.
 */
#include "attach/perf_counter.h"

#include "host/cpus.h"
#include "host/features.h"
#include "kernel/sys.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char op[] = "open perf event";

static int refuse(const struct lbpf_map *map, const struct perf_event_attr *event, int code,
                  struct lbpf_error *error)
{
    struct lbpf_feature feature;

    lbpf_error_set(error, code, op,
                   "Could not open perf event type %u config %llu for table %s: %s", event->type,
                   (unsigned long long)event->config, map->name, strerror(code));
    if (code == EPERM || code == EACCES)
        lbpf_permission_hint(error);
    else if (event->type == PERF_TYPE_HARDWARE && !lbpf_feature("hardware_event", &feature))
        lbpf_error_hint(error, "%s", feature.reason);
    else if (code == E2BIG)
        lbpf_error_hint(error, "the table has to have an entry for each CPU");
    return -code;
}

static int open_one(const struct lbpf_map *map, struct perf_event_attr *event, pid_t pid, int cpu)
{
    int fd = (int)syscall(SYS_perf_event_open, event, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    int result;

    if (fd < 0)
        return -errno;
    result = bpf_map_update_elem(map->fd, &cpu, &fd, BPF_ANY);
    close(fd);
    return result ? -lbpf_libbpf_code(result) : 0;
}

int lbpf_perf_counter_open(const struct lbpf_map *map, uint32_t type, uint64_t config, pid_t pid,
                           struct lbpf_error *error)
{
    struct perf_event_attr event = {.type = type, .size = sizeof event, .config = config};
    int *cpus, opened = 0, result;
    size_t count;

    result = lbpf_online_cpus(&cpus, &count);
    for (size_t i = 0; i < count && !result; i++) {
        result = open_one(map, &event, pid, cpus[i]);
        if (!result)
            opened++;
        else if (result == -ENODEV) /* went offline meanwhile */
            result = 0;
    }
    for (size_t i = 0; i < count && result; i++)
        bpf_map_delete_elem(map->fd, &cpus[i]);
    free(cpus);
    return result ? refuse(map, &event, -result, error) : opened;
}
