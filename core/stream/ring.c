/*
 * The kernel wakes a reader only for a record at which the reader stands: our position must be
 * visible before we look whether there is more, hence the full barrier in lbpf_ring_arm. And a
 * reader that tells a position that is a little behind its own is never woken. That is how a ring
 * is kept quiet, without a word from the program that writes: the eight bytes that seem unread are
 * the head of a record, so no record can start there before they are given back.
 */
#include "stream/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

int lbpf_ring_map(struct lbpf_ring *ring, int fd, unsigned long size)
{
    size_t page = page_bytes();
    void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (memory == MAP_FAILED)
        return -errno;
    ring->consumer = memory;
    ring->size = size;
    memory = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, fd, (off_t)page);
    if (memory == MAP_FAILED)
        return -errno;
    ring->producer = memory;
    ring->data = (const unsigned char *)memory + page;
    ring->position = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
    return 0;
}

void lbpf_ring_unmap(struct lbpf_ring *ring)
{
    if (ring->producer)
        munmap((void *)(uintptr_t)ring->producer, page_bytes() + 2 * ring->size);
    if (ring->consumer)
        munmap(ring->consumer, page_bytes());
    ring->producer = NULL;
    ring->consumer = NULL;
}

static unsigned long filled_to(const struct lbpf_ring *ring)
{
    return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
}

static uint32_t length_word(const struct lbpf_ring *ring, unsigned long position)
{
    const uint32_t *word = (const void *)(ring->data + (position & (ring->size - 1)));

    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static unsigned long record_size(uint32_t word)
{
    uint32_t length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

    return ((unsigned long)length + BPF_RINGBUF_HDR_SZ + 7) & ~7ul;
}

void lbpf_ring_arm(struct lbpf_ring *ring)
{
    if (!ring->is_armed)
        __atomic_store_n(ring->consumer, ring->position, __ATOMIC_RELEASE);
    ring->is_armed = true;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool lbpf_ring_is_empty(const struct lbpf_ring *ring)
{
    return ring->position == filled_to(ring);
}

bool lbpf_ring_has_record(const struct lbpf_ring *ring)
{
    return !lbpf_ring_is_empty(ring) && !(length_word(ring, ring->position) & BPF_RINGBUF_BUSY_BIT);
}

bool lbpf_ring_has_records(const struct lbpf_ring *ring, uint32_t count)
{
    unsigned long end = filled_to(ring), at = ring->position;

    if (count <= 1)
        return lbpf_ring_has_record(ring);
    if (end - at >= ring->size / 2)
        return true;
    while (at < end && count) {
        uint32_t word = length_word(ring, at);

        if (word & BPF_RINGBUF_BUSY_BIT)
            return false;
        count -= !(word & BPF_RINGBUF_DISCARD_BIT);
        at += record_size(word);
    }
    return count == 0;
}

void lbpf_ring_mark(struct lbpf_ring *ring)
{
    ring->mark = filled_to(ring);
}

static void release(struct lbpf_ring *ring)
{
    unsigned long behind = ring->is_quiet ? BPF_RINGBUF_HDR_SZ : 0;

    __atomic_store_n(ring->consumer, ring->position - behind, __ATOMIC_RELEASE);
    ring->is_armed = !ring->is_quiet;
}

/* Room is given back in steps: often enough for the kernel, seldom enough for its cache line. */
void lbpf_ring_drain(struct lbpf_ring *ring, int cpu, const struct lbpf_sink *sink,
                     struct lbpf_drained *drained)
{
    unsigned long step = ring->size / 8, released = ring->position;

    while (ring->position < ring->mark && !drained->stopped) {
        uint32_t word = length_word(ring, ring->position);

        if (word & BPF_RINGBUF_BUSY_BIT)
            break;
        if (!(word & BPF_RINGBUF_DISCARD_BIT)) {
            const unsigned char *record = ring->data + (ring->position & (ring->size - 1));

            drained->events++;
            drained->stopped =
                sink->event(sink->context, cpu, record + BPF_RINGBUF_HDR_SZ, word) < 0;
        }
        ring->position += record_size(word);
        if (ring->position - released >= step) {
            release(ring);
            released = ring->position;
        }
    }
    if (ring->position != released)
        release(ring);
}
