/* Warm look-ups of user symbols through the C core: millions per second, over all functions of libc
 * that this process could call. symbols COUNT */
#include "symbols/symbolizer.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    enum { SPREAD = 1024, STEP = 1021 }; /* addresses, and bytes between them */
    long count = argc > 1 ? atol(argv[1]) : 1000000, named = 0;
    struct lbpf_symbolizer *symbolizer = lbpf_symbolizer_new();
    uint64_t base = (uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, "qsort");
    struct lbpf_symbol symbol;
    pid_t pid = getpid();
    double start = 0;

    for (long i = -SPREAD; i < count; i++) { /* the first round warms up */
        if (i == 0)
            start = seconds();
        lbpf_symbolizer_find(symbolizer, pid, base + (uint64_t)(i & (SPREAD - 1)) * STEP / 2,
                             &symbol, NULL);
        named += symbol.name != NULL;
    }
    printf("%.3f\n", (double)count / (seconds() - start) / 1e6);
    lbpf_symbolizer_free(symbolizer);
    return named == 0;
}
