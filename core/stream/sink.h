/* Where a buffer's reader puts what it reads. */
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

#endif
