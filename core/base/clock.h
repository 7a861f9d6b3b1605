/* The clock that nobody sets: since the machine's start, without the time that it slept. */
#ifndef LBPF_BASE_CLOCK_H
#define LBPF_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t lbpf_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t lbpf_now_ms(void)
{
    return lbpf_now_ns() / 1000000;
}

#endif
