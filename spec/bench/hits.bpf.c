/* The floor of row P8: an entry counter as fentry, for libbpf; compiled once, beforehand. */
typedef unsigned int u32;
typedef unsigned long long u64;
#define SEC(name)           __attribute__((section(name), used))
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name
static void *(*const lookup)(void *, const void *) = (void *)1;

struct {
    __uint(type, 2);
    __uint(max_entries, 1);
    __type(key, u32);
    __type(value, u64);
} hits SEC(".maps");

SEC("fentry/" FUNCTION) int on_call(void *ctx)
{
    u32 first = 0;
    u64 *count = lookup(&hits, &first);

    (void)ctx;
    if (count)
        __sync_fetch_and_add(count, 1);
    return 0;
}

char _license[] SEC("license") = "GPL";
