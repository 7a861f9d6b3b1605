-- The program of rows P1 to P3: a hash, a perf output and a tracepoint; says "ready" once attached.
local bpf <const> = require "bpf"

local b <close> = bpf.BPF{text = [[
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
]]}
b.events:open_perf_buffer(function(_, event) return event.pid ~= 0 end)
print("ready")
io.stdout:flush()
bpf.until_interrupted(function()
  while true do b:perf_buffer_poll() end
end)
