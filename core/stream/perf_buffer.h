/* The per-CPU perf rings of one BPF_PERF_OUTPUT table. */
#ifndef LBPF_STREAM_PERF_BUFFER_H
#define LBPF_STREAM_PERF_BUFFER_H

#include "stream/sink.h"

struct lbpf_perf_buffer;

extern const struct lbpf_reader lbpf_perf_buffer_reader;

/* A ring for each CPU that is online, put into map. page_count and wakeup_events as in stream.h.
 * Each ring's fd is added to epoll_fd. */
int lbpf_perf_buffer_open(struct lbpf_perf_buffer **buffer, const struct lbpf_map *map,
                          uint32_t page_count, uint32_t wakeup_events, int epoll_fd,
                          struct lbpf_error *error);

#endif
