/*
 * Perf rings: for each CPU a software perf event whose only use is the ring that can be mapped
 * behind it.
 *
 * Two surprises. The kernel tells of lost events by a record that it can write only once there is
 * room again, so the losses at the end of a burst stay untold; since 6.0 the event's own counter
 * (PERF_FORMAT_LOST) is exact. And poll() on such an event answers only once: the
 * answer is reset by asking, whether by us or by an event loop that watches our fd. So readiness is
 * read off the rings themselves.
 */
#include "stream/perf_buffer.h"

#include "host/cpus.h"
#include "kernel/sys.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OP          "open perf buffer"
#define FORMAT_LOST (1u << 4) /* PERF_FORMAT_LOST; headers before 6.0 lack it */
#define RECORD_MAX  65536u    /* a record's size has 16 bits */

struct ring {
    int fd, cpu;
    bool in_map;
    struct perf_event_mmap_page *page; /* NULL: not mapped */
    const unsigned char *data;
    uint64_t tail, mark;
    uint64_t samples; /* read so far: the phase of the kernel's wakeup_events counter */
    uint64_t lost;    /* from lost records */
};

struct lbpf_perf_buffer {
    const struct lbpf_map *map;
    struct ring *rings;
    size_t ring_count;
    uint64_t data_size;
    uint32_t wakeup_events;
    bool counts_lost;       /* PERF_FORMAT_LOST works */
    unsigned char *scratch; /* for records that wrap */
};

static int find_cpus(struct lbpf_perf_buffer *buffer)
{
    int *cpus, result = lbpf_online_cpus(&cpus, &buffer->ring_count);

    if (result)
        return result;
    buffer->rings = calloc(buffer->ring_count, sizeof *buffer->rings);
    for (size_t i = 0; buffer->rings && i < buffer->ring_count; i++)
        buffer->rings[i] = (struct ring){.fd = -1, .cpu = cpus[i]};
    free(cpus);
    if (!buffer->rings)
        buffer->ring_count = 0;
    return buffer->rings ? 0 : -ENOMEM;
}

/* ---- opening -------------------------------------------------------------------------------- */

static int open_event(struct lbpf_perf_buffer *buffer, int cpu)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof attributes,
        .config = PERF_COUNT_SW_BPF_OUTPUT,
        .sample_type = PERF_SAMPLE_RAW,
        .sample_period = 1,
        .wakeup_events = buffer->wakeup_events,
    };
    long fd;

    if (buffer->counts_lost)
        attributes.read_format = FORMAT_LOST;
    fd = syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0 && errno == EINVAL && buffer->counts_lost) {
        buffer->counts_lost = false;
        return open_event(buffer, cpu);
    }
    return fd < 0 ? -errno : (int)fd;
}

static int refuse(const struct lbpf_perf_buffer *buffer, const char *what, int code,
                  struct lbpf_error *error)
{
    lbpf_error_set(error, code, OP, "Could not open perf buffer for table %s: %s: %s",
                   buffer->map->name, what, strerror(code));
    if (code == EPERM || code == EACCES)
        lbpf_permission_hint(error);
    return -code;
}

static int map_ring(struct lbpf_perf_buffer *buffer, struct ring *ring, size_t page_size,
                    struct lbpf_error *error)
{
    void *memory =
        mmap(NULL, page_size + buffer->data_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);

    if (memory == MAP_FAILED) {
        int code = errno;

        refuse(buffer, "mmap", code, error);
        if (code == EPERM || code == ENOMEM)
            lbpf_error_hint(error,
                            "ask for a smaller page_cnt than %llu, or raise the limit: sysctl "
                            "kernel.perf_event_mlock_kb",
                            (unsigned long long)(buffer->data_size / page_size));
        return -code;
    }
    ring->page = memory;
    ring->data = (const unsigned char *)memory + page_size;
    return 0;
}

