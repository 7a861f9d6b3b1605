/*
 * BPF_PERF_OUTPUT where the kernel has ring buffers: the program looks up the ring of its CPU in an
 * array of maps and counts, for each CPU, what found no room (prelude: lbpf/maps/output.h).
 *
 * A wake-up costs the traced program fifteen times what the event does. So a ring is quiet after a
 * drain (ring.c), and the reader looks by itself after a while; only when it has found nothing does
 * it arm the rings and sleep. In between the program wakes it if a ring fills up (LBPF_WAKE_FILL).
 *
 * The kernel lets no one replace an element of an array of maps without waiting for a grace period
 * afterwards, some ten milliseconds for each CPU. The element is in effect before that wait; so
 * threads do the waiting, and nobody waits for them before the buffer is closed.
 */
#include "stream/cpu_rings.h"

#include "host/cpus.h"
#include "kernel/sys.h"
#include "stream/ring.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define OP         "open perf buffer"
#define WAKE_FILL  8192u       /* LBPF_WAKE_FILL of the prelude */
#define STACK_SIZE (64u << 10) /* of a thread that makes one system call */

struct cpu_ring {
    int fd, cpu, map_fd;
    struct lbpf_ring ring;
    uint64_t lost, lost_mark; /* told to the callback; when the drain began */
    pthread_t thread;
    bool has_thread;
    int result; /* of the thread: 1 until it is there */
};

struct lbpf_cpu_rings {
    const struct lbpf_map *map;
    struct cpu_ring *rings;
    size_t ring_count;
    uint32_t wakeup_events;
    uint64_t size;
    const uint64_t *lost; /* by CPU number, counted by the program */
    size_t lost_size;
};

/* ---- opening -------------------------------------------------------------------------------- */

static int refuse(const struct lbpf_cpu_rings *buffer, const char *what, int code,
                  struct lbpf_error *error)
{
    lbpf_error_set(error, code, OP, "Could not open perf buffer for table %s: %s: %s",
                   buffer->map->name, what, strerror(code));
    if (code == EPERM || code == EACCES)
        lbpf_permission_hint(error);
    else if (code == ENOMEM || code == E2BIG)
        lbpf_error_hint(error, "ask for a smaller page_cnt than %llu (pages for each CPU)",
                        (unsigned long long)buffer->size / (unsigned)sysconf(_SC_PAGESIZE));
    return -code;
}

static int find_cpus(struct lbpf_cpu_rings *buffer)
{
    size_t count;
    int *cpus, result = lbpf_online_cpus(&cpus, &count);

    if (result)
        return result;
    buffer->rings = calloc(count, sizeof *buffer->rings);
    for (size_t i = 0; buffer->rings && i < count; i++)
        if ((uint32_t)cpus[i] < buffer->map->max_entries)
            buffer->rings[buffer->ring_count++] =
                (struct cpu_ring){.fd = -1, .cpu = cpus[i], .map_fd = buffer->map->fd};
    free(cpus);
    return buffer->rings ? 0 : -ENOMEM;
}

static int map_counters(struct lbpf_cpu_rings *buffer)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = (buffer->map->max_entries * sizeof *buffer->lost + page - 1) & ~(page - 1);
    void *memory = mmap(NULL, size, PROT_READ, MAP_SHARED, buffer->map->lost->fd, 0);

    if (memory == MAP_FAILED)
        return -errno;
    buffer->lost = memory;
    buffer->lost_size = size;
    return 0;
}

static uint64_t lost_on(const struct lbpf_cpu_rings *buffer, int cpu)
{
    return __atomic_load_n(&buffer->lost[cpu], __ATOMIC_RELAXED);
}

static int make_ring(struct lbpf_cpu_rings *buffer, struct cpu_ring *ring, int epoll_fd,
                     struct lbpf_error *error)
{
    struct epoll_event wanted = {.events = EPOLLIN | EPOLLET};
    int result;

    ring->fd = buffer->size > INT32_MAX ? -E2BIG
                                        : bpf_map_create(BPF_MAP_TYPE_RINGBUF, buffer->map->name, 0,
                                                         0, (uint32_t)buffer->size, NULL);
    if (ring->fd < 0)
        return refuse(buffer, "ring buffer", -ring->fd, error);
    result = lbpf_ring_map(&ring->ring, ring->fd, buffer->size);
    if (result)
        return refuse(buffer, "mmap", -result, error);
    /* One that never fills so far as to wake us must wake us by each event. */
    ring->ring.is_quiet = buffer->size > WAKE_FILL;
    ring->lost = lost_on(buffer, ring->cpu);
    wanted.data.fd = ring->fd;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, ring->fd, &wanted))
        return refuse(buffer, "epoll", errno, error);
    return 0;
}

/* ---- into the array ------------------------------------------------------------------------- */

static void *put_ring(void *of)
{
    struct cpu_ring *ring = of;
    int result = bpf_map_update_elem(ring->map_fd, &ring->cpu, &ring->fd, BPF_ANY);

    __atomic_store_n(&ring->result, result, __ATOMIC_RELEASE);
    return NULL;
}

/* Signals are for the threads of the script. */
static void start_thread(struct cpu_ring *ring, const pthread_attr_t *attributes)
{
    sigset_t all, before;

    ring->result = 1;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    ring->has_thread = !pthread_create(&ring->thread, attributes, put_ring, ring);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!ring->has_thread)
        put_ring(ring);
}

/* Waits until the ring is in effect, which is before the thread's call returns: then the array
 * tells its id. */
