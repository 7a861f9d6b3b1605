/* The floor of row P5: an event to a ring buffer, which wakes nobody. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 256 * 1024);
} ring SEC(".maps");

struct data_t {
    __u64 ts;
    __u32 pid, cpu;
    char comm[16];
};

const volatile __u32 wanted = 0;

SEC("tracepoint/syscalls/sys_enter_getpgid")
int enter(void *ctx)
{
    struct data_t data = {};

    if (bpf_get_current_pid_tgid() >> 32 != wanted)
        return 0;
    data.ts = bpf_ktime_get_ns();
    data.pid = wanted;
    bpf_get_current_comm(&data.comm, sizeof data.comm);
    bpf_ringbuf_output(&ring, &data, sizeof data, BPF_RB_NO_WAKEUP);
    return 0;
}

char _license[] SEC("license") = "GPL";