static int enable_ring(struct lbpf_perf_buffer *buffer, struct ring *ring, int epoll_fd,
                       struct lbpf_error *error)
{
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = ring->fd};
    int result = bpf_map_update_elem(buffer->map->fd, &ring->cpu, &ring->fd, BPF_ANY);

    if (result)
        return refuse(buffer, "table", lbpf_libbpf_code(result), error);
    ring->in_map = true;
    if (ioctl(ring->fd, PERF_EVENT_IOC_ENABLE, 0))
        return refuse(buffer, "enable", errno, error);
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, ring->fd, &wanted))
        return refuse(buffer, "epoll", errno, error);
    return 0;
}

static int open_ring(struct lbpf_perf_buffer *buffer, struct ring *ring, int epoll_fd,
                     struct lbpf_error *error)
{
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    int result;

    ring->fd = open_event(buffer, ring->cpu);
    if (ring->fd == -ENODEV) /* the CPU went offline since the list was read */
        return 0;
    if (ring->fd < 0)
        return refuse(buffer, "perf_event_open", -ring->fd, error);
    result = map_ring(buffer, ring, page_size, error);
    return result ? result : enable_ring(buffer, ring, epoll_fd, error);
}

static void close_buffer(void *of)
{
    struct lbpf_perf_buffer *buffer = of;
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);

    for (size_t i = 0; i < buffer->ring_count; i++) {
        struct ring *ring = &buffer->rings[i];

        if (ring->in_map)
            bpf_map_delete_elem(buffer->map->fd, &ring->cpu);
        if (ring->page)
            munmap(ring->page, page_size + buffer->data_size);
        if (ring->fd >= 0)
            close(ring->fd); /* leaves the epoll set, too */
    }
    free(buffer->rings);
    free(buffer->scratch);
    free(buffer);
}

int lbpf_perf_buffer_open(struct lbpf_perf_buffer **buffer, const struct lbpf_map *map,
                          uint32_t page_count, uint32_t wakeup_events, int epoll_fd,
                          struct lbpf_error *error)
{
    struct lbpf_perf_buffer *made;
    int result;