static int wait_in_effect(const struct cpu_ring *ring)
{
    static const struct timespec nap = {.tv_nsec = 20000};
    struct bpf_map_info info = {0};
    uint32_t size = sizeof info, id = 0;
    int result = bpf_obj_get_info_by_fd(ring->fd, &info, &size);

    while (!result) {
        int thread = __atomic_load_n(&ring->result, __ATOMIC_ACQUIRE);

        if (thread <= 0)
            return thread;
        if (!bpf_map_lookup_elem(ring->map_fd, &ring->cpu, &id) && id == info.id)
            return 0;
        nanosleep(&nap, NULL);
    }
    return result;
}

static int put_rings(struct lbpf_cpu_rings *buffer, struct lbpf_error *error)
{
    pthread_attr_t attributes;
    int result = 0;

    if (pthread_attr_init(&attributes))
        return lbpf_error_no_memory(error, OP);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    for (size_t i = 0; i < buffer->ring_count; i++)
        start_thread(&buffer->rings[i], &attributes);
    pthread_attr_destroy(&attributes);
    for (size_t i = 0; !result && i < buffer->ring_count; i++) {
        result = wait_in_effect(&buffer->rings[i]);
        if (result)
            refuse(buffer, "table", lbpf_libbpf_code(result), error);
    }
    return result;
}

/* The rings stay in the array, which is closed after its buffer, or filled by the next one. */
static void close_buffer(void *of)
{
    struct lbpf_cpu_rings *buffer = of;

    for (size_t i = 0; i < buffer->ring_count; i++) {
        struct cpu_ring *ring = &buffer->rings[i];

        if (ring->has_thread)
            pthread_join(ring->thread, NULL);
        lbpf_ring_unmap(&ring->ring);
        if (ring->fd >= 0)
            close(ring->fd); /* leaves the epoll set, too */
    }
    if (buffer->lost)
        munmap((void *)(uintptr_t)buffer->lost, buffer->lost_size);
    free(buffer->rings);
    free(buffer);
}

int lbpf_cpu_rings_open(struct lbpf_cpu_rings **buffer, const struct lbpf_map *map,
                        uint32_t page_count, uint32_t wakeup_events, int epoll_fd,
                        struct lbpf_error *error)
{
    struct lbpf_cpu_rings *made = calloc(1, sizeof *made);
    int result;

    *buffer = NULL;
    if (!made)
        return lbpf_error_no_memory(error, OP);
    made->map = map;
    made->size = (uint64_t)page_count * (uint64_t)sysconf(_SC_PAGESIZE);
    made->wakeup_events = wakeup_events;
    result = find_cpus(made);
    if (result)
        refuse(made, "list of CPUs", -result, error);
    if (!result && (result = map_counters(made)))
        refuse(made, "mmap", -result, error);
    for (size_t i = 0; !result && i < made->ring_count; i++)
        result = make_ring(made, &made->rings[i], epoll_fd, error);
    if (!result)
        result = put_rings(made, error);
    if (result) {
        close_buffer(made);
        return result;
    }
    *buffer = made;
    return 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool is_ready(const void *of)
{
    const struct lbpf_cpu_rings *buffer = of;

    for (size_t i = 0; i < buffer->ring_count; i++) {
        const struct cpu_ring *ring = &buffer->rings[i];

        if (lbpf_ring_has_records(&ring->ring, buffer->wakeup_events) ||
            lost_on(buffer, ring->cpu) != ring->lost)
            return true;
    }
    return false;
}

/* A ring in which some wait for more wakes nobody: the reader does not stand at the next record. */
static bool arm(void *of)
{
    struct lbpf_cpu_rings *buffer = of;
    bool wakes = true;

    for (size_t i = 0; i < buffer->ring_count; i++) {
        struct lbpf_ring *ring = &buffer->rings[i].ring;

        lbpf_ring_arm(ring);
        wakes = wakes && (buffer->wakeup_events <= 1 || lbpf_ring_is_empty(ring));
    }
    return wakes;
}

static void mark(void *of)
{
    struct lbpf_cpu_rings *buffer = of;

    for (size_t i = 0; i < buffer->ring_count; i++) {
        struct cpu_ring *ring = &buffer->rings[i];

        ring->lost_mark = lost_on(buffer, ring->cpu);
        lbpf_ring_mark(&ring->ring);
    }
}

/* What was lost found the ring full: it comes after what was in there. */
static void tell_lost(struct cpu_ring *ring, const struct lbpf_sink *sink,
                      struct lbpf_drained *drained)
{
    uint64_t count = ring->lost_mark - ring->lost;

    if (!count || drained->stopped)
        return;
    ring->lost = ring->lost_mark;
    if (!sink->lost)
        return;
    drained->reported = true;
    drained->stopped = sink->lost(sink->context, ring->cpu, count) < 0;
}

static int drain(void *of, const struct lbpf_sink *sink, struct lbpf_drained *drained)
{
    struct lbpf_cpu_rings *buffer = of;

    for (size_t i = 0; !drained->stopped && i < buffer->ring_count; i++) {
        struct cpu_ring *ring = &buffer->rings[i];

        lbpf_ring_drain(&ring->ring, ring->cpu, sink, drained);
        tell_lost(ring, sink, drained);
    }
    return 0;
}

static uint64_t count_lost(const void *of)
{
    const struct lbpf_cpu_rings *buffer = of;
    uint64_t sum = 0;

    for (uint32_t cpu = 0; cpu < buffer->map->max_entries; cpu++)
        sum += lost_on(buffer, (int)cpu);
    return sum;
}

const struct lbpf_reader lbpf_cpu_rings_reader = {
    .kind = LBPF_STREAM_PERF,
    .is_ready = is_ready,
    .arm = arm,
    .mark = mark,
    .drain = drain,
    .lost = count_lost,
    .counts_in_map = true,
    .close = close_buffer,
};
