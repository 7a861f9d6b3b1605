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
#define QUIET_SIZE 8192u       /* a ring has to be larger than that to be left alone for a nap */
#define STACK_SIZE (64u << 10) /* of a thread that makes one system call */

struct cpu_ring {
    int fd, cpu, map_fd;
    struct lbpf_ring ring;
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
    const uint64_t *lost;     /* counted by the program */
    uint64_t told, lost_mark; /* told to the callback; when the drain began */
};

/* ---- opening -------------------------------------------------------------------------------- */

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static int refuse(const struct lbpf_cpu_rings *buffer, const char *what, int code,
                  struct lbpf_error *error)
{
    lbpf_error_set(error, code, OP, "Could not open perf buffer for table %s: %s: %s",
                   buffer->map->name, what, strerror(code));
    if (code == EPERM || code == EACCES)
        lbpf_permission_hint(error);
    else if (code == ENOMEM || code == E2BIG)
        lbpf_error_hint(error, "ask for a smaller page_cnt than %llu (pages for each CPU)",
                        (unsigned long long)(buffer->size / page_bytes()));
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

static uint64_t count_lost(const void *of)
{
    const struct lbpf_cpu_rings *buffer = of;

    return __atomic_load_n(buffer->lost, __ATOMIC_RELAXED);
}

static int map_counter(struct lbpf_cpu_rings *buffer)
{
    void *memory = mmap(NULL, page_bytes(), PROT_READ, MAP_SHARED, buffer->map->lost->fd, 0);

    if (memory == MAP_FAILED)
        return -errno;
    buffer->lost = memory;
    buffer->told = count_lost(buffer);
    return 0;
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
    ring->ring.is_quiet = buffer->size > QUIET_SIZE;
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

/* Not there any more when the script deleted it (t[cpu] = nil). */
static void *take_ring(void *of)
{
    struct cpu_ring *ring = of;

    bpf_map_delete_elem(ring->map_fd, &ring->cpu);
    return NULL;
}

/* Does it for all rings, a thread for each. Signals are for the threads of the script. */
static int start_threads(struct lbpf_cpu_rings *buffer, void *(*work)(void *))
{
    pthread_attr_t attributes;
    sigset_t all, before;

    if (pthread_attr_init(&attributes))
        return -ENOMEM;
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 0; i < buffer->ring_count; i++) {
        struct cpu_ring *ring = &buffer->rings[i];

        ring->result = 1;
        ring->has_thread = !pthread_create(&ring->thread, &attributes, work, ring);
        if (!ring->has_thread)
            work(ring);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return 0;
}

static void join_threads(struct lbpf_cpu_rings *buffer)
{
    for (size_t i = 0; i < buffer->ring_count; i++) {
        if (buffer->rings[i].has_thread)
            pthread_join(buffer->rings[i].thread, NULL);
        buffer->rings[i].has_thread = false;
    }
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
    int result = 0;

    if (start_threads(buffer, put_ring))
        return lbpf_error_no_memory(error, OP);
    for (size_t i = 0; !result && i < buffer->ring_count; i++) {
        result = wait_in_effect(&buffer->rings[i]);
        if (result)
            refuse(buffer, "table", lbpf_libbpf_code(result), error);
    }
    return result;
}

/* Nobody can send any more when this returns. */
static void withdraw(void *of)
{
    struct lbpf_cpu_rings *buffer = of;

    join_threads(buffer);
    start_threads(buffer, take_ring);
    join_threads(buffer);
}

/* The rings stay in the array, which is closed after its buffer, or filled by the next one. */
static void close_buffer(void *of)
{
    struct lbpf_cpu_rings *buffer = of;

    join_threads(buffer);
    for (size_t i = 0; i < buffer->ring_count; i++) {
        struct cpu_ring *ring = &buffer->rings[i];

        lbpf_ring_unmap(&ring->ring);
        if (ring->fd >= 0)
            close(ring->fd); /* leaves the epoll set, too */
    }
    if (buffer->lost)
        munmap((void *)(uintptr_t)buffer->lost, page_bytes());
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
    made->size = (uint64_t)page_count * page_bytes();
    made->wakeup_events = wakeup_events;
    result = find_cpus(made);
    if (result)
        refuse(made, "list of CPUs", -result, error);
    if (!result && (result = map_counter(made)))
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

    for (size_t i = 0; i < buffer->ring_count; i++)
        if (lbpf_ring_has_records(&buffer->rings[i].ring, buffer->wakeup_events))
            return true;
    return count_lost(buffer) != buffer->told;
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

    buffer->lost_mark = count_lost(buffer);
    for (size_t i = 0; i < buffer->ring_count; i++)
        lbpf_ring_mark(&buffer->rings[i].ring);
}

/* What was lost found a ring full: it comes after what was in there. */
static void tell_lost(struct lbpf_cpu_rings *buffer, const struct lbpf_sink *sink,
                      struct lbpf_drained *drained)
{
    uint64_t count = buffer->lost_mark - buffer->told;

    if (!count || drained->stopped)
        return;
    buffer->told = buffer->lost_mark;
    if (!sink->lost)
        return;
    drained->reported = true;
    drained->stopped = sink->lost(sink->context, -1, count) < 0;
}

static int drain(void *of, const struct lbpf_sink *sink, struct lbpf_drained *drained)
{
    struct lbpf_cpu_rings *buffer = of;

    for (size_t i = 0; !drained->stopped && i < buffer->ring_count; i++)
        lbpf_ring_drain(&buffer->rings[i].ring, buffer->rings[i].cpu, sink, drained);
    tell_lost(buffer, sink, drained);
    return 0;
}

const struct lbpf_reader lbpf_cpu_rings_reader = {
    .kind = LBPF_STREAM_PERF,
    .is_ready = is_ready,
    .arm = arm,
    .mark = mark,
    .drain = drain,
    .lost = count_lost,
    .counts_in_map = true,
    .withdraw = withdraw,
    .close = close_buffer,
};
