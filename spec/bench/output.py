# BCC's twin of output.lua.
import signal, sys
from bcc import BPF

b = BPF(text=r"""
struct data_t { u64 ts; u32 pid; u32 cpu; char comm[16]; };
BPF_PERF_OUTPUT(events);
TRACEPOINT_PROBE(syscalls, sys_enter_getpgid) {
  struct data_t data = {};
  if (bpf_get_current_pid_tgid() >> 32 != PID)
    return 0;
  data.ts = bpf_ktime_get_ns();
  data.pid = PID;
  bpf_get_current_comm(&data.comm, sizeof(data.comm));
  events.perf_submit(args, &data, sizeof(data));
  return 0;
}
""", cflags=["-DPID=%s" % sys.argv[1]])
received = total = 0
is_over = False


def stop(number, frame):
    global is_over
    is_over = True


def show(cpu, data, size):
    global received, total
    received += 1
    total += b["events"].event(data).ts & 1


b["events"].open_perf_buffer(show, page_cnt=64, lost_cb=lambda count: None)
signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
while not is_over:
    b.perf_buffer_poll(100)
print(received)
