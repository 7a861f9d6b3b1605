# BCC's twin of start.lua.
from bcc import BPF

b = BPF(text=r"""
struct data_t { u32 pid; u64 ts; char comm[16]; };
BPF_HASH(counts, u32, u64);
BPF_PERF_OUTPUT(events);
TRACEPOINT_PROBE(sched, sched_process_exec) {
  struct data_t data = {};
  data.pid = bpf_get_current_pid_tgid() >> 32;
  data.ts = bpf_ktime_get_ns();
  bpf_get_current_comm(&data.comm, sizeof(data.comm));
  counts.increment(data.pid);
  events.perf_submit(args, &data, sizeof(data));
  return 0;
}
""")


def show(cpu, data, size):
    b["events"].event(data)


b["events"].open_perf_buffer(show)
print("ready", flush=True)
try:
    while True:
        b.perf_buffer_poll()
except KeyboardInterrupt:
    pass
