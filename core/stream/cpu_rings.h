/* A perf output that is a BPF ring buffer for each CPU. */
#ifndef LBPF_STREAM_CPU_RINGS_H
#define LBPF_STREAM_CPU_RINGS_H

#include "stream/sink.h"

struct lbpf_cpu_rings;

extern const struct lbpf_reader lbpf_cpu_rings_reader;

/* Makes a ring for each CPU that is online and puts it into map, which must be on_rings. page_count
 * and wakeup_events as in stream.h. Each ring's fd is added to epoll_fd. */
int lbpf_cpu_rings_open(struct lbpf_cpu_rings **buffer, const struct lbpf_map *map,
                        uint32_t page_count, uint32_t wakeup_events, int epoll_fd,
                        struct lbpf_error *error);

#endif
