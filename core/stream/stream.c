/*
 * All buffers of a session behind one fd: an epoll set for each kind of buffer, and one that holds
 * both.
 *
 * A poll looks at the rings before it sleeps and never trusts what epoll said: a callback may have
 * ended the last drain early, an event loop may have taken perf's one-time answer, and events may
 * come without a wake-up. A drain first marks how far every ring is filled and stops there, so that
 * a program that writes faster than the callback reads cannot hold the caller for ever.
 *
 * After a drain some buffers wake nobody (sink.h). While NAP_EVENTS and more come in BOUND_NS the
 * stream naps for NAP_NS between its drains; else it arms the buffers and sleeps. That bounds both
 * how long an event waits and how often a traced program pays for a wake-up, and the few events of
 * a quiet machine come at once and as good as in order over all CPUs. For an event loop that only
 * watches our fd, a timer in the set stands for the nap.
 */
#include "stream/stream.h"

#include "base/clock.h"
#include "stream/cpu_rings.h"
#include "stream/perf_buffer.h"
#include "stream/ring_buffer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define OP         "poll"
#define MS_NS      1000000
#define BOUND_NS   (2 * MS_NS) /* no event waits longer for a reader that waits for it */
#define NAP_NS     (MS_NS / 4) /* in which no ring of some pages fills up */
#define NAP_EVENTS 8

/* One open buffer. */
struct source {
    const struct lbpf_reader *reader;
    void *buffer;
    const struct lbpf_map *map;
    struct lbpf_sink sink;
    bool is_closing; /* after the drain in which a callback asked for it */
};

/* What a closed buffer had lost, as its map counted: the next buffer of the map goes on from there.
 */
struct closed {
    const struct lbpf_map *map;
    uint64_t lost;
};

struct lbpf_stream {
    int all_fd, perf_fd, ring_fd;
    int timer_fd; /* in all_fd, once an event loop has asked for that; else -1 */
    struct source **sources;
    size_t source_count;
    struct closed *closed;
    size_t closed_count;
    uint64_t lost_before; /* in other buffers that were closed or replaced */
    int64_t nap_end;      /* until then buffers that wake nobody are left so */
    int64_t count_start;  /* since then, and not for long, … */
    uint64_t count;       /* … so many events came from such buffers */
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
    made->timer_fd = -1;
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
    if (source->buffer)
        source->reader->close(source->buffer);
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
    free(stream->closed);
    close_fd(stream->all_fd);
    close_fd(stream->perf_fd);
    close_fd(stream->ring_fd);
    close_fd(stream->timer_fd);
    free(stream);
}

/* ---- opening buffers ------------------------------------------------------------------------ */

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
        if (!stream->sources[i]->reader->counts_in_map) /* else it goes on in the next */
            stream->lost_before += stream->sources[i]->reader->lost(stream->sources[i]->buffer);
        source_close(stream->sources[i]);
        stream->sources[i] = stream->sources[--stream->source_count];
        return 0;
    }
    for (size_t i = 0; i < stream->closed_count; i++)
        if (stream->closed[i].map == map)
            stream->closed[i] = stream->closed[--stream->closed_count];
    return 0;
}

/* There is always room in the list of closed ones: it was made when the buffer was opened. */
static void close_at(struct lbpf_stream *stream, size_t index)
{
    struct source *source = stream->sources[index];
    uint64_t lost;

    if (source->reader->withdraw)
        source->reader->withdraw(source->buffer);
    lost = source->reader->lost(source->buffer);
    if (source->reader->counts_in_map)
        stream->closed[stream->closed_count++] = (struct closed){source->map, lost};
    else
        stream->lost_before += lost;
    source_close(source);
    stream->sources[index] = stream->sources[--stream->source_count];
}

bool lbpf_stream_close(struct lbpf_stream *stream, const struct lbpf_map *map)
{
    for (size_t i = 0; i < stream->source_count; i++) {
        if (stream->sources[i]->map != map || stream->sources[i]->is_closing)
            continue;
        if (stream->draining)
            stream->sources[i]->is_closing = true;
        else
            close_at(stream, i);
        return true;
    }
    return false;
}

static void close_marked(struct lbpf_stream *stream)
{
    for (size_t i = stream->source_count; i-- > 0;)
        if (stream->sources[i]->is_closing)
            close_at(stream, i);
}

static int prepare(struct lbpf_stream *stream, const struct lbpf_map *map, struct source **source,
                   struct lbpf_error *error)
{
    size_t room = stream->source_count + stream->closed_count + 1;
    struct source **sources = realloc(stream->sources, room * sizeof *sources);
    struct closed *closed = realloc(stream->closed, room * sizeof *closed);
    int result;

