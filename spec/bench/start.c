/* The floor of rows P1 to P3: a C program on libbpf with a ready object. */
#include <bpf/libbpf.h>
#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

static void on_event(void *context, int cpu, void *data, __u32 size)
{
    (void)context, (void)cpu, (void)data, (void)size;
}

int main(int argc, char **argv)
{
    struct bpf_object *object = argc > 1 ? bpf_object__open(argv[1]) : NULL;
    struct sigaction action = {.sa_handler = stop};
    struct perf_buffer *buffer;
    struct bpf_link *link;

    if (!object || bpf_object__load(object))
        return 1;
    link = bpf_program__attach(bpf_object__find_program_by_name(object, "on_exec"));
    buffer = perf_buffer__new(bpf_object__find_map_fd_by_name(object, "events"), 8, on_event, NULL,
                              NULL, NULL);
    if (!link || !buffer)
        return 1;
    sigaction(SIGINT, &action, NULL);
    puts("ready");
    fflush(stdout);
    while (!stopped)
        perf_buffer__poll(buffer, 1000);
    perf_buffer__free(buffer);
    bpf_link__destroy(link);
    bpf_object__close(object);
    return 0;
}
