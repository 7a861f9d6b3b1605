/*
 * BPF_RINGBUF_OUTPUT: the program chooses when to wake its reader, by flags; the reader leaves the
 * kernel's rule as it is. The kernel keeps no count of reservations that failed, so the programs
 * that our compiler makes keep one for each CPU.
 */
#include "stream/ring_buffer.h"

#include "kernel/sys.h"
#include "stream/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define OP "open ring buffer"

struct lbpf_ring_buffer {
    const struct lbpf_map *map;
    int epoll_fd;
    bool in_epoll;
    struct lbpf_ring ring;
};

static int refuse(const struct lbpf_map *map, const char *what, int code, struct lbpf_error *error)
{
    lbpf_error_set(error, code, OP, "Could not open ring buffer for table %s: %s: %s", map->name,
                   what, strerror(code));
    if (code == EPERM)
        lbpf_permission_hint(error);
    return -code;
}

/* Leaves epoll_fd, too: the map's fd lives on. */
static void close_buffer(void *of)
{
    struct lbpf_ring_buffer *buffer = of;

    if (buffer->in_epoll)
        epoll_ctl(buffer->epoll_fd, EPOLL_CTL_DEL, buffer->map->fd, NULL);
    lbpf_ring_unmap(&buffer->ring);
    free(buffer);
}

int lbpf_ring_buffer_open(struct lbpf_ring_buffer **buffer, const struct lbpf_map *map,
                          int epoll_fd, struct lbpf_error *error)
{
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = map->fd};
    struct lbpf_ring_buffer *made;
    int result;

    *buffer = NULL;
    if (map->type != BPF_MAP_TYPE_RINGBUF)
        return lbpf_error_set(error, EINVAL, OP, "Table %s (%s) is no ring buffer", map->name,
                              lbpf_map_type_name(map->type));
    made = calloc(1, sizeof *made);
    if (!made)
        return lbpf_error_no_memory(error, OP);
    made->map = map;
    made->epoll_fd = epoll_fd;
    result = lbpf_ring_map(&made->ring, map->fd, map->max_entries);
    if (result)
        refuse(map, "mmap", -result, error);
    else if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, map->fd, &wanted))
        result = refuse(map, "epoll", errno, error);
    made->in_epoll = !result;
    if (result) {
        close_buffer(made);
        return result;
    }
    *buffer = made;
    return 0;
}

static bool is_ready(const void *of)
{
    const struct lbpf_ring_buffer *buffer = of;

    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* our position is told at the end of each drain */
    return lbpf_ring_has_record(&buffer->ring);
}

static void mark(void *of)
{
    struct lbpf_ring_buffer *buffer = of;

    lbpf_ring_mark(&buffer->ring);
}

static int drain(void *of, const struct lbpf_sink *sink, struct lbpf_drained *drained)
{
    struct lbpf_ring_buffer *buffer = of;

    lbpf_ring_drain(&buffer->ring, -1, sink, drained);
    return 0;
}

static uint64_t count_lost(const void *of)
{
    const struct lbpf_map *counter = ((const struct lbpf_ring_buffer *)of)->map->lost;
    uint64_t *slots, sum = 0;
    uint32_t zero = 0;

    if (!counter)
        return 0;
    slots = calloc(counter->cpu_count, sizeof *slots);
    if (slots && !lbpf_map_lookup(counter, &zero, slots, NULL)) {
        for (uint32_t cpu = 0; cpu < counter->cpu_count; cpu++)
            sum += slots[cpu];
    }
    free(slots);
    return sum;
}

const struct lbpf_reader lbpf_ring_buffer_reader = {
    .kind = LBPF_STREAM_RING,
    .is_ready = is_ready,
    .mark = mark,
    .drain = drain,
    .lost = count_lost,
    .counts_in_map = true,
    .close = close_buffer,
};
