/*
 * The BPF ring buffer's user side: one page with our position, one with the kernel's, and the data
 * mapped twice in a row, so that a record never wraps. A record starts with its length, whose two
 * top bits say that it is still being written, or was discarded.
 *
 * The kernel wakes a reader only for the record at which the reader stands. So our position must
 * be visible before we look whether there is more: hence the full barrier in is_ready.
 */
#include "stream/ring_buffer.h"

#include "kernel/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#define OP "open ring buffer"

struct lbpf_ring_buffer {
    const struct lbpf_map *map;
    int epoll_fd;
    bool in_epoll;
    unsigned long *consumer;       /* our position; NULL: not mapped */
    const unsigned long *producer; /* the kernel's; NULL: not mapped */
    const unsigned char *data;
    unsigned long size, position, mark;
};

static int refuse(const struct lbpf_map *map, const char *what, int code, struct lbpf_error *error)
{
    lbpf_error_set(error, code, OP, "Could not open ring buffer for table %s: %s: %s", map->name,
                   what, strerror(code));
    if (code == EPERM)
        lbpf_permission_hint(error);
    return -code;
}

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static int map_pages(struct lbpf_ring_buffer *buffer, struct lbpf_error *error)
{
    size_t page = page_bytes();
    void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, buffer->map->fd, 0);

    if (memory == MAP_FAILED)
        return refuse(buffer->map, "mmap", errno, error);
    buffer->consumer = memory;
    memory =
        mmap(NULL, page + 2 * buffer->size, PROT_READ, MAP_SHARED, buffer->map->fd, (off_t)page);
    if (memory == MAP_FAILED)
        return refuse(buffer->map, "mmap", errno, error);
    buffer->producer = memory;
    buffer->data = (const unsigned char *)memory + page;
    buffer->position = __atomic_load_n(buffer->consumer, __ATOMIC_ACQUIRE);
    return 0;
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
    made->size = map->max_entries;
    result = map_pages(made, error);
    if (!result && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, map->fd, &wanted))
        result = refuse(map, "epoll", errno, error);
    else
        made->in_epoll = !result;
    if (result) {
        lbpf_ring_buffer_close(made);
        return result;
    }
    *buffer = made;
    return 0;
}

void lbpf_ring_buffer_close(struct lbpf_ring_buffer *buffer)
{
    if (!buffer)
        return;
    if (buffer->in_epoll)
        epoll_ctl(buffer->epoll_fd, EPOLL_CTL_DEL, buffer->map->fd, NULL);
    if (buffer->producer)
        munmap((void *)(uintptr_t)buffer->producer, page_bytes() + 2 * buffer->size);
    if (buffer->consumer)
        munmap(buffer->consumer, page_bytes());
    free(buffer);
}

static unsigned long filled_to(const struct lbpf_ring_buffer *buffer)
{
    return __atomic_load_n(buffer->producer, __ATOMIC_ACQUIRE);
}

/* The length word of the record at our position. */
static uint32_t length_word(const struct lbpf_ring_buffer *buffer)
{
    const uint32_t *word = (const void *)(buffer->data + (buffer->position & (buffer->size - 1)));

    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

bool lbpf_ring_buffer_is_ready(const struct lbpf_ring_buffer *buffer)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return buffer->position != filled_to(buffer) && !(length_word(buffer) & BPF_RINGBUF_BUSY_BIT);
}

void lbpf_ring_buffer_mark(struct lbpf_ring_buffer *buffer)
{
    buffer->mark = filled_to(buffer);
}

static void release(struct lbpf_ring_buffer *buffer)
{
    __atomic_store_n(buffer->consumer, buffer->position, __ATOMIC_RELEASE);
}

int lbpf_ring_buffer_drain(struct lbpf_ring_buffer *buffer, const struct lbpf_sink *sink,
                           struct lbpf_drained *drained)
{
    unsigned long step = buffer->size / 8, released = buffer->position;

    while (buffer->position < buffer->mark && !drained->stopped) {
        uint32_t word = length_word(buffer);
        uint32_t length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

        if (word & BPF_RINGBUF_BUSY_BIT)
            break;
        if (!(word & BPF_RINGBUF_DISCARD_BIT)) {
            const unsigned char *record = buffer->data + (buffer->position & (buffer->size - 1));

            drained->events++;
            drained->stopped =
                sink->event(sink->context, -1, record + BPF_RINGBUF_HDR_SZ, length) < 0;
        }
        buffer->position += ((unsigned long)length + BPF_RINGBUF_HDR_SZ + 7) & ~7ul;
        if (buffer->position - released >= step) {
            release(buffer);
            released = buffer->position;
        }
    }
    if (buffer->position != released)
        release(buffer);
    return 0;
}

uint64_t lbpf_ring_buffer_lost(const struct lbpf_ring_buffer *buffer)
{
    const struct lbpf_map *counter = buffer->map->lost;
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
