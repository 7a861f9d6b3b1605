-- hello_world: print a line for each process that starts; the smallest program there is

local bpf = require("bpf")

local b <close> = bpf.BPF{ text = [[
TRACEPOINT_PROBE(sched, sched_process_fork)
{
    bpf_trace_printk("Hello, World!");
    return 0;
}
]] }

bpf.until_interrupted(function() b:trace_print() end) -- Ctrl-C
