# BCC's twin of events.lua.
import os, sys, time
from bcc import BPF

wanted, batch = int(sys.argv[1]) if len(sys.argv) > 1 else 100000, 2000
b = BPF(text=r"""
struct data_t { u64 ts; u32 pid; u32 whence; char comm[16]; };
BPF_PERF_OUTPUT(events);
TRACEPOINT_PROBE(syscalls, sys_enter_lseek) {
  struct data_t data = {};
  if (bpf_get_current_pid_tgid() >> 32 != PID)
    return 0;
  data.ts = bpf_ktime_get_ns();
  data.pid = PID;
  data.whence = args->whence;
  bpf_get_current_comm(&data.comm, sizeof(data.comm));
  events.perf_submit(args, &data, sizeof(data));
  return 0;
}
""", cflags=["-DPID=%d" % os.getpid()])
received = total = comms = 0


def show(cpu, data, size):
    global received, total, comms
    event = b["events"].event(data)
    received += 1
    total += event.pid + (event.ts & 1)
    if event.comm:
        comms += 1


b["events"].open_perf_buffer(show, page_cnt=128, wakeup_events=1000000)
null = os.open("/dev/null", os.O_RDONLY)
spent = sent = 0
while sent < wanted:
    for _ in range(batch):
        os.lseek(null, 0, 0)
    sent += batch
    start = time.process_time()
    b.perf_buffer_consume()
    spent += time.process_time() - start
print("%.0f %d %d" % (spent / received * 1e9, sent, received))
