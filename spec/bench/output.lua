-- Row P5: what one event costs the traced program. output.lua PID [perf]: takes the events of that
-- process until SIGTERM, then prints how many.
local bpf <const> = require "bpf"

local b <close> = bpf.BPF{text = [[
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
]], cflags = {"-DPID=" .. arg[1]}, mechanism = arg[2]}

local received, sum = 0, 0
b.events:open_perf_buffer(function(_, event)
  received = received + 1
  sum = sum + (event.ts & 1)
end, {page_cnt = 64, lost_cb = function() end})

print("ready")
io.stdout:flush()
bpf.until_interrupted(function()
  while true do b:perf_buffer_poll() end
end)
print(received)
