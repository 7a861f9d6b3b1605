-- hello_perf_output: print an event of one's own for each process that starts

local bpf = require("bpf")

local b <close> = bpf.BPF{ text = [[
struct event_t {
    u64 time_ns;
    u32 pid, child;
    char comm[TASK_COMM_LEN];
};

BPF_PERF_OUTPUT(events);

TRACEPOINT_PROBE(sched, sched_process_fork)
{
    struct event_t event = {.time_ns = bpf_ktime_get_ns(), .child = args->child_pid};
    event.pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(&event.comm, sizeof(event.comm));
    events.perf_submit(args, &event, sizeof(event));
    return 0;
}
]] }

local first_ns

local function show(_, event)
  first_ns = first_ns or event.time_ns
  local seconds = (event.time_ns - first_ns) / 1e9
  print(("%-18.9f %-16s %-6d Hello, %d!"):format(seconds, event.comm, event.pid, event.child))
end

b.events:open_perf_buffer(show)
io.stdout:setvbuf("line")
print(("%-18s %-16s %-6s %s"):format("TIME(s)", "COMM", "PID", "MESSAGE"))
bpf.until_interrupted(function()
  while true do b:perf_buffer_poll() end
end)
