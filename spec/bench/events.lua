-- Row P4: cost of one event consumed with three fields read. Events are made by this process
-- itself, a batch at a time, so that only the reading is timed. arg[1]: how many.
local bpf <const> = require "bpf"

local wanted <const> = tonumber(arg[1]) or 100000
local batch <const> = 2000

local b <close> = bpf.BPF{text = [[
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
]], cflags = {"-DPID=" .. io.open("/proc/self/stat"):read("n")}}

local received, sum, comms = 0, 0, 0
b.events:open_perf_buffer(function(_, event)
  received = received + 1
  sum = sum + event.pid + (event.ts & 1)
  if event.comm ~= "" then comms = comms + 1 end
end, {page_cnt = 128, wakeup_events = 1000000})

local null <const> = assert(io.open("/dev/null"))
local spent, sent = 0, 0
while sent < wanted do
  for _ = 1, batch do null:seek("set") end
  sent = sent + batch
  local start <const> = os.clock()
  b:perf_buffer_consume()
  spent = spent + os.clock() - start
end
print(("%.0f %d %d %d"):format(spent / received * 1e9, sent, received, b:lost()))
