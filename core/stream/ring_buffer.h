/* The reader of one BPF ring buffer, shared by all CPUs. */
#ifndef LBPF_STREAM_RING_BUFFER_H
#define LBPF_STREAM_RING_BUFFER_H

#include "stream/sink.h"

struct lbpf_ring_buffer;

extern const struct lbpf_reader lbpf_ring_buffer_reader;

/* Maps the ring; its fd is added to epoll_fd. */
int lbpf_ring_buffer_open(struct lbpf_ring_buffer **buffer, const struct lbpf_map *map,
                          int epoll_fd, struct lbpf_error *error);

#endif
