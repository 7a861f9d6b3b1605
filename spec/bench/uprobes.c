/*
 * The traced program of row P7 and of the cost of user probes, and their floor.
 *   uprobes COUNT    nanoseconds per call of f10, over COUNT calls
 *   uprobes detach   milliseconds to close one multi-link over the 70 functions, made in C
 */
#include <bpf/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PLACES = 70, UPROBE_MULTI = 48 };

typedef long function(long);

#define DEFINE(number)                                                                             \
    __attribute__((noinline, noclone)) long f##number(long n)                                      \
    {                                                                                              \
        __asm__ volatile("" : "+r"(n));                                                            \
        return n + 1;                                                                              \
    }
#define POINT_TO(number) f##number,
#define TEN(with, tens)                                                                            \
    with(tens##0) with(tens##1) with(tens##2) with(tens##3) with(tens##4) with(tens##5)            \
        with(tens##6) with(tens##7) with(tens##8) with(tens##9)
#define ALL(with)                                                                                  \
    TEN(with, 1) TEN(with, 2) TEN(with, 3) TEN(with, 4) TEN(with, 5) TEN(with, 6) TEN(with, 7)

ALL(DEFINE)
static function *const functions[PLACES] = {ALL(POINT_TO)};

extern const char __executable_start[]; /* where offset 0 of the file is mapped */

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int run(long count)
{
    double start = now_ns();

    for (long i = 0; i < count; i++)
        f10(i);
    return printf("%.1f\n", (now_ns() - start) / (double)count) < 0;
}

static int detach(void)
{
    static const struct bpf_insn body[] = {{.code = 0xb7}, {.code = 0x95}};
    LIBBPF_OPTS(bpf_prog_load_opts, options,
                .expected_attach_type = (enum bpf_attach_type)UPROBE_MULTI);
    uint64_t offsets[PLACES];
    struct {
        uint32_t program, target, type, link_flags;
        uint64_t path, offsets, counters, cookies;
        uint32_t count, flags, pid, padding;
    } link = {.type = UPROBE_MULTI,
              .path = (uintptr_t)"/proc/self/exe",
              .offsets = (uintptr_t)offsets,
              .count = PLACES};
    double start;
    int fd;

    for (int i = 0; i < PLACES; i++)
        offsets[i] = (uint64_t)((const char *)functions[i] - __executable_start);
    link.program = (uint32_t)bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", body, 2, &options);
    fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof link);
    if (fd < 0)
        return 1;
    start = now_ns();
    close(fd);
    return printf("%.1f\n", (now_ns() - start) / 1e6) < 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "detach") == 0)
        return detach();
    return run(argc > 1 ? strtol(argv[1], NULL, 10) : 1000000);
}
