/* Where a buffer's reader puts what it reads, and what all kinds of readers have in common. */
#ifndef LBPF_STREAM_SINK_H
#define LBPF_STREAM_SINK_H

#include "stream/stream.h"

struct lbpf_sink {
    lbpf_event_fn event;
    lbpf_lost_fn lost; /* or NULL */
    void *context;
};

/* What a drain did. */
struct lbpf_drained {
    uint64_t events; /* handed over */
    bool reported;   /* the lost callback ran */
    bool stopped;    /* a callback asked to end */
};

/* A kind of buffer. */
struct lbpf_reader {
    enum lbpf_stream_kind kind;
    /* Whether there is something to hand over; what epoll says is not enough, since whoever asked
     * before may have taken the answer away. */
    bool (*is_ready)(const void *buffer);
    /* Has the kernel wake whoever waits for the next event. False: it will not, so look again after
     * a while. NULL: the kernel always does; else it does not after a drain. */
    bool (*arm)(void *buffer);
    /* Remembers how far the buffer is filled now: the next drain ends there. */
    void (*mark)(void *buffer);
    /* Hands over everything up to the mark. 0, or -EIO when the buffer holds no sense. */
    int (*drain)(void *buffer, const struct lbpf_sink *sink, struct lbpf_drained *drained);
    /* Events lost so far: by this buffer, or by all that its map ever had (counts_in_map). */
    uint64_t (*lost)(const void *buffer);
    bool counts_in_map;
    /* Before a close that no other buffer or end of the map follows: has the map's programs send no
     * more. NULL: close does. */
    void (*withdraw)(void *buffer);
    void (*close)(void *buffer);
};

#endif