    if (sources)
        stream->sources = sources;
    if (closed)
        stream->closed = closed;
    if (!sources || !closed)
        return lbpf_error_no_memory(error, "open buffer");
    result = drop_earlier(stream, map, error);
    if (result)
        return result;
    *source = calloc(1, sizeof **source);
    if (!*source)
        return lbpf_error_no_memory(error, "open buffer");
    (*source)->map = map;
    return 0;
}

/* Takes source, whose buffer was opened with result. */
static int keep(struct lbpf_stream *stream, struct source *source, int result)
{
    if (result)
        source_close(source);
    else
        stream->sources[stream->source_count++] = source;
    return result;
}

static int check_perf(const struct lbpf_map *map, uint32_t page_count, struct lbpf_error *error)
{
    static const char op[] = "open perf buffer";

    if (map->type != BPF_MAP_TYPE_PERF_EVENT_ARRAY || map->key_size != 4 || map->value_size != 4)
        return lbpf_error_set(error, EINVAL, op, "Table %s is no perf output", map->name);
    if (page_count == 0 || (page_count & (page_count - 1)) || page_count > 1u << 20) {
        lbpf_error_set(error, EINVAL, op, "Perf buffer page_cnt must be a power of two");
        lbpf_error_hint(error, "it was %u; the usual is 8 (pages for each CPU)", page_count);
        return -EINVAL;
    }
    return 0;
}

int lbpf_stream_open_perf(struct lbpf_stream *stream, const struct lbpf_map *map,
                          uint32_t page_count, uint32_t wakeup_events, lbpf_event_fn event,
                          lbpf_lost_fn lost, void *context, struct lbpf_error *error)
{
    struct source *source;
    int result = check_perf(map, page_count, error);

    if (!result)
        result = prepare(stream, map, &source, error);
    if (result)
        return result;
    source->sink = (struct lbpf_sink){event, lost, context};
    if (map->on_rings) {
        struct lbpf_cpu_rings *rings;

        source->reader = &lbpf_cpu_rings_reader;
        result =
            lbpf_cpu_rings_open(&rings, map, page_count, wakeup_events, stream->perf_fd, error);
        source->buffer = rings;
    } else {
        struct lbpf_perf_buffer *buffer;

        source->reader = &lbpf_perf_buffer_reader;
        result =
            lbpf_perf_buffer_open(&buffer, map, page_count, wakeup_events, stream->perf_fd, error);
        source->buffer = buffer;
    }
    return keep(stream, source, result);
}

int lbpf_stream_open_ring(struct lbpf_stream *stream, const struct lbpf_map *map,
                          lbpf_event_fn event, void *context, struct lbpf_error *error)
{
    struct lbpf_ring_buffer *buffer;
    struct source *source;
    int result = prepare(stream, map, &source, error);

    if (result)
        return result;
    source->reader = &lbpf_ring_buffer_reader;
    source->sink = (struct lbpf_sink){event, NULL, context};
    result = lbpf_ring_buffer_open(&buffer, map, stream->ring_fd, error);
    source->buffer = buffer;
    return keep(stream, source, result);
}

/* ---- draining ------------------------------------------------------------------------------- */

static bool is_ready(const struct lbpf_stream *stream, unsigned kinds)
{
    for (size_t i = 0; i < stream->source_count; i++) {
        const struct source *source = stream->sources[i];

        if ((kinds & source->reader->kind) && source->reader->is_ready(source->buffer))
            return true;
    }
    return false;
}

static void mark(struct lbpf_stream *stream)
{
    for (size_t i = 0; i < stream->source_count; i++)
        stream->sources[i]->reader->mark(stream->sources[i]->buffer);
}

/* Decides about a nap when such a buffer has handed over events. */
static void count_events(struct lbpf_stream *stream, uint64_t events)
{
    int64_t now = lbpf_now_ns();

    if (now - stream->count_start > BOUND_NS) {
        stream->count_start = now;
        stream->count = 0;
    }
    stream->count += events;
    if (stream->count >= NAP_EVENTS)
        stream->nap_end = now + NAP_NS;
}

/* A callback may open a buffer: it is not drained in this round, and the array may move. */
static int drain(struct lbpf_stream *stream, unsigned kinds, struct lbpf_drained *drained)
{
    size_t count = stream->source_count;
    uint64_t quiet = 0;
    int result = 0;

    mark(stream);
    stream->draining = true;
    for (size_t i = 0; !result && !drained->stopped && i < count; i++) {
        struct source *source = stream->sources[i];
        uint64_t before = drained->events;

        if (!(kinds & source->reader->kind) || source->is_closing)
            continue;
        result = source->reader->drain(source->buffer, &source->sink, drained);
        if (source->reader->arm)
            quiet += drained->events - before;
    }
    stream->draining = false;
    close_marked(stream);
    if (quiet)
        count_events(stream, quiet);
    return result;
}

static int outcome(int result, const struct lbpf_drained *drained, struct lbpf_error *error)
{
    if (result && !drained->events)
        return lbpf_error_set(error, -result, OP, "A buffer holds damaged records: %s",
                              strerror(-result));
    return drained->events > INT_MAX ? INT_MAX : (int)drained->events;
}

