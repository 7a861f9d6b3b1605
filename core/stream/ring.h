/*
 * One BPF ring buffer as its reader sees it. A record starts with its length, whose two top bits
 * say that it is still being written, or was discarded; the data is mapped twice in a row, so that
 * a record never wraps.
 */
#ifndef LBPF_STREAM_RING_H
#define LBPF_STREAM_RING_H

#include "stream/sink.h"

struct lbpf_ring {
    unsigned long *consumer;       /* our position, for the kernel; NULL: not mapped */
    const unsigned long *producer; /* the kernel's; NULL: not mapped */
    const unsigned char *data;
    unsigned long size, position, mark;
    bool is_quiet; /* after a drain the kernel wakes nobody, until lbpf_ring_arm */
    bool is_armed;
};

/* Maps the ring behind fd, whose data has size bytes. 0 or -errno. */
int lbpf_ring_map(struct lbpf_ring *ring, int fd, unsigned long size);
void lbpf_ring_unmap(struct lbpf_ring *ring); /* also one that is not mapped */

/* Has the kernel wake whoever waits for the ring when the next record is finished. Whoever sleeps
 * then must first look at the ring once more. */
void lbpf_ring_arm(struct lbpf_ring *ring);
/* Whether a finished record waits. */
bool lbpf_ring_has_record(const struct lbpf_ring *ring);
/* Whether as many as count wait, or half of the ring is full. */
bool lbpf_ring_has_records(const struct lbpf_ring *ring, uint32_t count);
/* Whether there is anything, finished or not. */
bool lbpf_ring_is_empty(const struct lbpf_ring *ring);

/* Remembers how far the ring is filled now: the next drain ends there. */
void lbpf_ring_mark(struct lbpf_ring *ring);
/* Hands over everything up to the mark, or up to a record that is still being written, as of cpu.
 */
void lbpf_ring_drain(struct lbpf_ring *ring, int cpu, const struct lbpf_sink *sink,
                     struct lbpf_drained *drained);

#endif
