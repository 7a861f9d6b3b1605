/* The same as start.lua for libbpf alone; compiled once, beforehand. */
typedef unsigned int u32;
typedef unsigned long long u64;
#define SEC(name)           __attribute__((section(name), used))
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name
static void *(*const lookup)(void *, const void *) = (void *)1;
static long (*const update)(void *, const void *, const void *, u64) = (void *)2;
static u64 (*const now)(void) = (void *)5;
static u64 (*const pid_tgid)(void) = (void *)14;
static long (*const current_comm)(void *, u32) = (void *)16;
static long (*const output)(void *, void *, u64, void *, u64) = (void *)25;

struct {
    __uint(type, 1);
    __uint(max_entries, 10240);
    __type(key, u32);
    __type(value, u64);
} counts SEC(".maps");

struct {
    __uint(type, 4);
    __uint(key_size, 4);
    __uint(value_size, 4);
} events SEC(".maps");

struct data_t {
    u32 pid;
    u64 ts;
    char comm[16];
};

SEC("tracepoint/sched/sched_process_exec") int on_exec(void *ctx)
{
    struct data_t data = {};
    u64 one = 1, *count;

    data.pid = pid_tgid() >> 32;
    data.ts = now();
    current_comm(&data.comm, sizeof data.comm);
    count = lookup(&counts, &data.pid);
    if (count)
        __sync_fetch_and_add(count, 1);
    else
        update(&counts, &data.pid, &one, 1);
    output(ctx, &events, 0xffffffffull, &data, sizeof data);
    return 0;
}

char _license[] SEC("license") = "GPL";
