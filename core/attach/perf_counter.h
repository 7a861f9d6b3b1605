/* Counters that programs read: BPF_PERF_ARRAY. */
#ifndef LBPF_ATTACH_PERF_COUNTER_H
#define LBPF_ATTACH_PERF_COUNTER_H

#include "base/error.h"
#include "kernel/map.h"

#include <stdint.h>
#include <sys/types.h>

/* Counts the event on each CPU that is online, in the process pid or (-1) in all, and puts the
 * counters into map, which keeps them: they end with it. Returns how many CPUs. */
int lbpf_perf_counter_open(const struct lbpf_map *map, uint32_t type, uint64_t config, pid_t pid,
                           struct lbpf_error *error);

#endif
