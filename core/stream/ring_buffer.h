/* The reader of one BPF ring buffer, shared by all CPUs. */
#ifndef LBPF_STREAM_RING_BUFFER_H
#define LBPF_STREAM_RING_BUFFER_H

#include "stream/sink.h"

struct lbpf_ring_buffer;

/* Maps the ring; its fd is added to epoll_fd. */
int lbpf_ring_buffer_open(struct lbpf_ring_buffer **buffer, const struct lbpf_map *map,
                          int epoll_fd, struct lbpf_error *error);
/* Leaves epoll_fd, too: the map's fd lives on. NULL is allowed. */
void lbpf_ring_buffer_close(struct lbpf_ring_buffer *buffer);

/* Whether a finished record waits. */
bool lbpf_ring_buffer_is_ready(const struct lbpf_ring_buffer *buffer);
/* Remembers how far the ring is filled now: the next drain ends there. */
void lbpf_ring_buffer_mark(struct lbpf_ring_buffer *buffer);
/* Hands over everything up to the mark, or up to a record that is still being written. */
int lbpf_ring_buffer_drain(struct lbpf_ring_buffer *buffer, const struct lbpf_sink *sink,
                           struct lbpf_drained *drained);
/* Failed reservations, where the program counts them. */
uint64_t lbpf_ring_buffer_lost(const struct lbpf_ring_buffer *buffer);

#endif
