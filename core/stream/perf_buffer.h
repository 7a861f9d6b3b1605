/* The per-CPU perf rings of one BPF_PERF_OUTPUT table. */
#ifndef LBPF_STREAM_PERF_BUFFER_H
#define LBPF_STREAM_PERF_BUFFER_H

#include "stream/sink.h"

struct lbpf_perf_buffer;

/* A ring for each CPU that is online, put into map. page_count and wakeup_events as in stream.h.
 * Each ring's fd is added to epoll_fd. */
int lbpf_perf_buffer_open(struct lbpf_perf_buffer **buffer, const struct lbpf_map *map,
                          uint32_t page_count, uint32_t wakeup_events, int epoll_fd,
                          struct lbpf_error *error);
void lbpf_perf_buffer_close(struct lbpf_perf_buffer *buffer); /* NULL is allowed */

/* Whether one of the rings has reached wakeup_events (or is half full); what epoll says is not
 * enough, since whoever asked before has taken the answer away. */
bool lbpf_perf_buffer_is_ready(const struct lbpf_perf_buffer *buffer);
/* Remembers how far each ring is filled now: the next drain ends there. */
void lbpf_perf_buffer_mark(struct lbpf_perf_buffer *buffer);
/* Hands over everything up to the mark. 0, or -EIO when a ring holds no sense. */
int lbpf_perf_buffer_drain(struct lbpf_perf_buffer *buffer, const struct lbpf_sink *sink,
                           struct lbpf_drained *drained);
uint64_t lbpf_perf_buffer_lost(const struct lbpf_perf_buffer *buffer);

#endif
