-- hello_fields: print columns for each process that starts: what the kernel adds to a text

local bpf = require("bpf")

local b <close> = bpf.BPF{ text = [[
TRACEPOINT_PROBE(sched, sched_process_fork)
{
    bpf_trace_printk("Hello, World!");
    return 0;
}
]] }

io.stdout:setvbuf("line")
print(("%-18s %-16s %-6s %s"):format("TIME(s)", "COMM", "PID", "MESSAGE"))
bpf.until_interrupted(function()
  while true do
    local task, pid, _, _, seconds, message = b:trace_fields()
    print(("%-18.9f %-16s %-6d %s"):format(seconds, task, pid, message))
  end
end)
