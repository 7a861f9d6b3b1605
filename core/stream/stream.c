/*
 * All buffers of a session behind one fd: an epoll set for each kind of buffer, and one that holds
 * both.
 *
 * A poll looks at the rings before it sleeps and never trusts what epoll said: a callback may have
 * ended the last drain early, an event loop may have taken perf's one-time answer, and ring buffer
 * events may come without a wake-up. A drain first marks how far every ring is filled and stops
 * there, so that a program that writes faster than the callback reads cannot hold the caller for
 * ever.
 */
#include "stream/stream.h"

#include "stream/perf_buffer.h"
#include "stream/ring_buffer.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define OP "poll"

/* One open buffer; exactly one of perf and ring is set. */
struct source {
    enum lbpf_stream_kind kind;
    const struct lbpf_map *map;
    struct lbpf_sink sink;
    struct lbpf_perf_buffer *perf;
    struct lbpf_ring_buffer *ring;
};

struct lbpf_stream {
    int all_fd, perf_fd, ring_fd;
    struct source **sources;
    size_t source_count;
    uint64_t lost_before; /* in buffers that were replaced */
    bool draining;
};

/* ---- making and freeing --------------------------------------------------------------------- */

static bool join(int outer, int inner)
{
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = inner};

    return epoll_ctl(outer, EPOLL_CTL_ADD, inner, &wanted) == 0;
}

int lbpf_stream_new(struct lbpf_stream **stream, struct lbpf_error *error)
{
    struct lbpf_stream *made = calloc(1, sizeof *made);
    int code;

    *stream = NULL;
    if (!made)
        return lbpf_error_no_memory(error, OP);
    made->all_fd = epoll_create1(EPOLL_CLOEXEC);
    made->perf_fd = epoll_create1(EPOLL_CLOEXEC);
    made->ring_fd = epoll_create1(EPOLL_CLOEXEC);
    if (made->all_fd < 0 || made->perf_fd < 0 || made->ring_fd < 0 ||
        !join(made->all_fd, made->perf_fd) || !join(made->all_fd, made->ring_fd)) {
        code = errno;
        lbpf_stream_free(made);
        return lbpf_error_set(error, code, OP, "Could not prepare for waiting on buffers: %s",
                              strerror(code));
    }
    *stream = made;
    return 0;
}