/* ---- waiting -------------------------------------------------------------------------------- */

/* Has every buffer wake us by its next event. False when one can't. */
static bool arm(struct lbpf_stream *stream)
{
    bool wakes = true;

    for (size_t i = 0; i < stream->source_count; i++) {
        const struct source *source = stream->sources[i];

        if (source->reader->arm && !source->reader->arm(source->buffer))
            wakes = false;
    }
    return wakes;
}

/* How long to nap; 0 when all buffers are armed instead, after which one has to look once more. */
static int64_t nap_or_arm(struct lbpf_stream *stream)
{
    int64_t left = stream->nap_end - lbpf_now_ns();

    if (left > 0)
        return left;
    return arm(stream) ? 0 : BOUND_NS;
}

/* Takes what epoll has to say; we know better. A CPU that went offline makes its perf ring's fd
 * "hung up" for ever: such an fd is watched no longer. */
static int forget_events(int fd)
{
    struct epoll_event events[64];
    int count;

    do {
        count = epoll_wait(fd, events, 64, 0);
        for (int i = 0; i < count; i++) {
            if (events[i].events & (EPOLLHUP | EPOLLERR))
                epoll_ctl(fd, EPOLL_CTL_DEL, events[i].data.fd, NULL);
        }
    } while (count == 64);
    return count < 0 ? -errno : 0;
}

/* Sleeps until the fd has something to say, ns at most; negative: for ever. */
static int sleep_on(int fd, int64_t ns)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    struct timespec limit = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

    if (ppoll(&wanted, 1, ns < 0 ? NULL : &limit, NULL) < 0)
        return -errno;
    return forget_events(fd);
}

static void set_timer(const struct lbpf_stream *stream, int64_t ns)
{
    struct itimerspec when = {.it_value = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000}};

    if (stream->timer_fd >= 0)
        timerfd_settime(stream->timer_fd, 0, &when, NULL);
}

/* For an event loop: our fd becomes readable when there is something to hand over, and else stays
 * silent. */
static void settle(struct lbpf_stream *stream)
{
    int64_t nap;

    if (stream->timer_fd < 0)
        return;
    forget_events(stream->perf_fd);
    nap = nap_or_arm(stream);
    set_timer(stream, is_ready(stream, LBPF_STREAM_ALL) ? 1 : nap);
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
    int64_t end = timeout_ms > 0 ? lbpf_now_ns() + (int64_t)timeout_ms * MS_NS : 0;
    int64_t left = timeout_ms;
    int result;

    set_timer(stream, 0);
    while (!is_ready(stream, kinds)) {
        int64_t nap;

        if (timeout_ms > 0)
            left = end - lbpf_now_ns();
        if (timeout_ms >= 0 && left <= 0)
            return 0;
        nap = nap_or_arm(stream);
        if (!nap && is_ready(stream, kinds))
            return 1;
        result = sleep_on(wait_fd(stream, kinds), nap && (left < 0 || nap < left) ? nap : left);
        if (result)
            return result;
    }
    return 1;
}

/* ---- polling -------------------------------------------------------------------------------- */

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
    settle(stream);
    return outcome(result, &drained, error);
}

int lbpf_stream_poll(struct lbpf_stream *stream, unsigned kinds, int timeout_ms,
                     struct lbpf_error *error)
{
    int result;

    if (stream->draining)
        return refuse_reentry(error);
    result = wait_ready(stream, kinds, timeout_ms);
    if (result <= 0) {
        settle(stream);
        return result == 0 || result == -EINTR
                   ? result
                   : lbpf_error_set(error, -result, OP, "Could not wait for buffers: %s",
                                    strerror(-result));
    }
    return lbpf_stream_consume(stream, kinds, error);
}

/* ---- facts ---------------------------------------------------------------------------------- */

int lbpf_stream_fd(struct lbpf_stream *stream)
{
    if (stream->timer_fd < 0) {
        stream->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (stream->timer_fd >= 0)
            join(stream->all_fd, stream->timer_fd);
        settle(stream);
    }
    return stream->all_fd;
}

size_t lbpf_stream_count(const struct lbpf_stream *stream, unsigned kinds)
{
    size_t count = 0;

    for (size_t i = 0; i < stream->source_count; i++)
        count += (kinds & stream->sources[i]->reader->kind) != 0;
    return count;
}

uint64_t lbpf_stream_lost(const struct lbpf_stream *stream)
{
    uint64_t sum = stream->lost_before;

    for (size_t i = 0; i < stream->closed_count; i++)
        sum += stream->closed[i].lost;
    for (size_t i = 0; i < stream->source_count; i++) {
        const struct source *source = stream->sources[i];

        sum += source->reader->lost(source->buffer);
    }
    return sum;
}
