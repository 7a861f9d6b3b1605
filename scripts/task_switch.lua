-- task_switch: count how often each thread gives its processor to which other
--
-- For a second, or for as many as its argument says.

local bpf = require("bpf")

local seconds = tonumber(arg[1]) or 1

local b <close> = bpf.BPF{ text = [[
struct switch_t {
    u32 from, to;
};

BPF_HASH(switches, struct switch_t, u64, 65536);

TRACEPOINT_PROBE(sched, sched_switch)
{
    struct switch_t key = {.from = args->prev_pid, .to = args->next_pid};
    switches.increment(key);
    return 0;
}
]] }

io.stdout:setvbuf("line")
print(("Counting for %g s. Ctrl-C ends it sooner."):format(seconds))
bpf.until_interrupted(function() bpf.sleep(seconds) end)

local items = b.switches:items()
table.sort(items, function(x, y) return x[2] > y[2] end)
for _, item in ipairs(items) do
  print(("%7d -> %-7d %8d"):format(item[1].from, item[1].to, item[2]))
end