    *buffer = NULL;
    made = calloc(1, sizeof *made);
    if (!made)
        return lbpf_error_no_memory(error, OP);
    made->map = map;
    made->data_size = (uint64_t)page_count * (uint64_t)sysconf(_SC_PAGESIZE);
    made->wakeup_events = wakeup_events ? wakeup_events : 1;
    made->counts_lost = true;
    made->scratch = malloc(RECORD_MAX);
    result = made->scratch ? find_cpus(made) : -ENOMEM;
    if (result)
        refuse(made, "list of CPUs", -result, error);
    for (size_t i = 0; !result && i < made->ring_count; i++)
        result = open_ring(made, &made->rings[i], epoll_fd, error);
    if (result) {
        close_buffer(made);
        return result;
    }
    *buffer = made;
    return 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

static uint64_t ring_head(const struct ring *ring)
{
    return __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
}

/* The kernel wakes the reader at every wakeup_events-th sample and when half of the ring is full.
 */
static bool ring_is_ready(const struct lbpf_perf_buffer *buffer, const struct ring *ring)
{
    uint64_t head, at, missing;

    if (!ring->page)
        return false;
    head = ring_head(ring);
    if (head == ring->tail)
        return false;
    if (buffer->wakeup_events == 1 || head - ring->tail >= buffer->data_size / 2)
        return true;
    missing = buffer->wakeup_events - ring->samples % buffer->wakeup_events;
    for (at = ring->tail; at < head && missing;) {
        const struct perf_event_header *header =
            (const void *)(ring->data + (at & (buffer->data_size - 1)));

        if (header->size < sizeof *header)
            return true; /* the drain will report it */
        missing -= header->type == PERF_RECORD_SAMPLE;
        at += header->size;
    }
    return missing == 0;
}

static bool is_ready(const void *of)
{
    const struct lbpf_perf_buffer *buffer = of;

    for (size_t i = 0; i < buffer->ring_count; i++) {
        if (ring_is_ready(buffer, &buffer->rings[i]))
            return true;
    }
    return false;
}

static void mark(void *of)
{
    struct lbpf_perf_buffer *buffer = of;

    for (size_t i = 0; i < buffer->ring_count; i++) {
        if (buffer->rings[i].page)
            buffer->rings[i].mark = ring_head(&buffer->rings[i]);
    }
}

/* A record as one piece: in place, or copied when it wraps. */
static const unsigned char *whole_record(const struct lbpf_perf_buffer *buffer,
                                         const struct ring *ring, uint32_t size)
{
    uint64_t offset = ring->tail & (buffer->data_size - 1);
    uint64_t first = buffer->data_size - offset;

    if (size <= first)
        return ring->data + offset;
    memcpy(buffer->scratch, ring->data + offset, first);
    memcpy(buffer->scratch + first, ring->data, size - first);
    return buffer->scratch;
}

/* Hands one record over. Negative when the callback wants to end. */
static int hand_over(struct ring *ring, const struct perf_event_header *header,
                     const unsigned char *record, const struct lbpf_sink *sink,
                     struct lbpf_drained *drained)
{
    if (header->type == PERF_RECORD_SAMPLE) {
        uint32_t size;

        memcpy(&size, record + sizeof *header, sizeof size);
        if (size > header->size - sizeof *header - sizeof size)
            size = (uint32_t)(header->size - sizeof *header - sizeof size);
        ring->samples++;
        drained->events++;
        return sink->event(sink->context, ring->cpu, record + sizeof *header + sizeof size, size);
    }
    if (header->type == PERF_RECORD_LOST && header->size >= sizeof *header + 16) {
        uint64_t count;

        memcpy(&count, record + sizeof *header + 8, sizeof count); /* after the event's id */
        ring->lost += count;
        if (!sink->lost)
            return 0;
        drained->reported = true;
        return sink->lost(sink->context, ring->cpu, count);
    }
    return 0;
}

static void release(struct ring *ring)
{
    __atomic_store_n(&ring->page->data_tail, ring->tail, __ATOMIC_RELEASE);
}

/* Room is given back in steps: often enough for the kernel, seldom enough for its cache line. */
static int drain_ring(const struct lbpf_perf_buffer *buffer, struct ring *ring,
                      const struct lbpf_sink *sink, struct lbpf_drained *drained)
{
    uint64_t step = buffer->data_size / 8, released = ring->tail;

    while (ring->tail < ring->mark && !drained->stopped) {
        struct perf_event_header header;
        const unsigned char *record;

        memcpy(&header, ring->data + (ring->tail & (buffer->data_size - 1)), sizeof header);
        if (header.size < sizeof header + 4 || header.size > ring->mark - ring->tail) {
            ring->tail = ring->mark;
            release(ring);
            return -EIO;
        }
        record = whole_record(buffer, ring, header.size);
        drained->stopped = hand_over(ring, &header, record, sink, drained) < 0;
        ring->tail += header.size;
        if (ring->tail - released >= step) {
            release(ring);
            released = ring->tail;
        }
    }
    if (ring->tail != released)
        release(ring);
    return 0;
}

static int drain(void *of, const struct lbpf_sink *sink, struct lbpf_drained *drained)
{
    struct lbpf_perf_buffer *buffer = of;
    int result = 0;

    for (size_t i = 0; !result && !drained->stopped && i < buffer->ring_count; i++) {
        if (buffer->rings[i].page)
            result = drain_ring(buffer, &buffer->rings[i], sink, drained);
    }
    return result;
}

static uint64_t count_lost(const void *of)
{
    const struct lbpf_perf_buffer *buffer = of;
    uint64_t sum = 0;

    for (size_t i = 0; i < buffer->ring_count; i++) {
        const struct ring *ring = &buffer->rings[i];
        struct {
            uint64_t value, lost;
        } counters;

        if (buffer->counts_lost && ring->fd >= 0 &&
            read(ring->fd, &counters, sizeof counters) == (ssize_t)sizeof counters)
            sum += counters.lost;
        else
            sum += ring->lost;
    }
    return sum;
}

const struct lbpf_reader lbpf_perf_buffer_reader = {
    .kind = LBPF_STREAM_PERF,
    .is_ready = is_ready,
    .mark = mark,
    .drain = drain,
    .lost = count_lost,
    .close = close_buffer,
};
