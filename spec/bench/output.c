/* C's twin of output.lua: output OBJECT PID. It looks for events every millisecond. */
#include <bpf/libbpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t is_over;
static unsigned long long received, sum;

static void stop(int number)
{
    (void)number;
    is_over = 1;
}

static int count(void *context, void *data, size_t size)
{
    (void)context;
    (void)size;
    received++;
    sum += *(unsigned long long *)data & 1;
    return 0;
}

int main(int argc, char **argv)
{
    struct bpf_object *object = argc > 2 ? bpf_object__open(argv[1]) : NULL;
    unsigned wanted = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
    struct ring_buffer *ring;
    struct bpf_map *constants;

    if (!object)
        return 1;
    constants = bpf_object__find_map_by_name(object, ".rodata");
    if (bpf_map__set_initial_value(constants, &wanted, sizeof wanted) || bpf_object__load(object))
        return 1;
    ring = ring_buffer__new(bpf_object__find_map_fd_by_name(object, "ring"), count, NULL, NULL);
    if (!ring || !bpf_program__attach(bpf_object__find_program_by_name(object, "enter")))
        return 1;
    signal(SIGTERM, stop);
    puts("ready");
    fflush(stdout);
    while (!is_over) {
        usleep(1000);
        ring_buffer__consume(ring);
    }
    printf("%llu\n", received);
    return 0;
}