static void source_close(struct source *source)
{
    if (!source)
        return;
    lbpf_perf_buffer_close(source->perf);
    lbpf_ring_buffer_close(source->ring);
    free(source);
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void lbpf_stream_free(struct lbpf_stream *stream)
{
    if (!stream)
        return;
    for (size_t i = 0; i < stream->source_count; i++)
        source_close(stream->sources[i]);
    free(stream->sources);
    close_fd(stream->all_fd);
    close_fd(stream->perf_fd);
    close_fd(stream->ring_fd);
    free(stream);
}

/* ---- opening buffers ------------------------------------------------------------------------ */

/* A ring buffer's count belongs to its map and goes on in the next reader: counted once. */
static uint64_t source_lost(const struct source *source)
{
    return source->perf ? lbpf_perf_buffer_lost(source->perf) : 0;
}

/* Closes an earlier buffer of the map; a map of perf rings has one ring for each CPU, not two. */
static int drop_earlier(struct lbpf_stream *stream, const struct lbpf_map *map,
                        struct lbpf_error *error)
{
    for (size_t i = 0; i < stream->source_count; i++) {
        if (stream->sources[i]->map != map)
            continue;
        if (stream->draining)
            return lbpf_error_set(
                error, EBUSY, "open buffer",
                "The buffer of table %s cannot be replaced from inside a callback", map->name);
        stream->lost_before += source_lost(stream->sources[i]);
        source_close(stream->sources[i]);
        stream->sources[i] = stream->sources[--stream->source_count];
        return 0;
    }
    return 0;
}

static int prepare(struct lbpf_stream *stream, const struct lbpf_map *map, struct source **source,
                   struct lbpf_error *error)
{
    struct source **sources =
        realloc(stream->sources, (stream->source_count + 1) * sizeof *sources);
    int result;

    if (!sources)
        return lbpf_error_no_memory(error, "open buffer");
    stream->sources = sources;
    result = drop_earlier(stream, map, error);
    if (result)
        return result;
    *source = calloc(1, sizeof **source);
    if (!*source)
        return lbpf_error_no_memory(error, "open buffer");
    (*source)->map = map;
    return 0;
}

int lbpf_stream_open_perf(struct lbpf_stream *stream, const struct lbpf_map *map,
                          uint32_t page_count, uint32_t wakeup_events, lbpf_event_fn event,
                          lbpf_lost_fn lost, void *context, struct lbpf_error *error)
{
    struct source *source;
    int result = prepare(stream, map, &source, error);

    if (result)
        return result;
    source->kind = LBPF_STREAM_PERF;
    source->sink = (struct lbpf_sink){event, lost, context};
    result = lbpf_perf_buffer_open(&source->perf, map, page_count, wakeup_events, stream->perf_fd,
                                   error);
    if (result)
        source_close(source);
    else
        stream->sources[stream->source_count++] = source;
    return result;
}

int lbpf_stream_open_ring(struct lbpf_stream *stream, const struct lbpf_map *map,
                          lbpf_event_fn event, void *context, struct lbpf_error *error)
{
    struct source *source;
    int result = prepare(stream, map, &source, error);

    if (result)
        return result;
    source->kind = LBPF_STREAM_RING;
    source->sink = (struct lbpf_sink){event, NULL, context};
    result = lbpf_ring_buffer_open(&source->ring, map, stream->ring_fd, error);
    if (result)
        source_close(source);
    else
        stream->sources[stream->source_count++] = source;
    return result;
}

/* ---- draining ------------------------------------------------------------------------------- */

static bool is_ready(const struct lbpf_stream *stream, unsigned kinds)
{
    for (size_t i = 0; i < stream->source_count; i++) {
        const struct source *source = stream->sources[i];

        if ((kinds & source->kind) && (source->perf ? lbpf_perf_buffer_is_ready(source->perf)
                                                    : lbpf_ring_buffer_is_ready(source->ring)))
            return true;
    }
    return false;
}

/* A callback may open a buffer: it is not drained in this round, and the array may move. */
static int drain(struct lbpf_stream *stream, unsigned kinds, struct lbpf_drained *drained)
{
    size_t count = stream->source_count;
    int result = 0;

    for (size_t i = 0; i < count; i++) {
        if (stream->sources[i]->perf)
            lbpf_perf_buffer_mark(stream->sources[i]->perf);
        else
            lbpf_ring_buffer_mark(stream->sources[i]->ring);
    }
    stream->draining = true;
    for (size_t i = 0; !result && !drained->stopped && i < count; i++) {
        struct source *source = stream->sources[i];

        if (!(kinds & source->kind))
            continue;
        result = source->perf ? lbpf_perf_buffer_drain(source->perf, &source->sink, drained)
                              : lbpf_ring_buffer_drain(source->ring, &source->sink, drained);
    }
    stream->draining = false;
    return result;
}

static int outcome(int result, const struct lbpf_drained *drained, struct lbpf_error *error)
{
    if (result && !drained->events)
        return lbpf_error_set(error, -result, OP, "A buffer holds damaged records: %s",
                              strerror(-result));
    return drained->events > INT_MAX ? INT_MAX : (int)drained->events;
}

static int refuse_reentry(struct lbpf_error *error)
{
    return lbpf_error_set(error, EBUSY, OP, "Buffers cannot be polled from inside their callback");
}

int lbpf_stream_consume(struct lbpf_stream *stream, unsigned kinds, struct lbpf_error *error)
{
    struct lbpf_drained drained = {0};
    int result;

    if (stream->draining)
        return refuse_reentry(error);
    result = drain(stream, kinds, &drained);
    return outcome(result, &drained, error);
}

/* ---- waiting -------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A CPU that went offline makes its ring's fd "hung up" for ever; such an fd is watched no longer.
 */
static void forget_hung_up(int fd)
{
    struct epoll_event events[64];
    int count = epoll_wait(fd, events, 64, 0);

    for (int i = 0; i < count; i++) {
        if (events[i].events & (EPOLLHUP | EPOLLERR))
            epoll_ctl(fd, EPOLL_CTL_DEL, events[i].data.fd, NULL);
    }
}

static int wait_fd(const struct lbpf_stream *stream, unsigned kinds)
{
    if (kinds == LBPF_STREAM_PERF)
        return stream->perf_fd;
    return kinds == LBPF_STREAM_RING ? stream->ring_fd : stream->all_fd;
}

/* Sleeps until a buffer of these kinds is ready. 1, 0 when time is over, -EINTR, -errno. */
static int wait_ready(struct lbpf_stream *stream, unsigned kinds, int timeout_ms)
{
    int64_t end = timeout_ms > 0 ? now_ms() + timeout_ms : 0;
    int rest = timeout_ms;

    while (!is_ready(stream, kinds)) {
        struct epoll_event event;
        int count;

        if (rest == 0)
            return 0;
        count = epoll_wait(wait_fd(stream, kinds), &event, 1, rest);
        if (count < 0)
            return -errno;
        if (count > 0 && !is_ready(stream, kinds))
            forget_hung_up(stream->perf_fd);
        if (timeout_ms > 0) {
            int64_t left = end - now_ms();

            rest = left > 0 ? (int)left : 0;
        }
    }
    return 1;
}

int lbpf_stream_poll(struct lbpf_stream *stream, unsigned kinds, int timeout_ms,
                     struct lbpf_error *error)
{
    struct lbpf_drained drained = {0};
    int result;

    if (stream->draining)
        return refuse_reentry(error);
    result = wait_ready(stream, kinds, timeout_ms);
    if (result == 0 || result == -EINTR)
        return result;
    if (result < 0)
        return lbpf_error_set(error, -result, OP, "Could not wait for buffers: %s",
                              strerror(-result));
    result = drain(stream, kinds, &drained);
    return outcome(result, &drained, error);
}

/* ---- facts ---------------------------------------------------------------------------------- */

int lbpf_stream_fd(const struct lbpf_stream *stream)
{
    return stream->all_fd;
}

size_t lbpf_stream_count(const struct lbpf_stream *stream, unsigned kinds)
{
    size_t count = 0;

    for (size_t i = 0; i < stream->source_count; i++)
        count += (kinds & stream->sources[i]->kind) != 0;
    return count;
}

uint64_t lbpf_stream_lost(const struct lbpf_stream *stream)
{
    uint64_t sum = stream->lost_before;

    for (size_t i = 0; i < stream->source_count; i++) {
        const struct source *source = stream->sources[i];

        sum += source->perf ? lbpf_perf_buffer_lost(source->perf)
                            : lbpf_ring_buffer_lost(source->ring);
    }
    return sum;
}
