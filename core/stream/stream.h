/*
 * The buffers of one session, polled together. Events are handed over in place: data is valid until
 * the callback returns. A callback that returns a negative number ends the drain after its record;
 * nothing is lost by that, the rest stays for the next call.
 */
#ifndef LBPF_STREAM_STREAM_H
#define LBPF_STREAM_STREAM_H

#include "base/error.h"
#include "kernel/map.h"

struct lbpf_stream;

/* cpu is -1 for ring buffers. size: perf event arrays give the kernel's raw sample size (rounded so
 * that size + 4 is a multiple of 8), rings the exact size. */
typedef int (*lbpf_event_fn)(void *context, int cpu, const void *data, uint32_t size);
/* count events were dropped since the last report, on cpu if that is known, else -1. Same rule for
 * the result as lbpf_event_fn. */
typedef int (*lbpf_lost_fn)(void *context, int cpu, uint64_t count);

enum lbpf_stream_kind { LBPF_STREAM_PERF = 1, LBPF_STREAM_RING = 2, LBPF_STREAM_ALL = 3 };

int lbpf_stream_new(struct lbpf_stream **stream, struct lbpf_error *error);
/* Closes every buffer. Must not be called from inside one of its callbacks. NULL is allowed. */
void lbpf_stream_free(struct lbpf_stream *stream);

/* page_count: data pages per CPU, a power of two; wakeup_events: become readable after so many
 * events, at least 1. One buffer per map: a second open of the same map replaces the first. */
int lbpf_stream_open_perf(struct lbpf_stream *stream, const struct lbpf_map *map,
                          uint32_t page_count, uint32_t wakeup_events, lbpf_event_fn event,
                          lbpf_lost_fn lost, void *context, struct lbpf_error *error);
int lbpf_stream_open_ring(struct lbpf_stream *stream, const struct lbpf_map *map,
                          lbpf_event_fn event, void *context, struct lbpf_error *error);

/* Closes the map's buffer; false when it has none. From inside a callback it is closed after the
 * drain and hands over nothing more. */
bool lbpf_stream_close(struct lbpf_stream *stream, const struct lbpf_map *map);

/* Waits up to timeout_ms (negative: for ever) for buffers of these kinds and drains what is there
 * when it starts draining. Returns how many events were handed over; -EINTR when a signal came
 * first (no error record); -errno. Not re-entrant: -EBUSY from inside a callback. While it waits,
 * no event of a perf output does so for more than 2 ms. */
int lbpf_stream_poll(struct lbpf_stream *stream, unsigned kinds, int timeout_ms,
                     struct lbpf_error *error);
/* Drains without waiting, also what has not reached wakeup_events. */
int lbpf_stream_consume(struct lbpf_stream *stream, unsigned kinds, struct lbpf_error *error);

/* An fd that is readable when there is something to poll, 2 ms after an event at the latest; for
 * event loops, which then poll with a timeout of 0. Lent. */
int lbpf_stream_fd(struct lbpf_stream *stream);
/* How many buffers of these kinds are open. */
size_t lbpf_stream_count(const struct lbpf_stream *stream, unsigned kinds);
/* Exact number of events lost so far in all buffers: perf lost records seen, and failed ring
 * reservations. */
uint64_t lbpf_stream_lost(const struct lbpf_stream *stream);

#endif
